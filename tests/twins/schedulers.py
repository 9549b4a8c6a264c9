"""The schedulers as the rules read. `report` answers whether the trial is stopped; `promotion` takes one out."""

from math import isfinite, nan
from typing import Literal, Protocol

from twins.noise import SlowNoise
from twins.rankings import Stable, soft
from twins.rungs import (
    Entry,
    clearing,
    finite,
    milestones,
    promotable_by_floor,
    promotable_by_quantile,
    quota_by_floor,
    quota_by_quantile,
)

Rule = Literal["floor", "quantile"]
EndReason = Literal["completed", "stopped", "failed", "lost"]


class Slow(Protocol):
    """What the slow simulator needs of a scheduler. A free slot gets the promotion if there is one, else a start.

    `start` answers the milestone that a new trial sets out for, or None: nothing is started now. After `close` nobody
    calls it any more.
    """

    levels: list[int]

    def start(self, trial: int) -> int | None: ...
    def report(self, trial: int, resource: int, value: float) -> bool: ...
    def end(self, trial: int, reason: EndReason) -> None: ...
    def promotion(self) -> tuple[int, int] | None: ...
    def close(self) -> None: ...


class SlowFIFO:
    """Every trial to one resource."""

    def __init__(self, resource: int) -> None:
        self.levels = [resource]

    def start(self, trial: int) -> int:
        return self.levels[0]

    def report(self, trial: int, resource: int, value: float) -> bool:
        return False

    def end(self, trial: int, reason: EndReason) -> None:
        pass

    def promotion(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        pass


class SlowASHA:
    """Every rung a list of entries; who may go on is worked out from it whenever somebody asks."""

    def __init__(self, low: int, high: int, eta: int, rule: Rule, leaders: int = 0) -> None:
        self.levels = milestones(low, high, eta)
        self.leaders = leaders
        self.open = len(self.levels)
        self.eta, self.rule = eta, rule
        self.rungs: list[list[Entry]] = [[] for _ in self.levels]
        self.highest: dict[int, int] = {}  # the highest rung that a trial stands in
        self.target: dict[int, int] = {}  # the rung that its job runs to
        self.last: dict[int, float] = {}
        self.gone: set[tuple[int, int]] = set()  # (rung, trial): promoted from there, or over

    def start(self, trial: int) -> int:
        self.highest[trial] = -1
        self.target[trial] = 0
        return self.levels[0]

    def enter(self, trial: int, resource: int, value: float) -> list[int]:
        """The rungs that this report enters: all those passed at once."""
        self.last[trial] = value
        passed = [k for k, level in enumerate(self.levels) if level <= resource and k > self.highest[trial]]
        for k in passed:
            self.rungs[k].append(Entry(trial, value))
            self.highest[trial] = k
        return passed

    def report(self, trial: int, resource: int, value: float) -> bool:
        self.enter(trial, resource, value)
        return False

    def end(self, trial: int, reason: EndReason) -> None:
        """A job cut short by failure counts last in its rung, by the training's own end with its last value."""
        if self.highest[trial] < self.target[trial] and reason in ("failed", "completed"):
            self.highest[trial] += 1
            value = nan if reason == "failed" else self.last.get(trial, nan)
            self.rungs[self.highest[trial]].append(Entry(trial, value, reported=False))
        self.gone.add((self.highest[trial], trial))

    def may_go_on(self, k: int) -> list[int]:
        entries = self.rungs[k]
        if self.rule == "floor":
            best = promotable_by_floor(entries, self.eta)
        else:
            best = promotable_by_quantile(entries, self.levels[k], self.levels[k + 1])
        return [entry.trial for entry in clearing(best, entries, self.leaders)]

    def promotion(self) -> tuple[int, int] | None:
        for k in reversed(range(self.open - 1)):
            for trial in self.may_go_on(k):
                if (k, trial) not in self.gone and self.highest[trial] == k:
                    self.gone.add((k, trial))
                    self.target[trial] = k + 1
                    return trial, self.levels[k + 1]
        return None

    def close(self) -> None:
        pass


class SlowPASHA:
    """ASHA on the open rungs. `stable` compares the top two; None: soft ranking with epsilon estimated from noise."""

    def __init__(
        self,
        low: int,
        high: int,
        eta: int,
        rule: Rule,
        stable: Stable | None = None,
        percentile: float = 90.0,
        leaders: int = 0,
    ) -> None:
        self.asha = SlowASHA(low, high, eta, rule, leaders)
        self.levels = self.asha.levels
        self.asha.open = min(2, len(self.levels))
        self.stable = stable
        self.noise = SlowNoise(percentile, *self.window())

    @property
    def cap(self) -> int:
        return self.levels[self.asha.open - 1]

    def window(self) -> tuple[int, int]:
        below = self.levels[self.asha.open - 2] if self.asha.open > 1 else 0
        return below, self.cap

    def report(self, trial: int, resource: int, value: float) -> bool:
        if self.stable is None:
            self.noise.report(trial, resource, value)
        entered = self.asha.enter(trial, resource, value)
        if self.cap < self.levels[-1] and self.asha.open - 1 in entered and not self.alike():
            self.asha.open += 1
            if self.stable is None:
                self.noise.move(*self.window())
        return False

    def alike(self) -> bool:
        """Over the trials that reported a finite value in both of the top two rungs, two at least."""
        below, top = (
            {entry.trial: entry.value for entry in finite(self.asha.rungs[self.asha.open - k]) if entry.reported}
            for k in (2, 1)
        )
        lower = {trial: below[trial] for trial in below if trial in top}
        upper = {trial: top[trial] for trial in lower}
        if len(lower) < 2:
            return True
        return soft(lower, upper, self.noise.epsilon) if self.stable is None else self.stable(lower, upper)

    def start(self, trial: int) -> int:
        return self.asha.start(trial)

    def end(self, trial: int, reason: EndReason) -> None:
        self.asha.end(trial, reason)

    def promotion(self) -> tuple[int, int] | None:
        return self.asha.promotion()

    def close(self) -> None:
        pass


class SlowStopping:
    """At a milestone a trial goes on if fewer than max(1, quota) of the rung's entries are strictly better."""

    def __init__(self, low: int, high: int, eta: int, rule: Rule, leaders: int = 0) -> None:
        self.levels = milestones(low, high, eta)
        self.leaders = leaders
        self.eta, self.rule = eta, rule
        self.rungs: list[list[Entry]] = [[] for _ in self.levels]
        self.highest: dict[int, int] = {}
        self.over: set[int] = set()

    def start(self, trial: int) -> int:
        self.highest[trial] = -1
        return self.levels[-1]

    def report(self, trial: int, resource: int, value: float) -> bool:
        stopped = False
        for k, level in enumerate(self.levels[:-1]):
            if level <= resource and k > self.highest[trial]:
                self.highest[trial] = k
                entry = Entry(trial, value)
                self.rungs[k].append(entry)
                better = sum(each.badness < entry.badness for each in self.rungs[k])
                clears = clearing([entry], self.rungs[k], self.leaders) == [entry]
                if better >= max(1, self.quota(k)) or not isfinite(value) or not clears:
                    stopped = True
        if stopped:
            self.over.add(trial)
        return stopped

    def quota(self, k: int) -> int:
        count = len(self.rungs[k])
        if self.rule == "floor":
            return quota_by_floor(count, self.eta)
        return quota_by_quantile(count, self.levels[k], self.levels[k + 1])

    def end(self, trial: int, reason: EndReason) -> None:
        """A trial that fails on the way to a rung counts last in it."""
        k = self.highest[trial] + 1
        if reason == "failed" and trial not in self.over and k < len(self.levels) - 1:
            self.rungs[k].append(Entry(trial, nan, reported=False))
        self.over.add(trial)

    def promotion(self) -> tuple[int, int] | None:
        return None

    def close(self) -> None:
        pass
