"""The gate of GatedPASHA: at one rung only a few go on, and what these scouts show later decides whether more will.

1. The gate is at the second rung first. There the best n // width of n entries go on, but one as soon as n reaches
   `scouts`; everywhere else the best n // eta.
2. When a trial completes a rung j above the gate, the gate goes to the top, where it is one no more, if that trial has
   ever reported NaN or infinity, or if its value is worse than the median (the upper one of two) of rung j - 1: a
   divergence.
3. Otherwise let C be those who completed rung j, and S the best ⌈|C| / eta⌉ of them by their values on rung j - 1, the
   earlier arrival on rung j first if tied. If C holds eta trials or more, and the best of S on rung j is worse than the
   best of C by more than phi · (median - best of rung j - 1), the gate rises by one rung: a crossing. If that median
   is infinite, any difference will do.
4. NaN, infinities and whoever fails on the way count as infinite in a rung's median. A failure is no divergence, and
   completes no rung.
5. A report that passes several rungs enters all of them, and then completes them from the lowest up.
"""

from heapq import heappop, heappush
from math import inf, isfinite

from rungwise.core.decisions import Disagreement, Divergence, OpenRung
from rungwise.schedulers.best import Best


class _Level:
    """The best and the upper median of a rung's values; infinite are those that are not finite."""

    def __init__(self) -> None:
        self.best = inf
        self._better_half = Best(lambda n: n // 2 + 1)

    def enter(self, value: float) -> None:
        """A value enters."""
        self._better_half.add(value if isfinite(value) else inf)
        if isfinite(value):
            self.best = min(self.best, value)

    @property
    def median(self) -> float:
        """The upper median; something must have entered."""
        return self._better_half.threshold[0]

    @property
    def spread(self) -> float:
        """How far the best is from the median; 0 where that is infinite."""
        median = self.median
        return median - self.best if isfinite(median) else 0.0


class Scouts:
    """Those who completed a rung: who is the best there, and who is the best of the 1/eta that the rung below favours.

    O(log n) to add, amortised; O(1) to ask.
    """

    def __init__(self, eta: int) -> None:
        self._favoured = Best(lambda n: -(-n // eta))
        self._scouts: list[tuple[int, float, float]] = []  # trial, value on the rung below, value here; by arrival
        self._ranked: list[tuple[float, int]] = []  # a heap of those favoured, and some that were: value here, arrival
        self._leader = 0

    def __len__(self) -> int:
        return len(self._scouts)

    def add(self, trial: int, below: float, here: float) -> None:
        """A trial arrives with these values. At most one more is favoured: it, or whoever then is the last of them."""
        arrival = self._favoured.add(below)
        self._scouts.append((trial, below, here))
        if here < self._scouts[self._leader][2]:
            self._leader = arrival
        last = self._favoured.threshold
        if (below, arrival) < last:
            heappush(self._ranked, (here, arrival))
        heappush(self._ranked, (self._scouts[last[1]][2], last[1]))
        while (self._scouts[self._ranked[0][1]][1], self._ranked[0][1]) > last:
            heappop(self._ranked)

    @property
    def leader(self) -> tuple[int, float]:
        """The best here, and its value."""
        trial, _, here = self._scouts[self._leader]
        return trial, here

    @property
    def favourite(self) -> tuple[int, float]:
        """The best here of those that the rung below favours, and its value."""
        here, arrival = self._ranked[0]
        return self._scouts[arrival][0], here


class Gate:
    """Where the gate is: `rung`, by index. `phi` is a share of a rung's spread, `width` and `scouts` are counts."""

    def __init__(self, milestones: tuple[int, ...], eta: int, phi: float, width: int, scouts: int) -> None:
        self._milestones = milestones
        self._top = len(milestones) - 1
        self.rung = min(1, self._top)
        self._eta = eta
        self._phi = phi
        self._width = width
        self._scouts = scouts
        self._levels = [_Level() for _ in milestones]
        self._completed = [Scouts(eta) for _ in milestones]
        self._standing: dict[int, float] = {}  # values on the rung that a trial entered last, from the gate's on
        self._diverged: set[int] = set()

    @property
    def passed(self) -> bool:
        """Whether it is at the top: nothing is looked at any more."""
        return self.rung == self._top

    def quota(self, entries: int) -> int:
        """How many of so many may pass it."""
        return max(entries // self._width, int(entries >= self._scouts))

    def report(self, trial: int, value: float) -> None:
        """A trial reports."""
        if not isfinite(value):
            self._diverged.add(trial)

    def entered(self, trial: int, rungs: range, value: float) -> tuple[OpenRung, ...]:
        """A trial entered these rungs, by index, with a report; how the gate moves because of it."""
        if self.passed:
            return ()
        self.joined(rungs, value)
        opened: list[OpenRung] = []
        for rung in rungs:
            if rung > self.rung:
                opened += self._completes(trial, rung, value)
            if rung >= self.rung:
                self._standing[trial] = value
        return tuple(opened)

    def joined(self, rungs: range, value: float) -> None:
        """These rungs hold one more: it counts in their medians."""
        for rung in rungs:
            if rung >= self.rung:
                self._levels[rung].enter(value)

    def _completes(self, trial: int, rung: int, value: float) -> tuple[OpenRung, ...]:
        level, seen = self._levels[rung - 1], self._milestones[rung]
        diverged = trial in self._diverged
        if diverged or value > level.median:
            self.rung = self._top
            return (OpenRung(self._milestones[-1], Divergence(trial, seen, None if diverged else level.median)),)
        scouts = self._completed[rung]
        scouts.add(trial, self._standing[trial], value)
        (leader, best), (favourite, promised) = scouts.leader, scouts.favourite
        passes = self._phi * level.spread
        if len(scouts) < self._eta or not promised - best > passes:
            return ()
        self.rung += 1
        return (OpenRung(self._milestones[self.rung], Disagreement((leader, favourite), passes, seen)),)
