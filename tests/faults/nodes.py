"""Nodes of a cluster die: a virtual one of four nodes, of which one is killed every few seconds, and another joins."""

import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import rungwise as rw
from faults.outcomes import Outcome
from faults.trainings import METRIC, SPACE, curve, level_after, pass_time, read_state, write_state
from rungwise.core.events import TrialFailed, TrialPaused, TrialReported
from rungwise.core.records import Record

NAME = "nodes of a cluster killed"
NODES = 4
CORES = 20
"""Of a node, and of a slot: one has room for one."""
UNIT = 0.1
TRIALS_PER_KILL = 40
PAUSE = (1.0, 3.0)
"""Seconds between a node that has joined and the next to be killed."""


def train(trial: Any) -> None:
    """Units of a tenth of a second, whose values follow from the state that the unit before left."""
    level = float(trial.config["rough"])
    if (folder := trial.load()) is not None:
        _, level = read_state(folder)
    for unit in trial.epochs():
        pass_time(UNIT)
        level = level_after(level)
        state = level
        trial.report(
            unit, **{METRIC: trial.config["floor"] + level},
            save=lambda folder, unit=unit, state=state: write_state(folder, unit, state),
        )  # fmt: skip


def nodes_killed(place: Path, rng: Random, kills: int) -> Outcome:
    """An experiment during which so many nodes are killed, one after another."""
    told: list[Record] = []

    @contextmanager
    def listening(*_: object) -> Iterator[Any]:
        def hear(records: Sequence[Record]) -> None:
            told.extend(records)

        yield hear

    found: list[rw.Experiment] = []

    def tune() -> None:
        found.append(rw.tune(
            train, SPACE, metric=METRIC, max_resource=27, scheduler="asha", trials=TRIALS_PER_KILL * kills,
            workers=NODES, backend="ray", cpus=CORES, checkpoint_every=1, store=place / "runs.db", name="it",
            watch=listening,
        ))  # fmt: skip

    with _cluster() as cluster:
        tuning = threading.Thread(target=tune)  # Ray adds nodes from the main thread alone
        tuning.start()
        struck = _kill(cluster, rng, kills, tuning)
        tuning.join()
    return _judge(found[0], told, struck, place / "runs.db") if found else Outcome(notes=("it did not end well",))


def _judge(done: rw.Experiment, told: Sequence[Record], tried: int, store: Path) -> Outcome:
    """What it cost: nothing that was told of may be missing in the log, and every value must be that of its unit."""
    logged = set(map(repr, done.records()))
    reports = [record for record in told if isinstance(record, TrialReported)]
    again = rw.Experiment.open("it", store)
    notes = [f"a job failed: {record}" for record in told if isinstance(record, TrialFailed)]
    for report in reports:
        expected = curve(done.ledger.trials[report.trial].configuration, report.resource)[-1]
        if abs(report.value - expected) > 1e-9:
            notes.append(f"{report} has the value of another unit: {expected} is right")
    if not any(isinstance(record, TrialPaused) for record in told):
        notes.append("no trial paused")
    seen = {(report.trial, report.resource) for report in reports}
    return Outcome(
        tried=tried,
        lost=sum(repr(report) not in logged for report in reports),
        counted_twice=abs(again.ledger.spent - done.ledger.spent),
        repeated=len(reports) - len(seen),
        same_winner=again.best == done.best and rw.replay("it", store=store).missing == 0,
        notes=tuple(notes[:5]),
    )


@contextmanager
def _cluster() -> Iterator[Any]:
    """A head without room, and the nodes."""
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=CORES)
        ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def _kill(cluster: Any, rng: Random, kills: int, tuning: threading.Thread) -> int:
    """Kill nodes, as long as it tunes; how many."""
    for count in range(kills):
        tuning.join(rng.uniform(*PAUSE))
        if not tuning.is_alive():
            return count
        victim = rng.choice([node for node in cluster.list_all_nodes() if node is not cluster.head_node])
        cluster.remove_node(victim, allow_graceful=False)
        cluster.add_node(num_cpus=CORES)
    return kills
