"""Taper, a scheduler of our own: a ladder of small steps that narrows steeply, and no wrong promotions.

1. The milestones are r · step^j, rounded to whole units (a half to the even one), strictly rising, below R; then R.
2. Of n configurations the best ⌊n · (L / r)^-gamma⌋ may enter the rung at L units. A rung for which that is fewer than
   `survivors` is not run, nor any above it: the experiment ends below.
3. Trials rank by their score on entering a rung (see `rungwise.schedulers.gains`). NaN, infinities and whoever ends
   short of a rung stand last in it, count, and are never promoted; tied trials rank by arrival.
4. Where n is known, all n are started before anything is promoted, and only who is certain to be among the best goes on
   (see `rungwise.schedulers.certain`). A slot for which nothing is certain waits. Where fewer could be started, n is
   how many were.
5. Where n is not known, n is how many have entered the lowest rung, and nobody waits: a free slot promotes the best
   that its rung's quota admits now, from the top downwards, else starts a trial, as ASHA does.

The winner is the best value over all reports. See docs/explanation/schedulers.md for what was measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

from rungwise.core.checks import check_number, check_whole
from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, EndReason, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.best import exactly
from rungwise.schedulers.certain import Certain
from rungwise.schedulers.gains import Gains
from rungwise.schedulers.rungs import Ladder
from rungwise.schedulers.starts import Starts, next_request

LEAST_STEP = 1.05
"""A smaller step rounds to every unit there is, and takes ever longer to find that out."""


def fine_ladder(min_resource: int, max_resource: int, step: float) -> tuple[int, ...]:
    """The milestones of rule 1, in whole units.

    Raises InputError where a resource is not a whole positive number, the minimum is above the maximum, or the step is
    not a number of `LEAST_STEP` or more.

    >>> fine_ladder(1, 51, 1.5)
    (1, 2, 3, 5, 8, 11, 17, 26, 38, 51)
    """
    low, high = check_whole("min_resource", min_resource, 1), check_whole("max_resource", max_resource, 1)
    step = check_number("step", step, LEAST_STEP)
    if low > high:
        raise InputError(f"min_resource is {low}, above max_resource {high}: the ladder must rise")
    milestones, power, level = [low], 1, round(low * step)
    while level < high:
        if level > milestones[-1]:
            milestones.append(level)
        power += 1
        level = round(low * step**power)
    return (*milestones, high) if milestones[-1] < high else tuple(milestones)


@dataclass(frozen=True, slots=True)
class Shares:
    """Rule 2: what share of all trials may leave each rung but the top one.

    >>> Shares.of((1, 2, 3, 5, 8, 11, 17, 26, 38, 51), 1.45, 2).quotas(256)
    (93, 52, 24, 12, 7, 4, 2, 0, 0)
    """

    shares: tuple[float, ...]
    survivors: int

    @classmethod
    def of(cls, milestones: tuple[int, ...], gamma: float, survivors: int) -> "Shares":
        """Of a ladder; the arguments are those of `Taper`."""
        return cls(tuple((level / milestones[0]) ** -gamma for level in milestones[1:]), survivors)

    def quotas(self, trials: int) -> tuple[int, ...]:
        """How many of so many trials."""
        most = [int(trials * share) for share in self.shares]
        return tuple([quota if quota >= self.survivors else 0 for quota in most])


class _Way(Protocol):
    """How promotions are found: a `Certain` bracket, or in `Passing`."""

    def start(self, trial: int) -> int: ...
    def report(self, trial: int, resource: int, value: float) -> None: ...
    def end(self, trial: int, reason: EndReason) -> None: ...
    def close(self) -> None: ...
    def promote(self) -> tuple[int, int] | None: ...
    def may_promote(self, trial: int) -> bool: ...


class Passing:
    """Promotions while nobody knows how many trials there will be: rule 5. A report enters all rungs that it passes."""

    def __init__(self, milestones: tuple[int, ...], shares: Shares, score: Callable[[int], float]) -> None:
        self._shares = shares
        self._score = score
        self._admitted = shares.quotas(0)
        self._ladder = Ladder(milestones, [exactly(0)] * (len(milestones) - 1), open_rungs=len(milestones))

    def start(self, trial: int) -> int:
        """A trial sets out; its milestone."""
        return self._ladder.start(trial)

    def report(self, trial: int, resource: int, value: float) -> None:
        """A trial reported; raises InputError for one that was never started."""
        passed = self._ladder.passes(trial, resource)
        if passed:
            ranked = [self._score(trial) if isfinite(value) else inf for _ in passed]
            self._ladder.report(trial, resource, value, ranked)
        if 0 in passed:
            self._admit()

    def end(self, trial: int, reason: EndReason) -> None:
        """A trial is over, and promoted no more."""
        rungs, _ = self._ladder.end(trial, reason if reason == "lost" else "failed")
        if 0 in rungs:
            self._admit()

    def close(self) -> None:
        """Nothing more is started, and nothing follows from it."""

    def promote(self) -> tuple[int, int] | None:
        """The trial to promote and its next milestone, from the top rung but one down."""
        return self._ladder.promote()

    def may_promote(self, trial: int) -> bool:
        """Whether a trial is on its way, or waits: nobody knows how many may still go on."""
        return self._ladder.may_promote(trial)

    def _admit(self) -> None:
        """One more has entered the lowest rung: in some rungs, one more may go on."""
        former, self._admitted = self._admitted, self._shares.quotas(self._ladder.rungs[0].size)
        for rung, before, now in zip(self._ladder.rungs, former, self._admitted, strict=False):
            if now != before:
                rung.admit(exactly(now))


class Taper:
    """A steep ladder of small steps. O(log trials) per report, O(rungs) per request.

    Resources are whole units; `max_trials` is n (None: not known), which `trials` tells. A lower `gamma` promotes more;
    `step` is the ratio of neighbouring milestones. Raises InputError for arguments out of range.

    >>> taper = Taper(min_resource=1, max_resource=27, max_trials=40)
    >>> taper.milestones, taper.ask()
    ((1, 2, 3, 5, 8, 11, 17, 26, 27), StartTrial(trial=0, milestone=1, parent=None))
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        max_trials: int | None = None,
        *,
        gamma: float = 1.45,
        step: float = 1.5,
        survivors: int = 2,
    ) -> None:
        self._milestones = milestones = fine_ladder(min_resource, max_resource, step)
        shares = Shares.of(
            milestones, check_number("gamma", gamma, 0, above=True), check_whole("survivors", survivors, 1)
        )
        self.trials = None if max_trials is None else check_whole("max_trials", max_trials, 1)
        self._starts = Starts(self.trials)
        self._gains = Gains()
        self._way: _Way = (
            Passing(milestones, shares, self._gains.enter)
            if self.trials is None
            else Certain(self.trials, milestones, shares.quotas, self._gains.enter)
        )

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising; those that are too few survivors for stay empty."""
        return self._milestones

    def tell(self, event: Event) -> tuple[()]:
        """Take in an event; Taper decides only when asked."""
        match event:
            case TrialReported():
                self._gains.report(event.trial, event.value)
                self._way.report(event.trial, event.resource, event.value)
            case TrialEnded(_, trial, reason):
                self._way.end(trial, reason)
                self._gains.forget(trial)
            case Draining():
                self._starts.close()
                self._way.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted: always, where it waits and nobody knows how many may start."""
        return self._way.may_promote(trial)

    def ask(self) -> Request | None:
        """Where the number of trials is known: a start, then what is certain to go on, else None, even while others
        run. Where it is not: a promotion if one is admitted, else a start.
        """
        if self.trials is not None and (trial := self._starts.take()) is not None:
            return self.start(trial)
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion that the rules admit first."""
        promotion = self._way.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the lowest milestone."""
        return StartTrial(trial, self._way.start(trial))
