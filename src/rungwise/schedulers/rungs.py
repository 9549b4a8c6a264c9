"""Rungs: the ladder's resources, and the best of each rung kept sorted.

1. Milestones rise by integer recurrence: r, r·eta, … below R, then R. Never a logarithm of floats.
2. Entries rank by value, the earlier arrival first if tied; NaN, infinities and failures come last, count, and are
   never promoted.
3. A rule says how many of a rung's n entries may go on: `floor` the best n // eta (Li et al. 2020, algorithm 2);
   `quantile` those with a value at or below the linear quantile at r_k / r_(k+1), of two entries at least (what the
   PASHA experiments ran). In exact arithmetic that quantile admits the best (n-1)·r_k // r_(k+1) + 1, and their ties.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush, heappushpop
from math import inf, isfinite
from typing import Literal, assert_never

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError

Rule = Literal["floor", "quantile"]
Quota = Callable[[int], int]
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


def check_rule(rule: object) -> None:
    """Raise InputError for an unknown rule, even where a ladder of one rung has no use for it."""
    if rule not in ("floor", "quantile"):
        raise InputError(f"rule is {rule!r}, but must be 'floor' or 'quantile' (see rungwise.schedulers.ASHA)")


def never_started(trial: int) -> InputError:
    """What a scheduler says of a report by a trial that it does not know."""
    return InputError(f"trial {trial} reported, but was never started: tell a scheduler only of trials it asked for")


def quota(rule: Rule, eta: int, milestones: Sequence[int], rung: int) -> Quota:
    """How many of a rung's n best entries may go on to the next."""
    match rule:
        case "floor":
            return lambda n: n // eta
        case "quantile":
            low, high = milestones[rung], milestones[rung + 1]
            return lambda n: (n - 1) * low // high + 1 if n > 1 else 0
        case _:
            assert_never(rule)


def at_least_one(admitted: Quota) -> Quota:
    """The same quota, but one where it would be none: who stops trials must let the first of a rung pass."""
    return lambda n: max(1, admitted(n))


class Best:
    """The best `quota(n)` of n entries, in two heaps: O(log n) to add, O(1) to ask. The quota never falls."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._inside: list[tuple[float, int]] = []  # keys negated: the worst of the best on top
        self._outside: list[tuple[float, int]] = []
        self.size = 0

    def add(self, value: float) -> int:
        """Take an entry in; its arrival number."""
        arrival = self.size
        self.size += 1
        inside, outside = self._inside, self._outside
        if inside and -value > inside[0][0]:  # strictly better than the worst inside; a tie came later
            value_out, arrival_out = heappushpop(inside, (-value, -arrival))
            heappush(outside, (-value_out, -arrival_out))
        else:
            heappush(outside, (value, arrival))
        if len(inside) < self._quota(self.size):
            value_in, arrival_in = heappop(outside)
            heappush(inside, (-value_in, -arrival_in))
        return arrival

    @property
    def threshold(self) -> tuple[float, int]:
        """Value and arrival of the worst entry among the best; (-inf, -1) where none is."""
        if not self._inside:
            return (-inf, -1)
        value, arrival = self._inside[0]
        return (-value, -arrival)


class Rung:
    """A rung that trials pause on: who is there, and who may be promoted next."""

    def __init__(self, quota: Quota, *, ties: bool) -> None:
        self._best = Best(quota)
        self._ties = ties
        self._waiting: list[tuple[float, int, int]] = []
        self._withdrawn: set[int] = set()
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
        if waits:
            heappush(self._waiting, (value, arrival, trial))

    def withdraw(self, trial: int) -> None:
        """A trial that waits here can no longer be promoted: the next best may be."""
        self._withdrawn.add(trial)
        self.changed = True

    def admits(self, value: float) -> bool:
        """Whether a value that stands here is among the best, or tied with one that is."""
        return isfinite(value) and value <= self._best.threshold[0]

    def promote(self) -> tuple[int, float] | None:
        """Take out the best trial not yet promoted, with its value, if the rule lets it go on."""
        waiting = self._waiting
        if self._withdrawn:
            while waiting and waiting[0][2] in self._withdrawn:
                self._withdrawn.discard(heappop(waiting)[2])
        self.changed = False
        if not waiting:
            return None
        value, arrival, trial = waiting[0]
        worst, last = self._best.threshold
        if value > worst or (value == worst and arrival > last and not self._ties):
            return None
        self.changed = True
        heappop(waiting)
        return trial, value


class Ladder:
    """All rungs of one bracket, and how far each trial has climbed. `open` rungs are in use, from the bottom.

    A trial is on its way to one rung (`start`, `promote`), where it will pause; the others it passes. With `far` that
    is the top open rung, else the next.
    """

    def __init__(
        self, milestones: tuple[int, ...], rule: Rule, eta: int, *, open_rungs: int, far: bool = False
    ) -> None:
        check_rule(rule)
        top = len(milestones) - 1
        self.milestones = milestones
        self.open = open_rungs
        self._far = far
        quotas = [quota(rule, eta, milestones, k) for k in range(top)]
        self.rungs = [Rung(at_least_one(each) if far else each, ties=far or rule == "quantile") for each in quotas]
        self.rungs.append(Rung(lambda _: 0, ties=False))
        self._next: dict[int, int] = {}
        self._target: dict[int, int] = {}  # of those on their way; a paused trial, of which there are many, has none
        self._last: dict[int, float] = {}  # likewise
        self._passed = NO_RUNGS

    def start(self, trial: int) -> int:
        """A trial sets out; the milestone it goes for."""
        self._next[trial] = 0
        self._target[trial] = target = self.open - 1 if self._far else 0
        return self.milestones[target]

    def report(self, trial: int, resource: int, value: float) -> range:
        """The rungs, by index, that a report enters: every one whose milestone it passes gets its value."""
        first = self._next.get(trial)
        if first is None:
            raise never_started(trial)
        last, milestones = first, self.milestones
        while last < len(milestones) and resource >= milestones[last]:
            last += 1
        self._last[trial] = value
        if last == first:
            return NO_RUNGS
        target = self._target.get(trial, first)
        waits = last > target
        self._passed = range(first, min(last, target))
        for k in range(first, last):
            self.rungs[k].enter(trial, value, waits=waits and k == last - 1)
        self._next[trial] = last
        if waits:
            self._target.pop(trial, None)
            self._last.pop(trial, None)
        return range(first, last)

    def admits(self, value: float) -> bool:
        """Whether the last trial to enter rungs, with this value, was good enough to pass those short of its target."""
        return all(self.rungs[k].admits(value) for k in self._passed)

    def withdraw(self, trial: int) -> None:
        """A trial that may wait somewhere can no longer be promoted."""
        if trial not in self._target:
            self.rungs[self._next[trial] - 1].withdraw(trial)

    def end(self, trial: int, reason: str) -> range:
        """The rungs that a trial enters by ending: a failure last of all, an early end with its last value."""
        rung = self._next.get(trial)
        if rung is None:
            return range(0)
        last = self._last.pop(trial, inf)
        if self._target.pop(trial, None) is None:
            self.rungs[rung - 1].withdraw(trial)
        elif reason in ("failed", "completed"):
            self._next[trial] = rung + 1
            self.rungs[rung].enter(trial, inf if reason == "failed" else last, waits=False)
            return range(rung, rung + 1)
        return range(0)

    def promote(self) -> tuple[int, int] | None:
        """The trial to promote and its next milestone, from the top open rung but one down."""
        rungs = self.rungs
        for k in range(self.open - 2, -1, -1):
            if rungs[k].changed and (found := rungs[k].promote()) is not None:
                trial, self._last[trial] = found
                self._target[trial] = target = self.open - 1 if self._far else k + 1
                return trial, self.milestones[target]
        return None
