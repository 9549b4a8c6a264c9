"""Trials side by side or slots for each: what shares of slots do to the time and the cost of an experiment, simulated.

256 trials, rungs 1, 3, 9, 27, 51, eta 3, on two tables of LCBench, whose seconds are modelled, not measured (see its
reader): with 64 slots, most of which are idle while the last few trials climb, and with 8, which are busy most of the
time. A trial of w slots takes 0.1 + 0.9 / w of the seconds on one: nine tenths of the work are shared out evenly
(Amdahl's law), a stated assumption. Starting a job costs nothing; by promotion all policies start about as many.

    RUNGWISE_DATA=FOLDER python benchmarks/allocation.py [SEEDS]

A seed is an order of the configurations, the same for all policies. Regret is that of the best configuration found, by
the best value of its curve: (its - the best) / (the median - the best) of all 2,000. Ratios are geometric means;
intervals are 95 % percentiles of 10,000 paired bootstraps over seeds. Takes half a minute.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np

import rungwise as rw
from rungwise.allocation import ByRung, Fixed
from rungwise.benchmarks import load, names
from rungwise.core.protocols import Allocation, Scheduler
from transfer import Array, interval, ratio, row

TABLES = ("lcbench/christine", "lcbench/higgs")
WORKERS, TRIALS, UNITS, ETA, SEEDS = (64, 8), 256, 51, 3, 20
PARALLEL = 0.9
SCALING = {slots: 1 - PARALLEL + PARALLEL / slots for slots in range(1, 9)}
SCHEDULERS: Mapping[str, Callable[[], Scheduler]] = {
    "ASHA": lambda: rw.schedulers.ASHA(1, UNITS, ETA),
    "PASHA": lambda: rw.schedulers.PASHA(1, UNITS, ETA),
}
POLICIES: Mapping[str, Callable[[tuple[int, ...]], Allocation]] = {
    "fixed(1)": lambda _: Fixed(1),
    "fixed(2)": lambda _: Fixed(2),
    "fixed(4)": lambda _: Fixed(4),
    "by_rung(most 4)": lambda milestones: ByRung(milestones, ETA, most=4),
    "by_rung(most 8)": lambda milestones: ByRung(milestones, ETA, most=8),
}
COMPARED = (("by_rung(most 4)", "fixed(4)"), ("by_rung(most 8)", "fixed(4)"), ("by_rung(most 8)", "by_rung(most 4)"))


def outcome(
    table: rw.Table, workers: int, scheduler: Scheduler, allocation: Allocation, order: Sequence[int]
) -> tuple[float, ...]:
    """Minutes, slot-hours, the share of slots in use, and the regret of what was found."""
    run = rw.simulate(
        table, scheduler, workers=workers, order=order, stop="drain", allocation=allocation, scaling=SCALING
    )
    quality = table.objective.shown(table.quality)
    best, middle = float(np.nanmin(quality)), float(np.nanmedian(quality))
    assert run.best.trial is not None
    found = (float(quality[run.rows[run.best.trial]]) - best) / (middle - best)
    return run.time / 60, run.slot_seconds / 3600, run.slot_seconds / run.time / workers, found


def measured(table: rw.Table, workers: int, make: Callable[[], Scheduler], seeds: int) -> dict[str, Array]:
    """Minutes, slot-hours, use and regret, [seed, 4], of every policy."""
    rows = len(table.quality)
    orders = [np.random.default_rng((11, seed)).permutation(rows)[:TRIALS].tolist() for seed in range(seeds)]
    found: dict[str, Array] = {}
    for name, policy in POLICIES.items():
        schedulers = [make() for _ in orders]
        runs = [
            outcome(table, workers, scheduler, policy(scheduler.milestones), order)
            for scheduler, order in zip(schedulers, orders, strict=True)
        ]
        found[name] = np.array(runs)
    return found


def print_table(found: Mapping[str, Array], random: np.random.Generator) -> None:
    """All policies against one slot a trial, then some against each other."""
    base = found["fixed(1)"]
    columns = ("policy", "minutes", "times fixed(1)", "slot-hours", "times fixed(1)", "in use", "regret, difference")
    print(row(columns), row(["---"] * len(columns)), sep="\n")
    for policy, runs in found.items():
        minutes, hours, used, _ = runs.mean(axis=0)
        times = [ratio(runs[None, :, each], base[None, :, each], random) for each in (0, 1)]
        apart = interval((runs - base)[None, :, 3], random)
        if policy == "fixed(1)":
            times, apart = ["1", "1"], f"({base[:, 3].mean():.3f})"
        print(row((policy, f"{minutes:.1f}", times[0], f"{hours:.2f}", times[1], f"{used:.0%}", apart)))
    for changed, other in COMPARED:
        new, old = found[changed][None], found[other][None]
        times = [ratio(new[..., each], old[..., each], random) for each in (0, 1)]
        print(
            row((f"{changed}; against {other}", "", times[0], "", times[1], "", interval((new - old)[..., 3], random)))
        )


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    if not set(TABLES) <= set(names()):
        print("allocation: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    random = np.random.default_rng(0)
    print(f"{TRIALS} trials, eta {ETA}, 1 to {UNITS} epochs, {seeds} seeds; {PARALLEL:.0%} parallel")
    for workers in WORKERS:
        for name in TABLES:
            table = load(name)
            for scheduler, make in SCHEDULERS.items():
                print(f"\n### {workers} slots, {scheduler}, {name}\n")
                print_table(measured(table, workers, make, seeds), random)


if __name__ == "__main__":
    main(sys.argv[1:])
