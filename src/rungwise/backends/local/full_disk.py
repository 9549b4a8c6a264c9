"""A full disk is no failure of a training: a job that died of one goes on when there is room again.

1. A job died of a full disk if its save said so (see `Trial.report`) and nothing was reported after that, if keeping
   its script's checkpoint did, or if it failed while its disk had less than 1 MiB free.
2. Its end is told only once there is room for twice what it had written of its checkpoint, and for 1 MiB at least, of
   which a quota too must let us write 1 MiB. That is looked at once a second.
3. Where there is room at once it goes on at once. If it then dies of the same at the same place, it has failed: some
   other disk is full, which nobody here looks at.
4. A job that could not be started for want of room waits likewise, and is started then.
5. Where a job runs that has its folder on a disk of its own machine, that cannot be looked at: 3 alone holds.
"""

import logging
import sys
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from shutil import disk_usage

from rungwise.backends.local.jobs import Failed, Outcome, Running, unstarted
from rungwise.checkpoints.disk import FULL, LEAST_FREE, size_of
from rungwise.core.events import BackendEvent, TrialFailed, TrialPaused
from rungwise.trial.job import Wish

OF_FULL_DISKS = ("exception", "exit", "signal", "checkpoint")
LOOK = 1.0
PROBE = ".room"

logger = logging.getLogger("rungwise")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trial that needs `need` bytes to go on from its checkpoint at `resource`; `again` starts it.

    0 bytes: where it needs them cannot be looked at.
    """

    trial: int
    resource: int
    folder: Path
    need: int
    again: Callable[[], object] | None = None


class FullDisk:
    """Holds back the ends of jobs until there is room, and tells them to `events`; `now` is the clock that stamps."""

    __slots__ = ("_events", "_now", "_patient", "_spared", "_waiting", "look_at")

    def __init__(self, events: deque[BackendEvent], now: Callable[[], float]) -> None:
        self._events = events
        self._now = now
        self._waiting: dict[int, Waiting] = {}
        self._spared: dict[int, int] = {}
        self.look_at = inf
        self._patient = True

    def judge(self, running: Running, failed: TrialFailed) -> TrialFailed | None:
        """What is to be told of a job that died: nothing yet, if it died of a full disk."""
        if running.full is None or not running.out_of_room or failed.cause not in OF_FULL_DISKS:
            return failed
        room = 0 if running.afar else need(running.full[1])
        waiting = Waiting(failed.trial, failed.resource, running.folder, room)
        return None if self.hold(waiting) else replace(failed, cause="checkpoint")

    def hold(self, waiting: Waiting) -> bool:
        """Let a trial wait for room; False if the disk has room, and that did not help it before."""
        trial = waiting.trial
        if not self._patient:
            self._events.append(TrialPaused(self._now(), trial, waiting.resource))
            return True
        if not has_room(waiting.folder, waiting.need):
            first = not self._waiting
            self._waiting[trial] = waiting
            self._spared.pop(trial, None)
            if first:
                self.look_at = time.monotonic() + LOOK
                logger.warning(
                    "the disk is full: trial %d waits until %.1f MB are free where %s lies",
                    trial, waiting.need / 1e6, waiting.folder,
                )  # fmt: skip
            return True
        if self._spared.get(trial) == waiting.resource:
            return False
        self._spared[trial] = waiting.resource
        self._go_on(waiting)
        return True

    def look(self) -> None:
        """Let those go on for which there is room now."""
        if self.look_at > time.monotonic():
            return
        for waiting in list(self._waiting.values()):
            if has_room(waiting.folder, waiting.need):
                del self._waiting[waiting.trial]
                self._go_on(waiting)
        if self._waiting:
            self.look_at = time.monotonic() + LOOK
        else:
            self.look_at = inf
            logger.warning("the disk has room again: the trials go on")

    def ask(self, trial: int, wish: Wish) -> None:
        """Let a trial that waits end instead; nothing if it does not wait."""
        waiting = self._waiting.pop(trial, None)
        if waiting is None:
            return
        if not self._waiting:
            self.look_at = inf
        self._events.append(unstarted(trial, waiting.resource, wish, self._now()))

    def leave(self) -> None:
        """Let nobody wait any more: what waits is paused, because nothing is to go on."""
        self._patient = False
        for trial in list(self._waiting):
            self.ask(trial, "pause")

    def _go_on(self, waiting: Waiting) -> None:
        if waiting.again is not None:
            waiting.again()
        else:
            self._events.append(TrialPaused(self._now(), waiting.trial, waiting.resource))


def need(held: int) -> int:
    """The bytes that must be free before a checkpoint of which `held` bytes were written is tried again."""
    return max(LEAST_FREE, 2 * held)


def look_around(running: Running, outcome: Outcome) -> None:
    """Note in a job that has failed if its disk is full; to be called before its draft is removed."""
    if running.afar or not isinstance(outcome, Failed) or running.out_of_room:
        return
    if free(running.folder) < LEAST_FREE:
        running.full = (running.reported, 0 if running.draft is None else size_of(running.draft))


def has_room(folder: Path, room: int) -> bool:
    """Whether so many bytes are free on a folder's disk, and its user may write there; always where none are needed."""
    if not room:
        return True
    if free(folder) < room:
        return False
    probe = (folder if folder.is_dir() else folder.parent) / PROBE
    try:
        probe.write_bytes(bytes(LEAST_FREE))
    except OSError as error:
        return error.errno not in FULL
    finally:
        with suppress(OSError):
            probe.unlink()
    return True


def free(folder: Path) -> int:
    """The bytes that may still be written to the disk of a folder, or of the nearest one above it that is there.

    Where the disk does not tell they count as enough: whoever writes there will see.
    """
    try:
        while not folder.is_dir() and folder != folder.parent:
            folder = folder.parent
        return disk_usage(folder).free
    except OSError:
        return sys.maxsize
