"""A slot's own folder on its node, for copies of checkpoints that are kept at a storage: there as long as the slot is.

1. It holds one trial's folder at most: that of the job that runs there, or ran there last.
2. It lies where temporary files do (TMPDIR). A small process of its own removes it however the slot ends: Ray kills a
   slot, and its children, as soon as the tuner is gone.
3. It is locked by the slot and by what watches over its processes. Where that process was killed too the next slot on
   that node sees that nobody holds the lock, and removes it.
"""

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path

from rungwise.checkpoints.disk import erase
from rungwise.checkpoints.folders import mend, trial_folder

PREFIX = "rungwise-slot-"
REMOVER = 'exec 3<&0; (cat <&3 >/dev/null; rm -rf -- "$0") &'
"""Removes a folder when nobody holds the other end of its input any more; as nobody's child it is not Ray's to kill."""


class Scratch:
    """The folder at `path`, locked by the descriptor `lock`. Raises OSError where none can be made."""

    __slots__ = ("_alive", "lock", "path")

    def __init__(self) -> None:
        sweep(Path(tempfile.gettempdir()))
        made = None
        while made is None:  # somebody who sweeps may take it before it is locked
            self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
            made = _locked(self.path, fcntl.LOCK_EX)
        self.lock = made
        waiting, self._alive = os.pipe()
        try:
            subprocess.run(
                ["/bin/sh", "-c", REMOVER, str(self.path)], stdin=waiting, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True, check=False,
            )  # fmt: skip
        finally:
            os.close(waiting)

    def prepare(self, trial: int, *, fresh: bool) -> None:
        """A job of a trial comes next: what is there of others goes and, before a `fresh` process, torn drafts too."""
        own = trial_folder(self.path, trial)
        for each in list(self.path.iterdir()):
            if each != own:
                erase(each)
        if fresh:
            mend(own)

    def close(self) -> None:
        """Remove it."""
        erase(self.path)
        os.close(self.lock)
        os.close(self._alive)


def sweep(folder: Path) -> None:
    """Remove what slots that were killed have left in a folder for temporary files."""
    for left in folder.glob(f"{PREFIX}*"):
        lock = _locked(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock is not None:
            erase(left)
            os.close(lock)


def _locked(path: Path, how: int) -> int | None:
    """A descriptor that holds the lock of a folder; None if somebody else has it, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, how)
        if path.is_dir():
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
