"""What a folder holds, how it is synced and removed, and whether its disk is full."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LEAST_FREE = 1 << 20
"""Bytes. With less free than this a disk counts as full: libraries hide the system's error behind their own."""

FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
UNSYNCABLE = frozenset((errno.EINVAL, errno.EBADF, errno.ENOTSUP))


class DiskFullError(OSError):
    """The disk was full when a checkpoint was written, of which it then held `draft_bytes`; the cause is chained."""

    def __init__(self, draft_bytes: int) -> None:
        super().__init__(errno.ENOSPC, f"the disk is full, {draft_bytes} bytes into a checkpoint: make room on it")
        self.draft_bytes = draft_bytes


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether an error, or one that led to it, is for want of room, or the disk of `folder` has less than 1 MiB free.

    To be asked while what was half written is still there.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, OSError) and link.errno in FULL:
            return True
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE
    except OSError:
        return False


def contents(folder: Path, *, strict: bool = False) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below a folder, but folders: path relative to it, and status. No link is followed.

    What vanishes meanwhile, or cannot be looked at, is left out; if `strict`, OSError is raised.
    """
    below = [""]
    while below:
        parent = below.pop()
        try:
            with os.scandir(os.path.join(folder, parent)) as scanned:  # noqa: PTH118 - as Path twice as slow
                entries = list(scanned)
        except OSError:
            if strict:
                raise
            continue
        for entry in entries:
            path = f"{parent}{entry.name}"
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                if strict:
                    raise
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append(f"{path}/")
            else:
                yield path, status


def size_of(folder: Path) -> int:
    """The bytes of all regular files below a folder; 0 if there is none. What vanishes meanwhile is not counted."""
    return sum(status.st_size for _, status in contents(folder) if stat.S_ISREG(status.st_mode))


def erase(folder: Path) -> None:
    """Remove a folder, if it is there, and all in it, folders that their owner may not write to included.

    Of a link only the link goes, as does a file that is there in its stead. What cannot be removed stays.
    """
    if folder.is_symlink() or folder.is_file():
        with suppress(OSError):
            folder.unlink()
        return
    shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        for parent, _, _ in os.walk(folder):
            with suppress(OSError):
                Path(parent).chmod(stat.S_IRWXU)
        shutil.rmtree(folder, ignore_errors=True)


def sync_file(path: Path) -> None:
    """Make a file durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where its file system can do that."""
    try:
        sync_file(folder)
    except OSError as error:
        if error.errno not in UNSYNCABLE:
            raise
