"""What a decision and a simulated experiment cost in CPU, beside a slow, obvious reference (the twins of the tests)."""

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import rungwise as rw
from _table import print_table
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.protocols import Scheduler

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

ETA = 3
CONFIGURATIONS, UNITS, WORKERS, RUNS = 256, 200, 4, 15
NO_METRICS: dict[str, float] = {}
Value = Callable[[int, int], float]


def stable(trials: int) -> Value:
    """Every trial keeps its rank for good."""
    ranks = np.random.default_rng(0).permutation(trials).tolist()
    return lambda trial, resource: ranks[trial] + 1 / resource


def noisy(trials: int) -> Value:
    """Trials of different quality and speed, whose reports are noisy."""
    rng = np.random.default_rng(1)
    quality, slowness = rng.random((2, trials)).tolist()
    noise = rng.normal(0.0, 0.05, 65_537).tolist()
    return lambda trial, unit: quality[trial] + slowness[trial] / unit + noise[(trial * 7919 + unit * 104_729) % 65_537]


def spent_per(scheduler: Scheduler, value: Value, trials: int) -> tuple[float, float]:
    """Seconds of CPU a job and a report while the last fifth of the trials is started.

    A job's every `tell` counts, and the `ask` after it; the trials train one after another.
    """
    resource = [0] * (trials + 1)
    spent, jobs, reports = 0.0, 0, 0
    request = scheduler.ask()
    while request is not None and request.trial < trials:
        trial = request.trial
        if trial == trials - trials // 5 and not resource[trial]:
            spent, jobs, reports = 0.0, 0, 0
        units = range(resource[trial] + 1, request.milestone + 1)
        events = [TrialReported(0.0, trial, unit, value(trial, unit), NO_METRICS) for unit in units]
        paused = TrialPaused(0.0, trial, request.milestone)
        resource[trial] = request.milestone
        begun = process_time()
        for event in events:
            scheduler.tell(event)
        scheduler.tell(paused)
        request = scheduler.ask()
        spent += process_time() - begun
        jobs, reports = jobs + 1, reports + len(events)
    return spent / jobs, spent / reports


def decision(make: Callable[[], Scheduler], value: Value, trials: int) -> str:
    """Microseconds in the best round: the others tell what else the machine did."""
    rounds = [spent_per(make(), value, trials) for _ in range(3 if trials <= 10_000 else 1)]
    job, report = (min(each) * 1e6 for each in zip(*rounds, strict=True))
    return f"{job:.1f} µs a job, {report:.1f} µs a report"


def whole(make: Callable[[], Scheduler], value: Value, trials: int) -> str:
    """Seconds of CPU for all of the scheduler's work on so many trials, everything that feeds it included."""
    begun = process_time()
    spent_per(make(), value, trials)
    return f"{process_time() - begun:.1f} s"


def memory(make: Callable[[], Scheduler], value: Value, trials: int) -> tuple[str, str]:
    """Microseconds of a decision, and how much the process's peak memory rose for it, in a process of its own."""
    import os

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        job, report = spent_per(make(), value, trials)
        rose = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        os.write(writing, f"{job * 1e6:.1f} µs a job, {report * 1e6:.1f} µs a report|{rose:.0f} MB".encode())
        os._exit(0)
    os.close(writing)
    took, _, rose_by = os.read(reading, 200).decode().partition("|")
    os.waitpid(child, 0)
    return took, rose_by


def per_event(workers: int, jobs: int = 40_000) -> str:
    """Microseconds of CPU an event of a simulated experiment in which all workers are busy, log included."""
    draw = np.random.default_rng(4)
    table = rw.Table(draw.normal(size=(jobs, 3)), draw.uniform(0.5, 1.5, (jobs, 3)))
    begun = process_time()
    run = rw.simulate(table, rw.schedulers.ASHA(1, 3, ETA), workers=workers)
    return f"{(process_time() - begun) / len(run.log) * 1e6:.1f} µs a record"


def curves() -> NDArray[np.float64]:
    """Losses [configurations, units] that fall by power laws to different ends, with some noise."""
    rng = np.random.default_rng(2)
    final, start = rng.uniform(0.1, 0.6, (2, CONFIGURATIONS, 1))
    speed = rng.uniform(0.3, 1.2, (CONFIGURATIONS, 1))
    unit = np.arange(1, UNITS + 1)
    values: NDArray[np.float64] = final + start * unit**-speed + rng.normal(0.0, 0.01, (CONFIGURATIONS, UNITS))
    return values


def experiment(make: Callable[[], Scheduler], values: NDArray[np.float64]) -> tuple[str, Any]:
    """Milliseconds of CPU of a simulated experiment, the median and the best of some; and what came of it."""
    table, took = rw.Table(values), []
    for _ in range(RUNS + 1):
        scheduler = make()
        begun = process_time()
        run = rw.simulate(table, scheduler, workers=WORKERS)
        took.append(process_time() - begun)
    return f"{median(took[1:]) * 1e3:.1f} ms (best {min(took[1:]) * 1e3:.1f})", run


def reference(scheduler: Any, values: NDArray[np.float64], run: Any) -> str:
    """Milliseconds of CPU of the slow twin, once; it must come to the same jobs."""
    from twins.simulator import SlowSimulator

    rows: list[list[float]] = values.tolist()
    seconds = [[1.0] * len(row) for row in rows]
    begun = process_time()
    slow = SlowSimulator(rows, seconds, scheduler, WORKERS, "instant", None).go()
    took = process_time() - begun
    if slow.jobs != [(job.trial, job.start, job.end, job.began, job.ended) for job in run.jobs]:
        raise SystemExit("the slow twin came to other jobs than rungwise.simulate: run the tests in tests/property")
    return f"{took * 1e3:.0f} ms"


def simulated() -> list[tuple[str, str, str]]:
    """Rows for experiments under every rule."""
    from twins.schedulers import SlowASHA, SlowPASHA

    values = curves()
    kinds: list[tuple[str, str, Callable[..., Scheduler], Callable[..., Any]]] = [
        ("ASHA", "< 10 ms", rw.schedulers.ASHA, SlowASHA),
        ("PASHA", "< 20 ms", rw.schedulers.PASHA, SlowPASHA),
    ]
    rows = []
    for name, target, fast, slow in kinds:
        for rule in ("floor", "quantile"):
            took, run = experiment(lambda fast=fast, rule=rule: fast(1, UNITS, ETA, rule), values)  # type: ignore[misc]
            twin = reference(slow(1, UNITS, ETA, rule), values, run)
            what = f"experiment, {CONFIGURATIONS} x {UNITS}, {name}, {rule}, {run.resource} units"
            rows.append((what, target, f"{took}, slow twin {twin}"))
    return rows


def of_our_own(trials: int) -> list[tuple[str, Callable[[], Scheduler]]]:
    """Where Taper knows how many trials there are, it starts all of them first: then its promotions count too."""
    return [
        ("GatedPASHA, noisy", lambda: rw.schedulers.GatedPASHA(1, 81, ETA)),
        ("Taper, noisy", lambda: rw.schedulers.Taper(1, 81, trials)),
        ("Taper, noisy, n not known", lambda: rw.schedulers.Taper(1, 81)),
    ]


def main() -> None:
    """Measure and print."""
    asha, pasha = (lambda: rw.schedulers.ASHA(1, 81, ETA)), (lambda: rw.schedulers.PASHA(1, 81, ETA))
    rows = []
    for name, make in (("ASHA", asha), ("PASHA, noisy", pasha)):
        for trials in (1_000, 10_000, 100_000):
            took = decision(make, noisy(trials + 1), trials)
            rows.append((f"decision, {name}, {trials:,} trials", "< 15 µs", took))
        took, rose = memory(make, noisy(1_000_001), 1_000_000)
        rows.append((f"decision, {name}, 1,000,000 trials", "< 15 µs, < 1.5x that of 1,000", took))
        rows.append((f"memory, {name}, 1,000,000 trials", "< 1 GB", rose))
    for trials in (1_000, 100_000):
        for name, make in of_our_own(trials):
            took = decision(make, noisy(trials + 1), trials)
            rows.append((f"decision, {name}, {trials:,} trials", "< 15 µs", took))
    for trials, target in ((1_000, "< 50 µs"), (10_000, "< 500 µs")):
        took = decision(pasha, stable(trials + 1), trials)
        rows.append((f"decision, PASHA, stable ranking, {trials:,} trials", target, took))
    rows.append(("PASHA, stable ranking, 100,000 trials in all", "< 60 s", whole(pasha, stable(100_001), 100_000)))
    few, many = per_event(4), per_event(10_000)
    rows.append(("simulated experiment, 4 workers", "", few))
    rows.append(("simulated experiment, 10,000 workers", "no more than with 4", many))
    print_table([*rows, *simulated()])


if __name__ == "__main__":
    main()
