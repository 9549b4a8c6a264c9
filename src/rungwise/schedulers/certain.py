"""A bracket of a known number of trials in which nobody is promoted who might not belong to the best in the end.

1. Rung 0 expects all trials, rung k + 1 those who leave rung k: quotas[k] of its expected members at most, less those
   who have no finite score and so cannot leave.
2. While a rung of n present can still get m, the best quota - m of those present are certain to be among the best
   quota in the end. They are promoted, and nobody else. So who is promoted does not depend on who comes first, but for
   ties.
3. Members rank by score, the earlier arrival first if tied. Without a finite score, or ended short of the rung: last;
   lost: not expected any more. Whoever ends while it waits keeps its place, which nobody takes.
4. A trial that passes several milestones with one report enters the higher rungs only if it is promoted to them.
5. The lowest rung goes first: what is certain there makes the next one certain sooner.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import isfinite, nan

from rungwise.core.events import EndReason
from rungwise.schedulers.foresight import Prospects
from rungwise.schedulers.rungs import never_started


class _Rung:
    """Who is on a rung. `left` counts the places that are taken, `void` those of them whose trial had ended."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, int, int]] = []  # a heap: score, arrival, trial
        self.prospects = Prospects(ties=False)
        self.present = 0
        self.last = 0  # how many have no finite score
        self.lost = 0
        self.left = 0
        self.void = 0

    def leaving(self, expected: int, quota: int) -> int:
        """How many can leave at most, of so many expected."""
        return min(quota, expected - self.lost - self.last) - self.void


class Certain:
    """One bracket over given milestones. O(log trials) per report, O(rungs) per request.

    `quotas` of a number of trials say how many may leave each rung but the top one; `score` is asked once for every
    rung that a trial enters with a finite value.
    """

    def __init__(
        self,
        trials: int,
        milestones: Sequence[int],
        quotas: Callable[[int], Sequence[int]],
        score: Callable[[int], float],
    ) -> None:
        self.milestones = tuple(milestones)
        self._trials = trials
        self._plan = quotas
        self._quotas = quotas(trials)
        self._score = score
        self._rungs = [_Rung() for _ in milestones]
        self._rung: dict[int, int] = {}  # that a trial is in, or on its way to
        self._reached: dict[int, int] = {}  # its furthest report, in units
        self._going: set[int] = set()
        self._over: set[int] = set()

    def close(self) -> None:
        """Nothing more is started: all trials are those that were."""
        self._trials = len(self._rung)
        self._quotas = self._plan(self._trials)
        for rung, quota in zip(self._rungs, self._quotas, strict=False):  # nobody leaves the top one
            rung.prospects.limit(quota)

    def start(self, trial: int) -> int:
        """A trial sets out for the bottom rung; its milestone."""
        self._rung[trial] = 0
        self._going.add(trial)
        return self.milestones[0]

    def report(self, trial: int, resource: int, value: float) -> None:
        """A trial reported; raises InputError for one that was never started."""
        rung = self._rung.get(trial)
        if rung is None:
            raise never_started(trial)
        self._reached[trial] = resource
        if trial in self._going and resource >= self.milestones[rung]:
            self._enter(trial, self._score(trial) if isfinite(value) else nan)

    def end(self, trial: int, reason: EndReason) -> None:
        """A trial is over, and promoted no more."""
        if trial not in self._rung:
            return
        self._over.add(trial)
        self._reached.pop(trial, None)
        rung = self._rungs[self._rung[trial]]
        rung.prospects.trials.discard(trial)
        if trial not in self._going:
            return
        if reason == "lost":
            self._going.discard(trial)
            rung.lost += 1
        else:
            self._enter(trial, nan)

    def may_promote(self, trial: int) -> bool:
        """Whether a trial is on its way, or waits and can still be among those that leave; true of a stranger."""
        rung = self._rung.get(trial)
        if rung is None or trial in self._going:
            return True
        return trial in self._rungs[rung].prospects.trials

    def promote(self) -> tuple[int, int] | None:
        """The trial to promote and its next milestone, from the lowest rung in which one is certain to go on."""
        expected = self._trials
        for number, quota in enumerate(self._quotas):
            rung = self._rungs[number]
            certain = quota - (expected - rung.lost - rung.present)
            while rung.left < certain and rung.waiting:
                trial = heappop(rung.waiting)[2]
                rung.left += 1
                if trial in self._over:
                    rung.void += 1
                elif self._climbs(trial, number + 1):
                    return trial, self.milestones[number + 1]
            expected = rung.leaving(expected, quota)
        return None

    def _climbs(self, trial: int, rung: int) -> bool:
        """Take a trial to the next rung; whether it must train to get there."""
        self._rungs[rung - 1].prospects.trials.discard(trial)
        self._rung[trial] = rung
        if self._reached[trial] >= self.milestones[rung]:
            self._enter(trial, self._score(trial))
            return False
        self._going.add(trial)
        return True

    def _enter(self, trial: int, score: float) -> None:
        """A trial takes its place, last of all without a finite score."""
        self._going.discard(trial)
        number = self._rung[trial]
        rung = self._rungs[number]
        if not isfinite(score):
            rung.last += 1
        elif number < len(self._quotas):
            heappush(rung.waiting, (score, rung.present, trial))
            rung.prospects.enter(score, rung.present, trial, waits=True)
            rung.prospects.limit(self._quotas[number])
        rung.present += 1
