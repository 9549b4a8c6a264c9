"""Successive Halving (Jamieson & Talwalkar 2016), synchronous: rung i holds the best ⌊n / eta^i⌋ of one bracket."""

from rungwise.core.checks import check_whole
from rungwise.core.decisions import Request
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.brackets import Bracket, halving_sizes
from rungwise.schedulers.rungs import ladder
from rungwise.schedulers.starts import Starts


class SuccessiveHalving:
    """One bracket of `trials`; a free slot waits where a rung is not complete.

    Resources are whole units. With fewer trials than the ladder has steps for, the top rungs stay empty. Raises
    InputError for arguments out of range.
    """

    def __init__(
        self,
        trials: int,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        max_trials: int | None = None,
    ) -> None:
        self._milestones = ladder(min_resource, max_resource, eta)
        sizes = halving_sizes(check_whole("trials", trials, 1), len(self._milestones), eta)
        self._bracket = Bracket(self._milestones, sizes)
        self._starts = Starts(trials if max_trials is None else min(trials, check_whole("max_trials", max_trials, 1)))

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising."""
        return self._milestones

    def tell(self, event: Event) -> tuple[()]:
        """Take in an event; a rung that it completes promotes when asked."""
        match event:
            case TrialReported():
                self._bracket.report(event.trial, event.resource, event.value)
            case TrialEnded(_, trial, reason):
                self._bracket.end(trial, reason)
            case Draining():
                self._starts.close()
                self._bracket.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted: it ranks among the best that its rung has places for above."""
        return not self._starts.known(trial) or self._bracket.may_promote(trial)

    def ask(self) -> Request | None:
        """A promotion, a start, or None while a rung is waited for."""
        promotion = self._bracket.promote()
        if promotion is not None:
            return promotion
        start = self._starts.next(self._milestones[0])
        if start is None:
            self._bracket.close()
            return self._bracket.promote()
        self._bracket.start(start.trial)
        return start
