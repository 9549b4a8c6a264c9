"""Taper as the rules read: every rung a list, scores worked out from all that a trial has reported."""

from itertools import pairwise
from math import inf, isfinite
from typing import Literal

from twins.schedulers import EndReason

Member = tuple[float, int, int]
"""score, infinite for those that stand last; arrival; trial"""


def fine_levels(low: int, high: int, step: float) -> list[int]:
    """Every power that rounds to something between the ends, and the ends."""
    powers = (round(low * step**power) for power in range(200))
    return sorted({low, high} | {level for level in powers if low < level < high})


class SlowTaper:
    """`trials` None: nobody knows how many there will be."""

    def __init__(self, low: int, high: int, trials: int | None, gamma: float, step: float, survivors: int) -> None:
        self.levels = fine_levels(low, high, step)
        self.known = trials is not None
        self.trials = trials or 0
        self.gamma, self.survivors = gamma, survivors
        self.reports: dict[int, list[tuple[int, float]]] = {}
        self.rungs: list[list[Member]] = [[] for _ in self.levels]
        self.entered: dict[int, list[int]] = {}  # the reports, by index, with which a trial entered rungs
        self.going: dict[int, int] = {}  # the rung that a trial is on its way to
        self.lost: list[int] = [0 for _ in self.levels]
        self.gone: list[list[int]] = [[] for _ in self.levels]  # who took a place above, in the order of taking
        self.over: set[int] = set()
        self.vain: list[int] = [0 for _ in self.levels]  # places taken above by those that had ended

    def quota(self, rung: int, trials: int) -> int:
        share = int(trials * (self.levels[rung + 1] / self.levels[0]) ** -self.gamma)
        return share if share >= self.survivors else 0

    def start(self, trial: int) -> int | None:
        if self.known and len(self.reports) >= self.trials:
            return None
        self.reports[trial] = []
        self.entered[trial] = []
        self.going[trial] = 0
        return self.levels[0]

    def bests(self, trial: int) -> list[float]:
        """The best finite value so far on each rung that the trial entered."""
        values = [value for _, value in self.reports[trial]]
        return [min((v for v in values[: at + 1] if isfinite(v)), default=inf) for at in self.entered[trial]]

    def score(self, trial: int) -> float:
        """On the rung that it entered last."""
        if not isfinite(self.reports[trial][self.entered[trial][-1]][1]):
            return inf
        bests = self.bests(trial)
        gains = [before - after for before, after in pairwise(bests)]
        match gains:
            case []:
                return bests[-1]
            case [gain]:
                return bests[-1] - gain / 2
            case [*_, before, gain] if before > 0 and gain > 0:
                return bests[-1] - gain * min(1, gain / before)
            case _:
                return bests[-1]

    def enter(self, trial: int, rung: int, *, last: bool = False) -> None:
        if not last:
            self.entered[trial].append(len(self.reports[trial]) - 1)
        self.rungs[rung].append((inf if last else self.score(trial), len(self.rungs[rung]), trial))

    def report(self, trial: int, resource: int, value: float) -> Literal[False]:
        self.reports[trial].append((resource, value))
        rung = self.going.get(trial)
        if rung is None or resource < self.levels[rung]:
            return False
        del self.going[trial]
        passed = [k for k, level in enumerate(self.levels) if k >= rung and level <= resource]
        for k in passed[:1] if self.known else passed:
            self.enter(trial, k)
        return False

    def end(self, trial: int, reason: EndReason) -> None:
        self.over.add(trial)
        rung = self.going.pop(trial, None)
        if rung is None:
            return
        if reason == "lost":
            self.lost[rung] += 1
        else:
            self.enter(trial, rung, last=True)

    def close(self) -> None:
        self.trials = min(self.trials, len(self.reports))

    def promotion(self) -> tuple[int, int] | None:
        return self.certain() if self.known else self.admitted()

    def admitted(self) -> tuple[int, int] | None:
        """The best of the highest rung in which its quota, of those in the lowest, admits one that waits there."""
        for k in reversed(range(len(self.levels) - 1)):
            for score, _, trial in sorted(self.rungs[k])[: self.quota(k, len(self.rungs[0]))]:
                if isfinite(score) and trial not in self.over and self.stands(trial) == k and trial not in self.going:
                    self.going[trial] = k + 1
                    return trial, self.levels[k + 1]
        return None

    def stands(self, trial: int) -> int:
        return max(k for k, rung in enumerate(self.rungs) if trial in {each for _, _, each in rung})

    def certain(self) -> tuple[int, int] | None:
        """Nobody before all are started; then whoever is among the best however the others turn out."""
        if len(self.reports) < self.trials:
            return None
        expected = self.trials
        for k in range(len(self.levels) - 1):
            quota, here = self.quota(k, self.trials), self.rungs[k]
            outstanding = expected - self.lost[k] - len(here)
            while True:
                free = [trial for score, _, trial in sorted(here) if isfinite(score) and trial not in self.gone[k]]
                if len(self.gone[k]) >= quota - outstanding or not free:
                    break
                trial = free[0]
                self.gone[k].append(trial)
                if trial in self.over:
                    self.vain[k] += 1
                    continue
                if self.reports[trial][-1][0] < self.levels[k + 1]:
                    self.going[trial] = k + 1
                    return trial, self.levels[k + 1]
                self.enter(trial, k + 1)
            hopeless = sum(score == inf for score, _, _ in here)
            expected = min(quota, expected - self.lost[k] - hopeless) - self.vain[k]
        return None
