"""Epsilon, estimated from noise (Bohdal et al. 2023, section 4.2), updated from what each report changes.

1. The window holds the trials with a report above the second-highest open milestone, up to the highest.
2. A pair of them is compared at the highest resource that both have reported. It is noisy if their order there was
   reversed at some earlier common resource, and the same again at a still earlier one: their signs, ties skipped, come
   in three runs at least. A tie at that resource is no order, so the pair is not noisy.
3. Epsilon is the N-th percentile (linear) of the noisy pairs' distances there; 0 at first; without a noisy pair it
   keeps its last value.
4. NaN and infinities are treated as not reported.

Common resources of a pair become known in rising order, so the number of runs and the last sign are all there is to
remember of its past. One report costs a few array operations as long as the window.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RUNS = 3


class Distances:
    """A multiset of distances, kept sorted; its percentile outlives its last element."""

    def __init__(self, percentile: float) -> None:
        self._quantile = percentile / 100.0
        self._sorted: Floats = np.empty(0)
        self._added: list[Floats] = []
        self._removed: list[Floats] = []
        self._size = 0
        self._kept = 0.0

    def replace(self, removed: Floats, added: Floats) -> None:
        """Exchange some elements for others; removed ones must be there."""
        size = self._size - len(removed) + len(added)
        if size == 0 and self._size > 0:
            self._kept = self.percentile()
        self._size = size
        if len(removed):
            self._removed.append(removed)
        if len(added):
            self._added.append(added)

    def percentile(self) -> float:
        """The percentile of the elements; of the last ones there were, if none is left."""
        if self._size == 0:
            return self._kept
        self._settle()
        position = (self._size - 1) * self._quantile
        below = min(int(position), self._size - 1)
        above = min(below + 1, self._size - 1)
        low, high = float(self._sorted[below]), float(self._sorted[above])
        return low + (high - low) * (position - below)

    def _settle(self) -> None:
        if self._removed or self._added:
            elements = np.concatenate([self._sorted, *self._added])
            elements.sort(kind="stable")  # merges the sorted run with the few new ones
            if self._removed:
                removed = np.sort(np.concatenate(self._removed))
                first = np.searchsorted(elements, removed)
                rank = np.arange(len(removed)) - np.searchsorted(removed, removed)
                elements = np.delete(elements, first + rank)
            self._sorted = elements
            self._added, self._removed = [], []


class Noise:
    """The noise of a ladder's top rung. Values are minimised; resources are whole units."""

    def __init__(self, percentile: float, second: int, top: int) -> None:
        self._distances = Distances(percentile)
        self._curves: dict[int, list[tuple[int, float]]] = {}
        self._open(second, top)

    @property
    def epsilon(self) -> float:
        """The difference that passes as noise, in units of the metric."""
        return self._distances.percentile()

    def report(self, trial: int, resource: int, value: float) -> None:
        """Take in a report; a trial's resources rise."""
        if not np.isfinite(value):
            return
        curve = self._curves.setdefault(trial, [])
        curve.append((resource, value))
        if self._second < resource <= self._top:
            row = self._rows.get(trial)
            if row is None:
                self._enter(trial, curve)
            else:
                self._meet(row, self._column(resource), value)

    def move(self, second: int, top: int) -> None:
        """Open a higher window; trials already in it come along."""
        members = [trial for trial in self._rows if self._curves[trial][-1][0] > second]
        distances = self._distance[: len(self._rows), : len(self._rows)]
        upper = distances[np.triu_indices(len(distances), 1)]
        self._distances.replace(upper[~np.isnan(upper)], np.empty(0))
        self._open(second, top)
        for trial in members:
            self._enter(trial, self._curves[trial])

    def _open(self, second: int, top: int) -> None:
        self._second, self._top = second, top
        self._rows: dict[int, int] = {}
        self._columns: dict[int, int] = {}
        self._values: Floats = np.full((8, 8), np.nan)
        self._runs = np.zeros((8, 8), np.int8)
        self._sign = np.zeros((8, 8), np.int8)
        self._distance: Floats = np.full((8, 8), np.nan)

    def _enter(self, trial: int, curve: list[tuple[int, float]]) -> None:
        row = self._rows[trial] = len(self._rows)
        if row == len(self._values):
            self._grow_rows()
        for resource, value in curve:
            if resource <= self._top:
                self._meet(row, self._column(resource), value)

    def _column(self, resource: int) -> int:
        column = self._columns.get(resource)
        if column is None:
            column = self._columns[resource] = len(self._columns)
            if column == self._values.shape[1]:
                self._values = _padded(self._values, (len(self._values), 2 * column), np.nan)
        return column

    def _grow_rows(self) -> None:
        size = 2 * len(self._values)
        self._values = _padded(self._values, (size, self._values.shape[1]), np.nan)
        self._runs = _padded(self._runs, (size, size), 0)
        self._sign = _padded(self._sign, (size, size), 0)
        self._distance = _padded(self._distance, (size, size), np.nan)

    def _meet(self, row: int, column: int, value: float) -> None:
        """A trial reported here: compare it with every trial of the window that has reported here before."""
        reported = self._values[: len(self._rows), column]
        others = np.flatnonzero(reported == reported)  # NaN is not equal to itself
        self._values[row, column] = value
        if not len(others):
            return
        difference = value - reported[others]
        sign = np.sign(difference).astype(np.int8)
        ordered = sign != 0
        last = self._sign[row, others]
        runs = np.minimum(self._runs[row, others] + (ordered & (sign != last)), RUNS)
        sign = np.where(ordered, sign, last)
        noisy = ordered & (runs == RUNS)
        self._runs[row, others] = self._runs[others, row] = runs
        self._sign[row, others] = sign
        self._sign[others, row] = -sign
        before = self._distance[row, others]
        was = before == before
        if was.any() or noisy.any():
            now = np.where(noisy, np.abs(difference), np.nan)
            self._distance[row, others] = self._distance[others, row] = now
            self._distances.replace(before[was], now[noisy])


def _padded(array: NDArray[np.generic], shape: tuple[int, int], fill: float) -> NDArray:  # type: ignore[type-arg]
    larger = np.full(shape, fill, dtype=array.dtype)
    larger[: array.shape[0], : array.shape[1]] = array
    return larger
