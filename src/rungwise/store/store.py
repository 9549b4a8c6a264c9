"""The store as the rest of the house sees it: experiments by name."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rungwise.core.errors import StoreError
from rungwise.store.codec import spec_of, to_json
from rungwise.store.database import Database
from rungwise.store.log import ExperimentLog
from rungwise.store.schema import ADD_EXPERIMENT, check_writable, is_there, make_file, open_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LONGEST = 100


class NameTakenError(StoreError):
    """An experiment of this name is there already; nothing was written."""


class Store:
    """One file with the logs of many experiments; a context manager that closes it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "new.db", create=True) as store:
    ...     log = store.create(store.free_name("digits"), {"metric": "val_accuracy"})
    ...     store.names(), log.spec
    (['digits-1'], {'metric': 'val_accuracy'})
    """

    __slots__ = ("_database", "_timeout", "path")

    def __init__(self, path: Path, database: Database | None, timeout: float) -> None:
        self.path = path
        self._database = database
        self._timeout = timeout

    @classmethod
    def open(cls, path: Path, *, create: bool = False, timeout: float = 5.0) -> Self:
        """Open the store at `path`; with `create` it need not be there yet, and is made with its first experiment.

        `timeout`: seconds to wait for another process that holds the file. Raises StoreError where the store is absent
        (without `create`), a folder, in no folder, locked, of a newer version, or a file of something else; and, with
        `create`, where it cannot be made.
        """
        try:
            resolved = Path(path).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL
            raise StoreError(f"the store {str(path)!r} is no path to a file ({error}): name another") from error
        if create:
            there = is_there(resolved)
            check_writable(resolved)
            if not there:
                return cls(resolved, None, timeout)
        return cls(resolved, open_file(resolved, timeout), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the logs of this store can then be used no more."""
        if self._database is not None:
            self._database.close()

    def _found(self) -> Database | None:
        """The database; None as long as nobody has made it."""
        if self._database is None and is_there(self.path):
            self._database = open_file(self.path, self._timeout)
        return self._database

    def create(self, name: str, spec: Mapping[str, object]) -> ExperimentLog:
        """Begin an experiment; `spec` is plain JSON data. Nothing is left behind where it fails.

        Raises NameTakenError where the name is taken, StoreError where it is not allowed, or `spec` or the file cannot
        be written.
        """
        check_name(name)
        try:
            text = to_json(dict(spec))
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(
                f"the specification of experiment {name!r} cannot be recorded ({error}): it must be plain JSON data"
            ) from error
        values = (name, datetime.now(UTC).isoformat(timespec="seconds"), text)
        database = self._found()
        if database is None:
            if make_file(self.path, lambda connection: connection.execute(ADD_EXPERIMENT, values)):
                return self.experiment(name)
            database = open_file(self.path, self._timeout)
            self._database = database
        with database.writing() as connection:
            if connection.execute("SELECT 1 FROM experiments WHERE name = ?", (name,)).fetchone() is not None:
                raise self._taken(name)
            connection.execute(ADD_EXPERIMENT, values)
        return self.experiment(name)

    def check_free(self, name: str) -> None:
        """Raise what `create` would raise for a name that is not allowed, or is taken now."""
        check_name(name)
        if name in self.names():
            raise self._taken(name)

    def _taken(self, name: str) -> NameTakenError:
        return NameTakenError(
            f"experiment {name!r} is in the store {self.path} already: choose another name, say"
            f" {self.free_name(name)!r}, or go on with it by `rungwise resume {name}`"
        )

    def experiment(self, name: str) -> ExperimentLog:
        """The log of an experiment. Raises StoreError where it is absent, naming those that are nearest."""
        database, identity, spec = self._seek(name)
        return ExperimentLog(database, identity, name, spec_of(name, spec))

    def _seek(self, name: str) -> tuple[Database, int, str]:
        database = self._found()
        if database is not None and NAME.fullmatch(name) is not None:
            for identity, spec in database.read("SELECT id, spec FROM experiments WHERE name = ?", (name,)):
                return database, identity, spec
        raise StoreError(f"there is no experiment {name!r} in the store {self.path}: {self._nearest(name)}")

    def _nearest(self, name: str) -> str:
        from difflib import get_close_matches

        names = self.names()
        if not names:
            return "it holds none yet"
        near = get_close_matches(name, names, n=3, cutoff=0.5)
        if near:
            return f"did you mean {' or '.join(map(repr, near))}?"
        shown = ", ".join(map(repr, reversed(names[-5:])))
        return f"it holds {shown}{' and others' if len(names) > 5 else ''} (see `rungwise list`)"

    def discard(self, name: str) -> None:
        """Delete an experiment with its whole log, for good. Raises StoreError where it is absent."""
        database, identity, _ = self._seek(name)
        with database.writing() as connection:
            connection.execute("DELETE FROM experiments WHERE id = ?", (identity,))

    def begun(self) -> dict[str, str]:
        """When each experiment was begun (UTC, ISO 8601), by name, in the order of creation."""
        database = self._found()
        return {} if database is None else dict(database.read("SELECT name, created FROM experiments ORDER BY id"))

    def names(self) -> list[str]:
        """The names of all experiments, in the order of creation."""
        return list(self.begun())

    def free_name(self, stem: str, besides: Collection[str] = ()) -> str:
        """The first of stem-1, stem-2, … that is free and not in `besides`; characters not allowed become hyphens."""
        taken = {*self.names(), *besides}
        legal = _legal(stem)
        number = 1
        while (name := f"{legal[: LONGEST - 1 - len(str(number))]}-{number}") in taken:
            number += 1
        return name


def check_name(name: str) -> None:
    """Raise StoreError for what cannot be the name of an experiment."""
    if NAME.fullmatch(name) is None:
        raise StoreError(
            f"the name {name!r} is not allowed: an experiment is named by up to {LONGEST} letters, digits, dots,"
            f" hyphens and underscores, the first a letter or digit, say {_legal(name)!r}"
        )


def _legal(stem: str) -> str:
    """A name as near to `stem` as the rules for names allow."""
    legal = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).lstrip("._-").rstrip("-")
    return legal[:LONGEST] or "experiment"
