"""What the supervisor needs of wherever processes run, and what it is told from there.

1. A process that is gone is told once, after everything that it had said can be read.
2. Those that are lost with their place are told as such, before the capacity that went with them.
3. Whether there is a place for a job now is asked before it is run; `room` is told when there may be one.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Outcome
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.training import ScriptTraining
from rungwise.trial.job import Job


class Watcher(Protocol):
    """Who is told what becomes of processes."""

    def forget(self, child: Child) -> None:
        """A child is about to be closed."""
        ...

    def exited(self, child: Child, gone: Exit) -> None:
        """A child's process is gone."""
        ...

    def lost(self, children: Sequence[Child], outcome: Outcome) -> None:
        """Children are gone with what they ran on; `outcome` is that of jobs that had not said how they ended."""
        ...

    def capacity(self, slots: int) -> None:
        """There are so many slots from now on, at least one."""
        ...

    def room(self) -> None:
        """There may be a place for a job that waits for one."""
        ...


class Places(Protocol):
    """Finds a process for every job. Once closed it does nothing more."""

    @property
    def slots(self) -> int:
        """How many there are."""
        ...

    def has_room(self, slots: int) -> bool:
        """Whether a job of so many slots can be started now."""
        ...

    def run(self, job: Job, folder: Path) -> Child:
        """Start a job for which there is room. The child of rank 0; where a rank cannot be started, none is left."""
        ...

    def release(self, child: Child) -> None:
        """A process that takes one job after another has ended its job."""
        ...

    def discard(self, child: Child) -> None:
        """A process is gone, or about to be, and everything that it said has been read."""
        ...

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to a process, SIGKILL to its whole group; no harm if it is gone."""
        ...

    def close(self) -> None:
        """End every child, and wait until they are gone."""
        ...


What = ScriptTraining | Mapping[str, Any]
"""What runs there: a script, or a function as `functions.pack` made it."""
OpenPlaces = Callable[[Ears, Watcher], Places]
"""Opens them; what it raises passes through."""
