"""What a searcher that learns gains from trials of an earlier experiment: LCBench again (see transfer.py).

Semi-synthetic: a suggested configuration trains as the nearest of the task's 2,000 does that no trial has had (see
`rungwise.simulate`). The earlier experiment is PASHA with random search and 64 trials on another task, drawn at random,
written to a store and taken over as `rungwise tune --transfer` does. No hurdles.

    RUNGWISE_DATA=FOLDER python benchmarks/warm_start.py [SEEDS [SEARCHER]]

The searcher is kde unless another that can be warmed is named. Regret, ratios and intervals as in transfer.py. Takes
some minutes.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import rungwise as rw
from rungwise import searchers
from rungwise.api.transfer import Transfer, take_over
from rungwise.benchmarks import load, names
from rungwise.core.past import Past
from rungwise.core.protocols import Log, Searcher
from rungwise.core.spec import ExperimentSpec
from rungwise.space import Space
from rungwise.store import Store
from transfer import Array, interval, ratio, row

TRIALS, WORKERS, UNITS, SEEDS = 64, 4, 51, 5


def space_of(table: rw.Table) -> Space:
    """The space that the table's configurations were drawn from."""
    assert table.space is not None
    return table.space


def tuned(table: rw.Table, made: Searcher, seed: int, log: Log | None = None) -> tuple[int, float]:
    """Units trained in an experiment with this searcher, and the normalised regret of what was found."""
    run = rw.simulate(
        table, rw.schedulers.PASHA(1, UNITS, 3), WORKERS, stop="drain", seed=seed, log=log, searcher=made, trials=TRIALS
    )
    assert run.best.trial is not None
    quality = table.objective.shown(table.quality)
    best, middle = float(np.nanmin(quality)), float(np.nanmedian(quality))
    return run.resource, (float(quality[run.rows[run.best.trial]]) - best) / (middle - best)


def write_earlier(table: rw.Table, name: str, seed: int, store: Store) -> None:
    """An experiment with random search, put into the store."""
    space = space_of(table)
    spec = ExperimentSpec(
        metric="val_loss", mode="min", milestones=rw.schedulers.PASHA(1, UNITS, 3).milestones,
        scheduler={"name": "pasha", "min_resource": 1, "max_resource": UNITS, "eta": 3}, searcher={"name": "random"},
        space=space.to_json(), training={}, trials=TRIALS, workers=WORKERS, seed=seed,
    )  # fmt: skip
    tuned(table, searchers.make("random", space, seed), seed, store.create(name, spec.to_json()))


def variants(searcher: str) -> list[str]:
    """What is measured: random search and the searcher, with and without what was found before."""
    learns = [f"{searcher}{more}" for more in ("", ", winner first", ", warm", ", winner first and warm")]
    return ["random", "random, winner first", *learns]


def compared(searcher: str) -> list[tuple[str, str]]:
    """Which variants are compared with which."""
    return [
        ("random, winner first", "random"),
        (searcher, "random"),
        (f"{searcher}, winner first", searcher),
        (f"{searcher}, warm", searcher),
        (f"{searcher}, winner first and warm", f"{searcher}, winner first"),
        (f"{searcher}, winner first and warm", "random, winner first"),
    ]


def measured(tasks: Sequence[rw.Table], searcher: str, seeds: int, path: Path) -> dict[str, Array]:
    """Units and regret, [task, seed, 2], of every variant."""
    found = {variant: np.empty((len(tasks), seeds, 2)) for variant in variants(searcher)}
    milestones = rw.schedulers.PASHA(1, UNITS, 3).milestones
    with Store.open(path, create=True) as store:
        for seed in range(seeds):
            for number, task in enumerate(tasks):
                write_earlier(task, f"{number}-{seed}", 1000 + seed, store)
            for number, task in enumerate(tasks):
                others = [other for other in range(len(tasks)) if other != number]
                earlier = np.random.default_rng((3, seed, number)).choice(others)
                won, past = take_over(
                    path, Transfer((f"{earlier}-{seed}",)), space_of(task), "min", milestones, learns=True
                )
                for variant in variants(searcher):
                    made = searchers.make(
                        variant.split(",")[0], space_of(task), seed,
                        points=won if "winner first" in variant else (), past=past if "warm" in variant else Past(),
                    )  # fmt: skip
                    found[variant][number, seed] = tuned(task, made, seed)
    return found


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    tasks = [name for name in names() if name.startswith("lcbench/")]
    if not tasks:
        print("warm starts: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    seeds = int(arguments[0]) if arguments else SEEDS
    searcher = arguments[1] if len(arguments) > 1 else "kde"
    with tempfile.TemporaryDirectory() as folder:
        found = measured([load(name) for name in tasks], searcher, seeds, Path(folder) / "runs.db")
    random = np.random.default_rng(0)
    print(f"{len(tasks)} tasks, {seeds} seeds, PASHA, {TRIALS} trials, {WORKERS} workers, eta 3, 1 to {UNITS} epochs\n")
    print(row(("searcher", "units", "regret")), row(["---"] * 3), sep="\n")
    for variant, values in found.items():
        print(row((variant, f"{values[..., 0].mean():.0f}", f"{values[..., 1].mean():.4f}")))
    print("\n" + row(("compared", "units, times", "regret, difference")), row(["---"] * 3), sep="\n")
    for changed, base in compared(searcher):
        old, new = found[base], found[changed]
        cost = ratio(new[..., 0], old[..., 0], random)
        print(row((f"{changed}; against {base}", cost, interval(new[..., 1] - old[..., 1], random))))


if __name__ == "__main__":
    main(sys.argv[1:])
