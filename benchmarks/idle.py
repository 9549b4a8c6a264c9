"""Idle workers for survivors: does what Taper saves in training become time, when trials get more slots? Simulated.

    RUNGWISE_DATA=FOLDER python benchmarks/idle.py [SEEDS]

256 trials, 1 to 51 epochs, eta 3, on the 18 tasks of LCBench, whose seconds are modelled (see its reader), with 16
slots and with 64. 95 % of the work are shared out among the slots of a trial, as in benchmarks/allocation.py; a job
costs nothing besides its own epochs, or one more, as there: Taper has the most pauses. A seed is an order of the
configurations, the same for all. Times and slot-hours are ratios to those of PASHA with one
slot a trial, in the geometric mean; regret (by the best value of the winner's curve) is a difference from PASHA's.
Intervals are those of `rungwise.comparison.resampling`: tables are drawn, then seeds within them. Prints Markdown;
takes eight minutes.
"""

import sys
from collections.abc import Sequence
from itertools import product

import numpy as np

import rungwise as rw
from allocation import METHODS, MIDDLE, PARALLEL, UNITS, Cluster, Method, outcome, policies, scaling_of
from frontier import Array, row, shown, times
from rungwise.benchmarks import load, names
from rungwise.comparison.resampling import Resamples

TRIALS, SEEDS, BASE = MIDDLE.trials, 5, "fixed(1)"
SCHEDULERS = {
    **{method.name: method for method in METHODS if method.name in ("PASHA", "ASHA")},
    "Taper": Method("Taper", lambda _: rw.schedulers.Taper(1, UNITS, TRIALS), (SEEDS, SEEDS)),
}
POLICIES = (
    BASE, "fixed(2)", "fixed(4)", "by_rung(4)", "by_rung(16)", "fill(4)", "fill(16)", "fill(16) over by_rung(4)",
)  # fmt: skip
PAIRS = [(scheduler, policy) for scheduler in SCHEDULERS for policy in POLICIES]


def measured(cluster: Cluster, epochs: float, seeds: int) -> Array:
    """[pair, table, seed, what]: minutes, slot-hours, the share of slots in use, and the regret of what was found."""
    found = np.empty((len(PAIRS), len(cluster.tables), seeds, 4))
    divisions, scaling = policies(cluster), scaling_of(PARALLEL["usual"])
    for place, name in enumerate(cluster.tables):
        print(cluster.workers, epochs, name, file=sys.stderr, flush=True)
        table = load(name)
        for seed in range(seeds):
            found[:, place, seed] = [
                outcome(table, cluster, SCHEDULERS[scheduler], divisions[policy], scaling, seed, epochs)
                for scheduler, policy in PAIRS
            ]
    return found


def print_all(found: Array) -> None:
    """Every pair against PASHA with one slot a trial."""
    draws = Resamples(*found.shape[1:3], 0)
    base = found[PAIRS.index(("PASHA", BASE))]
    print(row("scheduler", "policy", "time, times", "slot-hours, times", "in use", "regret, difference"))
    print(row(*["---"] * 6))
    for pair, each in zip(PAIRS, found, strict=True):
        ratios = [times(draws.estimate(np.log(each[..., what] / base[..., what]))) for what in (0, 1)]
        apart = shown(draws.estimate(each[..., 3] - base[..., 3]), 4)
        print(row(*pair, *ratios, f"{each[..., 2].mean():.0%}", apart))


def print_pairs(found: Array) -> None:
    """Taper's time against the others', each pair with the same policy."""
    draws = Resamples(*found.shape[1:3], 0)
    others = [name for name in SCHEDULERS if name != "Taper"]
    print(row("policy of both", *(f"Taper's time, times {name}'s" for name in others)))
    print(row(*["---"] * (1 + len(others))))
    minutes = {pair: each[..., 0] for pair, each in zip(PAIRS, found, strict=True)}
    for policy in POLICIES:
        ratios = (np.log(minutes["Taper", policy] / minutes[name, policy]) for name in others)
        print(row(policy, *(times(draws.estimate(each)) for each in ratios)))


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tables = tuple(name for name in names() if name.startswith("lcbench/"))
    if not tables:
        print("idle: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    for workers, epochs in product((16, MIDDLE.workers), (0.0, 1.0)):
        found = measured(Cluster(workers, TRIALS, tables), epochs, seeds)
        print(f"\n## {workers} slots, a job costs {'an epoch' if epochs else 'nothing'} more\n")
        print_all(found)
        print()
        print_pairs(found)


if __name__ == "__main__":
    main(sys.argv[1:])
