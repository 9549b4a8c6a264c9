"""PASHA (Bohdal et al. 2023, algorithm 1): ASHA on a ladder that grows only while the ranking still changes.

1. Two rungs are open at first; jobs run to the top open rung at most.
2. Whenever a job completes in the top open rung, the rankings of the top two are compared over the trials that both
   hold, two at least. If they differ, one more rung opens.
3. At the maximum resource nothing is checked any more: from there on PASHA is ASHA. With one rung nothing is promoted;
   with two it is ASHA from the start.
4. A trial whose value in either rung is NaN or infinite is left out of the comparison.
"""

from math import isfinite

from rungwise.core.decisions import OpenRung, Request
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.agreement import Pair
from rungwise.schedulers.asha import next_request
from rungwise.schedulers.noise import Noise
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.rungs import Ladder, Rule, ladder
from rungwise.schedulers.starts import Starts


class PASHA:
    """Progressive asynchronous successive halving.

    Resources are whole units; `rule` as in `ASHA`; `ranking` is one of `rungwise.schedulers.ranking`, or your own.
    Raises InputError for arguments out of range.
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
        if not (ranking is None or isinstance(ranking, Auto | Ranking)) or isinstance(ranking, type):
            raise InputError(f"ranking is {ranking!r}, but must be one of rungwise.schedulers.ranking, such as Auto()")
        self._ladder = Ladder(milestones, rule, eta, open_rungs=min(2, len(milestones)))
        self._starts = Starts(max_trials)
        self._ranking = Auto() if ranking is None else ranking
        self._noise = Noise(self._ranking.percentile, *self._window()) if isinstance(self._ranking, Auto) else None
        self._values: list[dict[int, float]] = [{} for _ in milestones]
        self._pair = Pair()

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of all rungs, open or not, rising."""
        return self._ladder.milestones

    @property
    def cap(self) -> int:
        """The milestone of the top open rung, in resource units."""
        return self._ladder.milestones[self._ladder.open - 1]

    @property
    def epsilon(self) -> float:
        """The difference that passes as noise now, in units of the metric; 0 for a ranking function without one."""
        if self._noise is not None:
            return self._noise.epsilon
        epsilon = self._pair.tolerance(self._ranking)
        return 0.0 if epsilon is None else epsilon

    def tell(self, event: Event) -> tuple[OpenRung, ...]:
        """Take in an event; a job that completes in the top open rung may open one more."""
        match event:
            case TrialReported():
                trial, resource, value = event.trial, event.resource, event.value
                if self._noise is not None:
                    self._noise.report(trial, resource, value)
                rungs = self._ladder.report(trial, resource, value)
                return self._entered(trial, rungs, value) if rungs else ()
            case TrialEnded(_, trial, reason):
                self._ladder.end(trial, reason)
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def ask(self) -> Request | None:
        """A promotion within the open rungs if the rule admits one, else a new trial, else None."""
        return next_request(self._ladder, self._starts)

    def _window(self) -> tuple[int, int]:
        rungs = self._ladder
        return (rungs.milestones[rungs.open - 2] if rungs.open > 1 else 0), rungs.milestones[rungs.open - 1]

    def _entered(self, trial: int, rungs: range, value: float) -> tuple[OpenRung, ...]:
        for rung in rungs:
            self._values[rung][trial] = value
        top = self._ladder.open - 1
        if top not in rungs or top == 0 or self.cap == self.milestones[-1]:
            return ()
        self._compare(trial)
        disagreement = self._pair.disagreement(self._ranking, self._noise.epsilon if self._noise else None)
        if disagreement is None:
            return ()
        self._ladder.open += 1
        if self._noise is not None:
            self._noise.move(*self._window())
        self._pair = Pair()
        for climbed in self._values[top + 1]:
            self._compare(climbed)
        return (OpenRung(self.cap, disagreement),)

    def _compare(self, trial: int) -> None:
        top = self._ladder.open - 1
        lower, upper = self._values[top - 1][trial], self._values[top][trial]
        if isfinite(lower) and isfinite(upper):
            self._pair.insert(trial, lower, upper)
