"""What a searcher that learns gains from trials of an earlier experiment: LCBench again (see transfer.py).

Semi-synthetic: a suggested configuration trains as the nearest of the task's 2,000 does, each hyperparameter scaled to
0 … 1 (in the logarithm where the space has it). The earlier experiment is PASHA with random search and 64 trials on
another task, drawn at random, written to a store and taken over as `rungwise tune --transfer` does. No hurdles.

    RUNGWISE_DATA=FOLDER python benchmarks/warm_start.py [SEEDS]

Regret, ratios and intervals as in transfer.py. Takes some minutes.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rungwise as rw
from rungwise import searchers
from rungwise.allocation import Fixed
from rungwise.api.transfer import Transfer, take_over
from rungwise.backends.simulator import Curve, Simulator
from rungwise.benchmarks import load, names
from rungwise.core.commands import Configuration, Launch
from rungwise.core.ledger import Ledger
from rungwise.core.past import Past
from rungwise.core.protocols import Log, Searcher
from rungwise.core.spec import ExperimentSpec
from rungwise.space import parse
from rungwise.store import MemoryLog, Store
from rungwise.tuner.loop import drive
from rungwise.tuner.tuner import Tuner
from transfer import Array, interval, ratio, row

TRIALS, WORKERS, UNITS, SEEDS = 64, 4, 51, 5
FORM = {
    "batch_size": (16, 512, "log"),
    "learning_rate": (1e-4, 1e-1, "log"),
    "momentum": (0.1, 0.99),
    "weight_decay": (1e-5, 1e-1),
    "num_layers": (1, 5),
    "max_units": (64, 1024, "log"),
    "max_dropout": (0.0, 1.0),
}
SPACE = parse(FORM)
LOGARITHMIC = np.array([len(domain) == 3 for domain in FORM.values()])
BOUNDS = np.array([domain[:2] for domain in FORM.values()], dtype=np.float64)
VARIANTS = ("random", "random, winner first", "kde", "kde, winner first", "kde, warm", "kde, winner first and warm")
COMPARED = (
    ("random, winner first", "random"),
    ("kde", "random"),
    ("kde, winner first", "kde"),
    ("kde, warm", "kde"),
    ("kde, winner first and warm", "kde, winner first"),
    ("kde, winner first and warm", "random, winner first"),
)


def scaled(values: Array) -> Array:
    """Rows of hyperparameters, each from 0 to 1."""
    low, high = (np.where(LOGARITHMIC, np.log(bound), bound) for bound in BOUNDS.T.clip(1e-12))
    found: Array = (np.where(LOGARITHMIC, np.log(values.clip(1e-12)), values) - low) / (high - low)
    return found


class Task:
    """A table asked for configurations of a space."""

    def __init__(self, name: str) -> None:
        self.table = load(name)
        self._values = self.table.minimised()
        assert self.table.configs is not None
        self._codes = scaled(np.array([[config[each] for each in FORM] for config in self.table.configs]))

    def nearest(self, configuration: Configuration) -> int:
        """The row that is most like a configuration."""
        code = scaled(np.array([[float(configuration[each]) for each in FORM]]))
        return int(((self._codes - code) ** 2).sum(axis=1).argmin())

    def curve(self, launch: Launch) -> Curve:
        """What a job reports."""
        values = self._values[self.nearest(launch.configuration), launch.start : launch.milestone].tolist()
        return Curve(range(launch.start + 1, launch.milestone + 1), values, [1.0] * len(values))

    def tuned(self, made: Searcher, seed: int, log: Log) -> Ledger:
        """The end of an experiment with this searcher."""
        tuner = Tuner(rw.schedulers.PASHA(1, UNITS, 3), made, Fixed(1), seed=seed, trials=TRIALS)
        drive(tuner, Simulator(self.curve, workers=WORKERS, max_resource=UNITS), log)
        return tuner.ledger

    def outcome(self, ledger: Ledger) -> tuple[int, float]:
        """Units trained, and the normalised regret of what was found."""
        quality = self.table.objective.shown(self.table.quality)
        assert ledger.incumbent is not None
        found = quality[self.nearest(ledger.trials[ledger.incumbent.trial].configuration)]
        best, middle = float(np.nanmin(quality)), float(np.nanmedian(quality))
        return ledger.spent, (float(found) - best) / (middle - best)


def write_earlier(task: Task, name: str, seed: int, store: Store) -> None:
    """An experiment with random search, put into the store."""
    spec = ExperimentSpec(
        metric="val_loss", mode="min", milestones=rw.schedulers.PASHA(1, UNITS, 3).milestones,
        scheduler={"name": "pasha", "min_resource": 1, "max_resource": UNITS, "eta": 3}, searcher={"name": "random"},
        space=SPACE.to_json(), training={}, trials=TRIALS, workers=WORKERS, seed=seed,
    )  # fmt: skip
    task.tuned(searchers.make("random", SPACE, seed), seed, store.create(name, spec.to_json()))


def measured(tasks: Sequence[Task], seeds: int, path: Path) -> dict[str, Array]:
    """Units and regret, [task, seed, 2], of every variant."""
    found = {variant: np.empty((len(tasks), seeds, 2)) for variant in VARIANTS}
    milestones = rw.schedulers.PASHA(1, UNITS, 3).milestones
    with Store.open(path, create=True) as store:
        for seed in range(seeds):
            for number, task in enumerate(tasks):
                write_earlier(task, f"{number}-{seed}", 1000 + seed, store)
            for number, task in enumerate(tasks):
                others = [other for other in range(len(tasks)) if other != number]
                earlier = np.random.default_rng((3, seed, number)).choice(others)
                won, past = take_over(path, Transfer((f"{earlier}-{seed}",)), SPACE, "min", milestones, learns=True)
                for variant in VARIANTS:
                    made = searchers.make(
                        variant.split(",")[0], SPACE, seed,
                        points=won if "winner first" in variant else (), past=past if "warm" in variant else Past(),
                    )  # fmt: skip
                    found[variant][number, seed] = task.outcome(task.tuned(made, seed, MemoryLog()))
    return found


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tasks = [name for name in names() if name.startswith("lcbench/")]
    if not tasks:
        print("warm starts: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    with tempfile.TemporaryDirectory() as folder:
        found = measured([Task(name) for name in tasks], seeds, Path(folder) / "runs.db")
    random = np.random.default_rng(0)
    print(f"{len(tasks)} tasks, {seeds} seeds, PASHA, {TRIALS} trials, {WORKERS} workers, eta 3, 1 to {UNITS} epochs\n")
    print(row(("searcher", "units", "regret")), row(["---"] * 3), sep="\n")
    for variant, values in found.items():
        print(row((variant, f"{values[..., 0].mean():.0f}", f"{values[..., 1].mean():.4f}")))
    print("\n" + row(("compared", "units, times", "regret, difference")), row(["---"] * 3), sep="\n")
    for changed, base in COMPARED:
        old, new = found[base], found[changed]
        cost = ratio(new[..., 0], old[..., 0], random)
        print(row((f"{changed}; against {base}", cost, interval(new[..., 1] - old[..., 1], random))))


if __name__ == "__main__":
    main(sys.argv[1:])
