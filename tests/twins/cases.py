"""Experiments on small random tables: what to run, as the package and as the slow twins see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import rungwise as rw
from rungwise.core.protocols import Scheduler
from rungwise.schedulers.median import MedianStopping
from twins.gated import SlowGated
from twins.median import SlowMedian
from twins.progressing import SlowAsyncHyperband, SlowStoppingPASHA
from twins.rungs import milestones
from twins.schedulers import Slow, SlowASHA, SlowFIFO, SlowPASHA, SlowStopping
from twins.simulator import End, SlowRun, SlowSimulator
from twins.synchronous import slow_halving, slow_hyperband
from twins.tapering import SlowTaper


@dataclass(frozen=True)
class Case:
    """One experiment; `values` are minimised.

    `count` is for whatever a scheduler counts (the trials of a bracket, rounds, the trials of a median); `ends` are the
    trials that end for a reason of their own, which `fast` knows nothing of (see `twins.runs.Experiment`).
    """

    values: Any
    seconds: Any
    low: int
    high: int
    eta: int
    rule: Any
    workers: int
    stop: Any
    report_at: Sequence[int] | None
    count: int = 4
    ends: Mapping[int, End] = field(default_factory=dict)

    def fast(self, scheduler: Scheduler) -> Any:
        table = rw.Table(self.values, seconds=self.seconds)
        assert not self.ends
        return rw.simulate(table, scheduler, workers=self.workers, stop=self.stop, report_at=self.report_at)

    def slow(self, scheduler: Slow) -> SlowRun:
        values, seconds = self.values.tolist(), self.seconds.tolist()
        return SlowSimulator(values, seconds, scheduler, self.workers, self.stop, self.report_at, self.ends).go()


def table_values(rng: np.random.Generator, shape: tuple[int, int], levels: int, diverging: float) -> Any:
    """Few levels make ties; quarters are exact in binary, so that sums of them do not depend on their order."""
    values = rng.integers(0, levels, shape) / 4
    odd = rng.random(shape) < diverging
    return np.where(odd, rng.choice([np.nan, np.inf, -np.inf], shape), values)


def endings(units: int) -> st.SearchStrategy[End]:
    """Mostly failures."""
    reasons = st.sampled_from(["failed", "failed", "lost", "completed"])
    return st.builds(End, st.integers(1, units), reasons, st.just(False)) | st.builds(
        End, st.integers(1, units), st.sampled_from(["failed", "lost"]), st.just(True)
    )


@st.composite
def cases(draw: Callable[..., Any], trials: int = 14, units: int = 20, *, ends: bool = False) -> Case:
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
        draw(st.integers(1, 20)),
        draw(st.dictionaries(st.integers(0, shape[0] - 1), endings(length), min_size=1)) if ends else {},
    )


def make(name: str, case: Case) -> tuple[Any, Slow]:
    """A scheduler and its twin."""
    ladder = (case.low, case.high, case.eta, case.rule)
    led = 1 + case.count % 4
    match name:
        case "fifo":
            return rw.schedulers.FIFO(case.high), SlowFIFO(case.high)
        case "asha":
            return rw.schedulers.ASHA(*ladder), SlowASHA(*ladder)
        case "stopping":
            return rw.schedulers.StoppingASHA(*ladder), SlowStopping(*ladder)
        case "halving":
            halving = (case.count, *ladder[:3])
            return rw.schedulers.SuccessiveHalving(*halving), slow_halving(*halving)
        case "hyperband":
            rounds = 1 + case.count % 2
            return rw.schedulers.Hyperband(*ladder[:3], rounds=rounds), slow_hyperband(*ladder[:3], rounds)
        case "stopping-pasha":
            return rw.schedulers.PASHA(*ladder, by="stopping"), SlowStoppingPASHA(*ladder)
        case "brackets":
            within = ("asha", "stopping-asha", "pasha", "stopping-pasha")[case.count % 4]
            fast = rw.schedulers.AsyncHyperband(*ladder, within=within, choice="round-robin")
            kinds: dict[str, Callable[..., Slow]] = {
                "asha": SlowASHA,
                "stopping-asha": SlowStopping,
                "pasha": SlowPASHA,
                "stopping-pasha": SlowStoppingPASHA,
            }
            levels = milestones(case.low, case.high, case.eta)
            every = [kinds[within](level, case.high, case.eta, case.rule) for level in levels]
            return fast, SlowAsyncHyperband(levels, case.eta, every)
        case "gated":
            odd = case.count % 3
            phi, width = (0.1, 0.0, 0.5)[odd], (case.eta**2, case.eta, case.eta + 2)[odd]
            scouts = (2 * case.eta, case.eta, case.eta + 1)[odd]
            given = {"phi": phi, "width": width, "scouts": scouts} if odd else {}
            return rw.schedulers.GatedPASHA(*ladder[:3], **given), SlowGated(*ladder[:3], phi, width, scouts)
        case "taper" | "taper-open":
            rows = len(case.values)
            trials = {"taper": rows, "taper-open": None}[name]
            gamma, step = (1.45, 0.5, 1.0, 0.2)[case.count % 4], (1.5, 2.0, 1.2)[case.count % 3]
            survivors = 1 + case.count % 2
            tapered = rw.schedulers.Taper(case.low, case.high, trials, gamma=gamma, step=step, survivors=survivors)
            return tapered, SlowTaper(case.low, case.high, trials, gamma, step, survivors)
        case "asha-hurdle":
            return rw.schedulers.ASHA(*ladder, hurdle=led), SlowASHA(*ladder, led)
        case "stopping-hurdle":
            return rw.schedulers.StoppingASHA(*ladder, hurdle=led), SlowStopping(*ladder, led)
        case "pasha-hurdle":
            return rw.schedulers.PASHA(*ladder, hurdle=led), SlowPASHA(*ladder, leaders=led)
        case "stopping-pasha-hurdle":
            return rw.schedulers.PASHA(*ladder, by="stopping", hurdle=led), SlowStoppingPASHA(*ladder, led)
        case "median":
            wanted = 1 + case.count % 5
            return MedianStopping(case.high, case.low, wanted), SlowMedian(case.low, case.high, wanted)
        case _:
            return rw.schedulers.PASHA(*ladder), SlowPASHA(*ladder)
