"""Population based training: every answer equals that of the slow twin, whatever trials do."""

from fractions import Fraction
from math import inf, nan
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.decisions import StartTrial, StopTrial
from rungwise.core.events import Draining, EndReason, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import PBT
from twins.pbt import SlowPBT

VALUES = [0.0, 0.25, 0.5, 0.5, 0.75, 1.0, 2.0, 3.0]
STEPS = 200
ODD = [nan, inf, -inf]
REASONS: list[EndReason] = ["failed", "failed", "lost", "completed", "stopped"]
SHARES = {0.5: Fraction(1, 2), 0.25: Fraction(1, 4), 0.4: Fraction(2, 5), 1 / 3: Fraction(1, 3)}


class Walk:
    """Both of them, told the same."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        share, interval = random.choice(sorted(SHARES)), random.randint(1, 4)
        size, high = random.randint(-int(-1 // SHARES[share]), 9), random.randint(interval, 40)
        seed, limit = random.randint(0, 3), random.choice([None, None, random.randint(1, 25)])
        self.odd = random.choice([0.0, 0.05, 0.3])
        self.fast = PBT(size, interval, high, share, limit, seed=seed)
        self.slow = SlowPBT(size, interval, high, SHARES[share], seed, limit)
        assert list(self.fast.milestones) == self.slow.levels
        self.resource: dict[int, int] = {}
        self.target: dict[int, int] = {}  # of those that run
        self.waiting: set[int] = set()
        self.children = 0

    def ask(self) -> None:
        request = self.fast.ask()
        assert request == self.slow.ask()
        if request is None:
            return
        if isinstance(request, StartTrial):
            self.resource[request.trial] = 0 if request.parent is None else self.resource[request.parent]
            self.children += request.parent is not None
        self.waiting.discard(request.trial)
        self.target[request.trial] = request.milestone

    def report(self, trial: int) -> None:
        resource = self.resource[trial] + self.random.choice([1, 1, 1, 2, 5])
        value = self.random.choice(ODD if self.random.random() < self.odd else VALUES)
        self.resource[trial] = resource
        stopped = self.slow.report(trial, resource, value)
        told = self.fast.tell(TrialReported(0.0, trial, resource, value, {}))
        assert list(told) == ([StopTrial(trial)] if stopped else [])
        if stopped:
            del self.target[trial]
        elif resource >= self.fast.milestones[-1]:
            self.end(trial, "completed")
        elif resource >= self.target[trial]:
            del self.target[trial]
            self.waiting.add(trial)

    def end(self, trial: int, reason: EndReason) -> None:
        self.slow.end(trial, reason)
        assert not self.fast.tell(TrialEnded(0.0, trial, reason))
        self.target.pop(trial, None)
        self.waiting.discard(trial)

    def pause(self, trial: int) -> None:
        self.slow.pause(trial)
        assert not self.fast.tell(TrialPaused(0.0, trial, self.resource[trial]))

    def close(self) -> None:
        self.slow.close()
        assert not self.fast.tell(Draining(0.0))

    def step(self) -> None:
        alive = sorted({*self.target, *self.waiting})
        match self.random.choices(["ask", "report", "pause", "end", "close"], [60, 100, 60, 3, 0.5])[0]:
            case "report" if self.target:
                self.report(self.random.choice(sorted(self.target)))
            case "pause" if alive:
                self.pause(self.random.choice(alive))
            case "end" if alive:
                self.end(self.random.choice(alive), self.random.choice(REASONS))
            case "close":
                self.close()
            case _:
                self.ask()


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_every_answer_equals_the_slow_twins(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()


def test_such_walks_have_children() -> None:
    """The comparison above would say little about walks in which nobody is replaced."""
    walks = [Walk(seed) for seed in range(30)]
    for walk in walks:
        for _ in range(STEPS):
            walk.step()
    assert sum(walk.children for walk in walks) > 75
