"""What a training function touches: its configuration, where it goes on from, and how it reports."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from rungwise.checkpoints.disk import DiskFullError
from rungwise.checkpoints.folders import TooLargeError, checkpoint_folder, save_checkpoint
from rungwise.checkpoints.shipping import Shipped
from rungwise.core.errors import ContractError, StorageError
from rungwise.trial.contract import check_report
from rungwise.trial.job import Job, Wish
from rungwise.trial.ranks import Line
from rungwise.trial.saving import Intervals
from rungwise.trial.supply import Supply

Save = Callable[[Path], object]


class Link(Protocol):
    """A trial's line to whoever runs it."""

    def report(self, resource: int, metrics: Mapping[str, float], *, saved: bool) -> None:
        """Pass a checked report on."""
        ...

    def breach(self, sentence: str) -> None:
        """Tell that a report broke the contract."""
        ...

    def refused(self, size: int) -> None:
        """Tell that a checkpoint of `size` bytes was not kept, because it was larger than the room for it."""
        ...

    def full(self, resource: int, held: int) -> None:
        """Tell that the disk was full when the checkpoint at `resource` had `held` bytes."""
        ...

    def kept(self, one: Shipped) -> None:
        """Tell that a checkpoint is at the storage."""
        ...

    def unkept(self, resource: int, sentence: str) -> None:
        """Tell why the checkpoint at `resource` could not be put to the storage."""
        ...

    def recorded(self) -> int:
        """The resource of the newest checkpoint whose report this job knows to be recorded; 0: of none."""
        ...

    def wish(self) -> Wish | None:
        """What the tuner has asked of this job so far; never waits."""
        ...


class Trial:
    """One trial, as its training sees it.

    `id` counts from 0; `config` is its configuration; `seed` (32 bits) is its own; `slots` is how much concurrency it
    has. It runs in `world_size` processes, of which this one is `rank`, from 0: one for each slot, or a single one for
    all. `start` is the resource of the checkpoint that it goes on from (0: from scratch), `milestone` the resource at
    which this job ends, `max_resource` the most that any trial can get (for learning-rate schedules).

    Of several ranks, rank 0 reports and saves, for all of them. Each may load, and each must ask whether to go on (by
    `epochs` or `should_stop`) as often as the others: it then waits for rank 0, and all get the same answer.
    """

    __slots__ = (
        "_asked", "_heeded", "_intervals", "_job", "_line", "_link", "_parted", "_reported", "_saved", "_supply",
        "config", "id", "max_resource", "milestone", "rank", "seed", "slots", "start", "world_size",
    )  # fmt: skip

    def __init__(self, job: Job, link: Link, line: Line | None = None) -> None:
        self.id = job.trial
        self.config: Mapping[str, Any] = job.config
        self.seed = job.seed
        self.slots = job.slots
        self.rank = job.rank
        self.world_size = job.world_size
        self.start = job.start
        self.milestone = job.milestone
        self.max_resource = job.max_resource
        self._job = job
        self._link = link
        self._line = line
        self._reported = 0
        self._saved = job.start
        self._parted = False
        self._supply = None if job.storage is None or job.folder is None else Supply(job, job.storage, Path(job.folder))
        self._intervals = Intervals(job.start, job.every_units, job.every_seconds)
        self._asked: Wish | None = None
        self._heeded = False

    def load(self) -> Path | None:
        """The folder of the checkpoint at `start`, as `save` filled it; None if the trial starts from scratch.

        It is to be read only: where a trial goes on from another's training, both may share the files.
        """
        if not self.start or self._job.folder is None:
            return None
        return checkpoint_folder(Path(self._job.folder), self.start)

    def epochs(self) -> Iterator[int]:
        """start + 1, start + 2, … as long as the trial should go on; at most to `max_resource`."""
        for epoch in range(self.start + 1, self.max_resource + 1):
            if self.should_stop:
                return
            yield epoch

    def report(self, resource: int, /, *, save: Save | None = None, **metrics: float) -> None:
        """Tell what the training measured after `resource` units (whole, rising within the job; gaps are fine).

        Every further keyword is a metric: a number, NaN and infinities included; `save` and `resource` are therefore no
        names for a metric. `save(folder)` is called, before this returns, only when a checkpoint is needed: at the
        milestone, when the tuner wants a pause, and as often as the experiment's `checkpoint_every` says. It gets an
        empty folder; what it raises passes through, as the cause of a DiskFullError where the disk is full. What is
        larger than the experiment's quota has room for is not kept, and the training goes on. Raises StorageError where
        the checkpoint could not be put to the experiment's storage.
        On every rank but 0 it does nothing.
        Raises ContractError for anything else.
        """
        if self.rank:
            return
        try:
            units, numbers = check_report(resource, metrics, metric=self._job.metric, previous=self._reported)
        except ContractError as error:
            self._link.breach(str(error))
            raise
        wish = self._look()
        wanted = self._wants_checkpoint(units, wish)
        self._heeded = wish is not None
        self._reported = units
        saved = False
        try:
            if wanted and save is not None and self._job.folder is not None:
                saved = self._save(Path(self._job.folder), units, save)
                self._parted = saved and wish is not None
        finally:
            # Only now, so that whoever hears of the milestone finds the checkpoint in its place.
            self._link.report(units, numbers, saved=saved)

    def _wants_checkpoint(self, units: int, wish: Wish | None) -> bool:
        if units >= self.milestone:
            return self._reported < self.milestone and self._job.wants_checkpoint_at(units)
        match wish:
            case "pause":
                return not self._parted
            case "halt":
                return False
            case None:
                # Not before the last one is recorded: a crash might have to go back behind both.
                return self._intervals.over(units) and self._recorded() >= self._saved

    def _save(self, folder: Path, units: int, save: Save) -> bool:
        """Save a checkpoint; False if it is larger than the room that this job has for it."""
        self._intervals.begin(units)
        try:
            save_checkpoint(folder, units, save, room=self._job.room, recorded=self._recorded())
        except TooLargeError as error:
            self._link.refused(error.size)
            return False
        except DiskFullError as error:
            self._link.full(units, error.draft_bytes)
            raise
        if self._supply is not None:
            try:
                self._link.kept(self._supply.upload(units))
            except StorageError as error:
                self._link.unkept(units, str(error))
                raise
        self._saved = units
        return True

    def _recorded(self) -> int:
        return max(self.start, self._link.recorded())

    @property
    def should_stop(self) -> bool:
        """Whether the milestone has been reported, or the tuner asked for a pause or a halt: return soon.

        A pause waits for the next report, because only there a checkpoint can be saved. Of several ranks, each gets the
        answer that rank 0 got when it asked for the same time, and waits for it.
        """
        return self._over() if self._line is None else self._line.agree(self._over())

    def _over(self) -> bool:
        if self._reported >= self.milestone:
            return True
        wish = self._look()
        return wish == "halt" or (wish == "pause" and self._heeded)

    def _look(self) -> Wish | None:
        # A halt may follow a pause, and never the other way round.
        if self._asked != "halt":
            self._asked = self._link.wish()
        return self._asked
