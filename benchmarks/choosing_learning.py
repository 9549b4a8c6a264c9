"""Which scheduler for a searcher that learns: Taper starts all trials first if it is told how many there will be.

    RUNGWISE_DATA=FOLDER python benchmarks/choosing_learning.py [SEEDS]

The 18 tasks of LCBench, 1 to 51 epochs, eta 3, 128 trials, 4 workers, to the end of what can be promoted. A suggestion
is answered by the nearest row that no trial has had (`rungwise.api.nearest`), random search's too. Units are ratios to
ASHA's with the same searcher in the geometric mean; regrets, by the best value of the winner's curve, are differences
from ASHA's. Intervals are those of `rungwise.comparison.resampling`: tables are drawn, then seeds within them. Prints
Markdown; takes some minutes.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

import numpy as np

import rungwise as rw
from frontier import ETA, WORKERS, Array, row, shown, times
from rungwise.benchmarks import load, names
from rungwise.comparison.resampling import Resamples
from rungwise.comparison.traces import Scale
from rungwise.core.protocols import Scheduler

TRIALS, UNITS, SEEDS = 128, 51, 3
SEARCHERS = ("random", "kde", "evolution")
MAKES: Mapping[str, Callable[[], Scheduler]] = {
    "ASHA": lambda: rw.schedulers.ASHA(1, UNITS, ETA),
    "PASHA": lambda: rw.schedulers.PASHA(1, UNITS, ETA),
    "Taper": lambda: rw.schedulers.Taper(1, UNITS, TRIALS),
    "Taper, gamma 1.2": lambda: rw.schedulers.Taper(1, UNITS, TRIALS, gamma=1.2),
    "Taper, n not known": lambda: rw.schedulers.Taper(1, UNITS),
    "Taper, gamma 1.2, n not known": lambda: rw.schedulers.Taper(1, UNITS, gamma=1.2),
}


def outcome(table: rw.Table, scale: Scale, scheduler: Scheduler, searcher: str, seed: int) -> tuple[float, float]:
    """Units, and the regret of the winner."""
    run = rw.simulate(table, scheduler, workers=WORKERS, stop="drain", searcher=searcher, trials=TRIALS, seed=seed)
    assert run.best.trial is not None
    return run.resource, scale.regret(table.objective.shown(float(table.quality[run.rows[run.best.trial]])))


def measured(tables: Sequence[str], seeds: int) -> Array:
    """[searcher, scheduler, table, seed, what], what as `outcome` has it."""
    found = np.empty((len(SEARCHERS), len(MAKES), len(tables), seeds, 2))
    for place, name in enumerate(tables):
        print(name, file=sys.stderr, flush=True)
        table = load(name)
        scale = Scale.of(table)
        for seed in range(seeds):
            for number, searcher in enumerate(SEARCHERS):
                found[number, :, place, seed] = [
                    outcome(table, scale, make(), searcher, seed) for make in MAKES.values()
                ]
    return found


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tables = [name for name in names() if name.startswith("lcbench/")]
    if not tables:
        print("choosing_learning: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    found = measured(tables, seeds)
    draws = Resamples(len(tables), seeds, 0)
    print(f"\n{len(tables)} tables, {seeds} seeds, {TRIALS} trials, {WORKERS} workers\n")
    print(row("searcher", "scheduler", "units, times ASHA's", "regret, difference from ASHA's"))
    print(row(*["---"] * 4))
    for searcher, of_one in zip(SEARCHERS, found, strict=True):
        base = of_one[0]
        print(row(searcher, "ASHA", "1", f"({base[..., 1].mean():.3f})"))
        for name, each in list(zip(MAKES, of_one, strict=True))[1:]:
            units = times(draws.estimate(np.log(each[..., 0] / base[..., 0])))
            print(row(searcher, name, units, shown(draws.estimate((each - base)[..., 1]), 4)))


if __name__ == "__main__":
    main(sys.argv[1:])
