"""Whether the kernel killed a process for want of memory, as far as its count tells."""

import signal
import time
from contextlib import suppress

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

    def since(self, before: int, status: int) -> bool | None:
        """Whether the kernel may have killed a process that began at the count `before` and is gone with `status`.

        None where it does not count.
        """
        if status not in KILLED:
            return False
        return self.now() > before if before >= 0 else None
