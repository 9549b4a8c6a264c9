"""Who may still be started: one count for every scheduler that takes trials as they come."""

from typing import Protocol

from rungwise.core.checks import check_whole
from rungwise.core.decisions import PromoteTrial, Request, StartTrial


class Starts:
    """Numbers new trials 0, 1, … up to `max_trials` (None: no limit); raises InputError for a limit below 1."""

    def __init__(self, max_trials: int | None) -> None:
        self._limit = None if max_trials is None else check_whole("max_trials", max_trials, 1)
        self._count = 0

    def known(self, trial: int) -> bool:
        """Whether a trial was started."""
        return trial < self._count

    def close(self) -> None:
        """From now on nothing is started."""
        self._limit = self._count

    @property
    def over(self) -> bool:
        """Whether nothing more may be started."""
        return self._limit is not None and self._count >= self._limit

    def take(self) -> int | None:
        """The number of the next new trial, if there may be one."""
        if self.over:
            return None
        self._count += 1
        return self._count - 1

    def next(self, milestone: int) -> StartTrial | None:
        """The next new trial, towards a milestone, if there may be one."""
        trial = self.take()
        return None if trial is None else StartTrial(trial, milestone)


class Climb(Protocol):
    """A scheduler that takes trials as they come: what `next_request` needs of it, and a composition of brackets."""

    def promote(self) -> PromoteTrial | None:
        """The promotion that it admits first, if any."""
        ...

    def start(self, trial: int) -> StartTrial:
        """Take in a new trial."""
        ...


def next_request(climb: Climb, starts: Starts) -> Request | None:
    """Promote a trial if one may go on, else start one: the rule of every asynchronous scheduler."""
    promotion = climb.promote()
    if promotion is not None:
        return promotion
    trial = starts.take()
    return None if trial is None else climb.start(trial)
