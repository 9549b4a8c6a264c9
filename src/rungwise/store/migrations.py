"""From an older schema to the present one.

A store is read as it is, whatever its version; the first transaction that writes to it brings it up to date, as a part
of that transaction. So there is never anything in between, two processes cannot both do it, and who only reads writes
nothing. A record once written is never rewritten: every version reads what the older ones wrote.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from rungwise.core.errors import StoreError

SCHEMA_VERSION = 3

Migration = Callable[[sqlite3.Connection], None]


def _to_2(connection: sqlite3.Connection) -> None:
    """Records of the kinds failed, time, fail, suspend and wake may come; no table changes."""


def _to_3(connection: sqlite3.Connection) -> None:
    """Records of the kind resize may come; no table changes."""


MIGRATIONS: dict[int, Migration] = {1: _to_2, 2: _to_3}
"""What leads from each older version to the next."""


def check_version(version: int, path: Path) -> None:
    """Raise StoreError where the store at `path` has a schema that this version of Rungwise cannot read."""
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store {path} has schema {version}, but this version of Rungwise reads schemas up to {SCHEMA_VERSION}:"
            " install the newer Rungwise that wrote it"
        )
    if version < 1:
        raise StoreError(
            f"the store {path} has schema {version}, which no Rungwise ever wrote: go on with a copy of it, or name"
            " another store"
        )


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Migrate the store at `path` where that is due, within the transaction that `connection` is in.

    It is asked at every write, because another process may have migrated it meanwhile, even to a newer version than
    this one knows: that raises StoreError.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    check_version(version, path)
    for older in range(version, SCHEMA_VERSION):
        MIGRATIONS[older](connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
