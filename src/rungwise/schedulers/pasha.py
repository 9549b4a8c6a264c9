"""PASHA (Bohdal et al. 2023, algorithm 1): ASHA on a ladder that grows only while the ranking still changes.

1. Two rungs are open at first (see `rungwise.schedulers.stability`); jobs run to the top open rung at most.
2. At the maximum resource nothing is checked any more: from there on PASHA is ASHA. With one rung nothing is promoted;
   with two it is ASHA from the start.
3. By stopping, a trial sets out for the top open rung. At a milestone below it goes on, or is stopped for good, by the
   rule of `StoppingASHA`: it goes on if it is among the best max(1, quota) of the entries so far. At the top open rung
   it pauses: the ladder may end there. When the ladder has grown, a free slot lets the best of those that pause go on
   to the new top, as many of a rung's entries as the same rule admits, from the highest rung downwards.
"""

from typing import Literal

from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.best import Rule, quotas
from rungwise.schedulers.hurdles import leaders
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.rungs import Ladder, ladder
from rungwise.schedulers.stability.growth import Growth
from rungwise.schedulers.starts import Starts, next_request

By = Literal["promotion", "stopping"]


class PASHA:
    """Progressive asynchronous successive halving.

    Resources are whole units; `rule` and `hurdle` as in `ASHA`; `ranking` is one of `rungwise.schedulers.ranking`, or
    your own.
    `by="stopping"` pauses at the top open rung only, and stops trials below it.
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
        *,
        by: By = "promotion",
        hurdle: int | None = None,
    ) -> None:
        if by not in ("promotion", "stopping"):
            raise InputError(f"by is {by!r}, but must be 'promotion' or 'stopping' (see rungwise.schedulers.PASHA)")
        self.by = by
        milestones = ladder(min_resource, max_resource, eta)
        self._growth = Growth(milestones, ranking)
        self._ladder = Ladder(
            milestones,
            quotas(rule, eta, milestones),
            open_rungs=self._growth.open,
            far=by == "stopping",
            ties=rule == "quantile",
            leaders=leaders(hurdle),
        )
        self._starts = Starts(max_trials)
        if max_trials is not None:
            self.expect(max_trials)

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
        """Take in an event; a report at a milestone may open one more rung, and by stopping end its trial."""
        match event:
            case TrialReported():
                trial, resource, value = event.trial, event.resource, event.value
                self._growth.report(trial, resource, value)
                rungs = self._ladder.report(trial, resource, value)
                return self._entered(trial, rungs, value) if rungs else ()
            case TrialEnded(_, trial, reason):
                self._ladder.end(trial, reason)
            case Draining():
                self._starts.close()
                self._ladder.foresee()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def expect(self, trials: int) -> None:
        """No more than so many trials will ever be started: fewer checkpoints may be needed than if nobody knew."""
        self._ladder.foresee(trials)

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted: always, where it waits and nobody knows how many may start."""
        return self._ladder.may_promote(trial)

    def ask(self) -> Request | None:
        """A promotion within the open rungs if the rule admits one, else a new trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion that the rule admits first, from the top open rung but one downwards."""
        promotion = self._ladder.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out: for the lowest milestone, by stopping for the top open one."""
        return StartTrial(trial, self._ladder.start(trial))

    def _entered(self, trial: int, rungs: range, value: float) -> tuple[StopTrial | OpenRung, ...]:
        opened = self._growth.entered(trial, rungs, value)
        self._ladder.open = self._growth.open
        if self._ladder.admits(trial, value):
            return opened
        self._ladder.withdraw(trial)
        return (*opened, StopTrial(trial))
