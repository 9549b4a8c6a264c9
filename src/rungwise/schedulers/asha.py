"""ASHA by promotion (Li et al. 2020, algorithm 2): pause at every rung, promote the best, never wait for the rest.

1. A trial is started towards the lowest milestone, and pauses there.
2. A free slot promotes the best trial that its rung's rule admits, looking from the top rung but one downwards.
3. If there is none, it starts a new trial.
"""

from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.best import Rule, quotas
from rungwise.schedulers.hurdles import leaders
from rungwise.schedulers.rungs import Ladder, ladder
from rungwise.schedulers.starts import Starts, next_request


class ASHA:
    """Asynchronous successive halving with pauses and promotions. O(log trials) per report.

    Resources are whole units. `rule` is "floor" (the ASHA paper) or "quantile" (the PASHA experiments); see
    `rungwise.schedulers.rungs`. The first `hurdle` trials set the bar for all others (None: nobody does); see
    `rungwise.schedulers.hurdles`. Raises InputError for arguments out of range.

    >>> asha = ASHA(min_resource=1, max_resource=9, eta=3)
    >>> asha.ask()
    StartTrial(trial=0, milestone=1, parent=None)
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        rule: Rule = "floor",
        max_trials: int | None = None,
        *,
        hurdle: int | None = None,
    ) -> None:
        milestones = ladder(min_resource, max_resource, eta)
        self._ladder = Ladder(
            milestones,
            quotas(rule, eta, milestones),
            open_rungs=len(milestones),
            ties=rule == "quantile",
            leaders=leaders(hurdle),
        )
        self._starts = Starts(max_trials)
        if max_trials is not None:
            self.expect(max_trials)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising."""
        return self._ladder.milestones

    def tell(self, event: Event) -> tuple[()]:
        """Take in an event; ASHA by promotion decides only when asked."""
        match event:
            case TrialReported():
                self._ladder.report(event.trial, event.resource, event.value)
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
        """A promotion if the rule admits one, else a new trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion that the rule admits first, from the top rung but one downwards."""
        promotion = self._ladder.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the lowest milestone."""
        return StartTrial(trial, self._ladder.start(trial))
