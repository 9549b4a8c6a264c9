"""Trials on a Ray cluster of this machine: how soon they run, how many, and how soon losses are heard of.

Run: python benchmarks/cluster.py. Moments are taken on the monotonic clock, which all processes of a machine share. The
nodes are Ray's own virtual ones.
"""

import os
import secrets
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from time import monotonic, sleep
from typing import Any

os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")

import ray
from ray.cluster_utils import Cluster

import rungwise as rw
from _table import print_table
from local import TRIALS, WORKERS, moments, reports, spread, trivial
from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings
from rungwise.backends.ray.backend import places_on
from rungwise.backends.ray.settings import RaySettings
from rungwise.core.commands import Launch
from rungwise.core.events import CapacityChanged, TrialReported
from rungwise.core.objective import Objective

WARM_TRIALS = 5_000
TUNED = 1_000
LARGE = 100
"""Cores for which only a node of its own has room."""
DEATHS = 3


def endless(trial: rw.Trial) -> None:
    """Tell which process Ray started for this slot: the launcher's parent; then train on, a thousand units a second."""
    stat = Path(f"/proc/{os.getppid()}/stat").read_text()
    for epoch in trial.epochs():
        trial.report(epoch, begun=float(stat.rpartition(")")[2].split()[1]))
        sleep(0.001)


@contextmanager
def opened(function: Callable[..., object], workers: int, *, reuse: bool, cpus: int = 1) -> Iterator[LocalBackend]:
    """A backend on the cluster."""
    settings, cluster = LocalSettings(workers=workers, reuse_workers=reuse), RaySettings(cpus=cpus)
    with tempfile.TemporaryDirectory() as folder, LocalBackend(
        FunctionTraining(function), settings, objective=Objective("begun", "min"), max_resource=1,
        checkpoints=Path(folder), places=places_on(cluster, settings, Path(folder)),
    ) as backend:  # fmt: skip
        yield backend


def gaps(*, reuse: bool) -> list[float]:
    """Milliseconds from one trial's last line to the next one's first line, on one slot, sorted."""
    with opened(moments, 1, reuse=reuse) as backend:
        seen = [report.metrics for report in reports(backend, TRIALS + 1, 1)]
    return sorted(1000 * (after["begun"] - before["ended"]) for before, after in pairwise(seen))


def warm_rate() -> float:
    """Trivial trials per second through the backend alone."""
    with opened(trivial, WORKERS, reuse=True) as backend:
        for _ in reports(backend, 100, WORKERS):
            pass
        begun = monotonic()
        for _ in reports(backend, WARM_TRIALS, WORKERS):
            pass
        return WARM_TRIALS / (monotonic() - begun)


def tuned_rate() -> float:
    """Trivial trials per second of a whole experiment, its log included, from the first report to the last."""
    with tempfile.TemporaryDirectory() as folder:
        done = rw.tune(
            trivial, {"lr": (0.0, 1.0)}, metric="begun", max_resource=1, scheduler="fifo", trials=TUNED,
            workers=WORKERS, backend="ray", reuse_workers=True, store=Path(folder, "runs.db"),
        )  # fmt: skip
        moments_told = [record.at for record in done.records() if isinstance(record, TrialReported)]
    return (len(moments_told) - 1) / (moments_told[-1] - moments_told[0])


def death(kill: Callable[[int], object], cpus: int = 1) -> float:
    """Seconds until it is told that a slot is gone whose process or node is killed."""
    settings, cluster = LocalSettings(workers=1), RaySettings(cpus=cpus)
    with tempfile.TemporaryDirectory() as folder, LocalBackend(
        FunctionTraining(endless), settings, objective=Objective("begun", "min"), max_resource=10**9,
        checkpoints=Path(folder), places=places_on(cluster, settings, Path(folder)),
    ) as backend:  # fmt: skip
        stream = chain.from_iterable(backend.events())
        next(stream)
        backend.submit(Launch(0, {}, 0, 10**9, 1, 0))
        report = next(stream)
        assert isinstance(report, TrialReported)
        begun = monotonic()
        kill(int(report.value))
        while isinstance(next(stream), TrialReported | CapacityChanged):
            pass
        return monotonic() - begun


def node_death(cluster: Any) -> float:
    """Seconds until the loss of a node is told, from the death of the node's own process."""
    node = cluster.add_node(num_cpus=LARGE)
    return death(lambda _: cluster.remove_node(node, allow_graceful=False), LARGE)


def main() -> None:
    """Measure and print."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4})
    try:
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
        rows = [
            (f"free slot to the next first line, {TRIALS} forked trials", "< 50 ms", spread(gaps(reuse=False))),
            ("report, decision, next job's first line, warm process", "< 5 ms", spread(gaps(reuse=True))),
            (f"warm trivial trials, {WORKERS} slots, backend alone", "> 200/s", f"{warm_rate():,.0f}/s"),
            (f"the same, a whole experiment of {TUNED}", "> 200/s", f"{tuned_rate():,.0f}/s"),
        ]
        deaths = sorted(death(lambda pid: os.kill(pid, signal.SIGKILL)) for _ in range(DEATHS))
        rows.append((f"death of a slot's process told, worst of {DEATHS}", "< 200 ms", f"{1000 * deaths[-1]:.0f} ms"))
        rows.append(("death of a node told", "< 5 s", f"{node_death(cluster):.2f} s"))
        print_table(rows)
    finally:
        ray.shutdown()
        cluster.shutdown()


if __name__ == "__main__":
    main()
