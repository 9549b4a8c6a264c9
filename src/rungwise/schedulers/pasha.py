"""PASHA (Bohdal et al. 2023, algorithm 1): ASHA on a ladder that grows only while the ranking still changes.

1. Two rungs are open at first (see `rungwise.schedulers.stability.growth`); jobs run to the top open rung at most.
2. At the maximum resource nothing is checked any more: from there on PASHA is ASHA. With one rung nothing is promoted;
   with two it is ASHA from the start.
"""

from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.rungs import Ladder, Rule, ladder
from rungwise.schedulers.stability.growth import Growth
from rungwise.schedulers.starts import Starts, next_request


class PASHA:
    """Progressive asynchronous successive halving.

    Resources are whole units; `rule` as in `ASHA`; `ranking` is one of `rungwise.schedulers.ranking`, or your own.
    Raises InputError for arguments out of range, and later for a ranking function that raises.
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
        self._ladder = Ladder(milestones, rule, eta, open_rungs=self._growth.open)
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

    def tell(self, event: Event) -> tuple[OpenRung, ...]:
        """Take in an event; a job that completes in the top open rung may open one more."""
        match event:
            case TrialReported():
                trial, resource, value = event.trial, event.resource, event.value
                self._growth.report(trial, resource, value)
                rungs = self._ladder.report(trial, resource, value)
                if rungs:
                    opened = self._growth.entered(trial, rungs, value)
                    self._ladder.open = self._growth.open
                    return opened
            case TrialEnded(_, trial, reason):
                self._ladder.end(trial, reason)
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def ask(self) -> Request | None:
        """A promotion within the open rungs if the rule admits one, else a new trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion that the rule admits first, from the top open rung but one downwards."""
        promotion = self._ladder.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the lowest milestone."""
        return StartTrial(trial, self._ladder.start(trial))
