"""Trials side by side or slots for each: what dividing the slots does to the time and the cost of an experiment.

Simulated, on tables of LCBench, whose seconds are modelled, not measured (see its reader): with 8 slots, which are busy
most of the time, with 64, most of which are idle while the last trials climb, and with 1,024, as many as there are
trials. Rungs 1, 3, 9, 27, 51, eta 3, to the end of what can be promoted: ASHA, PASHA, Hyperband, and Hyperband with
densities (BOHB). How fast more slots are is taken from three profiles, which are shapes by Amdahl's law and no
measurements. Each job costs a start-up of half an epoch on the average, a quarter to load and a quarter to save: a
change of share costs an epoch.

    RUNGWISE_DATA=FOLDER python benchmarks/allocation.py [SHARE]

A seed is an order of the configurations, the same for all divisions (BOHB: the searcher's seed). Regret is that of the
best configuration found, by the best value of its curve: (its - the best) / (the median - the best) of all 2,000.
Ratios are geometric means over tables and seeds; intervals are 95 % percentiles of 10,000 paired bootstraps: tables are
drawn, then seeds within each. Takes eight minutes; SHARE (1) multiplies the seeds.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

import rungwise as rw
from rungwise.allocation import ByRung, Fill, Fixed
from rungwise.backends.overhead import Overhead
from rungwise.benchmarks import load, names
from rungwise.core.protocols import Allocation, Scheduler
from rungwise.core.scaling import Scaling
from transfer import Array, interval, ratio, row

UNITS, ETA = 51, 3
SHARES = (1, 2, 4, 8, 16)
BASE = "fixed(1)"
PARALLEL = {"near-linear": 0.99, "usual": 0.95, "poor": 0.75}
STARTUP, LOAD, SAVE = 0.5, 0.25, 0.25  # epochs
LEAST = 4


@dataclass(frozen=True)
class Method:
    """A scheduler, its searcher, and how many seeds it gets on the smaller clusters and on the largest."""

    name: str
    make: Callable[[int], Scheduler]
    seeds: tuple[int, int]
    searcher: str | None = None


def hyperband(workers: int) -> Scheduler:
    """As many rounds of its brackets, of 143 trials each, as there are trials for."""
    return rw.schedulers.Hyperband(1, UNITS, ETA, rounds=8 if workers == LARGE.workers else 3)


METHODS = (
    Method("ASHA", lambda _: rw.schedulers.ASHA(1, UNITS, ETA), (10, 5)),
    Method("PASHA", lambda _: rw.schedulers.PASHA(1, UNITS, ETA), (10, 5)),
    Method("Hyperband", hyperband, (6, 3)),
    Method("BOHB", hyperband, (3, 2), "kde"),
)


@dataclass(frozen=True)
class Cluster:
    """So many slots, for so many trials (Hyperband starts what its brackets hold), on these tables."""

    workers: int
    trials: int
    tables: tuple[str, ...]
    place: int = 0

    @property
    def shares(self) -> tuple[int, ...]:
        """The fixed shares that fit."""
        return tuple(share for share in SHARES if share <= self.workers)

    @property
    def widest(self) -> int:
        """The most slots of a trial."""
        return self.shares[-1]


SMALL, MIDDLE, LARGE = (
    Cluster(8, 256, ("lcbench/christine", "lcbench/higgs")),
    Cluster(64, 256, ("lcbench/christine", "lcbench/higgs")),
    Cluster(1024, 1024, ("lcbench/christine",), 1),
)
Policy = Callable[[tuple[int, ...], Scaling, float], Allocation]


def policies(cluster: Cluster) -> Mapping[str, Policy]:
    """All divisions, by name."""
    widest = cluster.widest

    def by_rung(most: int, milestones: tuple[int, ...], scaling: Scaling, restart: float) -> Allocation:  # noqa: ARG001
        return ByRung(milestones, ETA, most)

    def fill(most: int, milestones: tuple[int, ...], scaling: Scaling, restart: float) -> Allocation:
        return Fill(milestones, None, most, scaling, restart)

    def both(milestones: tuple[int, ...], scaling: Scaling, restart: float) -> Allocation:
        return Fill(milestones, ByRung(milestones, ETA, LEAST), widest, scaling, restart)

    def fixed(share: int, *_: object) -> Allocation:
        return Fixed(share)

    return {
        **{f"fixed({share})": partial(fixed, share) for share in cluster.shares},
        **{f"by_rung({most})": partial(by_rung, most) for most in (LEAST, widest)},
        **{f"fill({most})": partial(fill, most) for most in (LEAST, widest)},
        f"fill({widest}) over by_rung({LEAST})": both,
    }


def untold(milestones: tuple[int, ...], scaling: Scaling, restart: float) -> Allocation:  # noqa: ARG001
    """Fill that learns all it knows from the run."""
    return Fill(milestones, None, MIDDLE.widest)


def scaling_of(parallel: float) -> Scaling:
    """Seconds per unit by Amdahl's law."""
    return Scaling(tuple((share, 1 - parallel + parallel / share) for share in SHARES))


def outcome(
    table: rw.Table, cluster: Cluster, method: Method, policy: Policy, scaling: Scaling, seed: int, epochs: float = 1.0
) -> tuple[float, ...]:
    """Minutes, slot-hours, the share of slots in use, and the regret of what was found; a restart costs `epochs`."""
    mean = float(np.nanmean(table.seconds)) * epochs
    overhead = Overhead(STARTUP * mean, LOAD * mean, SAVE * mean)
    scheduler = method.make(cluster.workers)
    rows = np.random.default_rng((11, seed)).permutation(table.configurations).tolist()
    mine = isinstance(scheduler, rw.schedulers.Hyperband)
    run = rw.simulate(
        table, scheduler, workers=cluster.workers, stop="drain", seed=seed, searcher=method.searcher,
        order=None if method.searcher else rows, trials=None if mine else cluster.trials, overhead=overhead,
        allocation=policy(tuple(scheduler.milestones), scaling, overhead.restart), scaling=scaling,
    )  # fmt: skip
    quality = table.objective.shown(table.quality)
    best, middle = float(np.nanmin(quality)), float(np.nanmedian(quality))
    assert run.best.trial is not None
    found = (float(quality[run.rows[run.best.trial]]) - best) / (middle - best)
    return run.time / 60, run.slot_seconds / 3600, run.slot_seconds / run.time / cluster.workers, found


def measured(
    cluster: Cluster, method: Method, chosen: Mapping[str, Policy], scaling: Scaling, share: float, epochs: float = 1.0
) -> dict[str, Array]:
    """Minutes, slot-hours, use and regret, [table, seed, 4], of every division."""
    seeds = range(max(1, round(method.seeds[cluster.place] * share)))
    tables = [load(name) for name in cluster.tables]
    return {
        name: np.array(
            [[outcome(table, cluster, method, policy, scaling, seed, epochs) for seed in seeds] for table in tables]
        )
        for name, policy in chosen.items()
    }


def mean_time(runs: Array) -> float:
    """Minutes, in the geometric mean."""
    return float(np.exp(np.log(runs[..., 0]).mean()))


def print_detail(found: Mapping[str, Array], random: np.random.Generator) -> None:
    """All divisions against one slot a trial."""
    base = found[BASE]
    columns = ("division", "minutes", f"times {BASE}", "slot-hours", f"times {BASE}", "in use", "regret, difference")
    print(row(columns), row(["---"] * len(columns)), sep="\n")
    for policy, runs in found.items():
        times = [ratio(runs[..., each], base[..., each], random) for each in (0, 1)]
        apart = interval((runs - base)[..., 3], random)
        if policy == BASE:
            times, apart = ["1", "1"], f"({base[..., 3].mean():.3f})"
        hours = float(np.exp(np.log(runs[..., 1]).mean()))
        used = runs[..., 2].mean()
        print(row((policy, f"{mean_time(runs):.1f}", times[0], f"{hours:.1f}", times[1], f"{used:.0%}", apart)))


def chosen_of(found: Mapping[str, Array], kind: str) -> str:
    """The fastest division of a kind."""
    return min((name for name in found if name.startswith(kind)), key=lambda name: mean_time(found[name]))


def claims(found: Mapping[str, Array], random: np.random.Generator) -> tuple[str, ...]:
    """What the right fixed share is worth, and what the others are beside it."""
    best = chosen_of(found, "fixed")
    worst = max((name for name in found if name.startswith("fixed")), key=lambda name: mean_time(found[name]))

    def beside(one: str, other: str) -> str:
        return ratio(found[one][..., 0], found[other][..., 0], random)

    others = []
    for kind in ("by_rung", "fill"):
        name = chosen_of(found, kind)
        hours = mean_hours(found, name, best)
        others.append(f"{name}: {beside(name, best)}; {hours:.2f}")
    return best, beside(BASE, best), worst, beside(worst, best), *others


def mean_hours(found: Mapping[str, Array], one: str, other: str) -> float:
    """How many times the slot-hours of another division."""
    return float(np.exp(np.log(found[one][..., 1] / found[other][..., 1]).mean()))


def print_claims(lines: Sequence[tuple[str, ...]]) -> None:
    """The summary: a line for each cluster, profile and scheduler."""
    columns = (
        "slots", "scaling", "scheduler", "best fixed", f"{BASE} takes, times", "worst fixed", "takes, times",
        "best by_rung: time; slot-hours, times best fixed", "best fill: the same",
    )  # fmt: skip
    print(row(columns), row(["---"] * len(columns)), *map(row, lines), sep="\n")


def print_restarts(share: float, random: np.random.Generator) -> None:
    """What `fill` is worth where restarts cost more, and where nobody tells it anything."""
    scaling, cluster = scaling_of(PARALLEL["usual"]), MIDDLE
    columns = ("scheduler", "a restart costs, epochs", "division", f"time, times {BASE}", "slot-hours, times")
    print(row(columns), row(["---"] * len(columns)), sep="\n")
    wanted = (BASE, "fixed(4)", f"fill({cluster.widest})")
    chosen = {name: policy for name, policy in policies(cluster).items() if name in wanted}
    for method in METHODS[:3]:
        for epochs in (0.1, 1.0, 10.0):
            found = measured(cluster, method, {**chosen, "fill, told nothing": untold}, scaling, share, epochs)
            for name in [*found][1:]:
                pairs = [ratio(found[name][..., each], found[BASE][..., each], random) for each in (0, 1)]
                print(row((method.name, f"{epochs:g}", name, *pairs)))


def main(arguments: Sequence[str]) -> None:
    """Measure and print Markdown."""
    if not {table for cluster in (SMALL, MIDDLE, LARGE) for table in cluster.tables} <= set(names()):
        print("allocation: not measured, because RUNGWISE_DATA names no folder with lcbench.npz")
        return
    share = float(arguments[0]) if arguments else 1.0
    random = np.random.default_rng(0)
    lines = []
    for cluster in (SMALL, MIDDLE, LARGE):
        for profile, parallel in PARALLEL.items():
            for method in METHODS:
                found = measured(cluster, method, policies(cluster), scaling_of(parallel), share)
                print(f"\n### {cluster.workers} slots, scaling {profile}, {method.name}\n")
                print_detail(found, random)
                lines.append((str(cluster.workers), profile, method.name, *claims(found, random)))
                sys.stdout.flush()
    print("\n## Summary\n")
    print_claims(lines)
    print("\n## Restarts\n")
    print_restarts(share, random)


if __name__ == "__main__":
    main(sys.argv[1:])
