"""PASHA by stopping: few pauses, on a ladder that grows only while the ranking still changes.

1. A trial sets out for the top open rung. At a milestone below it goes on, or is stopped for good, by the rule of
   `StoppingASHA`: it goes on if it is among the best max(1, quota) of the entries so far.
2. At the top open rung it pauses: the ladder may end there (see `rungwise.schedulers.stability.growth`).
3. When the ladder has grown, a free slot lets the best of those that pause go on to the new top, as many of a rung's
   entries as the same rule admits, from the highest rung downwards; then it starts new trials.
"""

from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.rungs import Ladder, Rule, ladder
from rungwise.schedulers.stability.growth import Growth
from rungwise.schedulers.starts import Starts, next_request


class StoppingPASHA:
    """Progressive successive halving that stops instead of pausing, but for the top open rung.

    Arguments and errors as in `PASHA`.
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        rule: Rule = "floor",
        ranking: Ranking | Auto | None = None,
        max_trials: int | None = None,
    ) -> None:
        milestones = ladder(min_resource, max_resource, eta)
        self._growth = Growth(milestones, ranking)
        self._ladder = Ladder(milestones, rule, eta, open_rungs=self._growth.open, far=True)
        self._starts = Starts(max_trials)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of all rungs, open or not, rising."""
        return self._ladder.milestones

    @property
    def cap(self) -> int:
        """The milestone of the top open rung, in resource units."""
        return self._growth.cap

    @property
    def epsilon(self) -> float:
        """The difference that passes as noise now, in units of the metric; 0 for a ranking function without one."""
        return self._growth.epsilon

    def tell(self, event: Event) -> tuple[StopTrial | OpenRung, ...]:
        """Take in an event; a report at a milestone may stop its trial, or open one more rung."""
        match event:
            case TrialReported():
                return self._reported(event.trial, event.resource, event.value)
            case TrialEnded(_, trial, reason):
                self._ladder.end(trial, reason)
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def ask(self) -> Request | None:
        """Let the best of those that pause go on where the ladder has grown, else start a trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The trial that goes on first, to the top open rung."""
        promotion = self._ladder.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the top open rung."""
        return StartTrial(trial, self._ladder.start(trial))

    def _reported(self, trial: int, resource: int, value: float) -> tuple[StopTrial | OpenRung, ...]:
        self._growth.report(trial, resource, value)
        rungs = self._ladder.report(trial, resource, value)
        if not rungs:
            return ()
        opened = self._growth.entered(trial, rungs, value)
        self._ladder.open = self._growth.open
        if self._ladder.admits(trial, rungs, value):
            return opened
        self._ladder.withdraw(trial)
        return (*opened, StopTrial(trial))
