"""No child outlives the tuner, however it dies."""

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commandline import handles_of, wait_until_gone

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")

# Every process writes its number into the file `pids`; those of the launcher are its children's parents.
TRAINING = """
import os, select, subprocess, sys

def note(*pids):
    with open("pids", "a") as file:
        file.write("".join(f"{pid}\\n" for pid in pids))

def train(trial):
    child = subprocess.Popen([sys.executable, "-c", "import select; select.select([], [], [], 600)"])
    note(os.getpid(), os.getppid(), child.pid)
    trial.report(1, acc=1)
    while True:
        select.select([], [], [], 60)
"""

PROGRAM = """#!/bin/sh
trap '' TERM HUP INT
sleep 600 &
echo $$ >> pids; echo $PPID >> pids; echo $! >> pids
echo '{"resource": 1, "acc": 1}'
while :; do wait; done
"""

TUNER = """
import contextlib, fcntl, os, select, signal, sys
from itertools import chain
from pathlib import Path
from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining
from rungwise.core.commands import Launch
from rungwise.core.events import TrialReported
from rungwise.core.objective import Objective
from training import train

def main():
    function, program = FunctionTraining(train), ScriptTraining(("./program",))
    trainings = [(function, False), (function, True), (program, False)]
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored
    lock = os.open("lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with contextlib.ExitStack() as stack:
        for training, reuse in trainings:
            backend = stack.enter_context(LocalBackend(
                training, LocalSettings(workers=2, reuse_workers=reuse), objective=Objective("acc", "max"),
                max_resource=9, checkpoints=Path("checkpoints"), holding=[lock],
            ))
            for trial in range(2):
                backend.submit(Launch(trial, {}, 0, 9, 1, 0))
            stream = chain.from_iterable(backend.events())
            for _ in range(2):
                while not isinstance(next(stream), TrialReported):
                    pass
            reaper = backend._supervisor._places.processes._reaper
            Path("pids").open("a").write(f"{reaper.pid}\\n")
        print("running", flush=True)
        HOW

main()
"""

NEVER_IMPORTED = """
if "rungwise.backends.local.launcher" in sys.modules:
    note(os.getpid())
    with open("told", "wb") as told:
        told.write(b"!")
    select.select([], [], [], 600)
"""

WAITS = "select.select([], [], [], 600)"
RAISES = "raise KeyboardInterrupt"


def start(folder: Path, how: str) -> subprocess.Popen[str]:
    (folder / "training.py").write_text(TRAINING)
    (folder / "program").write_text(PROGRAM)
    (folder / "program").chmod(0o755)
    (folder / "tuner.py").write_text(TUNER.replace("HOW", how))
    return subprocess.Popen(
        [sys.executable, "tuner.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def still_running(handles: set[int]) -> set[int]:
    return handles - set(select.select(list(handles), [], [], 0)[0])


def test_what_the_backend_holds_is_let_go_when_the_last_trial_is_gone(tmp_path: Path) -> None:
    with start(tmp_path, WAITS) as tuner, (tmp_path / "lock").open("w") as lock:
        assert tuner.stdout is not None
        assert tuner.stdout.readline() == "running\n"
        numbers = [int(line) for line in (tmp_path / "pids").read_text().split()]
        reapers = {number for number in numbers if Path(f"/proc/{number}/cmdline").read_bytes().count(b"reaper.py")}
        assert len(reapers) == 3
        handles = handles_of(set(numbers) - reapers)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tuner.send_signal(signal.SIGKILL)
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert still_running(handles) == set()
        wait_until_gone(handles)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_tuner_that_is_killed_takes_all_with_it(tmp_path: Path, death: signal.Signals) -> None:
    with start(tmp_path, WAITS) as tuner:
        assert tuner.stdout is not None
        assert tuner.stdout.readline() == "running\n"
        pids = {int(line) for line in (tmp_path / "pids").read_text().split()}
        handles = handles_of(pids)
        # Three backends with two trials and a grandchild each, and what starts and watches them.
        assert len(pids) == len(handles) == 3 * (2 * 2 + 2)
        tuner.send_signal(death)
        wait_until_gone(handles)


def test_a_tuner_that_leaves_its_context_has_waited_for_all(tmp_path: Path) -> None:
    with start(tmp_path, RAISES) as tuner:
        _, errors = tuner.communicate(timeout=60)
        assert "KeyboardInterrupt" in errors
        pids = {int(line) for line in (tmp_path / "pids").read_text().split()}
        wait_until_gone(handles_of(pids))


def test_a_tuner_that_is_killed_during_the_import_of_the_training(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "told")
    (tmp_path / "training.py").write_text(TRAINING + NEVER_IMPORTED)
    (tmp_path / "tuner.py").write_text(TUNER)
    with subprocess.Popen([sys.executable, "tuner.py"], cwd=tmp_path) as tuner:
        with (tmp_path / "told").open("rb") as fifo:
            assert fifo.read(1) == b"!"
        handles = handles_of({int(line) for line in (tmp_path / "pids").read_text().split()})
        assert len(handles) == 1
        tuner.send_signal(signal.SIGKILL)
        wait_until_gone(handles)
