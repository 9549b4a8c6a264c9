"""What SQLite has to complain about, as sentences; a full disk is told apart, because room can be made."""

import os
import sqlite3
from errno import EDQUOT, ENOSPC
from pathlib import Path

from rungwise.core.errors import StoreError

ROOM = 1 << 20
# SQLite says FULL where the system says ENOSPC to a write. A quota, or no room for the files beside the store, it calls
# one of these.
_WANTS_ROOM = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMMAP,
}


class DiskFullError(StoreError):
    """There is no room for what was to be written, and none of it was; once there is, the same call works."""


def told(error: sqlite3.Error | OverflowError | OSError, path: Path, timeout: float) -> StoreError:
    """The error to raise for a failure on the store at `path`; `timeout`: seconds waited for a lock."""
    if isinstance(error, OSError):
        full = error.errno in (ENOSPC, EDQUOT)
    else:
        extended = getattr(error, "sqlite_errorcode", 0)
        full = extended & 0xFF == sqlite3.SQLITE_FULL
        if extended in _WANTS_ROOM or extended & 0xFF == sqlite3.SQLITE_CANTOPEN:
            full = not has_room(path.parent)
    if full:
        return DiskFullError(
            f"the disk that holds the store {path} is full, or your quota on it is, so nothing was written: make room"
            " on it"
        )
    if isinstance(error, OSError):
        return StoreError(
            f"the store {path} cannot be made ({error.strerror}): look at its disk, its folder and their permissions"
        )
    return StoreError(_explain(error, path, timeout))


def has_room(folder: Path) -> bool:
    """Whether the disk and the quota leave room for a mebibyte in a folder. It is tried: no other answer knows quotas.

    A folder that cannot be written for another reason has room, as far as one can tell.
    """
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            left = ROOM
            while left:
                left -= file.write(bytes(left)) or 0
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno not in (ENOSPC, EDQUOT)
    return True


def _explain(error: sqlite3.Error | OverflowError, path: Path, timeout: float) -> str:
    extended = getattr(error, "sqlite_errorcode", 0)
    if extended == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
        return (
            f"the store {path} holds newer records of this experiment, written by another process: only one tuner may"
            " run an experiment, so end the other one, then resume"
        )
    match extended & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return (
                f"the store {path} is locked by another process, for more than {timeout:g} s: wait until that one is"
                " done, or end it, and try again"
            )
        case sqlite3.SQLITE_READONLY:
            return (
                f"the store {path} cannot be written: give yourself write permission on the file and its folder,"
                " or name another store"
            )
        case sqlite3.SQLITE_NOTADB:
            return f"{path} is not a Rungwise store but some other file: name a store, or a file that is not there yet"
        case sqlite3.SQLITE_CORRUPT:
            return damaged(path, str(error))
        case sqlite3.SQLITE_CANTOPEN if not os.access(path.parent, os.W_OK):
            return (
                f"the newest records of the store {path} are in {path}-wal, which cannot be read in a folder that"
                " cannot be written: copy both files to one that can"
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            return f"the store {path} cannot be used ({error}): look at its disk, its folder and their permissions"
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH | sqlite3.SQLITE_TOOBIG:
            return _misfit(error, path)
        case _ if isinstance(error, OverflowError) or "binding parameter" in str(error):
            return _misfit(error, path)
        case _ if "decode to UTF-8" in str(error):
            return damaged(path, "it holds a text that is none")
        case _:
            return f"the store {path} cannot be used: {error} (it must be open, and used in the thread that opened it)"


def damaged(path: Path, how: str) -> str:
    """The sentence on a store whose bytes are not those that were written."""
    return f"the store {path} is damaged ({how}): put back a copy of it, or name another store"


def _misfit(error: Exception, path: Path) -> str:
    return (
        f"a record does not fit the store {path} ({error}): trials and resources are whole numbers below 2**63,"
        " times and values are floats"
    )
