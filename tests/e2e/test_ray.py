"""A whole experiment on Ray: tuned, interrupted, resumed elsewhere, retrained; and what is refused in a sentence."""

import os
import select
import signal
import sys
from collections import Counter
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from commandline import (
    TRAININGS,
    Cli,
    Gate,
    handles_of,
    rungwise,
    sentence,
    trained,
    under_way,
    wait_until_gone,
)

import rungwise as rw
from rungwise.core.commands import Launch

sys.path.insert(0, str(TRAININGS))

import training_functions
import training_ranks

SPACE = {"lr": (1e-4, 1.0, "log"), "act": ["relu", "tanh"]}
WANTED = ("--metric", "loss", "--max-resource", "9", "--trials", "6", "--store", "runs.db")


def test_an_experiment_on_ray_decides_as_its_log_says(
    tmp_path: Path, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = tmp_path / "runs.db"
    done = rw.tune(
        training_functions.steady, SPACE, metric="loss", max_resource=9, trials=8, workers=2, backend="ray",
        store=store, name="here",
    )  # fmt: skip
    assert done.finish == "done"
    assert len(done.ledger.trials) == 8
    assert rw.replay("here", store=store).missing == 0
    alone = rw.tune(
        training_functions.steady, SPACE, metric="loss", max_resource=9, trials=8, store=store, name="local"
    )
    assert done.best.value == alone.best.value, "the same configurations, whatever they run on"


def test_shares_by_rung_run_as_ranks_on_ray(tmp_path: Path, ray_cluster: Any) -> None:
    done = rw.tune(
        training_ranks.counted, {"folder": [str(tmp_path)], "x": (0.0, 1.0)}, metric="loss", max_resource=3, trials=3,
        workers=3, allocation="by-rung", scheduler="asha", backend="ray", store=tmp_path / "runs.db",
    )  # fmt: skip
    assert {(record.milestone, record.slots) for record in done.records() if isinstance(record, Launch)} == {
        (1, 1), (3, 3),
    }  # fmt: skip


def test_what_was_suspended_here_is_resumed_there(tmp_path: Path, ray_cluster: Any) -> None:
    store = tmp_path / "runs.db"
    with pytest.raises(rw.SuspendedError):
        rw.tune(
            training_ranks.fragile, {"folder": [str(tmp_path)], "x": (0.0, 1.0)}, metric="loss", max_resource=3,
            trials=2, workers=2, slots=2, scheduler="fifo", store=store, name="moved", max_failures=1, max_retries=0,
            storage=tmp_path / "shared",
        )  # fmt: skip
    (tmp_path / "mended").touch()
    done = rw.resume("moved", store=store, backend="ray")
    assert done.finish == "done"
    assert [entry.status for entry in done.ledger.trials.values()] == ["failed", "completed"]
    assert rw.replay("moved", store=store).missing == 0
    assert done.checkpoint == tmp_path / "shared" / "moved" / "trial-1" / "3", "a path is the folder, for nodes too"
    assert "backend" not in rw.Experiment.open("moved", store).spec.local, "the settings stay as they were"


def test_what_was_tuned_there_is_retrained_there_or_here(cli: Cli, tmp_path: Path, ray_cluster: Any) -> None:
    (tmp_path / "space.yaml").write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    train = f"{TRAININGS / 'training_functions.py'}:steady"
    done = cli(
        "tune", train, "--space", "space.yaml", *WANTED, "--name", "first", "--scheduler", "fifo", "--backend", "ray",
        "--limit", "resource=1", "--workers", "2",
    )  # fmt: skip
    assert done.code == 0, done.err
    again = cli("retrain", "first", "--store", "runs.db", "--top", "1", "--backend", "ray", "--address", "auto")
    assert again.code in (0, 1), again.err
    assert "this is the best of them" in again.out or "Take trial 0" in again.out
    here = cli("retrain", "first", "--store", "runs.db", "--top", "1", "--backend", "local", "--json")
    assert here.json()["candidates"][0]["metrics"].keys() >= {"loss"}


def test_no_trial_outlives_a_tuner_that_is_killed_and_another_place_goes_on_with_the_stores_file_alone(
    tmp_path: Path, ray_cluster: Any, gate: Gate
) -> None:
    (tmp_path / "space.yaml").write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    with under_way(
        tmp_path, "tune", f"{TRAININGS / 'training_functions.py'}:gated", "--space", "space.yaml", *WANTED,
        "--name", "killed", "--scheduler", "fifo", "--workers", "2",
        "--backend", "ray", "--address", ray_cluster.address, "--storage", f"file://{tmp_path / 'remote'}",
        "--checkpoint-every", "1",
    ) as tuner:  # fmt: skip
        gate.let_pass(4)
        waiting = gate.waiting(6)
        while rw.Experiment.open("killed", tmp_path / "runs.db").ledger.spent < 4:
            select.select([], [], [], 0.01)
        handles = handles_of({pid for trial in waiting for pid in trial.pids})
        assert len(handles) == 4, "two trials, and what started each"
        os.kill(tuner.process.pid, signal.SIGKILL)
        wait_until_gone(handles)
    assert not list((tmp_path / "runs.db-checkpoints").glob("*/*/[0-9]*")), "no checkpoint was ever on the tuner's disk"
    rmtree(tmp_path / "runs.db-checkpoints", ignore_errors=True)
    gate.let_pass(100)
    done = rungwise(tmp_path, "resume", "killed", "--store", "runs.db", "--backend", "local")
    assert done.code == 0, done.err
    repeated = Counter(trained(tmp_path)) - Counter(set(trained(tmp_path)))
    assert all(unit > 1 for _, unit in repeated), "what had been saved when the next unit began is not trained again"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--address", "auto"), "address is 'auto', but only a Ray cluster (backend 'ray') has one: leave it out"),
        (("--cpus", "2"), "cpus is 2, but only the slots of a Ray cluster (backend 'ray') have cores of their own"),
        (("--backend", "ray", "--cpus", "0"), "cpus is 0, but must be a whole number of 1 or more"),
        (
            ("--backend", "ray", "--gpus", "1", "--workers", "2"),
            "workers is 2, but the GPUs that are named (0) have room for 1",
        ),
        (("--backend", "ray", "--cpus", "999"), "a slot needs 999 CPUs on one node, but the largest node of the"),
        (("--backend", "ray", "--address", "10.0.0.1:6379"), "address is '10.0.0.1:6379', but this process has joined"),
        (("--backend", "slurm"), "'slurm' is not one of 'local', 'ray'"),
    ],
)
def test_what_does_not_fit_the_backend_is_refused_in_a_sentence_and_leaves_nothing(
    cli: Cli, tmp_path: Path, ray_cluster: Any, options: tuple[str, ...], said: str
) -> None:
    (tmp_path / "space.yaml").write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    train = f"{TRAININGS / 'training_functions.py'}:steady"
    assert said in sentence(cli("tune", train, "--space", "space.yaml", *WANTED, *options))
    assert not list(tmp_path.glob("runs.db-checkpoints/*")), "no folder of an experiment"


@pytest.mark.parametrize(("options", "said"), [
    ({"gpus": ["0", "1"]}, r"gpus is \['0', '1'\], but on a Ray cluster, which hands out its devices, it must be a"),
    ({"gpus": 3, "per_gpu": 1.5}, "per_gpu is 1.5, but must be a whole number"),
    ({"backend": "dask"}, "backend is 'dask', but must be one of local, ray"),
])  # fmt: skip
def test_arguments_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(rw.InputError, match=said):
        rw.tune(
            training_functions.steady, SPACE, metric="loss", max_resource=9, store=tmp_path / "runs.db",
            **{"backend": "ray", **options},
        )  # fmt: skip


def test_without_ray_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(rw.InputError, match=r"needs Ray, which is not installed: pip install 'rungwise\[ray\]'"):
        rw.tune(
            training_functions.steady, SPACE, metric="loss", max_resource=9, store=tmp_path / "runs.db", backend="ray"
        )  # fmt: skip
