"""The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2): no pauses, no promotions.

1. A report at resource s, from `min_resource` on, stops its trial if the trial's best value so far is strictly worse
   than the median of the averages of those that reported at s before it: each one's mean over its reports up to s.
2. That takes `min_trials` of them. At `max_resource` nothing is decided. The median of an even number is the mean of
   the middle two.
3. NaN and infinities are never a best value; they make all further averages of their trial infinite, and the report
   that holds one stops its trial, however few the others are.
4. A failed trial counts once more: infinitely bad, at the next resource at which others report.
"""

from bisect import bisect_right, insort
from dataclasses import dataclass
from math import inf, isfinite

from rungwise.core.checks import check_whole
from rungwise.core.decisions import StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.middle import Median
from rungwise.schedulers.rungs import ladder
from rungwise.schedulers.starts import Starts


@dataclass(slots=True)
class _Course:
    """What a running trial has reported so far."""

    last: int = 0
    count: int = 0
    total: float = 0.0
    best: float = inf
    worst: float = -inf

    def add(self, resource: int, value: float) -> None:
        self.last = resource
        self.count += 1
        if isfinite(value):
            self.total += value
            self.best = min(self.best, value)
            self.worst = max(self.worst, value)
        else:
            self.worst = inf

    @property
    def average(self) -> float:
        """Kept between best and worst, so that rounding makes no curve of equal values worse than another."""
        return inf if self.worst == inf else min(max(self.total / self.count, self.best), self.worst)


class MedianStopping:
    """Stops trials that are worse than the median of the others. O(log trials) per report.

    Resources are whole units. Raises InputError for arguments out of range.
    """

    def __init__(
        self, max_resource: int, min_resource: int = 1, min_trials: int = 5, max_trials: int | None = None
    ) -> None:
        resources = ladder(min_resource, max_resource, 2)  # whole numbers, the first not above the last
        self._low, self._high = resources[0], resources[-1]
        self._min_trials = check_whole("min_trials", min_trials, 1)
        self._starts = Starts(max_trials)
        self._courses: dict[int, _Course] = {}
        self._averages: dict[int, Median] = {}
        self._resources: list[int] = []  # those of the averages, rising
        self._overdue = 0  # failures beyond all of them

    @property
    def milestones(self) -> tuple[int, ...]:
        """The full resource alone: a trial runs to it unless it is stopped."""
        return (self._high,)

    def tell(self, event: Event) -> tuple[StopTrial, ...]:
        """Take in an event; a report may stop its trial. Raises InputError for one of a trial that does not run."""
        match event:
            case TrialReported(_, trial, resource, value):
                if self._stops(trial, resource, float(value)):
                    del self._courses[trial]
                    return (StopTrial(trial),)
            case TrialEnded(_, trial, reason):
                course = self._courses.pop(trial, None)
                if course is not None and reason == "failed":
                    self._count_failure(course.last)
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial goes on: until it has ended, for nothing but an interruption pauses it."""
        return trial in self._courses or not self._starts.known(trial)

    def ask(self) -> StartTrial | None:
        """The next new trial, while there may be one."""
        start = self._starts.next(self._high)
        if start is not None:
            self._courses[start.trial] = _Course()
        return start

    def _stops(self, trial: int, resource: int, value: float) -> bool:
        course = self._courses.get(trial)
        if course is None:
            raise InputError(f"trial {trial} reported, but does not run: tell a scheduler only of trials it asked for")
        course.add(resource, value)
        if not self._low <= resource < self._high:
            return False
        others = self._averages[resource] if resource in self._averages else self._opened(resource)
        worse = len(others) >= self._min_trials and course.best > others.value
        others.add(course.average)
        return worse or not isfinite(value)

    def _opened(self, resource: int) -> Median:
        """Nobody has reported here before. Failures that were waiting for somebody to come further count here."""
        insort(self._resources, resource)
        median = self._averages[resource] = Median()
        if resource == self._resources[-1]:
            for _ in range(self._overdue):
                median.add(inf)
            self._overdue = 0
        return median

    def _count_failure(self, last: int) -> None:
        following = bisect_right(self._resources, last)
        if following < len(self._resources):
            self._averages[self._resources[following]].add(inf)
        elif last < self._high:
            self._overdue += 1
