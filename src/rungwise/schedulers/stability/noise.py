"""Epsilon, estimated from noise (Bohdal et al. 2023, section 4.2), updated from what each report changes.

1. The window holds the trials with a report above the second-highest open milestone, up to the highest.
2. A pair of them is compared at the highest resource that both have reported (see `stability.pairs`).
3. Epsilon is the N-th percentile (linear) of the noisy pairs' distances there; 0 at first; without a noisy pair it
   keeps its last value.
4. NaN and infinities are treated as not reported.
5. With more than 512 trials in the window, the percentile is that of a keyed sample of the pairs (see
   `stability.sampled`), of between 16,000 and 32,000 of them: with m noisy ones among those, the standard error of the
   level N = 90 is 30 / sqrt(m) points (0.3 to 1 for m = 10,000 to 1,000). Up to 512 trials it is exact.
"""

from collections.abc import Sequence
from math import isfinite

import numpy as np

from rungwise.schedulers.ranking import Floats
from rungwise.schedulers.stability.pairs import ArrayPairs, Exchange, LoopPairs, Pairs
from rungwise.schedulers.stability.sampled import EXACT, SampledPairs

WIDE, LONG, MANY = 96, 12, 4
"""From so many trials on, arrays are quicker than a loop; from a quarter of that in a window of so many units, where a
trial's reports come many at a time: from so many on, they are quicker taken in together."""


class Distances:
    """A multiset of distances, kept sorted; its percentile outlives its last element."""

    def __init__(self, percentile: float) -> None:
        self._quantile = percentile / 100.0
        self._sorted: Floats = np.empty(0)
        self._added: list[float] = []
        self._removed: list[float] = []
        self._size = 0
        self._kept = 0.0

    def replace(self, *exchanges: Exchange) -> None:
        """Exchange elements (removed, added) all at once: what is added here may be removed here again."""
        size = self._size + sum(len(added) - len(removed) for removed, added in exchanges)
        if size == 0 and self._size > 0:
            self._kept = self.percentile()
        self._size = size
        for removed, added in exchanges:
            self._removed += removed
            self._added += added

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
            elements = np.concatenate([self._sorted, self._added])
            elements.sort(kind="stable")  # merges the sorted run with the few new ones
            if self._removed:
                removed = np.sort(self._removed)
                first = np.searchsorted(elements, removed)
                rank = np.arange(len(removed)) - np.searchsorted(removed, removed)
                elements = np.delete(elements, first + rank)
            self._sorted = elements
            self._added, self._removed = [], []


class Noise:
    """The noise of a ladder's top rung. Values are minimised; resources are whole units.

    Reports in the window wait until epsilon is asked for, which PASHA does when a job completes in the top rung, and no
    more once the ladder is complete.
    """

    def __init__(self, percentile: float, second: int, top: int) -> None:
        self._distances = Distances(percentile)
        self._curves: dict[int, list[tuple[int, float]]] = {}
        self._waiting: list[tuple[int, int, float]] = []
        self._second, self._top = second, top
        self._members: dict[int, int] = {}
        self._pairs: Pairs = LoopPairs()
        self._seen: dict[int, set[float]] = {}  # the values at each resource of the window
        self._tied = False  # whether one of those that wait was there before

    @property
    def epsilon(self) -> float:
        """The difference that passes as noise, in units of the metric."""
        self._settle()
        return self._distances.percentile()

    def report(self, trial: int, resource: int, value: float) -> None:
        """Take in a report; a trial's resources rise."""
        if not isfinite(value):
            return
        if resource > self._second:
            value = float(value)
            self._waiting.append((trial, resource, value))
            seen = self._seen.setdefault(resource, set())
            self._tied |= value in seen
            seen.add(value)
        else:
            self._append(trial, resource, float(value))

    def move(self, second: int, top: int) -> None:
        """Open a higher window; trials already in it come along."""
        self._settle()
        self._distances.replace((self._pairs.noisy(), ()))
        self._second, self._top = second, top
        self._members = {}
        self._pairs = LoopPairs()
        self._seen = {}
        for trial, curve in self._curves.items():
            for resource, value in curve:
                if resource > second:
                    self._seen.setdefault(resource, set()).add(value)
            if any(second < resource <= top for resource, _ in curve):
                self._admit(trial)

    def _append(self, trial: int, resource: int, value: float) -> None:
        curve = self._curves.get(trial)
        if curve is None:
            curve = self._curves[trial] = []
        curve.append((resource, value))

    def _settle(self) -> None:
        """Take in what waits."""
        waiting, self._waiting = self._waiting, []
        tied, self._tied = self._tied, False
        if tied or not isinstance(self._pairs, ArrayPairs):
            self._one_by_one(waiting)
        else:
            self._trial_by_trial(waiting)

    def _one_by_one(self, waiting: Sequence[tuple[int, int, float]]) -> None:
        """In the order of arrival: where the last noisy pair goes, epsilon stays as it was just then."""
        for trial, resource, value in waiting:
            self._append(trial, resource, value)
            if resource > self._top:
                continue
            member = self._members.get(trial)
            if member is None:
                self._admit(trial)
            else:
                self._distances.replace(self._pairs.meet(member, resource, value))

    def _trial_by_trial(self, waiting: Sequence[tuple[int, int, float]]) -> None:
        """All reports of a trial at once: without a tie no noisy pair ever goes, so that only the end counts."""
        reports: dict[int, list[tuple[int, float]]] = {}
        for trial, resource, value in waiting:
            self._append(trial, resource, value)
            if resource <= self._top:
                reports.setdefault(trial, []).append((resource, value))
        for trial, new in reports.items():
            member = self._members.get(trial)
            if member is None:
                self._admit(trial)
            else:
                self._distances.replace(*self._meet(member, new))

    def _meet(self, member: int, reports: Sequence[tuple[int, float]]) -> list[Exchange]:
        """A member's reports, at rising resources."""
        if isinstance(self._pairs, ArrayPairs) and len(reports) >= MANY:
            resources, values = zip(*reports, strict=True)
            return [self._pairs.meet_all(member, resources, values)]
        return [self._pairs.meet(member, resource, value) for resource, value in reports]

    def _admit(self, trial: int) -> None:
        """A trial enters the window, with its whole curve."""
        wide = WIDE if self._top - self._second < LONG else WIDE // 4
        if len(self._members) == wide and isinstance(self._pairs, LoopPairs):
            self._pairs = ArrayPairs()
            for earlier in self._members:
                self._replay(earlier)  # the same pairs, so the same distances
        elif len(self._members) == EXACT and isinstance(self._pairs, ArrayPairs):
            exact, self._pairs = self._pairs.noisy(), SampledPairs()
            sampled = [exchange for earlier in self._members for exchange in self._replay(earlier)]
            self._distances.replace((exact, ()), *sampled)
        elif isinstance(self._pairs, SampledPairs):
            self._distances.replace((self._pairs.thin(), ()))
        self._members[trial] = len(self._members)
        self._distances.replace(*self._replay(trial))  # one report, so no epsilon in between

    def _replay(self, trial: int) -> list[Exchange]:
        """Let a trial's curve, up to the window's top, meet those of the members before it."""
        curve = [(resource, value) for resource, value in self._curves[trial] if resource <= self._top]
        return self._meet(self._pairs.enter(), curve)
