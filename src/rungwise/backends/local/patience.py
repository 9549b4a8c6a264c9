"""When patience with a job ends, and what is done then.

1. Whoever was asked to halt, or has reported its milestone, gets `grace` seconds. A script that knows nothing of us is
   then sent SIGTERM and gets as many again; it gets `SAVING` times as many, once, if it seems to be saving.
2. Whoever has said nothing for `timeout` seconds is killed; time in which nobody listened does not count.
3. Whoever still runs at the `last` moment is killed as if it had been asked to pause.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from signal import SIGKILL, SIGTERM, Signals

from rungwise.backends.local.jobs import Running

SAVING = 30  # graces, for a script that seems to be saving
LEAVING = 5  # graces, for a process whose training has returned: its threads and exit handlers
ABSENT = 1.0  # seconds without listening after which what was said in time may be heard too late


@dataclass(slots=True)
class Patience:
    """`grace` and `timeout` (None: none) in seconds, `last` in monotonic seconds."""

    grace: float
    timeout: float | None = None
    last: float = inf

    def ends(self, running: Running) -> float:
        """The moment (monotonic seconds) at which patience with a job ends."""
        if running.cut:
            return inf
        quiet = inf if self.timeout is None else running.heard + self.timeout
        return min(self.last, quiet, inf if running.deadline is None else running.deadline)

    def give(self, running: Running, graces: int = 1) -> None:
        """Let a job that should end soon have so many graces, unless they are running out already."""
        if running.deadline is None and not running.cut:
            running.deadline = time.monotonic() + graces * self.grace

    def let_leave(self, running: Running, graces: int = 1) -> None:
        """The training has returned: its processes have so many graces from now on."""
        if running.asked != "halt" and not running.cut:
            running.deadline = None
            self.give(running, graces)

    def excuse(self, jobs: Iterable[Running], absence: float) -> None:
        """Nobody listened for so many seconds, up to now."""
        if absence < ABSENT:
            return
        now = time.monotonic()
        for running in jobs:
            running.heard = min(now, running.heard + absence)
            if running.deadline is not None:
                running.deadline = max(running.deadline, now + self.grace)

    def lose(self, running: Running, *, foreign: bool) -> Signals | None:
        """The signal that a job is to be sent now, if any. `foreign`: it understands nothing else."""
        now = time.monotonic()
        if self.ends(running) > now:
            return None
        if now >= self.last:
            running.asked = running.asked or "pause"
            return self.cut(running)
        if running.deadline is None or running.deadline > now:
            running.late = True
            return self.cut(running)
        if not foreign or running.terminated:
            return self.cut(running)
        if running.drafted and not running.spared:
            running.spared = True  # it is saving, as far as one can see
            running.deadline = now + SAVING * self.grace
            return None
        running.terminated = True
        running.deadline = now + self.grace
        return SIGTERM

    def cut(self, running: Running) -> Signals:
        """Kill a job: nothing more is expected of it."""
        running.cut = True
        running.deadline = None
        return SIGKILL
