"""Experiments on small random tables: what to run, as the package and as the slow twins see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import rungwise as rw
from rungwise.core.protocols import Scheduler
from twins.schedulers import Slow, SlowASHA, SlowFIFO, SlowPASHA, SlowStopping
from twins.simulator import SlowRun, SlowSimulator


@dataclass(frozen=True)
class Case:
    """One experiment; `values` are minimised."""

    values: Any
    seconds: Any
    low: int
    high: int
    eta: int
    rule: Any
    workers: int
    stop: Any
    report_at: Sequence[int] | None

    def fast(self, scheduler: Scheduler) -> Any:
        table = rw.Table(self.values, seconds=self.seconds)
        return rw.simulate(table, scheduler, workers=self.workers, stop=self.stop, report_at=self.report_at)

    def slow(self, scheduler: Slow) -> SlowRun:
        values, seconds = self.values.tolist(), self.seconds.tolist()
        return SlowSimulator(values, seconds, scheduler, self.workers, self.stop, self.report_at).go()


def table_values(rng: np.random.Generator, shape: tuple[int, int], levels: int, diverging: float) -> Any:
    """Few levels make ties; quarters are exact in binary, so that sums of them do not depend on their order."""
    values = rng.integers(0, levels, shape) / 4
    odd = rng.random(shape) < diverging
    return np.where(odd, rng.choice([np.nan, np.inf, -np.inf], shape), values)


@st.composite
def cases(draw: Callable[..., Any], trials: int = 14, units: int = 20) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="table"))
    eta, low = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    high = draw(st.integers(low, units))
    length = draw(st.integers(high, units))
    shape = (draw(st.integers(1, trials)), length)
    values = table_values(rng, shape, draw(st.sampled_from([2, 4, 10, 1000])), draw(st.sampled_from([0, 0, 0.02, 0.2])))
    seconds = rng.integers(0, 5, shape) / 4 if draw(st.booleans()) else np.ones(shape)
    gaps = draw(st.none() | st.sets(st.integers(1, length), min_size=1))
    return Case(
        values,
        seconds,
        low,
        high,
        eta,
        draw(st.sampled_from(["floor", "quantile"])),
        draw(st.integers(1, 5)),
        draw(st.sampled_from(["instant", "drain"])),
        None if gaps is None else sorted(gaps),
    )


def make(name: str, case: Case) -> tuple[Any, Slow]:
    """A scheduler and its twin."""
    ladder = (case.low, case.high, case.eta, case.rule)
    match name:
        case "fifo":
            return rw.schedulers.FIFO(case.high), SlowFIFO(case.high)
        case "asha":
            return rw.schedulers.ASHA(*ladder), SlowASHA(*ladder)
        case "stopping":
            return rw.schedulers.StoppingASHA(*ladder), SlowStopping(*ladder)
        case _:
            return rw.schedulers.PASHA(*ladder), SlowPASHA(*ladder)
