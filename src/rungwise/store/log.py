"""The logs that records are appended to: in the store, or in memory."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from rungwise.core.commands import Configuration
from rungwise.core.errors import StoreError
from rungwise.core.records import Record
from rungwise.store.codec import configuration_of, decode, encode
from rungwise.store.database import Database
from rungwise.store.failures import damaged
from rungwise.store.schema import NUMBER_BITS, key

BATCH = 1024
UNREADABLE = (ValueError, LookupError, TypeError, RecursionError)

_APPEND = "INSERT INTO records (key, kind, at, trial, resource, value, rest) VALUES (?, ?, ?, ?, ?, ?, ?)"
_LAST = "SELECT key FROM records WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 1"
_BATCH = """
    SELECT kind, at, trial, resource, value, rest FROM records WHERE key > ? AND key <= ? ORDER BY key"""
_LAUNCHES = """
    SELECT key, trial, rest FROM records WHERE key > ? AND key <= ? AND kind = 'launch' ORDER BY key LIMIT ?"""
_EXPERIMENT = "SELECT 1 FROM experiments WHERE id = ?"


class MemoryLog:
    """A log that lives as long as the process, for simulations and tests."""

    __slots__ = ("_records",)

    def __init__(self) -> None:
        self._records: list[Record] = []

    def append(self, records: Sequence[Record]) -> None:
        """Add records at the end."""
        self._records.extend(records)

    def records(self) -> Iterator[Record]:
        """The records that there are at the call, in order."""
        return islice(self._records, len(self._records))


class ExperimentLog:
    """The append-only log of one experiment; made by `Store.create` and `Store.experiment`.

    `spec` is what the experiment was created with. Only one log may append to an experiment at a time.
    """

    __slots__ = ("_database", "_end", "_first", "_id", "name", "spec")

    def __init__(self, database: Database, experiment: int, name: str, spec: Mapping[str, object]) -> None:
        self.name = name
        self.spec = dict(spec)
        self._database = database
        self._id = experiment
        self._first = key(experiment, 0)
        self._end = self._last()

    def _last(self) -> int:
        rows = self._database.read(_LAST, (self._first, self._first + (1 << NUMBER_BITS)))
        return int(rows[0][0]) if rows else self._first

    def append(self, records: Sequence[Record]) -> None:
        """Add records at the end: all of them, committed and synced to the disk on return, or none.

        Raises DiskFullError where there is no room: the same call works once there is. Raises StoreError where a record
        cannot be written, another process holds the file for longer than the store's timeout or has appended to this
        experiment, or the file or the experiment is gone.
        """
        if not records:
            return
        rows = self._rows(records)
        with self._database.writing() as connection:
            if connection.execute(_EXPERIMENT, (self._id,)).fetchone() is None:
                raise StoreError(self._discarded())
            connection.executemany(_APPEND, rows)
        self._end += len(rows)

    def _rows(self, records: Sequence[Record]) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for position, record in enumerate(records, self._end + 1):
            try:
                rows.append((position, *encode(record)))
            except (TypeError, ValueError, RecursionError) as error:
                raise StoreError(
                    f"{str(record)[:200]} cannot be recorded ({error}): configurations hold numbers, strings and truth"
                    " values, metrics hold numbers"
                ) from error
        return rows

    def records(self) -> Iterator[Record]:
        """The records that there are at the call, in order, a batch in memory at a time.

        Between batches nothing is locked: a slow reader keeps no writer waiting, nor the file from being tidied.
        Raises StoreError where the file is damaged, or the experiment is discarded meanwhile.
        """
        return self._between(self._first, self._last())

    def _between(self, first: int, last: int) -> Iterator[Record]:
        for before in range(first, last, BATCH):
            after = min(before + BATCH, last)
            rows = self._database.read(_BATCH, (before, after))
            if len(rows) < after - before:
                raise StoreError(self._incomplete(before, after))
            for position, row in enumerate(rows, before + 1):
                try:
                    record = decode(row)
                except UNREADABLE as error:
                    raise self._unreadable(position, error) from error
                yield record

    def configurations(self) -> dict[int, Configuration]:
        """What every trial that was launched by now had, by its first launch; nothing else is decoded.

        Raises StoreError as `records` does.
        """
        found: dict[int, Configuration] = {}
        before, last = self._first, self._last()
        while rows := self._database.read(_LAUNCHES, (before, last, BATCH)):
            for position, trial, rest in rows:
                if trial not in found:
                    try:
                        found[trial] = configuration_of(rest)
                    except UNREADABLE as error:
                        raise self._unreadable(position, error) from error
            before = rows[-1][0]
        return found

    def _unreadable(self, position: int, error: Exception) -> StoreError:
        return StoreError(
            f"record {position - self._first} of experiment {self.name!r} in the store {self._database.path}"
            f" cannot be read ({error}): the file is damaged, go on with a copy of it"
        )

    def _incomplete(self, before: int, after: int) -> str:
        """Why records after `before` and up to `after` are not all there, though one behind them was."""
        if not self._database.read(_EXPERIMENT, (self._id,)):
            return self._discarded()
        lacking = f"some of records {before + 1 - self._first} to {after - self._first} of {self.name!r} are missing"
        return damaged(self._database.path, lacking)

    def _discarded(self) -> str:
        return (
            f"experiment {self.name!r} is no longer whole in the store {self._database.path}: it was discarded,"
            " see `rungwise list`"
        )
