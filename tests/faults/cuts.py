"""Torn files: whatever of a store is cut off, gone or flipped, it opens at the end of a whole group, or says so.

A store is written, its files are copied as `kill -9` would leave them, and each damage is tried on a copy. What the log
then yields must be a prefix of what was appended that ends with a whole group, or a StoreError must say what is wrong.
Where only the write-ahead log is torn nothing else may be lost: it must be the longest such prefix that is still there.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import StoreError
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.store import Store

TAIL = 4096
SAMPLE = 16
NAME = "torn"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many damages were tried; how many stores opened, all or some of the log whole, and how many told."""

    tried: int = 0
    opened: int = 0
    told: int = 0

    def plus(self, opened: bool) -> "Counts":
        """One more, that opened or told."""
        return Counts(self.tried + 1, self.opened + opened, self.told + (not opened))


@dataclass(frozen=True, slots=True)
class Files:
    """The three files of a store; None: not there."""

    main: bytes
    wal: bytes | None
    shm: bytes | None

    def put(self, path: Path) -> None:
        """Write them to where a store is `path`."""
        for end, content in (("", self.main), ("-wal", self.wal), ("-shm", self.shm)):
            file = Path(f"{path}{end}")
            if content is None:
                file.unlink(missing_ok=True)
            else:
                file.write_bytes(content)

    @classmethod
    def of(cls, path: Path) -> "Files":
        """Those of the store at `path`, as a power cut at this moment leaves them."""
        wal, shm = (Path(f"{path}{end}") for end in ("-wal", "-shm"))
        return cls(
            path.read_bytes(), wal.read_bytes() if wal.exists() else None, shm.read_bytes() if shm.exists() else None
        )


@dataclass(frozen=True, slots=True)
class Written:
    """A store's files, and what was appended: how many records, and bytes of write-ahead log, after each group.

    The main file holds `kept` records; `taken` bytes of the present write-ahead log are in it already.
    """

    files: Files
    records: Sequence[Record]
    ends: Sequence[int]
    sizes: Sequence[int]
    kept: int
    taken: int

    def whole(self, size: int) -> int | None:
        """How many records are left where the first `size` bytes of the write-ahead log are.

        None where the main file has taken in more: SQLite knows only the log's pages, so it may be any group's end.
        """
        if size < self.taken:
            return None
        groups = bisect_right(self.sizes, size)
        return max(self.kept, self.ends[groups - 1] if groups else 0)


def _group(random: Random, number: int) -> list[Record]:
    """Steps of a run: mostly a few reports, sometimes a launch, whose configuration may be long."""
    group: list[Record] = [
        TrialReported(number + step / 8, step, number + 1, random.random(), {"loss": random.random()})
        for step in range(random.randint(1, 6))
    ]
    if number % 3 == 0:
        configuration = {"lr": random.random(), "note": "x" * random.choice((10, 400, 9000))}
        group += [TrialPaused(number + 1, 0, 1), StartTrial(number, 3), Launch(number, configuration, 0, 3, 1, number)]
    return group


def written(path: Path, *, seed: int = 0, groups: int = 24, tidy_after: int = 0, close: bool = False) -> Written:
    """Make a store at `path`; after `tidy_after` groups the main file takes in what the write-ahead log holds."""
    random = Random(seed)
    records: list[Record] = []
    ends: list[int] = []
    sizes: list[int] = []
    kept = taken = 0
    wal = Path(f"{path}-wal")
    with Store.open(path, create=True) as store:
        log = store.create(NAME, {"metric": "loss"})
        for number in range(groups):
            group = _group(random, number)
            log.append(group)
            records += group
            ends.append(len(records))
            sizes.append(_used(wal.read_bytes()))
            if number + 1 == tidy_after:
                _tidy(path)
                kept = len(records)
                if number + 1 == groups:
                    taken = sizes[-1]
                else:
                    sizes = [0] * len(sizes)  # the next group begins the log anew
        files = Files.of(path)
    if close:
        files, kept = Files.of(path), len(records)
    return Written(files, records, ends, sizes, kept, taken)


def _used(wal: bytes) -> int:
    """The bytes of a write-ahead log that count: its header, and frames of a page under its salt; SQLite reuses it."""
    size = 32
    while wal[size + 8 : size + 16] == wal[16:24] and len(wal) >= size + 4120:
        size += 4120
    return size


def _tidy(path: Path) -> None:
    """What SQLite does by itself now and then: the log's pages go to the main file, and the log starts anew later."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


Damage = tuple[Files, int | None]
"""The files after it; how many records there must be, exactly (None: any whole groups, or an error)."""


def _places(size: int, every: bool, random: Random) -> Sequence[int]:
    """Places in the last 4 KiB of a file: all of them, or some, both ends among them."""
    first = max(0, size - TAIL)
    if every or size - first <= SAMPLE:
        return range(first, size)
    return sorted({first, size - 1, *random.sample(range(first, size), SAMPLE)})


def _flipped(content: bytes, place: int, random: Random) -> bytes:
    flipped = bytearray(content)
    flipped[place] ^= random.randint(1, 255)
    return bytes(flipped)


def _wal_damages(made: Written, every: bool, random: Random) -> Iterator[tuple[str, Damage]]:
    yield "none", (made.files, len(made.records))
    wal = (made.files.wal or b"")[: made.sizes[-1]]
    files = replace(made.files, wal=wal)
    for place in _places(len(wal), every, random):
        yield "log cut", (replace(files, wal=wal[:place]), made.whole(place))
        yield "log cut, no index", (replace(files, wal=wal[:place], shm=None), made.whole(place))
    for place in _places(len(wal), every, random):
        yield "log's byte flipped", (replace(files, wal=_flipped(wal, place, random)), made.whole(place))
    yield "log missing", (replace(files, wal=None), made.kept)
    yield "log missing", (replace(files, wal=None, shm=None), made.kept)
    yield "log empty", (replace(files, wal=b""), made.kept)
    for size in (1, 24, 4096, 4120, 10_000):
        for more in (bytes(size), random.randbytes(size), wal[-size:]):
            yield "garbage after log", (replace(files, wal=wal + more), len(made.records))


def _index_damages(made: Written, random: Random) -> Iterator[tuple[str, Damage]]:
    files, shm = made.files, made.files.shm or b""
    for index in (None, b"", bytes(len(shm)), random.randbytes(len(shm)), random.randbytes(100), shm[:-1]):
        yield "index gone or garbage", (replace(files, shm=index), len(made.records))


def _main_damages(made: Written, every: bool, random: Random) -> Iterator[tuple[str, Damage]]:
    files, main = made.files, made.files.main
    for place in _places(len(main), every, random):
        cut = replace(files, main=main[:place])
        yield "main file cut", (cut, None)
        yield "main file cut, log missing", (replace(cut, wal=None, shm=None), None)
    for size in (1, 100, 4096, 9000):
        longer = main + random.randbytes(size)
        yield "garbage after main file", (replace(files, main=longer), len(made.records))


def _damages(made: Written, every: bool, random: Random) -> Iterator[tuple[str, Damage]]:
    if made.files.wal is not None:
        yield from _wal_damages(made, every, random)
        yield from _index_damages(made, random)
    yield from _main_damages(made, every, random)


def read(path: Path) -> list[Record]:
    """What the log in the store at `path` yields; raises StoreError."""
    with Store.open(path, timeout=0.0) as store:
        return list(store.experiment(NAME).records())


def judged(path: Path, made: Written, damage: Damage) -> bool:
    """Try one damage; whether the store opened. Raises AssertionError where it did neither that nor tell."""
    files, expected = damage
    files.put(path)
    try:
        found = read(path)
    except StoreError as error:
        assert expected is None, f"{expected} records are whole, but: {error}"
        assert str(path) in str(error), f"the sentence does not say which store: {error}"
        return False
    assert len(found) in (0, *made.ends), f"{len(found)} records are not the end of a group"
    assert found == list(made.records[: len(found)]), "what is left is not what was appended first"
    assert expected is None or len(found) == expected, f"{len(found)} records are left, not {expected}"
    return True


STORES: dict[str, Callable[[Path], Written]] = {
    "nothing tidied": lambda path: written(path, seed=1),
    "tidied half way": lambda path: written(path, seed=2, tidy_after=12),
    "just tidied": lambda path: written(path, seed=3, tidy_after=24),
    "closed": lambda path: written(path, seed=4, close=True),
}


def cut(folder: Path, *, every: bool = False, seed: int = 0) -> dict[str, Counts]:
    """Try all damages on stores made in `folder`, `every` byte of the last 4 KiB or some; counts for each kind.

    Raises AssertionError, naming the store and the damage, where a store neither opens as it must nor tells.
    """
    counts: dict[str, Counts] = {}
    for kind, make in STORES.items():
        random = Random(seed)
        made = make(folder / f"{kind.replace(' ', '-')}.db")
        path = folder / "damaged.db"
        for number, (name, damage) in enumerate(_damages(made, every, random)):
            try:
                opened = judged(path, made, damage)
            except Exception as error:
                raise AssertionError(f"{kind}: {name}, number {number}: {error!r}") from error
            counts[name] = counts.get(name, Counts()).plus(opened)
    return counts


def cuts(*, every: bool = True) -> tuple[int, int, int]:
    """All damages at `every` byte, or some: how many were tried, how many stores opened, and how many told.

    In memory where the system has a disk there: each store that is tried is written and synced. Raises as `cut` does.
    """
    memory = "/dev/shm"
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        counts = cut(Path(folder), every=every).values()
    return sum(each.tried for each in counts), sum(each.opened for each in counts), sum(each.told for each in counts)
