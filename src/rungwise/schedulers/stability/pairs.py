"""Pairs of trials that criss-cross: the same rule twice, as a loop for few trials and with arrays for many.

A pair is noisy where, at the highest resource that both have reported, their order was reversed at some earlier common
resource and the same again at a still earlier one (Bohdal et al. 2023, section 4.2): its signs, ties skipped, come in
three runs at least. A tie at that highest resource is no order, so the pair is not noisy then.

Common resources of a pair become known in rising order, because each trial's reports rise: the number of runs and the
last sign are all that need be remembered of a pair's past.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rungwise.schedulers.ranking import Floats

RUNS = 3
Exchange = tuple[Sequence[float], Sequence[float]]


class Pairs(Protocol):
    """All pairs among numbered members."""

    def enter(self) -> int:
        """One more member; its number."""
        ...

    def meet(self, member: int, resource: int, value: float) -> Exchange:
        """A member reported; the distances of noisy pairs that this took away, and those that it brought."""
        ...

    def noisy(self) -> Sequence[float]:
        """The distances of all noisy pairs."""
        ...


class _Pair:
    __slots__ = ("distance", "runs", "sign")

    def __init__(self) -> None:
        self.runs = 0
        self.sign = 0
        self.distance: float | None = None


class LoopPairs:
    """The rule as it reads: about 0.15 µs for every other member that has reported at the same resource."""

    def __init__(self) -> None:
        self._pairs: list[list[_Pair]] = []  # [member][earlier member]
        self._reported: dict[int, list[tuple[int, float]]] = {}

    def enter(self) -> int:
        """One more member; its number."""
        self._pairs.append([_Pair() for _ in self._pairs])
        return len(self._pairs) - 1

    def meet(self, member: int, resource: int, value: float) -> Exchange:
        """A member reported; the distances of noisy pairs that this took away, and those that it brought."""
        reported = self._reported.setdefault(resource, [])
        pairs, own = self._pairs, self._pairs[member]
        removed: list[float] = []
        added: list[float] = []
        for other, theirs in reported:
            sign = (value > theirs) - (value < theirs)
            if other < member:
                pair = own[other]
            else:
                pair, sign = pairs[other][member], -sign
            if sign != pair.sign and sign:
                pair.runs += 1
                pair.sign = sign
            if pair.runs < RUNS:
                continue
            if pair.distance is not None:
                removed.append(pair.distance)
            if sign:
                pair.distance = abs(value - theirs)
                added.append(pair.distance)
            else:
                pair.distance = None
        reported.append((member, value))
        return removed, added

    def noisy(self) -> Sequence[float]:
        """The distances of all noisy pairs."""
        return [pair.distance for pairs in self._pairs for pair in pairs if pair.distance is not None]


class ArrayPairs:
    """The rule over whole rows at once: a dozen array operations a report, whatever the number of members."""

    def __init__(self) -> None:
        self._members = 0
        self._columns: dict[int, int] = {}
        self._values: Floats = np.full((8, 128), np.nan)  # [column, member]
        self._runs = np.zeros((128, 128), np.int16)
        self._sign = np.zeros((128, 128), np.int8)  # of the row's value minus the column's
        self._distance: Floats = np.full((128, 128), np.nan)

    def enter(self) -> int:
        """One more member; its number."""
        member = self._members
        self._members += 1
        size = len(self._runs)
        if member == size:
            self._values = _padded(self._values, (len(self._values), 2 * size), np.nan)
            self._runs = _padded(self._runs, (2 * size, 2 * size), 0)
            self._sign = _padded(self._sign, (2 * size, 2 * size), 0)
            self._distance = _padded(self._distance, (2 * size, 2 * size), np.nan)
        return member

    def meet(self, member: int, resource: int, value: float) -> Exchange:
        """A member reported; the distances of noisy pairs that this took away, and those that it brought."""
        n, column = self._members, self._column(resource)
        reported = self._values[column, :n]
        difference = value - reported  # NaN where the other has not reported here
        reported[member] = value
        sign = (difference > 0).view(np.int8) - (difference < 0).view(np.int8)
        ordered = sign != 0
        last, runs = self._sign[member, :n], self._runs[member, :n]
        turned = np.flatnonzero(ordered & (sign != last))
        if len(turned):
            runs[turned] += 1
            self._runs[turned, member] += 1
            last[turned] = sign[turned]
            self._sign[turned, member] = -sign[turned]
        noisy = ordered & (runs >= RUNS)
        distance = self._distance[member, :n]
        was = (distance == distance) & (difference == difference)
        change = np.flatnonzero(noisy | was)
        if not len(change):
            return (), ()
        removed = distance[was].tolist()
        now = np.where(noisy[change], np.abs(difference[change]), np.nan)
        distance[change] = now
        self._distance[change, member] = now
        return removed, now[now == now].tolist()

    def meet_all(self, member: int, resources: Sequence[int], values: Sequence[float]) -> Exchange:
        """A member's reports at rising resources, all at once: what comes of them in the end.

        About two dozen operations on arrays [reports, members], however many reports there are.
        """
        n, columns = self._members, [self._column(resource) for resource in resources]
        difference = np.array(values)[:, None] - self._values[columns, :n]  # NaN where the other has not reported
        self._values[columns, member] = values
        sign = (difference > 0).view(np.int8) - (difference < 0).view(np.int8)
        row = np.arange(1, len(columns) + 1, dtype=np.int16)[:, None]
        signs = np.vstack([self._sign[member, :n], sign])
        latest = np.maximum.accumulate(np.where(sign != 0, row, 0), axis=0)  # the row of `signs` with the last order
        before = np.vstack([np.zeros(n, np.int16), latest[:-1]])
        turned = (sign != 0) & (sign != np.take_along_axis(signs, before, 0))
        runs = self._runs[member, :n] + turned.sum(axis=0, dtype=np.int16)
        common = np.where(difference == difference, row, 0).max(axis=0)  # the last row that both reported, from 1
        touched = np.flatnonzero(common)
        highest = common[touched] - 1
        last = difference[highest, touched]
        distance = np.where((runs[touched] >= RUNS) & (last != 0), np.abs(last), np.nan)
        old = self._distance[member, touched]
        order = np.take_along_axis(signs, latest[-1:], 0)[0, touched]
        self._runs[member, touched] = self._runs[touched, member] = runs[touched]
        self._sign[member, touched], self._sign[touched, member] = order, -order
        self._distance[member, touched] = self._distance[touched, member] = distance
        return old[old == old].tolist(), distance[distance == distance].tolist()

    def noisy(self) -> Sequence[float]:
        """The distances of all noisy pairs."""
        distance: Floats = self._distance[np.triu_indices(self._members, 1)]
        return list(distance[distance == distance].tolist())

    def _column(self, resource: int) -> int:
        column = self._columns.get(resource)
        if column is None:
            column = self._columns[resource] = len(self._columns)
            if column == len(self._values):
                self._values = _padded(self._values, (2 * column, self._values.shape[1]), np.nan)
        return column


def _padded(array: NDArray, shape: tuple[int, int], fill: float) -> NDArray:  # type: ignore[type-arg]
    larger = np.full(shape, fill, dtype=array.dtype)
    larger[: array.shape[0], : array.shape[1]] = array
    return larger
