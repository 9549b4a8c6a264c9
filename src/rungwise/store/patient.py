"""A log that waits where the disk is full: a run of a week does not end for want of a few bytes."""

import logging
from collections.abc import Callable, Sequence

from rungwise.core.protocols import Log
from rungwise.core.records import Record
from rungwise.store.failures import DiskFullError

SHORTEST, LONGEST = 0.1, 5.0
logger = logging.getLogger("rungwise")


class PatientLog:
    """Appends to `log`, and while the disk is full tries again, `wait(seconds)` in between.

    Nothing runs on meanwhile but the trials themselves: what is not recorded is not acted on. KeyboardInterrupt, from
    `wait` or from the log, passes through, and so does every other error of the log.
    """

    __slots__ = ("_log", "_wait")

    def __init__(self, log: Log, wait: Callable[[float], None]) -> None:
        self._log = log
        self._wait = wait

    def append(self, records: Sequence[Record]) -> None:
        """Write records, all or none; they are durable on return. Raises StoreError as the log does."""
        pause = SHORTEST
        while True:
            try:
                self._log.append(records)
            except DiskFullError as error:
                if pause == SHORTEST:
                    logger.warning(
                        "%s; the run waits, and goes on by itself when there is room (Ctrl-C twice leaves it)", error
                    )
            else:
                if pause > SHORTEST:
                    logger.warning("there is room on the disk again: the run goes on")
                return
            self._wait(pause)
            pause = min(2 * pause, LONGEST)
