"""Where an experiment's checkpoints stand, as the tuner's side sees it: what is there, and what goes.

`OnDisk` is the folder alone. `AtStorage` is a folder at a URL, of which the disk holds copies:

1. What counts is at the storage. What stands there is known from one listing at the start, and from what jobs tell; it
   is not asked for again while the loop runs.
2. What goes is removed by a thread of its own, one listing for all that waits, so that the loop never waits for it.
   A later wish for a trial takes the place of the one before: there are never more than there are trials.
3. Nothing of a trial is removed that may be newer than the wish: where the trial has been launched meanwhile, the wish
   is forgotten. What then stays goes after its next job.
4. What a child is to inherit stays until the child has a copy, or ends.
5. What cannot be removed is told once, and stays. It no longer counts for the quota; nor does what waits to be removed.
"""

import logging
import threading
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
from rungwise.checkpoints.manifest import MANIFEST
from rungwise.checkpoints.shipping import Shipped, complete, discard, download, newest_first, shipped, upload
from rungwise.checkpoints.storage import Storage
from rungwise.core.errors import StorageError

FLUSH = 20.0
"""Seconds that removals may still take when the run is over."""


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

    def close(self) -> None:
        """The run is over: finish what is to be done."""
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

    def close(self) -> None:
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

    def close(self) -> None:
        """See `Shelf`: removals that are left get `FLUSH` seconds."""
        self._removing.close(FLUSH)


class Removing:
    """Removes what is needed no more at a storage, in a thread of its own, which begins with the first wish."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._changed = threading.Condition()
        self._wishes: dict[int, str | None] = {}
        self._under_way: dict[int, str | None] = {}
        self._spared: dict[int, set[str]] = {}
        self._held: set[str] = set()
        self._scrap: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._told = False

    def wish(self, trial: int, stays: str | None) -> None:
        """Let nothing of a trial stay but what is at one path (None: nothing); returns at once."""
        with self._changed:
            self._spared.pop(trial, None)
            self._wishes[trial] = stays
            self._begin()

    def scrap(self, path: str) -> None:
        """Let an upload go that was cut, if it was: its manifest is then really not there."""
        with self._changed:
            self._scrap.add(path)
            self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            # It must not keep the tuner from ending where a storage never answers.
            self._thread = threading.Thread(target=self._serve, name="rungwise-removing", daemon=True)
            self._thread.start()
        self._changed.notify()

    def forget(self, trial: int) -> None:
        """Forget what was wished of a trial, for it is launched again."""
        with self._changed:
            self._wishes.pop(trial, None)
            self._under_way.pop(trial, None)

    def spare(self, child: int, paths: set[str]) -> None:
        """Let what is at some paths stay for a child; an empty set: no longer."""
        with self._changed:
            self._spared.pop(child, None)
            if paths:
                self._spared[child] = paths

    def close(self, within: float) -> None:
        """Carry out what is left, but wait no longer than so many seconds."""
        thread = self._thread
        if thread is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        thread.join(within)
        if thread.is_alive():
            self._tell("it takes too long")

    def _serve(self) -> None:
        while self._take():
            self._carry_out()
        self._carry_out()

    def _take(self) -> bool:
        """Wait for wishes, and take all that there are; False when there will be none any more."""
        with self._changed:
            self._under_way.clear()
            while not self._wishes and not self._scrap and not self._closing:
                self._changed.wait()
            self._under_way, self._wishes = self._wishes, {}
            return bool(self._under_way or self._scrap)

    def _carry_out(self) -> None:
        try:
            trials = list(self._under_way)
            for one in shipped(self._storage, trials[0] if len(trials) == 1 else None) if trials else ():
                if self._goes(one):
                    discard(self._storage, one.path)
            for path in self._no_longer_spared():
                discard(self._storage, path)
            for path in self._cut():
                if self._storage.read(f"{path}/{MANIFEST}") is None:
                    discard(self._storage, path)
        except StorageError as error:
            self._tell(str(error))

    def _goes(self, one: Shipped) -> bool:
        with self._changed:
            wished = one.trial in self._under_way and self._under_way[one.trial] != one.path
            if wished and self._is_spared(one.path):
                self._held.add(one.path)
                return False
            return wished

    def _no_longer_spared(self) -> set[str]:
        with self._changed:
            found = {path for path in self._held if not self._is_spared(path)}
            self._held -= found
            return found

    def _cut(self) -> set[str]:
        with self._changed:
            found, self._scrap = self._scrap, set()
            return found

    def _is_spared(self, path: str) -> bool:
        return any(path in paths for paths in self._spared.values())

    def _tell(self, why: str) -> None:
        if not self._told:
            self._told = True
            logging.getLogger("rungwise").warning(
                "checkpoints that are needed no more stay at %s, as they could not be removed: %s",
                self._storage.url, why,
            )  # fmt: skip
