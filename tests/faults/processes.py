"""Processes as /proc shows them, and waiting until they are gone."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent
PROMISE = 2.0
"""Seconds after which nothing may be left of a tuner that was killed."""
PATIENCE = 10.0
LAUNCHER, REAPER = b"rungwise.backends.local.launcher", b"reaper.py"


class Server:
    """The process that forks tuners."""

    def __init__(self) -> None:
        self._end, theirs = socket.socketpair()
        path = os.pathsep.join([str(ROOT), *(entry or str(Path.cwd()) for entry in sys.path)])
        environment = {name: text for name, text in os.environ.items() if not name.startswith("RUNGWISE_")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "faults.server", str(theirs.fileno())], pass_fds=(theirs.fileno(),),
                env={**environment, "PYTHONPATH": path}, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._lines = self._end.makefile("rb")
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._end.close()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, task: str, folder: Path, output: Path, told: int, arguments: dict[str, Any]) -> int:
        """Fork a tuner; its process id."""
        message = {"task": task, "folder": str(folder), "output": str(output), "arguments": arguments}
        socket.send_fds(self._end, [json.dumps(message).encode() + b"\n"], [told])
        return int(self._answer()["pid"])

    def reap(self, pid: int) -> int:
        """The exit status of a tuner that has ended; minus the signal where one ended it."""
        self._end.sendall(json.dumps({"reap": pid}).encode() + b"\n")
        return int(self._answer()["status"])

    def _answer(self) -> dict[str, Any]:
        line = self._lines.readline()
        if not line:
            raise RuntimeError("the server that forks tuners has died: see what it printed")
        answer: dict[str, Any] = json.loads(line)
        return answer


def children() -> dict[int, list[int]]:
    """The living children of every process."""
    found: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            state, parent = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found.setdefault(int(parent), []).append(int(entry.name))
    return found


def descendants(pid: int) -> list[int]:
    """All living processes that a process started, and those that these started."""
    tree = children()
    found = list(tree.get(pid, ()))
    for each in found:
        found.extend(tree.get(each, ()))
    return found


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes of a tuner: what starts its trials, what watches over them, and the trials."""

    launcher: int | None
    reaper: int | None
    workers: tuple[int, ...]


def crew_of(tuner: int) -> Crew:
    """The processes of a tuner at this moment."""
    tree = children()
    launcher = reaper = None
    for pid in tree.get(tuner, ()):
        line = _command(pid)
        if LAUNCHER in line:
            launcher = pid
        elif REAPER in line:
            reaper = pid
    return Crew(launcher, reaper, tuple(tree.get(launcher, ())) if launcher is not None else ())


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill(pid: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal; whether there was anybody to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def handles_of(pids: Iterable[int]) -> dict[int, int]:
    """Handles of those processes that are still there, by process id."""
    handles = {}
    for pid in pids:
        with suppress(ProcessLookupError):
            handles[pid] = os.pidfd_open(pid)
    return handles


def outlive(handles: dict[int, int]) -> list[int]:
    """The processes that are there still after the time that was promised; all are gone afterwards.

    What is left after PATIENCE is killed.
    """
    began = time.monotonic()
    late = _left(handles, began + PROMISE)
    for pid in _left({pid: handles[pid] for pid in late}, began + PATIENCE):
        kill(pid)
    for handle in handles.values():
        os.close(handle)
    return late


def _left(handles: dict[int, int], deadline: float) -> list[int]:
    left = {handle: pid for pid, handle in handles.items()}
    while left:
        over, _, _ = select.select(list(left), [], [], max(0.0, deadline - time.monotonic()))
        if not over:
            break
        for handle in over:
            del left[handle]
    return list(left.values())
