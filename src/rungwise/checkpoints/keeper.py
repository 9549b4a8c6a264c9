"""Keeps the checkpoints of an experiment within a quota, dropping what is least likely to be needed first."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from rungwise.checkpoints.shelves import OnDisk, Shelf
from rungwise.checkpoints.shipping import Shipped

MARGIN = 8
"""A checkpoint is expected to be larger than the largest so far by one part in so many."""


class Keeper:
    """The checkpoints on an experiment's `shelf` (a folder: on this disk), counted, and held within `quota` bytes if
    there is one.

    1. A running trial has a reservation, the bytes that its folder may hold; any other trial has what it holds.
    2. Together these never exceed the quota. (Only what was there before can: a smaller quota after a resume.)
    3. A trial wants room for three checkpoints (the one that it goes on from, the next, and one being written), each an
       eighth larger than its largest so far, or where it has had none, than the experiment's; but no more than the
       quota divided by `workers`, unless one checkpoint alone takes more. As long as no size is known: that share.
    4. To get it, the checkpoints of other trials go, in the order of `droppable()`: least likely to be promoted first,
       none that is running. None go where even all of them would not make room for one checkpoint.

    `running` says of a trial with a reservation whether its job goes on: one that has ended claims no more than it
    holds, even before it is settled. What was in the folder before is found there, but for what a crash left half done.
    """

    def __init__(
        self,
        shelf: Path | Shelf,
        *,
        quota: int | None = None,
        workers: int = 1,
        droppable: Callable[[], Iterable[int]] = tuple,
        running: Callable[[int], bool] = lambda _: True,
    ) -> None:
        self._shelf = OnDisk(shelf) if isinstance(shelf, Path) else shelf
        self._quota = quota
        self._share = 0 if quota is None else quota // workers
        self._droppable = droppable
        self._running = running
        self._kept: dict[int, int] = {}
        self._reserved: dict[int, int] = {}
        self._used = 0
        self._all_reserved = 0
        self._claimed = 0
        self._seen: dict[int, int] = {}
        self._largest = 0
        self._warned = False
        for trial in self._shelf.trials():
            self._count(trial, None)

    @property
    def used(self) -> int:
        """The bytes that checkpoints hold, as far as is known: what a running trial saves counts when it is settled."""
        return self._used

    @property
    def kept(self) -> Mapping[int, int]:
        """The bytes that checkpoints hold, by trial; only trials that hold any."""
        return MappingProxyType(self._kept)

    def reserve(self, trial: int, *, sparing: int | None = None) -> int | None:
        """How many bytes the folder of a trial that is about to run may hold in all, what it holds included.

        None without a quota. `sparing` is a trial not to be dropped: the parent that this one inherits from.
        """
        for other in [each for each in self._reserved if not self._running(each)]:
            self.release(other)
        self._shelf.launched(trial, sparing)
        holds = self._count(trial, 0)
        if self._quota is None:
            return None
        size = self._seen.get(trial, self._largest)
        within_reach = self._quota - self._all_reserved + holds
        wanted = max(holds, self._wanted(size))
        self._make_room(wanted - holds if size <= within_reach else 0, sparing)
        granted = max(holds, min(wanted, holds + self._quota - self._claimed))
        self._note(trial, holds, granted)
        return granted

    def _wanted(self, size: int) -> int:
        expected = size + size // MARGIN
        return min(3 * expected, max(expected, self._share)) if size else self._share

    def shipped(self, one: Shipped) -> None:
        """A running job has put a checkpoint to the storage: it counts when the job is settled."""
        self._shelf.kept(one)

    def source(self, trial: int, resource: int) -> str | None:
        """The path of a trial's checkpoint at the storage; None where there is no storage, or none is known."""
        return self._shelf.source(trial, resource)

    def refused(self, trial: int, size: int) -> None:
        """A checkpoint of so many bytes was not kept for want of room: the next reservation is made for it."""
        self._see(trial, size)
        if not self._warned and self._quota is not None:
            import logging

            self._warned = True
            logging.getLogger("rungwise").warning(
                "a checkpoint of %d bytes (of trial %d) was not kept, as the experiment's quota of %d bytes left no"
                " room for it: such a trial starts again from scratch if it is promoted, so raise checkpoint_quota,"
                " save less, or run fewer trials at a time",
                size, trial, self._quota,
            )  # fmt: skip

    def release(self, trial: int) -> None:
        """A job has ended, though it is not settled yet: what it holds stays, the rest of its room is free."""
        self._count(trial, None)

    def settle(self, trial: int, resource: int) -> None:
        """A job has ended, and is recorded with its newest checkpoint at `resource` (0: none): only that one stays.

        Where it is torn, the newest whole one before it does. Not for a trial that has been launched again.
        """
        self._shelf.keep_only(trial, resource)
        self._count(trial, None)
        self._make_room(0, None)

    def drop(self, trial: int) -> None:
        """Remove all checkpoints of a trial that does not run; its reservation goes too."""
        self._remove(trial)
        self._seen.pop(trial, None)

    def _make_room(self, more: int, sparing: int | None) -> None:
        """Drop checkpoints until so many bytes more can be claimed, or nothing is left that may go."""
        if self._quota is None or self._enough(more, self._quota):
            return
        for trial in self._droppable():
            if trial in self._kept and trial not in self._reserved and trial != sparing:
                self._remove(trial)
                if self._enough(more, self._quota):
                    return

    def _enough(self, more: int, quota: int) -> bool:
        """Whether so many bytes more can be claimed, or only running trials claim any."""
        return self._claimed + more <= quota or self._claimed == self._all_reserved

    def _remove(self, trial: int) -> None:
        self._shelf.remove(trial)
        self._count(trial, None)

    def _count(self, trial: int, reserved: int | None) -> int:
        """Take note of what a trial's folder holds now, and of its reservation: at least that (None: it has none)."""
        each = self._shelf.sizes(trial)
        if each:
            self._see(trial, max(each))
        holds = sum(each)
        self._note(trial, holds, None if reserved is None else max(holds, reserved))
        return holds

    def _see(self, trial: int, size: int) -> None:
        if size > self._seen.get(trial, 0):
            self._seen[trial] = size
        # What can never fit is no measure for other trials.
        if size > self._largest and (self._quota is None or size <= self._quota):
            self._largest = size

    def _note(self, trial: int, holds: int, reserved: int | None) -> None:
        held, former = self._kept.pop(trial, 0), self._reserved.pop(trial, None)
        self._used += holds - held
        self._all_reserved += (reserved or 0) - (former or 0)
        self._claimed += (holds if reserved is None else reserved) - (held if former is None else former)
        if holds:
            self._kept[trial] = holds
        if reserved is not None:
            self._reserved[trial] = reserved
