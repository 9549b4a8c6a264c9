"""ASHA by stopping: no pauses; at every milestone a trial goes on or is stopped for good.

A trial goes on if fewer than max(1, quota) of the rung's entries, itself counted among the n, are strictly better at
that moment, and if it clears the rung's hurdle (see `rungwise.schedulers.hurdles`). It never needs a checkpoint, and
never regrets: a trial once stopped is gone.
"""

from math import isfinite

from rungwise.core.decisions import Request, StartTrial, StopTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.best import Best, Rule, at_least_one, quotas
from rungwise.schedulers.hurdles import Hurdle, leaders
from rungwise.schedulers.rungs import ladder
from rungwise.schedulers.starts import Starts, next_request


class StoppingASHA:
    """Asynchronous successive halving that stops instead of pausing. O(log trials) per report.

    Resources are whole units; `rule` and `hurdle` as in `ASHA`. Raises InputError for arguments out of range.
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
        self._milestones = ladder(min_resource, max_resource, eta)
        self._rungs = [Best(at_least_one(each)) for each in quotas(rule, eta, self._milestones)]
        count = leaders(hurdle)
        self._hurdles = [Hurdle(count) for _ in self._rungs]
        self._next: dict[int, int] = {}
        self._latest = -1
        self._starts = Starts(max_trials)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising."""
        return self._milestones

    def tell(self, event: Event) -> tuple[StopTrial, ...]:
        """Take in an event; a report at a milestone may stop its trial."""
        match event:
            case TrialReported():
                if not self._goes_on(event.trial, event.resource, event.value):
                    del self._next[event.trial]
                    return (StopTrial(event.trial),)
            case TrialEnded(_, trial, reason):
                rung = self._next.pop(trial, len(self._rungs))
                if reason == "failed" and rung < len(self._rungs):
                    self._rungs[rung].add(float("inf"))
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial goes on: until it has ended, for nothing but an interruption pauses it."""
        return trial in self._next or trial > self._latest

    def ask(self) -> Request | None:
        """The next new trial, while there may be one."""
        return next_request(self, self._starts)

    def promote(self) -> None:
        """Nobody pauses, so nobody is promoted."""

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the maximum resource."""
        self._next[trial] = 0
        self._latest = trial
        return StartTrial(trial, self._milestones[-1])

    def _goes_on(self, trial: int, resource: int, value: float) -> bool:
        rung = self._next.get(trial, len(self._rungs))
        passed = True
        while rung < len(self._rungs) and resource >= self._milestones[rung]:
            if isfinite(value):
                self._rungs[rung].add(value)
                self._hurdles[rung].enter(trial, value)
                passed &= value <= self._rungs[rung].threshold[0] and self._hurdles[rung].clears(trial, value)
            else:
                self._rungs[rung].add(float("inf"))
                passed = False
            rung += 1
            self._next[trial] = rung
        return passed
