"""Why a process died: its exit status in words, and whether the kernel killed it for want of memory."""

import signal
import time
from contextlib import suppress

from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running
from rungwise.core.events import Cause

KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # itself, or a program that a shell ran for it
FRESH = 1.0


class OomKills:
    """How many processes the kernel has killed for want of memory since the machine started; -1 where it does not say.

    Reading the kernel's counters takes most of a millisecond, so that `lately` may be a second old.
    """

    __slots__ = ("_count", "_read_at")

    def __init__(self) -> None:
        self._count = -1
        self._read_at = float("-inf")

    def lately(self) -> int:
        """The count, at most a second old."""
        return self._count if time.monotonic() - self._read_at < FRESH else self.now()

    def now(self) -> int:
        """The count."""
        self._count = -1
        with suppress(OSError), open("/proc/vmstat", "rb") as file:  # noqa: PTH123 - Path costs more
            for line in file:
                if line.startswith(b"oom_kill "):
                    self._count = int(line.split()[1])
        self._read_at = time.monotonic()
        return self._count


def describe_exit(status: int) -> str:
    """An exit code, or minus a signal, in words.

    >>> describe_exit(3), describe_exit(-15)
    ('exit code 3', 'killed by SIGTERM')
    """
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def outcome_of(running: Running, status: int, oom_kills: OomKills, timeout: float | None) -> Outcome:
    """What the exit status of a process that did not say how its job ended tells of it."""
    if running.draft is not None and status == 0:
        return Returned()
    if running.late:
        return Failed("timeout", f"killed, because it reported nothing for {timeout:g} seconds", status)
    from_outside = status in KILLED and not running.cut
    return Failed(*cause_of_exit(status, oom_kills.now() if from_outside else -1, running.oom_kills), status)


def cause_of_exit(status: int, oom_kills: int, before: int) -> tuple[Cause, str]:
    """Why a process that we did not kill is gone, and the same in words.

    `oom_kills` are the kernel's now, `before` those when the job began; -1 where it does not count them.

    >>> cause_of_exit(-9, 1, 0)
    ('memory', 'killed by SIGKILL: the kernel ended a process for want of memory meanwhile')
    >>> cause_of_exit(-9, 1, 1)
    ('signal', 'killed by SIGKILL, though not by the tuner nor, by its count, by the kernel for want of memory')
    >>> cause_of_exit(0, 1, 1)
    ('exit', 'exit code 0 before the training returned')
    """
    told = describe_exit(status)
    if status in KILLED and oom_kills > before >= 0:
        return "memory", f"{told}: the kernel ended a process for want of memory meanwhile"
    if status == -signal.SIGKILL and oom_kills >= 0:
        told += ", though not by the tuner nor, by its count, by the kernel for want of memory"
    elif status == 0:
        told += " before the training returned"
    return ("exit" if status >= 0 else "signal"), told
