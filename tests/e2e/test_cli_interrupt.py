"""Ctrl-C once, Ctrl-C twice, and a tuner that is killed: what is recorded, and how it goes on."""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from commandline import (
    TRAININGS,
    Gate,
    Waiting,
    handles_of,
    run,
    rungwise,
    sentence,
    trained,
    under_way,
    wait_until_gone,
)

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")

TRIALS, UNITS = 3, 3
EVERYTHING = [(trial, unit) for trial in range(TRIALS) for unit in range(1, UNITS + 1)]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A command that tunes three trials of three units, two at a time, each waiting at the gate."""
    (tmp_path / "space.yaml").write_text("lr: {range: [0.1, 1.0]}\n")
    return [
        "tune", f"{TRAININGS / 'training_functions.py'}:gated", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", str(UNITS), "--scheduler", "fifo", "--trials", str(TRIALS), "--workers", "2", "--name", "it",
    ]  # fmt: skip


def handles(waiting: Sequence[Waiting]) -> set[int]:
    """Handles of the trials that wait, and of their parents."""
    found = handles_of({pid for each in waiting for pid in each.pids})
    assert found
    return found


def finish(folder: Path, gate: Gate) -> None:
    """Go on with the experiment to its end, and replay its log."""
    gate.let_pass(100)
    resumed = rungwise(folder, "resume", "it", "--json")
    assert (resumed.code, resumed.err) == (0, "")
    told = resumed.json()
    assert told["state"] == "finished"
    assert told["counts"]["completed"] == TRIALS
    replayed = rungwise(folder, "resume", "it", "--json")
    assert replayed.code == 0
    assert replayed.json() == told


def test_sigterm_before_anything_is_trained_leaves_nothing(tmp_path: Path, words: list[str]) -> None:
    os.mkfifo(tmp_path / "imported")
    (tmp_path / "slow.py").write_text("open('imported', 'w').close()\nopen('imported').read()\n")
    before = {*tmp_path.iterdir(), tmp_path / "space.yaml"}
    words[1] = "slow.py:train"
    with under_way(tmp_path, *words) as tuner:
        (tmp_path / "imported").read_text()  # waits until somebody imports it
        tuner.process.send_signal(signal.SIGTERM)
        done = tuner.done()
    assert done.code == 143
    assert "Traceback" not in done.out + done.err
    assert {path for path in tmp_path.iterdir() if path.name != "__pycache__"} == before


def test_ctrl_c_once_pauses_and_resume_trains_nothing_twice(tmp_path: Path, gate: Gate, words: list[str]) -> None:
    with under_way(tmp_path, *words) as tuner:
        gate.let_pass(1)
        waiting = gate.waiting(3)[1:]
        tuner.interrupt()
        tuner.wait_for("pausing: ")
        held = handles(waiting)
        gate.let_pass(2)
        done = tuner.done()
    assert done.code == 130
    assert "the experiment 'it' was interrupted" in done.err
    assert f"rungwise resume it --store {tmp_path / 'rungwise.db'}" in done.err
    assert "Traceback" not in done.out + done.err
    wait_until_gone(held)

    shown = rungwise(tmp_path, "show", "it", "--json").json()
    assert shown["state"] == "interrupted"
    assert shown["counts"]["running"] == 0
    assert len(trained(tmp_path)) == 3, "each of the two running trials ended at its next report"
    for trial in shown["trials"]:
        assert (trial["trial"], trial["resource"]) in trained(tmp_path)
        checkpoint = tmp_path / "rungwise.db-checkpoints" / "it" / f"trial-{trial['trial']}" / str(trial["resource"])
        assert checkpoint.is_dir() == (trial["status"] == "paused")
    assert rungwise(tmp_path, "list").out.splitlines()[1].split()[2] == "interrupted"

    finish(tmp_path, gate)
    assert trained(tmp_path) == EVERYTHING


def test_ctrl_c_twice_ends_at_once(tmp_path: Path, gate: Gate, words: list[str]) -> None:
    with under_way(tmp_path, *words) as tuner:
        gate.let_pass(1)
        held = handles(gate.waiting(3)[1:])
        tuner.interrupt()
        tuner.wait_for("pausing: ")
        tuner.interrupt()
        done = tuner.done()
    assert done.code == 130
    assert "the experiment 'it' was ended at once; go on with: rungwise resume it" in done.err
    assert "Traceback" not in done.out + done.err
    wait_until_gone(held)
    assert len(trained(tmp_path)) == 1
    finish(tmp_path, gate)
    assert sorted(set(trained(tmp_path))) == EVERYTHING


def test_a_tuner_that_is_killed_leaves_no_child_and_can_be_resumed(
    tmp_path: Path, gate: Gate, words: list[str]
) -> None:
    with under_way(tmp_path, *words) as tuner:
        gate.let_pass(1)
        held = handles(gate.waiting(3)[1:])
        tuner.process.kill()
        assert tuner.done().code == -9
        wait_until_gone(held)
    assert rungwise(tmp_path, "list").out.splitlines()[1].split()[2] == "unfinished"
    finish(tmp_path, gate)
    assert sorted(set(trained(tmp_path))) == EVERYTHING


def holder(folder: Path) -> int:
    return int(json.loads((folder / "rungwise.db-checkpoints" / "it" / "lock").read_text())["pid"])


def test_a_second_tuner_is_told_that_the_experiment_is_taken(tmp_path: Path, gate: Gate, words: list[str]) -> None:
    with under_way(tmp_path, *words):
        gate.waiting(2)
        told = rungwise(tmp_path, "resume", "it")
        assert told.code == 2
        assert f"'it' is being run by process {holder(tmp_path)} on {socket.gethostname()} since 20" in sentence(told)


DYING = """
import os
import sys
import select
import signal
from pathlib import Path

import rungwise as rw
from rungwise.core.events import TrialReported


def recorded(name, resource):
    records = rw.Experiment.open(name).records()
    return any(isinstance(each, TrialReported) and each.resource == resource for each in records)


def train(trial):
    for unit in trial.epochs():
        with Path("trained").open("a") as file:
            file.write(f"{trial.id} {unit}\\n")
        trial.report(unit, loss=1 / unit, save=lambda folder: (folder / "state").touch())
        if unit == 3 and not Path("died").exists():
            while not recorded("it", 3):
                select.select([], [], [], 0.01)
            Path("died").touch()
            os.kill(int(os.environ["TUNER"]), signal.SIGKILL)
            select.select([], [], [], 60)


if __name__ == "__main__":
    os.environ["TUNER"] = str(os.getpid())
    rw.tune(train, {"lr": (0.1, 1.0)}, metric="loss", max_resource=9, trials=3, scheduler="asha", name="it")
"""


def test_a_crash_between_a_report_and_its_pause_loses_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    assert run(tmp_path, sys.executable, "dying.py").code == -9
    done = rungwise(tmp_path, "resume", "it")
    assert done.code == 0, done.err
    once = sorted(tuple(map(int, line.split())) for line in (tmp_path / "trained").read_text().splitlines())
    assert once == sorted(set(once))
    assert max(once) == (2, 1)
    assert (0, 3) in once
