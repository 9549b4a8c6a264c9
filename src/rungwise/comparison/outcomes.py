"""What a method came to on a table, once and over repetitions: the columns of the PASHA paper."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from statistics import fmean, stdev

from rungwise.api.simulate import simulate
from rungwise.benchmarks.table import Table
from rungwise.comparison.methods import Method
from rungwise.core.limits import Stop


@dataclass(frozen=True, slots=True)
class Outcome:
    """One simulated experiment: the winner's row, what it measured (`value`) and what training it on gives (`quality`).

    Both in the metric's own direction, NaN where no finite value was reported; time in seconds, resources in units.
    `max_resource` is the most that any trial got.
    """

    row: int | None
    value: float
    quality: float
    seconds: float
    resource: int
    max_resource: int


@dataclass(frozen=True, slots=True)
class Stat:
    """Mean and sample standard deviation (0 for a single one) of the finite numbers among `count`."""

    mean: float
    std: float
    missing: int = 0

    @classmethod
    def of(cls, numbers: Sequence[float]) -> "Stat":
        """Of some numbers; NaN where none is finite."""
        finite = [number for number in numbers if isfinite(number)]
        missing = len(numbers) - len(finite)
        if not finite:
            return cls(nan, nan, missing)
        return cls(fmean(finite), stdev(finite) if len(finite) > 1 else 0.0, missing)


@dataclass(frozen=True, slots=True)
class Summed:
    """A method over repetitions. `speedup` is the ratio of mean times: of the method compared against, to its own."""

    method: Method
    quality: Stat
    seconds: Stat
    resource: Stat
    max_resource: Stat
    speedup: float | None = None


def outcome(table: Table, method: Method, workers: int, stop: Stop) -> Outcome:
    """Try a table's configurations in their order; see `simulate` for the arguments and errors.

    The random baseline takes the first configuration and trains nothing.
    """
    if method.settings is None:
        return Outcome(0, nan, float(table.quality[0]), 0.0, 0, 0)
    run = simulate(table, method.scheduler(), workers=workers, stop=stop)
    trial = run.best.trial
    quality = nan if trial is None else float(table.quality[trial])
    return Outcome(trial, run.best.value, quality, run.time, run.resource, run.max_resource)


def summed(methods: Sequence[Method], outcomes: Sequence[Sequence[Outcome]]) -> list[Summed]:
    """One row a method; `outcomes[repetition][method]`."""
    rows = []
    for method, of_method in zip(methods, zip(*outcomes, strict=True), strict=True):
        rows.append(
            Summed(
                method,
                Stat.of([each.quality for each in of_method]),
                Stat.of([each.seconds for each in of_method]),
                Stat.of([each.resource for each in of_method]),
                Stat.of([each.max_resource for each in of_method]),
            )
        )
    seconds = {row.method.name: row.seconds.mean for row in rows}
    return [
        Summed(row.method, row.quality, row.seconds, row.resource, row.max_resource, _speedup(row, seconds))
        for row in rows
    ]


def _speedup(row: Summed, seconds: dict[str, float]) -> float | None:
    baseline = seconds.get(row.method.against)
    return None if baseline is None or row.seconds.mean <= 0 else baseline / row.seconds.mean
