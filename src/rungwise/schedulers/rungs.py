"""Rungs: the ladder's resources, and who stands on which rung.

1. Milestones rise by integer recurrence: r, r·eta, … below R, then R. Never a logarithm of floats.
2. A rung's entries rank, and a rule says how many may go on, as `rungwise.schedulers.best` has it.
3. A report at or past a milestone enters its rung, and so every rung that it passes at once.
4. A trial that does not clear its rung's hurdle (see `rungwise.schedulers.hurdles`) waits there no more, for good.
5. Who can still be promoted is worked out when somebody asks (see `rungwise.schedulers.foresight`), from what has
   changed since the last time. Nothing else depends on it.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf, isfinite

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.schedulers.best import Best, Quota, at_least_one, exactly
from rungwise.schedulers.foresight import Prospects
from rungwise.schedulers.hurdles import Hurdle

NO_RUNGS = range(0)


def ladder(min_resource: int, max_resource: int, eta: int) -> tuple[int, ...]:
    """The milestones from `min_resource` to `max_resource`, in whole units.

    Raises InputError where a resource is not a whole positive number, the minimum is above the maximum, or eta is not a
    whole number of 2 or more.

    >>> ladder(1, 200, 3)
    (1, 3, 9, 27, 81, 200)
    """
    min_resource = check_whole("min_resource", min_resource, 1)
    max_resource = check_whole("max_resource", max_resource, 1)
    eta = check_whole("eta", eta, 2)
    if min_resource > max_resource:
        raise InputError(f"min_resource is {min_resource}, above max_resource {max_resource}: the ladder must rise")
    milestones = [min_resource]
    while milestones[-1] * eta < max_resource:
        milestones.append(milestones[-1] * eta)
    return (*milestones, max_resource) if milestones[-1] < max_resource else tuple(milestones)


def never_started(trial: int) -> InputError:
    """What a scheduler says of a report by a trial that it does not know."""
    return InputError(f"trial {trial} reported, but was never started: tell a scheduler only of trials it asked for")


class Rung:
    """A rung that trials pause on: who is there, and who may be promoted next.

    What is foreseen goes by the `quota` that it was made with: none that is given later may be larger.
    """

    def __init__(self, quota: Quota, *, ties: bool, leaders: int = 0) -> None:
        self._quota = quota
        self._hurdle = Hurdle(leaders)
        self._best = Best(quota)
        self._ties = ties
        self._ranked: list[tuple[float, int, int]] = []  # a heap of those that wait, and some that did
        self._waiting: set[int] = set()
        self._prospects: Prospects | None = None  # until somebody asks
        self._news: list[tuple[float, int, int]] = []  # what entered since somebody asked
        self.changed = False  # since it last had nobody to promote

    @property
    def size(self) -> int:
        """How many trials have entered."""
        return self._best.size

    def enter(self, trial: int, value: float, *, waits: bool) -> None:
        """A trial arrives; `waits` unless it can never be promoted from here."""
        self.changed = True
        if not isfinite(value):
            self._best.add(inf)
            return
        arrival = self._best.add(value)
        for fallen in self._hurdle.enter(trial, value):
            self.withdraw(fallen)
        if waits and self._hurdle.clears(trial, value):
            heappush(self._ranked, (value, arrival, trial))
            self._waiting.add(trial)
            self._hurdle.hold(trial, value)
        if self._prospects is not None:
            self._news.append((value, arrival, trial))

    def withdraw(self, trial: int) -> None:
        """A trial that waits here can no longer be promoted: the next best may be."""
        self._waiting.discard(trial)
        if self._prospects is not None:
            self._prospects.trials.discard(trial)
        self.changed = True

    def admit(self, quota: Quota) -> None:
        """From now on another quota says how many may go on."""
        self._best.admit(quota)
        self.changed = True

    def foresee(self, more: int) -> int:
        """No more than so many can yet enter, and never will again; how many that wait here can still be promoted."""
        prospects = self._prospects
        if prospects is None:
            waiting = {arrival: trial for _, arrival, trial in self._ranked if trial in self._waiting}
            entries = ((value, arrival, waiting.get(arrival)) for value, arrival in self._best.entries())
            prospects = self._prospects = Prospects.of(entries, ties=self._ties)
        for value, arrival, trial in self._news:
            prospects.enter(value, arrival, trial, waits=trial in self._waiting)
        self._news.clear()
        return prospects.limit(self._quota(self.size + more))

    def may_promote(self, trial: int) -> bool:
        """Whether a trial waits here and can still be promoted."""
        return trial in (self._waiting if self._prospects is None else self._prospects.trials)

    def admits(self, trial: int, value: float) -> bool:
        """Whether a trial that stands here is among the best, or tied with one that is, and clears the hurdle."""
        return isfinite(value) and value <= self._best.threshold[0] and self._hurdle.clears(trial, value)

    def promote(self) -> tuple[int, float] | None:
        """Take out the best trial not yet promoted, with its value, if the rule lets it go on."""
        ranked, waiting = self._ranked, self._waiting
        while ranked and ranked[0][2] not in waiting:
            heappop(ranked)
        self.changed = False
        if not ranked:
            return None
        value, arrival, trial = ranked[0]
        worst, last = self._best.threshold
        if value > worst or (value == worst and arrival > last and not self._ties):
            return None
        self.changed = True
        heappop(ranked)
        waiting.discard(trial)
        if self._prospects is not None:
            self._prospects.trials.discard(trial)
        return trial, value


class Ladder:
    """All rungs of one bracket, and how far each trial has climbed. `open` rungs are in use, from the bottom.

    A trial is on its way to one rung (`start`, `promote`), where it will pause; the others it passes. With `far` that
    is the top open rung, else the next. `quotas` say how many of each rung but the top one may go on (with `far` one at
    least), and with `ties` whoever is tied with the last of them. The first `leaders` trials set hurdles.
    """

    def __init__(
        self,
        milestones: tuple[int, ...],
        quotas: Sequence[Quota],
        *,
        open_rungs: int,
        far: bool = False,
        ties: bool = False,
        leaders: int = 0,
    ) -> None:
        self.milestones = milestones
        self.open = open_rungs
        self._far = far
        self.rungs = [Rung(at_least_one(each) if far else each, ties=far or ties, leaders=leaders) for each in quotas]
        self.rungs.append(Rung(exactly(0), ties=False))
        self._next: dict[int, int] = {}
        self._target: dict[int, int] = {}  # of those on their way; a paused trial, of which there are many, has none
        self._last: dict[int, float] = {}  # likewise
        self._passed = NO_RUNGS
        self._coming = [0] * len(milestones)  # how many of those on their way will enter each rung next
        self._unstarted: int | None = None
        self._looked = False  # since anything changed

    def foresee(self, trials: int | None = None) -> None:
        """No more than so many trials will ever set out (None: than have by now), or fewer if that was said before."""
        unstarted = 0 if trials is None else max(0, trials - len(self._next))
        self._unstarted = unstarted if self._unstarted is None else min(unstarted, self._unstarted)
        self._looked = False

    def may_promote(self, trial: int) -> bool:
        """Whether a trial is on its way, or waits and can still be promoted; true of one that never set out.

        O(rungs + log n), amortised; the first time O(n log n).
        """
        ahead = self._next.get(trial)
        if ahead is None or trial in self._target:
            return True
        if self._unstarted is not None and not self._looked:
            self._look_ahead(self._unstarted)
        return 0 < ahead < len(self.rungs) and self.rungs[ahead - 1].may_promote(trial)

    def start(self, trial: int) -> int:
        """A trial sets out; the milestone it goes for."""
        self._next[trial] = 0
        self._target[trial] = target = self.open - 1 if self._far else 0
        self._coming[0] += 1
        if self._unstarted:
            self._unstarted -= 1
        return self.milestones[target]

    def passes(self, trial: int, resource: int) -> range:
        """The rungs, by index, that a trial would enter with a report: every one whose milestone it passes."""
        first = self._next.get(trial)
        if first is None:
            raise never_started(trial)
        last, milestones = first, self.milestones
        while last < len(milestones) and resource >= milestones[last]:
            last += 1
        return range(first, last)

    def report(self, trial: int, resource: int, value: float, ranked: Sequence[float] = ()) -> range:
        """The rungs, by index, that a report enters; there it ranks by its value, or by what is `ranked` for each."""
        rungs = self.passes(trial, resource)
        self._last[trial] = value
        if not rungs:
            return NO_RUNGS
        first, last = rungs.start, rungs.stop
        target = self._target.get(trial)
        if target is None:
            target = first  # it waits, and reports all the same
        else:
            self._coming[first] -= 1
        waits = last > target
        self._passed = range(first, min(last, target))
        for k, entry in zip(rungs, ranked or [value] * len(rungs), strict=True):
            self.rungs[k].enter(trial, entry, waits=waits and k == last - 1)
        self._next[trial] = last
        self._looked = False
        if waits:
            self._target.pop(trial, None)
            self._last.pop(trial, None)
        else:
            self._coming[last] += 1
        return rungs

    def admits(self, trial: int, value: float) -> bool:
        """Whether the last trial to enter rungs, with this value, was good enough to pass those short of its target."""
        return all(self.rungs[k].admits(trial, value) for k in self._passed)

    def withdraw(self, trial: int) -> None:
        """A trial that may wait somewhere can no longer be promoted."""
        if trial not in self._target:
            self.rungs[self._next[trial] - 1].withdraw(trial)
            self._looked = False

    def end(self, trial: int, reason: str) -> tuple[range, float]:
        """The rungs that a trial enters by ending, and its value there: a failure is last of all, an early end ranks by
        what it reported last.
        """
        rung = self._next.get(trial)
        if rung is None:
            return NO_RUNGS, inf
        self._looked = False
        last = self._last.pop(trial, inf)
        if self._target.pop(trial, None) is None:
            self.rungs[rung - 1].withdraw(trial)
            return NO_RUNGS, inf
        self._coming[rung] -= 1
        if reason not in ("failed", "completed"):
            return NO_RUNGS, inf
        value = inf if reason == "failed" else last
        self._next[trial] = rung + 1
        self.rungs[rung].enter(trial, value, waits=False)
        return range(rung, rung + 1), value

    def promote(self) -> tuple[int, int] | None:
        """The trial to promote and its next milestone, from the top open rung but one down."""
        rungs = self.rungs
        for k in range(self.open - 2, -1, -1):
            if rungs[k].changed and (found := rungs[k].promote()) is not None:
                trial, self._last[trial] = found
                self._target[trial] = target = self.open - 1 if self._far else k + 1
                self._coming[k + 1] += 1
                return trial, self.milestones[target]
        return None

    def _look_ahead(self, unstarted: int) -> None:
        """Tell every rung, from the bottom up, how many can yet enter it."""
        more = unstarted
        for rung, coming in zip(self.rungs, self._coming, strict=True):
            more += coming
            more += rung.foresee(more)
        self._looked = True
