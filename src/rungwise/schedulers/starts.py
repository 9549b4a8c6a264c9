"""Who may still be started: one count for every scheduler that takes trials as they come."""

from rungwise.core.checks import check_whole
from rungwise.core.decisions import StartTrial


class Starts:
    """Numbers new trials 0, 1, … up to `max_trials` (None: no limit); raises InputError for a limit below 1."""

    def __init__(self, max_trials: int | None) -> None:
        self._limit = None if max_trials is None else check_whole("max_trials", max_trials, 1)
        self._count = 0

    def close(self) -> None:
        """From now on nothing is started."""
        self._limit = self._count

    def next(self, milestone: int) -> StartTrial | None:
        """The next new trial, if there may be one."""
        if self._limit is not None and self._count >= self._limit:
            return None
        trial = self._count
        self._count += 1
        return StartTrial(trial, milestone)
