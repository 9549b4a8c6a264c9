"""The ranks of a trial that runs in several processes hear the same answers, rank 0's.

1. A pipe leads from each rank to the next, or a connection where that may be on another machine. Whenever rank 0 asks
   whether to stop, the answer goes down the line, a byte.
2. Another rank that asks waits for the next byte, and passes it on. So the k-th answer is the same on every rank, and
   none of them trains on alone, waiting for the others in an operation of all.
3. When the rank before is gone the answer is to stop.
"""

import os
from contextlib import suppress

STOP, ON = b"\x01", b"\x00"


class Line:
    """One rank's place in the line: the descriptors of the pipes from the rank before and to the one after; -1: none.

    It owns them: another process started from here does not inherit them.
    """

    __slots__ = ("_after", "_before")

    def __init__(self, before: int, after: int) -> None:
        self._before = before
        self._after = after
        for descriptor in (before, after):
            if descriptor >= 0:
                os.set_inheritable(descriptor, False)
        if after >= 0:
            os.set_blocking(after, False)

    def agree(self, stop: bool) -> bool:
        """What all ranks answer: on rank 0 `stop`, on every other what the rank before says, waiting for it."""
        if self._before >= 0:
            try:
                stop = os.read(self._before, 1) != ON
            except ConnectionError:
                stop = True
        if self._after >= 0:
            # A rank that never asks must not hold up those before it.
            with suppress(BlockingIOError, ConnectionError):
                os.write(self._after, STOP if stop else ON)
        return stop
