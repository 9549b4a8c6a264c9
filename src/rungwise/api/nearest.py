"""A searcher on a table: every suggestion is answered by the nearest row that no trial has had.

1. A configuration is a point in the unit cube, one axis per hyperparameter that varies, each on the space's own scale
   (`rungwise.searchers.codes`). A choice that differs counts 1, and so does what one has and the other has not.
2. The nearest row is the one at the least Euclidean distance, the first of the table if tied. No row is given twice.
3. The trial's configuration is the row's, in the hyperparameters of the space: the searcher learns from what was
   measured, not from what it asked for.
4. All searchers are answered alike, random search too: comparisons are fair, and with one seed paired.

The PASHA paper (Bohdal et al. 2023) takes the nearest neighbour as a surrogate model for PD1, too.
"""

from typing import TYPE_CHECKING

from rungwise.benchmarks.spaces import configs_of
from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History, Searcher
from rungwise.space import Space
from rungwise.space.domain import fit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_CHILDREN = (
    "the scheduler lets a trial go on from another's training, and a table has no curve of such a trial: population"
    " based training can only be tried on a real one (see rungwise.tune)"
)


class NearestRows:
    """A searcher's suggestions, answered by rows: `rows[trial]` is the row that a trial has."""

    __slots__ = ("_codes", "_configs", "_free", "_search", "_space", "rows")

    def __init__(self, table: Table, space: Space, search: Searcher) -> None:
        """Raises InputError where the table has no configurations, or one of them is outside of the space."""
        import numpy as np

        self._configs = _configs(table, space)
        self._space = _Cube(space)
        self._search = search
        self._codes = np.array([self._space.codes(config) for config in self._configs])
        self._free = np.ones(len(self._configs), dtype=bool)
        self.rows: list[int] = []

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The configuration of the nearest free row; None where none is left, or nothing is suggested.

        O(rows × hyperparameters). Raises InputError for a child, which no row can be.
        """
        import numpy as np

        if request.parent is not None:
            raise InputError(NO_CHILDREN)

        suggested = self._search.suggest(history, request) if self._free.any() else None
        if suggested is None:
            return None
        apart = self._space.apart(self._codes, self._space.codes(suggested))
        row = int(np.where(self._free, apart, np.inf).argmin())
        self._free[row] = False
        self.rows.append(row)
        return dict(self._configs[row])


class _Cube:
    """The unit cube of a space."""

    def __init__(self, space: Space) -> None:
        import numpy as np

        from rungwise.searchers.codes import axes_of

        self._axes = axes_of(space.to_json()["hyperparameters"])
        self._counted = np.array([axis.choices == () or axis.ordered for axis in self._axes], dtype=bool)

    def codes(self, config: Configuration) -> "NDArray[np.float64]":
        """A configuration's place on every axis; NaN where it has none, unordered choices by number."""
        import numpy as np

        return np.array([axis.encode(config.get(axis.name)) for axis in self._axes], dtype=np.float64)

    def apart(self, rows: "NDArray[np.float64]", point: "NDArray[np.float64]") -> "NDArray[np.float64]":
        """The squared distance of every row from a point."""
        import numpy as np

        steps = np.abs(rows - point)
        steps[:, ~self._counted] = steps[:, ~self._counted] > 0
        absent = np.isnan(rows), np.isnan(point)
        steps[absent[0] | absent[1]] = 1.0
        steps[absent[0] & absent[1]] = 0.0
        squared: NDArray[np.float64] = (steps**2).sum(axis=1)
        return squared


def _configs(table: Table, space: Space) -> list[Configuration]:
    """Every row's configuration, in the hyperparameters of the space."""
    items = {item["name"]: item for item in space.to_json()["hyperparameters"]}
    return [
        {name: fit(item, config[name], f"{name!r} of row {row}") for name, item in items.items() if name in config}
        for row, config in enumerate(configs_of(table))
    ]
