"""PASHA beside ASHA, with one searcher: what the PASHA paper's "PASHA BO" is to MOBSTER.

1. Both have the same searcher and the same settings but for the ranking function; both go on to their own end.
2. The speedup on a table is the ratio of their mean times; over tables it is the geometric mean of these.
3. Quality is that of the winner's row, regret that of the same (see `rungwise.comparison.traces`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean
from typing import TYPE_CHECKING

from rungwise.comparison.contest import Held, method
from rungwise.comparison.outcomes import Stat
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.comparison.traces import Trace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Side:
    """One scheduler's runs on a table: the winner's quality, time in seconds, the most units that any trial got."""

    quality: Stat
    seconds: Stat
    most: Stat

    @classmethod
    def of(cls, traces: Sequence[Trace]) -> "Side":
        """Over all repetitions."""
        outcomes = [trace.outcome for trace in traces]
        return cls(
            Stat.of([each.quality for each in outcomes]),
            Stat.of([each.seconds for each in outcomes]),
            Stat.of([each.max_resource for each in outcomes]),
        )


@dataclass(frozen=True, slots=True)
class Beside:
    """A table's two sides; `speedup` is None where no time passed."""

    table: str
    asha: Side
    pasha: Side
    speedup: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A searcher with both: on every table, the mean regrets over all, and what PASHA's is more than ASHA's."""

    searcher: str
    names: tuple[str, str]
    tables: Sequence[Beside]
    asha: Estimate
    pasha: Estimate
    difference: Estimate

    @property
    def speedups(self) -> list[float]:
        """Of every table where time passed."""
        return [each.speedup for each in self.tables if each.speedup]

    @property
    def speedup(self) -> float | None:
        """The geometric mean over tables."""
        return geometric_mean(self.speedups) if self.speedups else None


def pairs(held: Held) -> list[Pair]:
    """A pair for every couple of matching schedulers and every searcher."""
    return [_pair(held, names, searcher) for names in _couples(held) for searcher in held.contest.searchers]


def _couples(held: Held) -> list[tuple[str, str]]:
    """Every ASHA and PASHA that go together, as they were given."""
    contest = held.contest
    given = {
        text: dict(method(text, contest.tables[0][0], contest.eta, contest.setting.trials, 0).settings or {})
        for text in contest.schedulers
    }
    return [
        (asha, pasha)
        for asha, one in given.items()
        for pasha, other in given.items()
        if (one["name"], other["name"]) == ("asha", "pasha") and _shared(one) == _shared(other)
    ]


def _shared(settings: dict[str, object]) -> dict[str, object]:
    """What both must have alike."""
    return {key: value for key, value in settings.items() if key not in ("name", "ranking")}


def _pair(held: Held, names: tuple[str, str], searcher: str) -> Pair:
    asha, pasha = (_regrets(held, scheduler, searcher) for scheduler in names)
    draws = Resamples(asha.shape[0], asha.shape[1], held.contest.setting.seed)
    return Pair(
        searcher,
        names,
        [_beside(held, table, names, searcher) for table in held.contest.names],
        draws.estimate(asha),
        draws.estimate(pasha),
        draws.estimate(pasha - asha),
    )


def _regrets(held: Held, scheduler: str, searcher: str) -> "NDArray[np.float64]":
    """[table, repetition] at the runs' own ends."""
    import numpy as np

    return np.array([[trace.regret() for trace in held.of(table, scheduler, searcher)] for table in held.contest.names])


def _beside(held: Held, table: str, names: tuple[str, str], searcher: str) -> Beside:
    asha, pasha = (Side.of(held.of(table, scheduler, searcher)) for scheduler in names)
    return Beside(table, asha, pasha, asha.seconds.mean / pasha.seconds.mean if pasha.seconds.mean > 0 else None)
