"""A learning-curve table: every configuration's value and cost at every unit of resource."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rungwise.core.checks import whole
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError
from rungwise.core.objective import Mode, Objective
from rungwise.space import Space, parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class UnrecordedError(InputError):
    """A scheduler asks for more of a learning curve than was recorded: what would follow is not known."""

    def __init__(self, trial: int, milestone: int, recorded: int, unit: str) -> None:
        super().__init__(trial, milestone, recorded, unit)  # all of them, so that it can be sent between processes
        self.trial = trial
        self.milestone = milestone
        self.recorded = recorded
        self.unit = unit

    def __str__(self) -> str:
        return (
            f"trial {self.trial} would train to {self.milestone} {self.unit}, but its curve was recorded to"
            f" {self.recorded}: what follows is not known"
        )


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Table:
    """Recorded learning curves.

    `values[configuration, unit - 1]` is the metric after `unit` units (None or NaN: it diverged), better if smaller
    with mode="min"; `seconds` of each unit has the same shape, or is one number for all (default 1).
    `reported[configuration, unit - 1]`, booleans of that shape, says where a value was recorded at all (default:
    everywhere). What lies beyond a configuration's last report is not known, unless `finished[configuration]`: then its
    training ended there. `configs` are the configurations in the
    order of the rows; `quality[configuration]` is what training it to the end would give, in the metric's own direction
    (default: the best of its curve, as in the PASHA paper). `space` is what the configurations were drawn from, in any
    form that `rungwise.space.parse` takes (default: unknown, see `rungwise.benchmarks.spaces`); columns that it does
    not name follow from the others. `note` is printed wherever results on the table are: above all that a curve is
    modelled rather than measured.
    Raises InputError where the shapes differ, a time is negative or not finite, there is nothing in the table, or
    the space is none.
    """

    values: "NDArray[np.float64]"
    seconds: "NDArray[np.float64]"
    mode: Mode
    reported: "NDArray[np.bool_] | None"
    finished: "NDArray[np.bool_] | None"
    configs: tuple[Configuration, ...] | None
    quality: "NDArray[np.float64]"
    name: str
    metric: str
    unit: str
    note: str
    space: Space | None

    def __init__(
        self,
        values: Any,
        seconds: Any = None,
        mode: Mode = "min",
        *,
        reported: Any = None,
        finished: Any = None,
        configs: Sequence[Configuration] | None = None,
        quality: Any = None,
        name: str = "table",
        metric: str = "value",
        unit: str = "units",
        note: str = "",
        space: object = None,
    ) -> None:
        import numpy as np

        Objective(metric, mode)
        grid = _floats(values, "values")
        if grid.ndim != 2 or grid.size == 0:
            raise InputError(
                f"a table's values have shape {grid.shape}, but must be [configurations, units], one of each at least"
            )
        times = (
            np.broadcast_to(_floats(1.0 if seconds is None else seconds, "seconds"), grid.shape)
            if (seconds is None or np.ndim(seconds) == 0)
            else _floats(seconds, "seconds")
        )
        _check_shape("seconds", times, grid.shape)
        if not (np.isfinite(times).all() and (times >= 0).all()):
            raise InputError(
                "a table's seconds hold a negative or non-finite time, but each unit must take 0 s or more"
            )
        known = None if reported is None else np.array(reported, dtype=bool)
        if known is not None:
            _check_shape("marks of what was reported", known, grid.shape)
            grid = np.where(known, grid, np.nan)
        over = None if finished is None else np.array(finished, dtype=bool)
        if over is not None:
            _check_shape("marks of what was finished", over, grid.shape[:1])
        final = _best(grid, mode) if quality is None else _floats(quality, "qualities")
        _check_shape("qualities", final, grid.shape[:1])
        if configs is not None and len(configs) != len(grid):
            raise InputError(f"a table has {len(grid)} rows, but {len(configs)} configurations: each row needs one")
        for field, value in (
            ("values", grid), ("seconds", times), ("mode", mode),
            ("reported", known), ("finished", over), ("quality", final),
            ("configs", None if configs is None else tuple(dict(config) for config in configs)),
            ("name", name), ("metric", metric), ("unit", unit), ("note", note),
            ("space", None if space is None else parse(space)),
        ):  # fmt: skip
            object.__setattr__(self, field, value)

    @property
    def objective(self) -> Objective:
        """The direction in which its values are better."""
        return Objective(self.metric, self.mode)

    @property
    def configurations(self) -> int:
        """How many configurations it holds."""
        return int(self.values.shape[0])

    @property
    def units(self) -> int:
        """How many units of resource each was trained for."""
        return int(self.values.shape[1])

    def minimised(self) -> "NDArray[np.float64]":
        """The values with the sign in which smaller is better."""
        return self.objective.shown(self.values)

    def recorded(self, row: int) -> int:
        """How many units of a row were recorded: up to its last report."""
        if self.reported is None:
            return self.units
        found = self.reported[row].nonzero()[0]
        return int(found[-1]) + 1 if len(found) else 0

    def known(self, row: int) -> int:
        """How many units of a row's training there is an answer for: all of them where it is finished."""
        return self.units if self.finished is not None and self.finished[row] else self.recorded(row)

    def rows(self, chosen: Sequence[int]) -> "Table":
        """The table of some rows, in that order; raises InputError for a row that is not there."""
        kept = checked_order(chosen, self.configurations)
        return Table(
            self.values[kept],
            self.seconds[kept],
            self.mode,
            reported=None if self.reported is None else self.reported[kept],
            finished=None if self.finished is None else self.finished[kept],
            configs=None if self.configs is None else [self.configs[row] for row in kept],
            quality=self.quality[kept],
            name=self.name,
            metric=self.metric,
            unit=self.unit,
            note=self.note,
            space=self.space,
        )


def _best(grid: "NDArray[np.float64]", mode: Mode) -> "NDArray[np.float64]":
    """The best value of every row; NaN where it has none."""
    import numpy as np

    finite = np.where(np.isfinite(grid), grid, np.inf if mode == "min" else -np.inf)
    best = finite.min(axis=1) if mode == "min" else finite.max(axis=1)
    return np.where(np.isfinite(best), best, np.nan)


def _check_shape(what: str, array: "NDArray[Any]", shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InputError(f"a table's {what} have shape {array.shape}, but its values ask for {shape}")


def _floats(data: Any, what: str) -> "NDArray[np.float64]":
    import numpy as np

    try:
        return np.array(data, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"a table's {what} are not an array of numbers ({error}): every row needs as many units"
        ) from None


def whole_numbers(name: str, numbers: Sequence[int]) -> list[int]:
    """Plain ints, numpy's included; raises InputError where one is anything else."""
    found: list[int] = []
    for number in numbers:
        plain = whole(number)
        if plain is None:
            raise InputError(f"{name} holds {number!r}, but must hold whole numbers (see rungwise.simulate)")
        found.append(plain)
    return found


def checked_order(order: Sequence[int] | None, configurations: int) -> list[int]:
    """The rows that trials 0, 1, … get; raises InputError for a row that is not in the table."""
    rows = list(range(configurations)) if order is None else whole_numbers("order", order)
    for row in rows:
        if not 0 <= row < configurations:
            raise InputError(f"order names row {row}, but the table has rows 0 to {configurations - 1}")
    return rows
