"""Learning curves to plan with: of a table, of a past experiment, or made from a formula.

1. A forecast asks how far trials train, so every curve must go on to the end: where it was not recorded, between two
   reports or after the last, it stays at the last value. Rows without any report are left out.
2. Their seconds are only taken as ratios: 1 is what a unit takes on the average, and a profile says how long that is.
   Where a row was not recorded to the end, each of its units takes the median of those that were. An experiment's
   seconds are those of its jobs, less what the profile says that jobs cost besides, alike for all units of a trial; the
   average is that over all units trained, because those of a job with few say little.
3. What was done to them is told in a sentence, with every result.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.api.experiment import Experiment
from rungwise.benchmarks import load
from rungwise.benchmarks.synthetic import UNITS, synthetic
from rungwise.benchmarks.table import Table
from rungwise.comparison.recorded import recorded_table
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError, StoreError
from rungwise.planner.profile import Profile
from rungwise.planner.timing import laps, unit_seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SYNTHETIC = "synthetic/noise"
"""The curves to plan with where nobody names others."""
SPARE = 4
"""Synthetic curves to draw from, for every trial that will be started."""
LEAST, MOST = 64, 10_000_000
"""Of long ones there are fewer, down to so many, and all of them together have so many units at most."""


@dataclass(frozen=True, slots=True)
class Curves:
    """A table of whole curves, whose seconds are relative, and a sentence that says what they are."""

    table: Table
    told: str


def find_curves(
    what: str, store: str | Path, *, trials: int, units: int | None, profile: Profile
) -> Curves:  # fmt: skip
    """The curves of a table's name or file, a past experiment's name, or "synthetic/NAME".

    A name of the store comes before that of a table. Synthetic curves are made to `units` (None: 81), enough of them
    for so many `trials`; `profile` says what an experiment's jobs cost besides their units. Raises InputError
    where nothing has that name.
    """
    kind, _, name = what.partition("/")
    if kind == "synthetic":
        return Curves(_synthetic(name, trials, UNITS if units is None else units), f"curves: {what}")
    if Path(store).is_file():
        try:
            experiment = Experiment.open(what, store)
        except StoreError:
            pass
        else:
            return curves_of(experiment, f"the experiment {what}", profile)
    try:
        return whole(load(what), f"the table {what}")
    except InputError as error:
        raise InputError(f"{error}; nor does the store {str(store)!r} hold an experiment of that name") from None


def _synthetic(name: str, trials: int, units: int) -> Table:
    """Curves to draw from, several for each trial where they are not too long for that."""
    check_whole("max_resource", units, 1)
    if units > MOST // LEAST:
        raise InputError(
            f"max_resource is {units}, but synthetic curves have {MOST // LEAST} units at most: count coarser units, or"
            " name other curves"
        )
    return synthetic(name, min(SPARE * trials, MOST // units), units)


def curves_of(experiment: Experiment, told: str, profile: Profile) -> Curves:
    """An experiment's curves; raises InputError where it holds no report, or a trial inherited another's training."""
    import numpy as np

    table = recorded_table(experiment)
    rows = range(table.configurations)
    found = unit_seconds(laps(list(experiment.records())), profile.overhead, profile.scaling)
    seconds, units = (sum(each) for each in zip(*found.values(), strict=True)) if found else (0.0, 0)
    mean = seconds / units if seconds else 1.0
    each = [took / count if took else mean for took, count in (found.get(row, (0.0, 1)) for row in rows)]
    grid = np.repeat(np.array(each)[:, None], table.units, axis=1)
    same = Table(
        table.values, grid, table.mode, reported=table.reported, finished=table.finished, name=table.name,
        metric=table.metric, unit=table.unit,
    )  # fmt: skip
    return whole(same, told, mean)


def whole(table: Table, told: str, average: float | None = None) -> Curves:
    """A table whose curves all go to the end, at one second a unit on the average; InputError for an empty one.

    `average` is what a unit takes on the average (None: the mean of the table's).
    """
    import numpy as np

    seconds = np.array(table.seconds)
    reported = np.ones(seconds.shape, dtype=bool) if table.reported is None else table.reported
    rows = [row for row in range(table.configurations) if table.recorded(row)]
    if not rows:
        raise InputError(f"{told} holds no report: there is no curve to plan with")
    parts = [row for row in rows if table.known(row) < table.units]
    if table.reported is not None:
        for row in parts:
            seconds[row] = np.median(seconds[row, : table.recorded(row)])
    mean = float(seconds[rows].mean()) if average is None else average
    filled = Table(
        _held(table.values[rows], reported[rows]),
        seconds[rows] / mean if mean > 0 else np.ones((len(rows), table.units)),
        table.mode,
        name=table.name,
        metric=table.metric,
        unit=table.unit,
        note=table.note,
    )
    end = f"; {len(parts)} of {len(rows)} were not recorded to the end, and stay at their last value" if parts else ""
    return Curves(filled, f"curves: {told}{end}")


def _held(values: "Array", reported: "NDArray[np.bool_]") -> "Array":
    """Values of which each stays until the next one that was reported; before the first, the first."""
    import numpy as np

    places = np.where(reported, np.arange(values.shape[1])[None, :], -1)
    places = np.maximum.accumulate(places, axis=1)
    first = reported.argmax(axis=1)[:, None]
    held: Array = np.take_along_axis(values, np.where(places < 0, first, places), axis=1)
    return held
