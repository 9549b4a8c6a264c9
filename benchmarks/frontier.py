"""What Taper and GatedPASHA save and lose against ASHA and PASHA, on all tables at hand.

    RUNGWISE_DATA=FOLDER python benchmarks/frontier.py [SEEDS]

256 configurations in random order, 4 workers, r = 1, eta 3, the floor rule; nothing is cut at the end: what can be
promoted is. For each table and seed all schedulers get the same configurations in the same order. The regret of a
winner is (its - the best) / (the median - the best) of all rows of the table: by the best value of its curve, and by
the last one; where these are the same, it is 0. A winner has diverged if its curve holds a value that is not finite;
where the last one is not, that regret counts as 1. A winner with a regret above 0.2 by its last value is a bad one.
Ranks are by regret of the best value among the schedulers of a table and seed, ties averaged. Units are ratios in the
geometric mean. Intervals are those of `rungwise.comparison.resampling`: tables are drawn, then seeds within them.
Prints Markdown; takes two minutes.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import rungwise as rw
from rungwise.benchmarks import names, variants
from rungwise.comparison.regret import ranked
from rungwise.comparison.repetitions import Setting, sample
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.core.protocols import Scheduler

TRIALS, WORKERS, ETA, SEEDS, BAD = 256, 4, 3, 15, 0.2
Array = NDArray[np.float64]
Make = Callable[[int], Scheduler]
MAKES: Mapping[str, Make] = {
    "ASHA": lambda top: rw.schedulers.ASHA(1, top, ETA),
    "PASHA": lambda top: rw.schedulers.PASHA(1, top, ETA),
    "Taper": lambda top: rw.schedulers.Taper(1, top, TRIALS),
    "Taper, gamma 1.2": lambda top: rw.schedulers.Taper(1, top, TRIALS, gamma=1.2),
    "GatedPASHA": lambda top: rw.schedulers.GatedPASHA(1, top, ETA),
}
COMPARED = (
    ("PASHA", "ASHA"), ("Taper", "ASHA"), ("Taper", "PASHA"), ("Taper, gamma 1.2", "ASHA"),
    ("GatedPASHA", "ASHA"), ("GatedPASHA", "PASHA"),
)  # fmt: skip
GROUPS: Mapping[str, Callable[[str], bool]] = {
    "real tables": lambda name: not name.startswith(("nasbench201/", "synthetic/")),
    "semi-synthetic tables": lambda name: name.startswith("nasbench201/"),
    "synthetic tables": lambda name: name.startswith("synthetic/"),
}
"""Apart from the others: tables whose curves are modelled between real ends, and those made up to mimic trouble."""


@dataclass(frozen=True)
class Scale:
    """The values of all rows, smaller is better, and what a regret of 0 and of 1 are."""

    losses: Array

    def regret(self, loss: float) -> float:
        finite = self.losses[np.isfinite(self.losses)]
        best, middle = float(finite.min()), float(np.median(finite))
        if not np.isfinite(loss):
            return 1.0
        return (loss - best) / (middle - best) if middle > best else 0.0


def finals(table: rw.Table) -> Array:
    """The last value of every row's curve, smaller is better."""
    losses = table.minimised()
    if table.reported is None:
        return np.asarray(losses[:, -1])
    last = losses.shape[1] - 1 - np.argmax(table.reported[:, ::-1], axis=1)
    return np.asarray(losses[np.arange(len(losses)), last])


def falls_apart(table: rw.Table, row: int) -> bool:
    """Whether the curve of a row holds a value that is not finite."""
    values = table.values[row] if table.reported is None else table.values[row][table.reported[row]]
    return not bool(np.isfinite(values).all())


def outcomes(table: rw.Table, tried: rw.Table) -> list[tuple[float, ...]]:
    """Of every scheduler: units, regret by the best value and by the last, whether its winner diverged."""
    best, last = Scale(table.objective.shown(table.quality)), Scale(finals(table))
    found = []
    for make in MAKES.values():
        run = rw.simulate(tried, make(tried.units), workers=WORKERS, stop="drain")
        won = run.best.trial
        assert won is not None
        quality = float(tried.objective.shown(tried.quality[won]))
        found.append(
            (run.resource, best.regret(quality), last.regret(float(finals(tried)[won])), falls_apart(tried, won))
        )
    return found


def measured(tables: Sequence[str], seeds: int) -> Array:
    """[scheduler, table, seed, what], what as `outcomes` has it."""
    found = np.empty((len(MAKES), len(tables), seeds, 4))
    setting = Setting(repetitions=seeds, trials=TRIALS, workers=WORKERS)
    for place, name in enumerate(tables):
        every = list(variants(name))
        print(name, file=sys.stderr, flush=True)
        for seed in range(seeds):
            found[:, place, seed] = outcomes(every[seed % len(every)], sample(every, setting, seed))
    return found


def row(*words: str) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(words)} |"


def shown(estimate: Estimate, digits: int) -> str:
    """A mean and its interval."""
    return f"{estimate.mean:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def times(logarithms: Estimate) -> str:
    """A geometric mean and its interval."""
    return shown(Estimate(*(float(np.exp(each)) for each in (logarithms.mean, logarithms.low, logarithms.high))), 2)


def print_tables(found: Array) -> None:
    """What was measured over these tables, and how schedulers compare."""
    units, best, last, diverged = np.moveaxis(found, -1, 0)
    draws, ranks = Resamples(*best.shape[1:], 0), ranked(best)
    print(row("scheduler", "units", "regret, best", "regret, last", "bad winners", "diverged winners", "rank"))
    print(row(*["---"] * 7))
    for place, name in enumerate(MAKES):
        shares = f"{(last[place] > BAD).mean():.3f}", f"{diverged[place].mean():.3f}"
        estimates = [shown(draws.estimate(each[place]), 3) for each in (best, last)]
        print(row(name, f"{units[place].mean():.0f}", *estimates, *shares, shown(draws.estimate(ranks[place]), 2)))
    print("\n" + row("compared", "units, times", "times less", "regret, best", "regret, last"))
    print(row(*["---"] * 5))
    order = list(MAKES)
    for new, old in COMPARED:
        a, b = order.index(new), order.index(old)
        ratio = draws.estimate(np.log(units[a] / units[b]))
        less = f"{np.exp(-ratio.mean):.2f}"
        differences = [shown(draws.estimate(each[a] - each[b]), 4) for each in (best, last)]
        print(row(f"{new} against {old}", times(ratio), less, *differences))


def print_each(tables: Sequence[str], found: Array) -> None:
    """Table by table: units, regret of the best value, and diverged winners of all seeds."""
    print(row("table", *MAKES))
    print(row(*["---"] * (1 + len(MAKES))))
    for place, name in enumerate(tables):
        cells = []
        for units, best, _, diverged in (np.moveaxis(of_one[place], -1, 0) for of_one in found):
            fell = f", {int(diverged.sum())} diverged" if diverged.any() else ""
            cells.append(f"{units.mean():.0f}, {best.mean():.3f}{fell}")
        print(row(name, *cells))


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    seeds = int(arguments[0]) if arguments else SEEDS
    tables = names()
    found = measured(tables, seeds)
    for group, belongs in GROUPS.items():
        places = [place for place, name in enumerate(tables) if belongs(name)]
        if places:
            print(f"\n{len(places)} {group}, {seeds} seeds, {TRIALS} configurations, {WORKERS} workers, eta {ETA}\n")
            print_tables(found[:, places])
    print("\nUnits, regret by the best value, and winners that diverged, of every table\n")
    print_each(tables, found)


if __name__ == "__main__":
    main(sys.argv[1:])
