"""Which scheduler when: what each saves and loses against ASHA, by trials, workers, and the length of the ladder.

    RUNGWISE_DATA=FOLDER python benchmarks/choosing.py [SEEDS]

All tables at hand, in groups as in benchmarks/frontier.py, whose regrets these are; r = 1, eta 3, the floor rule,
nothing cut at the end. A situation is a number of trials, workers, and the highest milestone (everything that a table
holds, unless another is named). Of the synthetic tables, which say nothing about trainings, only a longer ladder is
asked: they are made with 729 units. For each table and seed all schedulers get the same configurations in the same
order. Units and seconds are ratios in the geometric mean, regrets (by the best value of the winner's curve, and by its
last) are differences. Intervals are those of `rungwise.comparison.resampling`: tables are drawn, then seeds within
them. Prints Markdown; takes some minutes.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import rungwise as rw
from frontier import ETA, GROUPS, Array, Scale, finals, row, shown, times
from rungwise.benchmarks import names, variants
from rungwise.benchmarks.synthetic import CONFIGURATIONS, synthetic
from rungwise.comparison.repetitions import Setting, sample
from rungwise.comparison.resampling import Resamples
from rungwise.core.protocols import Scheduler

SEEDS, LONG = 10, 729


@dataclass(frozen=True, slots=True)
class Situation:
    """So many trials on so many workers, `top` the highest milestone (None: all that a table holds)."""

    trials: int
    workers: int
    top: int | None = None

    @property
    def name(self) -> str:
        reach = "" if self.top is None else f", R = {self.top}"
        return f"{self.trials} trials, {self.workers} workers{reach}"


SITUATIONS = (
    *(Situation(trials, 4) for trials in (16, 32, 64, 128, 256)),
    *(Situation(256, workers) for workers in (1, 16, 64)),
    Situation(64, 16),
    *(Situation(256, 4, top) for top in (3, 9, 27)),
)
BEYOND = (Situation(64, 4), Situation(256, 4))
"""What the synthetic tables are asked."""
MAKES: Mapping[str, Callable[[int, int], Scheduler]] = {
    "ASHA": lambda top, _: rw.schedulers.ASHA(1, top, ETA),
    "SH": lambda top, trials: rw.schedulers.SuccessiveHalving(trials, 1, top, ETA),
    "PASHA": lambda top, _: rw.schedulers.PASHA(1, top, ETA),
    "GatedPASHA": lambda top, _: rw.schedulers.GatedPASHA(1, top, ETA),
    "Taper": lambda top, trials: rw.schedulers.Taper(1, top, trials),
    "Taper, gamma 1.2": lambda top, trials: rw.schedulers.Taper(1, top, trials, gamma=1.2),
    "Taper, n not known": lambda top, _: rw.schedulers.Taper(1, top),
    "Taper, gamma 1.2, n not known": lambda top, _: rw.schedulers.Taper(1, top, gamma=1.2),
}
COMPARED = (
    *((name, "ASHA") for name in MAKES if name != "ASHA"),
    *((name, "PASHA") for name in MAKES if name.startswith("Taper")),
)


def outcomes(table: rw.Table, tried: rw.Table, situation: Situation) -> list[tuple[float, ...]]:
    """Of every scheduler: units, seconds, regret by the best value and by the last."""
    best, last = Scale(table.objective.shown(table.quality)), Scale(finals(table))
    top = tried.units if situation.top is None else situation.top
    found = []
    for make in MAKES.values():
        run = rw.simulate(tried, make(top, situation.trials), workers=situation.workers, stop="drain")
        won = run.best.trial
        # where so few trials were tried that none ever had a finite value, nothing was found
        quality, end = (np.nan, np.nan) if won is None else (tried.quality[won], finals(tried)[won])
        found.append(
            (run.resource, run.time, best.regret(tried.objective.shown(float(quality))), last.regret(float(end)))
        )
    return found


def curves(name: str) -> list[rw.Table]:
    """A table's variants; of a synthetic one a long sister."""
    kind, _, form = name.partition("/")
    return [synthetic(form, CONFIGURATIONS, LONG)] if kind == "synthetic" else list(variants(name))


def measured(tables: Sequence[str], situations: Sequence[Situation], seeds: int) -> Array:
    """[situation, scheduler, table, seed, what], what as `outcomes` has it."""
    found = np.empty((len(situations), len(MAKES), len(tables), seeds, 4))
    for place, name in enumerate(tables):
        every = curves(name)
        print(name, file=sys.stderr, flush=True)
        for number, situation in enumerate(situations):
            setting = Setting(repetitions=seeds, trials=situation.trials, workers=situation.workers)
            for seed in range(seeds):
                tried = sample(every, setting, seed)
                found[number, :, place, seed] = outcomes(every[seed % len(every)], tried, situation)
    return found


def print_situation(found: Array) -> None:
    """How schedulers compare."""
    draws = Resamples(*found.shape[1:3], 0)
    print(row("compared", "units, times", "times less", "seconds, times", "regret, best", "regret, last"))
    print(row(*["---"] * 6))
    order = list(MAKES)
    for name, other in COMPARED:
        new, old = found[order.index(name)], found[order.index(other)]
        units, seconds = (draws.estimate(np.log(new[..., what] / old[..., what])) for what in (0, 1))
        differences = [shown(draws.estimate(new[..., what] - old[..., what]), 4) for what in (2, 3)]
        print(row(f"{name} against {other}", times(units), f"{np.exp(-units.mean):.2f}", times(seconds), *differences))


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    seeds = int(arguments[0]) if arguments else SEEDS
    for group, belongs in GROUPS.items():
        tables = [name for name in names() if belongs(name)]
        situations = BEYOND if group == "synthetic tables" else SITUATIONS
        found = measured(tables, situations, seeds)
        for each, situation in zip(found, situations, strict=True):
            if tables:
                print(f"\n### {len(tables)} {group}: {situation.name}\n")
                print_situation(each)


if __name__ == "__main__":
    main(sys.argv[1:])
