"""One open SQLite file: how it is opened, read and written to."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rungwise.core.errors import StoreError
from rungwise.store.failures import told

Values = Sequence[object]
Identity = tuple[int, int]


class Database:
    """A connection to the file at `path`, which must exist; every error of SQLite is raised as a StoreError.

    `timeout` is how many seconds to wait for another process that holds the file; `prepare` is called first in every
    transaction that writes, and brings the tables up to date.
    """

    __slots__ = ("_connection", "_identity", "_newest", "_prepare", "path", "timeout")

    def __init__(self, path: Path, timeout: float, prepare: Callable[[sqlite3.Connection, Path], None]) -> None:
        self.path = path
        self.timeout = timeout
        self._prepare = prepare
        self._newest: Identity | None = None
        with self.told():
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?{self._access()}", uri=True, timeout=timeout, isolation_level=None
            )
        try:
            with self.told():
                # What is committed is on the disk, whatever dies then, the machine included: beside a write-ahead log
                # it is synced at every commit, beside a rollback journal the folder is as well. On macOS a sync
                # reaches the disk only in full. Readers never sync anything.
                self._connection.executescript(
                    "PRAGMA synchronous = EXTRA; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON"
                )
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

    def _whereabouts(self) -> Identity:
        try:
            return _identity(self.path)
        except OSError as error:
            raise StoreError(
                f"the store {self.path} was deleted or moved while it was in use ({error.strerror}): put it back"
                " and resume, nothing more can be recorded"
            ) from error

    def _check_place(self) -> None:
        """Raise StoreError where the file is no longer the one that was opened.

        SQLite would go on writing into a deleted file for as long as it is open, and nobody would ever read it.
        """
        if self._whereabouts() != self._identity:
            raise StoreError(
                f"the store {self.path} was replaced by another file while it was in use: nothing more can be recorded,"
                " put the old file back and resume"
            )

    def _check_newest(self) -> None:
        """Raise StoreError where the newest records' file is no longer the one that this connection writes to."""
        newest: Identity | None = None
        with suppress(OSError):
            newest = _identity(f"{self.path}-wal")
        if self._newest is None:
            self._newest = newest  # none either beside a rollback journal
        elif newest != self._newest:
            raise StoreError(
                f"the file {self.path}-wal, which holds the newest records of the store, was deleted or replaced while"
                " it was in use: nothing more can be recorded, resume"
            )

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what SQLite raises inside into a StoreError."""
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise told(error, self.path, self.timeout) from error

    def read(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self.told():
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: committed, and synced to the disk, when the block ends; rolled back when anything is raised.

        Raises DiskFullError where there is no room: then the same can be tried again.
        """
        self._check_place()
        with self.told():
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_newest()
                self._prepare(connection, self.path)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # SQLite rolls back by itself when the disk is full
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connection; a second time is allowed."""
        self._connection.close()


def _identity(path: str | Path) -> Identity:
    status = os.stat(path)  # noqa: PTH116 - 3 times as fast as Path.stat, and asked at every append
    return status.st_dev, status.st_ino
