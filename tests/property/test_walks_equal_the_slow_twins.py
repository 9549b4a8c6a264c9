"""Schedulers used by hand: random asks, reports, failures and ends in any order, against the slow twins."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.events import Draining, TrialEnded, TrialPaused, TrialReported
from twins.cases import Case, cases, make
from twins.schedulers import EndReason, Slow, SlowPASHA

NAMES = [
    "asha",
    "stopping",
    "pasha",
    "stopping-pasha",
    "brackets",
    "halving",
    "hyperband",
    "median",
    "gated",
    "taper",
    "taper-open",
]


@dataclass
class Walk:
    """Whatever is done is done to both, and must lead to the same."""

    fast: Any
    slow: Slow
    rng: np.random.Generator
    levels: int
    now: float = 0.0
    started: int = 0
    closed: bool = False
    running: dict[int, int] = field(default_factory=dict)  # trial: milestone
    resource: dict[int, int] = field(default_factory=dict)

    def ask(self) -> None:
        expected = self.expected()
        assert self.fast.ask() == expected
        if expected is not None:
            self.running[expected.trial] = expected.milestone

    def expected(self) -> Request | None:
        promotion = self.slow.promotion()
        if promotion is not None:
            return PromoteTrial(*promotion)
        milestone = None if self.closed else self.slow.start(self.started)
        if milestone is None:
            return None
        self.started += 1
        return StartTrial(self.started - 1, milestone)

    def close(self) -> None:
        self.closed = True
        self.slow.close()
        assert not self.fast.tell(Draining(self.now))

    def report(self, trial: int) -> None:
        self.resource[trial] = self.resource.get(trial, 0) + int(self.rng.integers(1, 4))
        value = float(self.rng.integers(self.levels)) / 4 if self.rng.random() > 0.05 else float("nan")
        before = self.slow.cap if isinstance(self.slow, SlowPASHA) else None
        stopped = self.slow.report(trial, self.resource[trial], value)
        told = self.fast.tell(TrialReported(self.now, trial, self.resource[trial], value, {}))
        assert [each for each in told if isinstance(each, StopTrial)] == ([StopTrial(trial)] if stopped else [])
        if isinstance(self.slow, SlowPASHA):
            openings = [each.milestone for each in told if isinstance(each, OpenRung)]
            assert openings == ([self.slow.cap] if self.slow.cap != before else [])
        if stopped:
            self.end(trial, "stopped")
        elif self.resource[trial] >= self.slow.levels[-1]:
            self.end(trial, "completed")
        elif self.resource[trial] >= self.running[trial]:
            del self.running[trial]
            if self.rng.random() < 0.1:  # saving its checkpoint failed
                self.end(trial, "failed")
            else:
                assert not self.fast.tell(TrialPaused(self.now, trial, self.resource[trial]))

    def end(self, trial: int, reason: EndReason) -> None:
        self.running.pop(trial, None)
        self.slow.end(trial, reason)
        assert not self.fast.tell(TrialEnded(self.now, trial, reason))

    def step(self) -> None:
        self.now += 1.0
        if self.rng.random() < 0.005:
            self.close()
        if not self.running or self.rng.random() < 0.2:
            self.ask()
            return
        trial = int(self.rng.choice(list(self.running)))
        if self.rng.random() < 0.05:
            self.end(trial, self.rng.choice(["failed", "lost", "completed"]))
        else:
            self.report(trial)


@pytest.mark.parametrize("name", NAMES)
@given(
    case=cases(), seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 250), levels=st.sampled_from([2, 4, 10, 1000])
)
def test_every_answer_equals_the_slow_twins(name: str, case: Case, seed: int, steps: int, levels: int) -> None:
    fast, slow = make(name, case)
    walk = Walk(fast, slow, np.random.default_rng(seed), levels)
    for _ in range(steps):
        walk.step()
    if isinstance(slow, SlowPASHA):
        assert fast.cap == slow.cap
        assert fast.epsilon == pytest.approx(slow.noise.epsilon, abs=1e-9)
