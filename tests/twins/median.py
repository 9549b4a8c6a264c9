"""The median stopping rule on the list of all reports, in order of arrival."""

from math import inf, isfinite
from statistics import median

from twins.schedulers import EndReason


class SlowMedian:
    """A report from `low` on, but below `high`, is judged by those that others made at the same resource before it."""

    def __init__(self, low: int, high: int, min_trials: int) -> None:
        self.levels = [high]
        self.low, self.high, self.min_trials = low, high, min_trials
        self.reports: list[tuple[int, int, float]] = []
        self.failures: dict[int, int | None] = {}  # trial: the resource at which it counts, once that is known
        self.stopped: set[int] = set()

    def start(self, trial: int) -> int:
        return self.high

    def report(self, trial: int, resource: int, value: float) -> bool:
        self.reports.append((trial, resource, value))
        if not self.low <= resource < self.high:
            return False
        for failed, counts_at in self.failures.items():
            if counts_at is None and resource > self.last(failed):
                self.failures[failed] = resource
        best = min([each for each in self.values(trial, resource) if isfinite(each)], default=inf)
        others = self.others(trial, resource)
        worse = len(others) >= self.min_trials and best > median(others)
        if worse or not isfinite(value):
            self.stopped.add(trial)
        return trial in self.stopped

    def values(self, trial: int, resource: int) -> list[float]:
        return [value for each, at, value in self.reports if each == trial and at <= resource]

    def last(self, trial: int) -> int:
        return max((at for each, at, _ in self.reports if each == trial), default=0)

    def average(self, trial: int, resource: int) -> float:
        values = self.values(trial, resource)
        return sum(values) / len(values) if all(isfinite(value) for value in values) else inf

    def others(self, trial: int, resource: int) -> list[float]:
        """The running averages at a resource, and infinity for everybody that failed on the way to it."""
        there = [each for each, at, _ in self.reports if at == resource and each != trial]
        failed = [inf for counts_at in self.failures.values() if counts_at == resource]
        return [self.average(each, resource) for each in there] + failed

    def end(self, trial: int, reason: EndReason) -> None:
        """A failure counts at the next resource at which others report, or will."""
        if reason == "failed" and trial not in self.stopped and self.last(trial) < self.high:
            ahead = {at for _, at, _ in self.reports if self.low <= at < self.high and at > self.last(trial)}
            self.failures[trial] = min(ahead, default=None)

    def promotion(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        pass
