"""What winners of earlier experiments save on a new task: LCBench, where all tasks have the same 2,000 configurations.

An earlier experiment is ASHA with 100 random configurations on another task; its winner is what it found. For each new
task and seed the winners of three other tasks, or of one, drawn at random, come first, and random configurations fill
up to 100; without winners as many random ones stand in their places, and all others are the same. With a hurdle nobody
goes on who is worse than the best winner (see `rungwise.schedulers.hurdles`). Regret is that of the best configuration
found, by the best value of its curve: (its - the best) / (the median - the best) of all 2,000.

    RUNGWISE_DATA=FOLDER python benchmarks/transfer.py [SEEDS]

Intervals are 95 % percentiles of 10,000 paired bootstraps: tasks are drawn, then seeds within each. Costs are ratios of
units trained, in the geometric mean. Takes three minutes.
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

import rungwise as rw
from rungwise.benchmarks import load, names
from rungwise.core.protocols import Scheduler

TRIALS, MORE, WORKERS, UNITS = 100, 250, 4, 51
FEWER = {3: 45, 1: 60}
"""Trials without a hurdle that cost about as much as 100 with one, by how many winners there are."""
SEEDS = 15
RESAMPLES = 10_000
Array = NDArray[np.float64]
Make = Callable[[int | None], Scheduler]
MAKES: dict[str, Make] = {
    "ASHA": lambda hurdle: rw.schedulers.ASHA(1, UNITS, 3, hurdle=hurdle),
    "PASHA": lambda hurdle: rw.schedulers.PASHA(1, UNITS, 3, hurdle=hurdle),
    "ASHA by stopping": lambda hurdle: rw.schedulers.StoppingASHA(1, UNITS, 3, hurdle=hurdle),
    "PASHA by stopping": lambda hurdle: rw.schedulers.PASHA(1, UNITS, 3, by="stopping", hurdle=hurdle),
}
VARIANTS = (
    "alone", "winners first", "winners and hurdle", "winners first, fewer trials", "hurdle, 250 trials",
    "random hurdle",
)  # fmt: skip
"""What a hurdle saves could be saved by starting fewer trials too, or be spent on more. The last one is a control:
random configurations set the hurdle, as winners of a task unlike this one might."""
COMPARED = (
    ("winners first", "alone"),
    ("winners and hurdle", "winners first"),
    ("winners and hurdle", "alone"),
    ("winners and hurdle", "winners first, fewer trials"),
    ("hurdle, 250 trials", "winners first"),
    ("random hurdle", "alone"),
)


def outcome(table: rw.Table, scheduler: Scheduler, order: Sequence[int]) -> tuple[int, float]:
    """Units trained, and the normalised regret of what was found."""
    run = rw.simulate(table, scheduler, workers=WORKERS, order=order, stop="drain")
    quality = table.objective.shown(table.quality)
    best, middle = float(np.nanmin(quality)), float(np.nanmedian(quality))
    assert run.best.trial is not None
    return run.resource, (float(quality[order[run.best.trial]]) - best) / (middle - best)


def winner(table: rw.Table, seed: int) -> int:
    """The row that an earlier experiment on a task found."""
    order = np.random.default_rng((1, seed)).permutation(table.configurations)[:TRIALS].tolist()
    run = rw.simulate(table, rw.schedulers.ASHA(1, UNITS, 3), workers=WORKERS, order=order, stop="drain")
    assert run.best.trial is not None
    return int(order[run.best.trial])


def measured(tables: Sequence[rw.Table], seeds: int, experiments: int) -> dict[tuple[str, str], Array]:
    """Units and regret, [task, seed, 2], of every scheduler in every variant."""
    found = {(name, variant): np.empty((len(tables), seeds, 2)) for name in MAKES for variant in VARIANTS}
    for seed in range(seeds):
        won = [winner(table, seed) for table in tables]
        for task, table in enumerate(tables):
            random = np.random.default_rng((2, seed, task))
            earlier = random.choice(
                [other for other in range(len(tables)) if other != task], experiments, replace=False
            )
            first = list(dict.fromkeys(won[other] for other in earlier))
            rows = [row for row in random.permutation(table.configurations).tolist() if row not in first][:MORE]
            led, count = [*first, *rows[len(first) :]], len(first)
            few, led_few = rows[:TRIALS], led[:TRIALS]
            for name, make in MAKES.items():
                for variant, (order, hurdle) in zip(
                    VARIANTS,
                    (
                        (few, None),
                        (led_few, None),
                        (led_few, count),
                        (led[: FEWER[experiments]], None),
                        (led, count),
                        (few, count),
                    ),
                    strict=True,
                ):
                    found[name, variant][task, seed] = outcome(table, make(hurdle), order)
    return found


def interval(differences: Array, random: np.random.Generator) -> str:
    """The mean over tasks of the mean over seeds, and how sure it is."""
    tasks, seeds = differences.shape
    chosen = random.integers(0, tasks, (RESAMPLES, tasks))
    within = random.integers(0, seeds, (RESAMPLES, tasks, seeds))
    low, high = np.percentile(differences[chosen[:, :, None], within].mean(axis=(1, 2)), [2.5, 97.5])
    return f"{differences.mean():.4f} [{low:.4f}, {high:.4f}]"


def ratio(units: Array, base: Array, random: np.random.Generator) -> str:
    """The geometric mean of how many times the units."""
    mean, rest = interval(np.log(units / base), random).split(" ", 1)
    low, high = (np.exp(float(each)) for each in rest.strip("[]").split(", "))
    return f"{np.exp(float(mean)):.2f} [{low:.2f}, {high:.2f}]"


def row(words: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(words)} |"


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tasks = [name for name in names() if name.startswith("lcbench/")]
    if not tasks:
        print("transfer: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    tables = [load(name) for name in tasks]
    print(f"{len(tasks)} tasks, {seeds} seeds, {TRIALS} trials, {WORKERS} workers, eta 3, 1 to {UNITS} epochs")
    for experiments in (3, 1):
        print(f"\nWinners of earlier experiments: {experiments}; fewer trials: {FEWER[experiments]}\n")
        print_tables(measured(tables, seeds, experiments))


def print_tables(found: dict[tuple[str, str], Array]) -> None:
    """What was measured, and how variants compare."""
    random = np.random.default_rng(0)
    print(row(("scheduler", "first trials", "units", "regret")), row(["---"] * 4), sep="\n")
    for (name, variant), values in found.items():
        print(row((name, variant, f"{values[..., 0].mean():.0f}", f"{values[..., 1].mean():.4f}")))
    print("\n" + row(("compared", "units, times", "regret, difference")), row(["---"] * 3), sep="\n")
    pairs = [((name, changed), (name, base)) for name in MAKES for changed, base in COMPARED]
    pairs += [(("PASHA", variant), ("ASHA", variant)) for variant in VARIANTS[:4]]
    pairs += [(("PASHA", "winners and hurdle"), ("ASHA", "alone"))]
    for changed, base in pairs:
        (old, new), words = (found[base], found[changed]), f"{', '.join(changed)}; against {', '.join(base)}"
        cost = ratio(new[..., 0], old[..., 0], random)
        print(row((words, cost, interval(new[..., 1] - old[..., 1], random))))


if __name__ == "__main__":
    main(sys.argv[1:])
