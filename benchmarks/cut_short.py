"""A run that a limit ends: what schedulers have found by then, when nobody knows how many trials there will be.

    RUNGWISE_DATA=FOLDER python benchmarks/cut_short.py [SEEDS]

The 18 tasks of LCBench, 1 to 51 epochs, eta 3, 4 workers, random configurations without end (2,000 are there). After so
many epochs trained in all, the best trial so far is taken: its regret is (its - the best) / (the median - the best) of
all rows, by the best value of its curve. "Told 1,024" is Taper when it was told a number of trials that it does not
reach. Differences are from ASHA's. Intervals are those of `rungwise.comparison.resampling`: tables are drawn, then
seeds within them. Prints Markdown; takes a minute.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from math import inf, isfinite

import numpy as np

import rungwise as rw
from frontier import ETA, WORKERS, Array, row, shown
from rungwise.benchmarks import load, names
from rungwise.comparison.resampling import Resamples
from rungwise.comparison.traces import Scale
from rungwise.core.events import TrialReported
from rungwise.core.protocols import Scheduler

TRIALS, UNITS, SEEDS = 1024, 51, 5
CUTS = (128, 256, 512, 1024, 2048)
MAKES: Mapping[str, Callable[[], Scheduler]] = {
    "ASHA": lambda: rw.schedulers.ASHA(1, UNITS, ETA),
    "PASHA": lambda: rw.schedulers.PASHA(1, UNITS, ETA),
    "GatedPASHA": lambda: rw.schedulers.GatedPASHA(1, UNITS, ETA),
    "Taper, n not known": lambda: rw.schedulers.Taper(1, UNITS),
    "Taper, gamma 1.2, n not known": lambda: rw.schedulers.Taper(1, UNITS, gamma=1.2),
    "Taper, told 1,024": lambda: rw.schedulers.Taper(1, UNITS, TRIALS),
}


def found(table: rw.Table, scale: Scale, scheduler: Scheduler, order: Sequence[int]) -> list[float]:
    """The regret of the best trial so far at every cut, or at the run's end if that comes sooner."""
    run = rw.simulate(table, scheduler, workers=WORKERS, order=order, stop="drain")
    best, value, units, regrets = 0, inf, 0, []
    for record in run.log:
        if isinstance(record, TrialReported):
            units += 1
            if isfinite(record.value) and record.value < value:
                best, value = record.trial, record.value
            if len(regrets) < len(CUTS) and units == CUTS[len(regrets)]:
                regrets.append(scale.regret(table.objective.shown(float(table.quality[run.rows[best]]))))
    at_the_end = scale.regret(table.objective.shown(float(table.quality[run.rows[best]])))
    return regrets + [at_the_end] * (len(CUTS) - len(regrets))


def measured(tables: Sequence[str], seeds: int) -> Array:
    """Regrets, [scheduler, table, seed, cut]."""
    regrets = np.empty((len(MAKES), len(tables), seeds, len(CUTS)))
    for place, name in enumerate(tables):
        print(name, file=sys.stderr, flush=True)
        table = load(name)
        scale = Scale.of(table)
        for seed in range(seeds):
            order = np.random.default_rng((11, seed)).permutation(table.configurations)[:TRIALS].tolist()
            regrets[:, place, seed] = [found(table, scale, make(), order) for make in MAKES.values()]
    return regrets


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tables = [name for name in names() if name.startswith("lcbench/")]
    if not tables:
        print("cut_short: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    regrets = measured(tables, seeds)
    draws = Resamples(len(tables), seeds, 0)
    print(f"\nRegret, difference from ASHA's: {len(tables)} tables, {seeds} seeds, {WORKERS} workers\n")
    print(row("scheduler", *(f"{cut} epochs" for cut in CUTS)))
    print(row(*["---"] * (1 + len(CUTS))))
    for name, each in zip(MAKES, regrets, strict=True):
        if name == "ASHA":
            print(row(name, *(f"({mean:.3f})" for mean in each.mean(axis=(0, 1)))))
        else:
            print(row(name, *(shown(draws.estimate((each - regrets[0])[..., cut]), 3) for cut in range(len(CUTS)))))


if __name__ == "__main__":
    main(sys.argv[1:])
