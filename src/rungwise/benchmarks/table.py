"""A learning-curve table: every configuration's value and cost at every unit of resource."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rungwise.core.checks import whole
from rungwise.core.errors import InputError
from rungwise.core.objective import Mode, Objective

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Table:
    """Recorded learning curves.

    `values[configuration, unit - 1]` is the metric after `unit` units (None or NaN: it diverged), better if smaller
    with mode="min"; `seconds` of each unit has the same shape, or is one number for all (default 1).
    Raises InputError where the shapes differ, a time is negative or not finite, or there is nothing in the table.
    """

    values: "NDArray[np.float64]"
    seconds: "NDArray[np.float64]"
    mode: Mode

    def __init__(self, values: Any, seconds: Any = None, mode: Mode = "min") -> None:
        import numpy as np

        Objective("value", mode)
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
        if times.shape != grid.shape:
            raise InputError(
                f"a table's seconds have shape {times.shape}, but its values {grid.shape}: they must be the same"
            )
        if not (np.isfinite(times).all() and (times >= 0).all()):
            raise InputError(
                "a table's seconds hold a negative or non-finite time, but each unit must take 0 s or more"
            )
        object.__setattr__(self, "values", grid)
        object.__setattr__(self, "seconds", times)
        object.__setattr__(self, "mode", mode)

    @property
    def objective(self) -> Objective:
        """The direction in which its values are better."""
        return Objective("value", self.mode)

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
