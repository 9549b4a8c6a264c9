"""Configurations that a model may choose among: allowed, new, each once, with their codes."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rungwise.core.commands import Configuration
from rungwise.searchers.observations import Observations
from rungwise.space import Space

if TYPE_CHECKING:
    from rungwise.searchers.codes import Array, Axis

MOVED = 3  # hyperparameters that a configuration and one near it differ in, on average


class Candidates:
    """A growing list of configurations none of which is in `had`, nor twice in the list."""

    __slots__ = ("_had", "_space", "_table", "codes", "configurations")

    def __init__(self, space: Space, table: Observations, had: set[bytes]) -> None:
        self._space = space
        self._table = table
        self._had = set(had)
        self.configurations: list[Configuration] = []
        self.codes: list[Array] = []

    def __len__(self) -> int:
        return len(self.configurations)

    def add(self, configurations: Iterable[Configuration | None]) -> None:
        """Take in those that are allowed and new."""
        for configuration in configurations:
            if configuration is not None:
                codes = self._table.encoded(configuration)
                key = codes.tobytes()
                if key not in self._had:
                    self._had.add(key)
                    self.configurations.append(configuration)
                    self.codes.append(codes)

    def add_near(self, codes: "Array", step: float, count: int, random: np.random.RandomState) -> None:
        """Take in up to so many near each row of codes, shape (n, d): numbers within about `step` of their ranges."""
        moved = near(np.repeat(codes, count, axis=0), self._table.axes, step, random)
        self.add(self._table.composed(self._space, row) for row in moved.tolist())


def near(codes: "Array", axes: "Sequence[Axis]", step: float, random: np.random.RandomState) -> "Array":
    """Each row of codes, moved in one hyperparameter at least; what is inactive gets a code too, as it may be active.

    Numbers and ordered choices move by a normal draw of `step`, or of half the way to the next value if that is more;
    unordered choices are drawn.
    """
    count, width = codes.shape
    moves = random.random_sample((count, width)) < MOVED / width
    moves[np.arange(count), random.randint(width, size=count)] = True
    found = codes.copy()
    for place, axis in enumerate(axes):
        column, even = found[:, place], random.random_sample(count)
        if axis.ordered:
            least = 0.5 / axis.steps if axis.steps else 0.0
            drawn = np.clip(column + max(step, least) * random.standard_normal(count), 0.0, 1.0)
            column[:] = np.where(np.isnan(column), even, np.where(moves[:, place], drawn, column))
            column[:] = axis.snap(column)
        else:
            drawn = np.floor(even * (axis.steps + 1))
            column[:] = np.where(moves[:, place] | np.isnan(column), drawn, column)
    return found
