"""The tables, what tells a Rungwise store from other files, and how a new store comes into being.

A record's key is `experiment * 2**40 + number`, number = 1, 2, …: one integer key keeps the records of an experiment
together and in order in a single B-tree, which is half as fast again as two columns and answers "how many" at once.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from errno import ENOSPC
from pathlib import Path

from rungwise.core.errors import StoreError
from rungwise.store.database import Database
from rungwise.store.failures import damaged, has_room, told
from rungwise.store.migrations import SCHEMA_VERSION, bring_up_to_date, check_version
from rungwise.store.shape import missing_bytes

APPLICATION_ID = 0x52554E47  # "RUNG", in the file's header
NUMBER_BITS = 40

# The typed columns are what somebody would ask for in SQL; the rest of a record is JSON. The checks: SQLite orders
# numbers before text and blobs, and would else take a NumPy scalar and keep its bytes as a blob.
SCHEMA = f"""
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    spec TEXT NOT NULL
);
CREATE TABLE records (
    key INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at REAL CHECK (at <= 9e999),
    trial INTEGER CHECK (trial <= 9e999),
    resource INTEGER CHECK (resource <= 9e999),
    value REAL CHECK (value <= 9e999),
    rest TEXT
);

CREATE TRIGGER experiments_are_final BEFORE UPDATE ON experiments
BEGIN SELECT RAISE(ABORT, 'an experiment is never changed'); END;

CREATE TRIGGER records_are_final BEFORE UPDATE ON records
BEGIN SELECT RAISE(ABORT, 'the log is append-only: a record is never changed'); END;

CREATE TRIGGER records_go_together BEFORE DELETE ON records
WHEN EXISTS (SELECT 1 FROM experiments WHERE id = OLD.key >> {NUMBER_BITS})
BEGIN SELECT RAISE(ABORT, 'the log is append-only: only a whole experiment can be discarded'); END;

CREATE TRIGGER discard AFTER DELETE ON experiments
BEGIN DELETE FROM records
WHERE key BETWEEN OLD.id << {NUMBER_BITS} AND (OLD.id + 1 << {NUMBER_BITS}) - 1; END;
"""

ADD_EXPERIMENT = "INSERT INTO experiments (name, created, spec) VALUES (?, ?, ?)"


def key(experiment: int, number: int) -> int:
    """The key of a record, numbered from 1 in its experiment."""
    return (experiment << NUMBER_BITS) + number


def is_there(path: Path) -> bool:
    """Whether there is a file at `path`, an absolute path; raises StoreError where no store can be."""
    try:
        if path.is_dir():
            raise StoreError(f"the store {path} is a folder, but must be a file: name one, say {path / 'rungwise.db'}")
        if not path.parent.is_dir():
            raise StoreError(f"the store {path} cannot be: there is no folder {path.parent}, make it or name another")
        there = path.exists()
        if there and not path.is_file():  # opening a pipe would wait for somebody at its other end
            raise StoreError(f"the store {path} is a pipe or a device, but must be a file: name one, or a new one")
        return there
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be reached ({error.strerror}): look at the path's permissions"
        ) from error


def open_file(path: Path, timeout: float) -> Database:
    """Open the store at `path`, an absolute path. Raises StoreError where it is none that this version can read."""
    if not is_there(path):
        raise StoreError(f"there is no store {path}: look at the path, or tune something to make one")
    _check_whole(path)
    database = Database(path, timeout, bring_up_to_date)
    try:
        _check(database)
    except BaseException:
        database.close()
        raise
    return database


def _check_whole(path: Path) -> None:
    try:
        missing, whole = missing_bytes(path)
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be read ({error.strerror}): look at its disk, and the file's permissions"
        ) from error
    if missing:
        raise StoreError(
            f"the store {path} is damaged: it is cut off, {missing} of its {whole} bytes are missing; put back a copy"
            " of it, or name another store"
        )


def _check(database: Database) -> None:
    ((application,),) = database.read("PRAGMA application_id")
    ((version,),) = database.read("PRAGMA user_version")
    path = database.path
    if application != APPLICATION_ID:
        holder = "is another program's database" if database.read("PRAGMA schema_version")[0][0] else "is empty"
        raise StoreError(f"{path} {holder}, not a Rungwise store: name a store, or a file that is not there yet")
    check_version(version, path)
    tables = database.read("SELECT count(*) FROM sqlite_master WHERE name IN ('experiments', 'records')")
    if tables != [(2,)]:
        raise StoreError(damaged(path, "it lacks its tables"))


def check_writable(path: Path) -> None:
    """Raise StoreError where a store at `path`, there or not yet, could not be written."""
    # The folder too: SQLite keeps the newest records in a file of its own beside the store.
    for place in (path.parent, path):
        if place.exists() and not os.access(place, os.W_OK):
            raise StoreError(
                f"the store {path} cannot be written, for want of permission on {place}: give yourself that, or name"
                " another store"
            )


def make_file(path: Path, fill: Callable[[sqlite3.Connection], object]) -> bool:
    """Make a store at `path`, with what `fill` writes into it; False where one came to be there meanwhile.

    It is built in a hidden folder beside and then linked to its place, whole: nobody ever sees half a store, and a
    failure leaves nothing. Raises StoreError where that cannot be done, DiskFullError where there is no room.
    """
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix=".rungwise-", dir=path.parent, ignore_cleanup_errors=True) as folder:
            draft = Path(folder) / "store"
            _draft(draft, fill)
            return _publish(draft, path)
    except (sqlite3.Error, OSError) as error:
        raise told(error, path, 0.0) from error


def _draft(draft: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    draft.touch()  # SQLite would make it one that the group may not write, whatever the user's mask
    with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
        connection.executescript(
            "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;"
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION}; {SCHEMA}"
        )
        fill(connection)
        connection.execute("COMMIT")
        # Last, so that every byte is in the file itself when it is linked. A disk that cannot do it (no shared memory)
        # keeps the rollback journal: as safe, but readers and the writer then wait for each other.
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal" and not has_room(draft.parent):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        connection.execute(
            "SELECT 1 FROM experiments"
        ).fetchone()  # where there is no room for the files beside, say so


def _publish(draft: Path, path: Path) -> bool:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    except OSError:  # a disk without hard links: rename, which would overwrite, so look first
        if path.exists():
            return False
        draft.rename(path)
    with suppress(OSError):  # the name must last as long as the bytes; not every system can sync a folder
        _sync(path.parent)
    return True


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
