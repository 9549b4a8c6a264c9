"""Where an experiment's checkpoints stand, as the tuner's side sees it: what is there, and what goes.

`OnDisk` is the folder alone. `AtStorage` is a folder at a URL, of which the disk holds copies: what counts is at the
storage. What stands there is known from one listing at the start, and from what jobs tell; it is not asked for again
while the loop runs. What goes is removed behind its back (see `removing`): it no longer counts, though it may be there
for a while.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from rungwise.checkpoints.folders import (
    inherit,
    keep_only,
    mend,
    newest,
    remove_checkpoints,
    sizes,
    trial_folder,
    trials_in,
)
from rungwise.checkpoints.removing import Removing
from rungwise.checkpoints.shipping import Shipped, complete, download, newest_first, shipped, upload
from rungwise.checkpoints.storage import Storage


class Shelf(Protocol):
    """Where the checkpoints of an experiment's trials stand; sizes are in bytes, resources in whole units."""

    def trials(self) -> Iterator[int]:
        """The trials of which there is something, which is put in order by asking; nobody may be saving."""
        ...

    def sizes(self, trial: int) -> list[int]:
        """What each checkpoint of a trial takes."""
        ...

    def newest(self, trial: int, limit: int) -> int:
        """The resource of a trial's newest whole checkpoint at `limit` or less; 0 if there is none."""
        ...

    def recover(self, trial: int, limit: int) -> int:
        """The same after a crash: looked at more closely."""
        ...

    def inherit(self, parent: int, trial: int, resource: int) -> None:
        """Make another trial's checkpoint one of this trial's own, if it is there."""
        ...

    def launched(self, trial: int, parent: int | None) -> None:
        """A job of a trial is about to start, and to take over its first checkpoint from a parent, if there is one."""
        ...

    def kept(self, one: Shipped) -> None:
        """A job has put a checkpoint to the storage."""
        ...

    def source(self, trial: int, resource: int) -> str | None:
        """The path of a trial's checkpoint at the storage, as far as is known."""
        ...

    def keep_only(self, trial: int, resource: int) -> None:
        """Remove all of a trial but its newest whole checkpoint at `resource` or less."""
        ...

    def remove(self, trial: int) -> None:
        """Remove all of a trial."""
        ...

    def close(self, within: float) -> None:
        """The run is over: finish what is to be done, but take no longer than so many seconds."""
        ...


class OnDisk:
    """Checkpoints that stand in the experiment's `folder` and nowhere else."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def trials(self) -> Iterator[int]:
        """See `Shelf`."""
        for trial in trials_in(self._folder):
            mend(self._of(trial))
            yield trial

    def sizes(self, trial: int) -> list[int]:
        """See `Shelf`; what a crash left half done is among them."""
        return sizes(self._of(trial))

    def newest(self, trial: int, limit: int) -> int:
        """See `Shelf`."""
        return newest(self._of(trial), limit)

    def recover(self, trial: int, limit: int) -> int:
        """See `Shelf`: hashes are looked at too."""
        return newest(self._of(trial), limit, thorough=True)

    def inherit(self, parent: int, trial: int, resource: int) -> None:
        """See `Shelf`."""
        inherit(self._of(parent), self._of(trial), resource)

    def launched(self, trial: int, parent: int | None) -> None:
        """Nothing: what a child inherits it has at once."""

    def kept(self, one: Shipped) -> None:
        """Nothing: the disk says it."""

    def source(self, trial: int, resource: int) -> str | None:  # noqa: ARG002
        """None: nothing is anywhere else."""
        return None

    def keep_only(self, trial: int, resource: int) -> None:
        """See `Shelf`."""
        folder = self._of(trial)
        keep_only(folder, newest(folder, resource) if resource else 0)

    def remove(self, trial: int) -> None:
        """See `Shelf`."""
        remove_checkpoints(self._of(trial))

    def close(self, within: float) -> None:
        """Nothing is left to be done."""

    def _of(self, trial: int) -> Path:
        return trial_folder(self._folder, trial)


class AtStorage:
    """Checkpoints that stand at a `storage`; `folder` holds copies of some, if the trials run on this machine."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._folder = folder
        self._storage = storage
        self._copies = OnDisk(folder)
        self._there: dict[int, dict[int, Shipped]] = {}
        self._inherited: dict[int, str] = {}
        self._removing = Removing(storage)

    def trials(self) -> Iterator[int]:
        """See `Shelf`. Lists the storage. Raises StorageError where that cannot be done."""
        for _ in self._copies.trials():
            pass
        self._there.clear()
        for one in shipped(self._storage):
            of_trial = self._there.setdefault(one.trial, {})
            if one.sealed:
                of_trial[one.resource] = one
            else:
                self._removing.scrap(one.path)
        return iter(list(self._there))

    def sizes(self, trial: int) -> list[int]:
        """See `Shelf`."""
        return [one.size for one in self._there.get(trial, {}).values()]

    def newest(self, trial: int, limit: int) -> int:
        """See `Shelf`."""
        return max((each for each in self._there.get(trial, {}) if each <= limit), default=0)

    def recover(self, trial: int, limit: int) -> int:
        """See `Shelf`: lists the trial's again, for the first listing may have been behind; and sizes are looked at.

        Raises StorageError.
        """
        found = shipped(self._storage, trial)
        return next((each.resource for each in newest_first(found, limit) if complete(self._storage, each)), 0)

    def inherit(self, parent: int, trial: int, resource: int) -> None:
        """See `Shelf`. Raises StorageError."""
        source = self.source(parent, resource)
        folder = trial_folder(self._folder, trial)
        if source is not None and download(self._storage, source, folder, resource):
            self.kept(upload(self._storage, trial, folder, resource))

    def launched(self, trial: int, parent: int | None) -> None:
        """See `Shelf`."""
        self._removing.forget(trial)
        if parent is not None:
            self._removing.spare(trial, {one.path for one in self._there.get(parent, {}).values()})

    def kept(self, one: Shipped) -> None:
        """See `Shelf`."""
        self._there.setdefault(one.trial, {})[one.resource] = one
        self._removing.spare(one.trial, set())

    def source(self, trial: int, resource: int) -> str | None:
        """See `Shelf`."""
        one = self._there.get(trial, {}).get(resource)
        return None if one is None else one.path

    def keep_only(self, trial: int, resource: int) -> None:
        """See `Shelf`."""
        stays = self._there.get(trial, {}).get(self.newest(trial, resource))
        self._there[trial] = {} if stays is None else {stays.resource: stays}
        self._copies.keep_only(trial, 0 if stays is None else stays.resource)
        self._removing.wish(trial, None if stays is None else stays.path)

    def remove(self, trial: int) -> None:
        """See `Shelf`."""
        self._there.pop(trial, None)
        self._copies.remove(trial)
        self._removing.wish(trial, None)

    def close(self, within: float) -> None:
        """See `Shelf`. What is not removed by then goes when the experiment goes on, if it does."""
        self._removing.close(within)
