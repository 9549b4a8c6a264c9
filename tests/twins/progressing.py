"""PASHA by stopping, and brackets side by side, as the rules read."""

from collections.abc import Sequence
from math import isfinite

from twins.noise import SlowNoise
from twins.rankings import soft
from twins.rungs import Entry, clearing, finite, milestones, quota_by_floor, quota_by_quantile
from twins.schedulers import EndReason, Rule, Slow
from twins.synchronous import brackets_by_fractions


class SlowStoppingPASHA:
    """To the top open rung, stopped below it; the best of those that pause go on when the ladder has grown."""

    def __init__(self, low: int, high: int, eta: int, rule: Rule, leaders: int = 0) -> None:
        self.levels = milestones(low, high, eta)
        self.leaders = leaders
        self.open = min(2, len(self.levels))
        self.eta, self.rule = eta, rule
        self.rungs: list[list[Entry]] = [[] for _ in self.levels]
        self.highest: dict[int, int] = {}
        self.target: dict[int, int] = {}
        self.last: dict[int, float] = {}
        self.over: set[int] = set()
        self.noise = SlowNoise(90.0, *self.window())

    @property
    def cap(self) -> int:
        return self.levels[self.open - 1]

    def window(self) -> tuple[int, int]:
        return (self.levels[self.open - 2] if self.open > 1 else 0), self.cap

    def start(self, trial: int) -> int:
        self.highest[trial], self.target[trial] = -1, self.open - 1
        return self.cap

    def report(self, trial: int, resource: int, value: float) -> bool:
        self.noise.report(trial, resource, value)
        self.last[trial] = value
        entered = [k for k, level in enumerate(self.levels) if level <= resource and k > self.highest[trial]]
        for k in entered:
            self.rungs[k].append(Entry(trial, value))
            self.highest[trial] = k
        if self.cap < self.levels[-1] and self.open - 1 in entered and not self.alike():
            self.open += 1
            self.noise.move(*self.window())
        stopped = not all(self.among_the_best(k, trial) for k in entered if k < self.target[trial])
        if stopped:
            self.over.add(trial)
        return stopped

    def alike(self) -> bool:
        below, top = (
            {entry.trial: entry.value for entry in finite(self.rungs[self.open - k]) if entry.reported} for k in (2, 1)
        )
        lower = {trial: below[trial] for trial in below if trial in top}
        return len(lower) < 2 or soft(lower, {trial: top[trial] for trial in lower}, self.noise.epsilon)

    def among_the_best(self, k: int, trial: int) -> bool:
        """Fewer than max(1, quota) of the rung's entries are strictly better; never with NaN, or above the hurdle."""
        (own,) = (entry for entry in self.rungs[k] if entry.trial == trial)
        better = sum(entry.badness < own.badness for entry in self.rungs[k])
        clears = clearing([own], self.rungs[k], self.leaders) == [own]
        return isfinite(own.value) and better < max(1, self.quota(k)) and clears

    def quota(self, k: int) -> int:
        count = len(self.rungs[k])
        if self.rule == "floor":
            return quota_by_floor(count, self.eta)
        return quota_by_quantile(count, self.levels[k], self.levels[k + 1])

    def end(self, trial: int, reason: EndReason) -> None:
        """A job cut short by failure counts last in its next rung, by the training's own end with its last value."""
        if self.highest[trial] < self.target[trial] and trial not in self.over and reason in ("failed", "completed"):
            self.highest[trial] += 1
            value = float("nan") if reason == "failed" else self.last.get(trial, float("nan"))
            self.rungs[self.highest[trial]].append(Entry(trial, value, reported=False))
        self.over.add(trial)

    def promotion(self) -> tuple[int, int] | None:
        for k in reversed(range(self.open - 1)):
            for entry in sorted(finite(self.rungs[k]), key=lambda entry: entry.value):
                trial = entry.trial
                pauses = self.highest[trial] == k >= self.target[trial] and trial not in self.over
                if pauses and self.among_the_best(k, trial):
                    self.target[trial] = self.open - 1
                    return trial, self.cap
        return None

    def close(self) -> None:
        pass


class SlowAsyncHyperband:
    """Brackets by round robin, each with slow schedulers of its own; the first that can promote does."""

    def __init__(self, levels: list[int], eta: int, within: Sequence[Slow]) -> None:
        self.levels = levels
        assert [slow.levels[0] for slow in within] == [levels[k] for k, _ in brackets_by_fractions(len(levels), eta)]
        self.within = within
        self.home: dict[int, Slow] = {}

    def start(self, trial: int) -> int | None:
        self.home[trial] = self.within[trial % len(self.within)]
        return self.home[trial].start(trial)

    def report(self, trial: int, resource: int, value: float) -> bool:
        return self.home[trial].report(trial, resource, value)

    def end(self, trial: int, reason: EndReason) -> None:
        self.home[trial].end(trial, reason)

    def promotion(self) -> tuple[int, int] | None:
        return next((found for slow in self.within if (found := slow.promotion()) is not None), None)

    def close(self) -> None:
        pass
