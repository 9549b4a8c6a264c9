"""Hyperband (Li et al. 2018): brackets of successive halving, from many short trials to a few long ones.

1. S = rungs - 1; bracket s = S, …, 0 starts ⌈(S+1) / (s+1) · eta^s⌉ trials at rung S - s, in whole numbers.
2. Brackets are begun one after another; while a rung of the first is waited for, a free slot works on the next.
3. One round of all brackets, unless `rounds` says otherwise.
"""

from collections.abc import Iterator

from rungwise.core.checks import check_whole
from rungwise.core.decisions import Request
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.brackets import Bracket, halving_sizes
from rungwise.schedulers.rungs import ladder, never_started
from rungwise.schedulers.starts import Starts


def hyperband_brackets(milestones: tuple[int, ...], eta: int) -> list[tuple[int, tuple[int, ...]]]:
    """The first rung and the rung sizes of every bracket, the largest first.

    >>> [(rung, sizes[0]) for rung, sizes in hyperband_brackets((1, 3, 9, 27, 81), 3)]
    [(0, 81), (1, 34), (2, 15), (3, 8), (4, 5)]
    """
    rungs = len(milestones)
    brackets = []
    for s in range(rungs - 1, -1, -1):
        trials = -(-rungs * eta**s // (s + 1))
        brackets.append((rungs - 1 - s, halving_sizes(trials, s + 1, eta)))
    return brackets


class Hyperband:
    """Synchronous Hyperband. Resources are whole units; raises InputError for arguments out of range."""

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        max_trials: int | None = None,
        rounds: int = 1,
    ) -> None:
        self._milestones = ladder(min_resource, max_resource, eta)
        self._starts = Starts(max_trials)
        self._planned = self._plan(eta, check_whole("rounds", rounds, 1))
        self._begun: list[Bracket] = []
        self._home: dict[int, Bracket] = {}

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising; brackets begin at one of them."""
        return self._milestones

    def tell(self, event: Event) -> tuple[()]:
        """Take in an event; a rung that it completes promotes when asked."""
        match event:
            case TrialReported():
                home = self._home.get(event.trial)
                if home is None:
                    raise never_started(event.trial)
                home.report(event.trial, event.resource, event.value)
            case TrialEnded(_, trial, reason):
                self._home[trial].end(trial, reason)
            case Draining():
                self._close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted: it ranks among the best that its rung has places for above."""
        home = self._home.get(trial)
        return home is None or home.may_promote(trial)

    def ask(self) -> Request | None:
        """A promotion or a start in the earliest bracket that has one, else a start in the next."""
        for bracket in self._begun:
            request = bracket.promote() or self._start(bracket)
            if request is not None:
                return request
        self._begun = [bracket for bracket in self._begun if not bracket.over]
        for bracket in self._planned:
            self._begun.append(bracket)
            return self._start(bracket)
        return None

    def _start(self, bracket: Bracket) -> Request | None:
        if not bracket.starts_left:
            return None
        start = self._starts.next(bracket.milestones[0])
        if start is None:
            self._close()
            return bracket.promote()
        bracket.start(start.trial)
        self._home[start.trial] = bracket
        return start

    def _close(self) -> None:
        self._starts.close()
        self._planned = iter(())
        for bracket in self._begun:
            bracket.close()

    def _plan(self, eta: int, rounds: int) -> Iterator[Bracket]:
        for _ in range(rounds):
            for rung, sizes in hyperband_brackets(self._milestones, eta):
                yield Bracket(self._milestones[rung:], sizes)
