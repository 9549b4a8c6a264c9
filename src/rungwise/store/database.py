"""One open SQLite file. Whatever SQLite has to complain about becomes a sentence here, and only here."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rungwise.core.errors import StoreError

Values = Sequence[object]


def explain(error: Exception, path: Path, timeout: float) -> str:
    """What a failure of SQLite on the store at `path` means, and what to do; `timeout`: seconds waited for a lock."""
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
        case sqlite3.SQLITE_FULL:
            return f"the disk that holds the store {path} is full, so nothing was written: make room and try again"
        case sqlite3.SQLITE_NOTADB:
            return f"{path} is not a Rungwise store but some other file: name a store, or a file that is not there yet"
        case sqlite3.SQLITE_CORRUPT:
            return f"the store {path} is damaged ({error}): go on with a copy of it, or name another store"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_IOERR:
            return f"the store {path} cannot be used ({error}): look at its disk, its folder and their permissions"
        case sqlite3.SQLITE_CONSTRAINT | sqlite3.SQLITE_MISMATCH | sqlite3.SQLITE_TOOBIG:
            return _misfit(error, path)
        case _ if isinstance(error, OverflowError) or "binding parameter" in str(error):
            return _misfit(error, path)
        case _:
            return f"the store {path} cannot be used: {error} (it must be open, and used in the thread that opened it)"


def _misfit(error: Exception, path: Path) -> str:
    return (
        f"a record does not fit the store {path} ({error}): trials and resources are whole numbers below 2**63,"
        " times and values are floats"
    )


class Database:
    """A connection to the file at `path`, which must exist; every error of SQLite is raised as a StoreError.

    `timeout` is how many seconds to wait for another process that holds the file.
    """

    __slots__ = ("_connection", "_identity", "path", "timeout")

    def __init__(self, path: Path, timeout: float) -> None:
        self.path = path
        self.timeout = timeout
        with self.told():
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?{self._access()}", uri=True, timeout=timeout, isolation_level=None
            )
        try:
            with self.told():
                # A commit survives the death of the tuner; a loss of power may cost the last few, and tears none.
                self._connection.execute("PRAGMA synchronous = NORMAL")
            self._identity = self._whereabouts()
        except BaseException:
            self._connection.close()
            raise

    def _access(self) -> str:
        """How to open the file, as parameters of its URI.

        Even a reader makes SQLite write an index of the newest records beside the file. Who may not write here takes
        the file as it is, as long as no process keeps newer records beside it: the index could not be made, or would
        be left behind where the owner of the store cannot use it.
        """
        ours = os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)
        return "mode=rw" if ours or Path(f"{self.path}-wal").exists() else "mode=ro&immutable=1"

    def _whereabouts(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)  # noqa: PTH116 - 3 times as fast as Path.stat, and asked at every append
        except OSError as error:
            raise StoreError(
                f"the store {self.path} was deleted or moved while it was in use ({error.strerror}): put it back"
                " and resume, nothing more can be recorded"
            ) from error
        return status.st_dev, status.st_ino

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what SQLite raises inside into a StoreError."""
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise StoreError(explain(error, self.path, self.timeout)) from error

    def read(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.told():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed when the block ends, rolled back when anything is raised in it."""
        # SQLite would go on writing into a deleted file for as long as it is open, and nobody would ever read it.
        if self._whereabouts() != self._identity:
            raise StoreError(
                f"the store {self.path} was replaced by another file while it was in use: nothing more can be recorded,"
                " put the old file back and resume"
            )
        with self.told():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite rolls back by itself when the disk is full
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; a second time is allowed."""
        self._connection.close()
