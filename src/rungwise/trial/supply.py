"""A job's checkpoints where they are kept at a storage given by a URL; its own folder then holds copies.

1. Before a job trains, what it goes on from is fetched, unless its folder has the very same: another machine may have
   trained the same units since. Where that is gone or torn, the newest whole one below it is taken, at the storage or
   in the folder, and the tuner is told.
2. What a child takes over from its parent is uploaded as its own at once.
3. A checkpoint is uploaded when it is in its place in the folder, and only then told as saved. The storage then keeps
   what the folder keeps: what a crash would go back to stays until it is recorded.
4. Of several ranks all fetch, one after another where they share the folder; rank 0 tells, and uploads.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from rungwise.checkpoints.disk import DiskFullError
from rungwise.checkpoints.folders import TooLargeError, newest, resources
from rungwise.checkpoints.shipping import Shipped, discard, download, is_copy, newest_first, shipped, trial_path, upload
from rungwise.checkpoints.storage import Storage
from rungwise.core.errors import StorageError
from rungwise.trial.channel import Message
from rungwise.trial.job import Job


def fetch(job: Job, tell: Callable[[Message], object]) -> Job:
    """The job as it can begin: what it goes on from lies in its folder. `tell` passes a message to the tuner.

    Raises StorageError where the storage cannot be read or written, and OSError where the folder cannot be; where its
    disk is full, the tuner is told that too.
    """
    if job.storage is None or job.folder is None or not job.start:
        return job
    folder = Path(job.folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        try:
            found, source = _fetched(job, folder, job.storage, tell)
        except DiskFullError as error:
            tell({"full": error.draft_bytes, "at": 0})
            raise
    ready = replace(job, start=found, source=source)
    if job.rank:
        return ready
    if found < job.start:
        tell({"rewound": found})
    if found and (source is None or not source.startswith(f"{trial_path(job.trial)}/")):
        one = upload(Storage(job.storage), job.trial, folder, found)
        tell(kept(one))
        return replace(ready, source=one.path)
    return ready


def kept(one: Shipped) -> Message:
    """The message that a checkpoint is at the storage."""
    return {"kept": one.resource, "path": one.path, "bytes": one.size}


class Supply:
    """What a job puts to the storage, from its folder."""

    __slots__ = ("_folder", "_paths", "_storage", "_trial", "_url")

    def __init__(self, job: Job, url: str, folder: Path) -> None:
        self._trial = job.trial
        self._folder = folder
        self._url = url
        self._storage: Storage | None = None
        # Not a parent's, which is not this job's to remove.
        own = job.source is not None and job.source.startswith(f"{trial_path(job.trial)}/")
        self._paths: dict[int, str] = {job.start: job.source} if own and job.source is not None else {}

    def upload(self, resource: int) -> Shipped:
        """Put the checkpoint at `resource` to the storage, and remove there what the folder no longer holds.

        Raises StorageError where it cannot be put there.
        """
        if self._storage is None:
            self._storage = Storage(self._url)
        former = self._paths.get(resource)
        one = upload(self._storage, self._trial, self._folder, resource)
        stays = {*resources(self._folder)}
        goes = [path for each, path in self._paths.items() if each not in stays or path == former]
        self._paths = {each: path for each, path in self._paths.items() if path not in goes}
        self._paths[resource] = one.path
        for path in goes:
            with suppress(StorageError):  # the tuner removes what is left when the job has ended
                discard(self._storage, path)
        return one


def _fetched(job: Job, folder: Path, url: str, tell: Callable[[Message], object]) -> tuple[int, str | None]:
    """The resource of what there is to go on from, and its path at the storage, if that is known."""
    here = newest(folder, job.start) == job.start
    if here and job.source is None:
        return job.start, None
    storage = Storage(url)
    if here and job.source is not None and is_copy(storage, job.source, folder, job.start):
        return job.start, job.source
    try:
        if job.source is not None and download(storage, job.source, folder, job.start, room=job.room):
            return job.start, job.source
        for one in newest_first(shipped(storage, job.trial), job.start):
            if one.resource <= newest(folder, job.start):
                break
            if one.path != job.source and download(storage, one.path, folder, one.resource, room=job.room):
                return one.resource, one.path
    except TooLargeError as error:
        tell({"refused": error.size})
    return newest(folder, job.start), None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other rank fetch into the same folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
