"""One tuner process, from its start to its end, as the harness watches it."""

import json
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.processes import Server, kill

DEADLINE = 60.0
"""Seconds; never reached unless something hangs."""


@dataclass(frozen=True, slots=True)
class After:
    """So many seconds after the tuner was started."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """As soon as the tuner has told of so many records."""

    count: int


Moment = After | Acknowledged


class Session:
    """A tuner that was just started. What it acknowledges is collected, and when it first told of a report."""

    def __init__(self, server: Server, task: str, folder: Path, output: Path, arguments: dict[str, Any]) -> None:
        self.acknowledged: list[str] = []
        self.unsynced: list[int] = []
        self.outcome: dict[str, Any] | None = None
        self.first_report: float | None = None
        self.lasted = 0.0
        self._server = server
        self._rest = b""
        self._gone = False
        self._reading, told = os.pipe()
        self._began = time.monotonic()
        try:
            self.pid = server.start(task, folder, output, told, arguments)
        finally:
            os.close(told)
        self._handle = os.pidfd_open(self.pid)

    @property
    def elapsed(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    def go_until(self, moment: Moment) -> bool:
        """Watch until that moment; whether the tuner still lives then."""
        deadline = self._began + (moment.seconds if isinstance(moment, After) else DEADLINE)
        while isinstance(moment, After) or len(self.acknowledged) < moment.count:
            left = deadline - time.monotonic()
            if left <= 0 or not self._watch(left):
                break
        return not self._gone

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send the tuner a signal."""
        kill(self.pid, number)

    def end(self) -> int | None:
        """Watch until the tuner is gone: its exit status; None where it hangs, and was killed for it."""
        deadline = time.monotonic() + DEADLINE
        while self._watch(max(0.0, deadline - time.monotonic())):
            pass
        stuck = not self._gone
        if stuck:
            self.kill()
            while self._watch(DEADLINE):
                pass
        select.select([self._handle], [], [], DEADLINE)
        self.lasted = self.elapsed
        os.close(self._handle)
        os.close(self._reading)
        status = self._server.reap(self.pid)
        return None if stuck else status

    def _watch(self, seconds: float) -> bool:
        """Take in what is told, or wait that long for it; False once there is nothing more to come in that time."""
        if not select.select([self._reading], [], [], seconds)[0]:
            return False
        data = os.read(self._reading, 1 << 16)
        self._gone = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._heard(line.decode())
        return bool(data)

    def _heard(self, line: str) -> None:
        match line[0]:
            case "+":
                self.acknowledged.append(line[1:])
                if self.first_report is None and line.startswith("+TrialReported"):
                    self.first_report = time.monotonic() - self._began
            case "!":
                self.unsynced.append(int(line[1:]))
            case _:
                self.outcome = json.loads(line[1:])
