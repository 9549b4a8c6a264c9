"""Idle workers for survivors: does what Taper saves in training become time, when trials get more slots? Simulated.

    RUNGWISE_DATA=FOLDER python benchmarks/idle.py [SEEDS]

256 trials, 1 to 51 epochs, eta 3, on the 18 tasks of LCBench, whose seconds are modelled (see its reader), with 16
slots and with 64. Trials on more slots are as fast as in benchmarks/allocation.py: 0.1 + 0.9 / w of the seconds on one,
a stated assumption; starting a job costs nothing. A seed is an order of the configurations, the same for all. With
`by_rung` a promoted trial gets eta times as many slots as before: Taper, which has no other use for eta, is tried with
2 as well. Times and slot-hours are ratios to those of PASHA with one slot a trial, in the geometric mean; regret (by
the best value of the winner's curve) is a difference from PASHA's. Intervals are those of
`rungwise.comparison.resampling`: tables are drawn, then seeds within them. Prints Markdown; takes two minutes.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np

import rungwise as rw
from allocation import ETA, SCALING, TRIALS, UNITS
from allocation import SCHEDULERS as OTHERS
from frontier import Array, row, shown, times
from rungwise.allocation import ByRung, Fixed
from rungwise.benchmarks import load, names
from rungwise.comparison.resampling import Resamples
from rungwise.comparison.traces import Scale
from rungwise.core.protocols import Allocation, Scheduler

WORKERS, SEEDS = (16, 64), 5
SCHEDULERS: Mapping[str, Callable[[], Scheduler]] = {
    "PASHA": OTHERS["PASHA"],
    "ASHA": OTHERS["ASHA"],
    "Taper": lambda: rw.schedulers.Taper(1, UNITS, TRIALS),
}
Policy = Callable[[tuple[int, ...]], Allocation]


def by_rung(most: int, eta: int = ETA) -> Policy:
    """A policy for whichever ladder."""
    return lambda milestones: ByRung(milestones, eta, most)


POLICIES: Mapping[str, Policy] = {
    "fixed(1)": lambda _: Fixed(1),
    "fixed(2)": lambda _: Fixed(2),
    "fixed(4)": lambda _: Fixed(4),
    "by_rung(most 4)": by_rung(4),
    "by_rung(most 8)": by_rung(8),
    "by_rung(most 4), eta 2": by_rung(4, 2),
    "by_rung(most 8), eta 2": by_rung(8, 2),
}
PAIRS = [
    (scheduler, policy)
    for scheduler in SCHEDULERS
    for policy in POLICIES
    if scheduler == "Taper" or not policy.endswith("eta 2")
]


def outcome(
    table: rw.Table, scale: Scale, workers: int, pair: tuple[str, str], order: Sequence[int]
) -> tuple[float, ...]:
    """Seconds, slot-hours, the share of slots in use, and the regret of what was found."""
    scheduler = SCHEDULERS[pair[0]]()
    run = rw.simulate(
        table, scheduler, workers=workers, order=order, stop="drain",
        allocation=POLICIES[pair[1]](scheduler.milestones), scaling=SCALING,
    )  # fmt: skip
    assert run.best.trial is not None
    found = scale.regret(table.objective.shown(float(table.quality[run.rows[run.best.trial]])))
    return run.time, run.slot_seconds / 3600, run.slot_seconds / run.time / workers, found


def measured(tables: Sequence[str], workers: int, seeds: int) -> Array:
    """[pair, table, seed, what], what as `outcome` has it."""
    found = np.empty((len(PAIRS), len(tables), seeds, 4))
    for place, name in enumerate(tables):
        print(workers, name, file=sys.stderr, flush=True)
        table = load(name)
        scale = Scale.of(table)
        for seed in range(seeds):
            order = np.random.default_rng((11, seed)).permutation(table.configurations)[:TRIALS].tolist()
            found[:, place, seed] = [outcome(table, scale, workers, pair, order) for pair in PAIRS]
    return found


def print_all(found: Array) -> None:
    """Every pair against PASHA with one slot a trial."""
    draws = Resamples(*found.shape[1:3], 0)
    base = found[PAIRS.index(("PASHA", "fixed(1)"))]
    print(row("scheduler", "policy", "time, times", "slot-hours, times", "in use", "regret, difference"))
    print(row(*["---"] * 6))
    for pair, each in zip(PAIRS, found, strict=True):
        ratios = [times(draws.estimate(np.log(each[..., what] / base[..., what]))) for what in (0, 1)]
        apart = shown(draws.estimate(each[..., 3] - base[..., 3]), 4)
        print(row(*pair, *ratios, f"{each[..., 2].mean():.0%}", apart))


def print_pairs(found: Array) -> None:
    """Taper's time against the others', each pair with the same policy."""
    draws = Resamples(*found.shape[1:3], 0)
    print(row("policy of both", *(f"Taper's time, times {name}'s" for name in OTHERS)))
    print(row(*["---"] * (1 + len(OTHERS))))
    seconds = {pair: each[..., 0] for pair, each in zip(PAIRS, found, strict=True)}
    for policy in POLICIES:
        if ("PASHA", policy) in seconds:
            ratios = (np.log(seconds["Taper", policy] / seconds[name, policy]) for name in OTHERS)
            print(row(policy, *(times(draws.estimate(each)) for each in ratios)))


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tables = [name for name in names() if name.startswith("lcbench/")]
    if not tables:
        print("idle: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    for workers in WORKERS:
        found = measured(tables, workers, seeds)
        print(f"\n## {workers} slots: {TRIALS} trials, {len(tables)} tables, {seeds} seeds\n")
        print_all(found)
        print()
        print_pairs(found)


if __name__ == "__main__":
    main(sys.argv[1:])
