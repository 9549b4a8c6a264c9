"""The log is append-only, and what it accepted is there whatever else happens to the file."""

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rungwise.core.commands import Launch
from rungwise.core.errors import StoreError
from rungwise.core.events import CapacityChanged, Draining
from rungwise.core.records import Record
from rungwise.store import DiskFullError, ExperimentLog, Store
from rungwise.store.failures import told
from rungwise.store.log import BATCH

SHORT = 0.01


def times(log: ExperimentLog) -> list[float]:
    return [record.at for record in log.records() if isinstance(record, Draining)]


def drainings(*at: float) -> list[Record]:
    return [Draining(float(second)) for second in at]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, create=True, timeout=SHORT) as opened:
        yield opened


@pytest.fixture
def log(store: Store) -> ExperimentLog:
    made = store.create("x", {})
    made.append(drainings(0, 1))
    return made


@pytest.fixture
def other(log: ExperimentLog, path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's connection, without our care for the file."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=SHORT)) as connection:
        yield connection


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE records SET at = 5.0",
        "UPDATE records SET rest = NULL WHERE at = 0.0",
        "UPDATE experiments SET name = 'y'",
        "UPDATE experiments SET spec = '{}'",
        "DELETE FROM records",
        "DELETE FROM records WHERE at = 1.0",
    ],
)
def test_no_record_is_changed_or_deleted_by_itself(other: sqlite3.Connection, log: ExperimentLog, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|never changed"):
        other.execute(sql)
    assert times(log) == [0.0, 1.0]


def test_a_whole_experiment_can_be_discarded(store: Store, other: sqlite3.Connection) -> None:
    store.create("y", {}).append(drainings(7))
    store.discard("x")
    assert store.names() == ["y"]
    assert times(store.experiment("y")) == [7.0]
    assert other.execute("SELECT count(*) FROM records").fetchone() == (1,)


def test_a_log_goes_on_where_it_ended_when_opened_again(log: ExperimentLog, path: Path) -> None:
    with Store.open(path) as again:
        again.experiment("x").append(drainings(2))
    assert times(log) == [0.0, 1.0, 2.0]


def test_experiments_do_not_mix(store: Store) -> None:
    logs = [store.create(f"run-{index}", {"index": index}) for index in range(20)]
    for step in range(5):
        for index, log in enumerate(logs):
            log.append(drainings(*[100 * index + step] * 3))
    for index in range(20):
        log = store.experiment(f"run-{index}")
        assert log.spec == {"index": index}
        assert times(log) == [100.0 * index + step for step in range(5) for _ in range(3)]


def test_a_number_of_a_discarded_experiment_is_never_given_again(store: Store, log: ExperimentLog) -> None:
    store.discard("x")
    fresh = store.create("x", {})
    with pytest.raises(StoreError, match=r"'x' is no longer whole .* discarded"):
        log.append(drainings(2))
    assert times(fresh) == []


def test_a_reader_does_not_block_the_writer(log: ExperimentLog, other: sqlite3.Connection) -> None:
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM records").fetchone() == (2,)
    log.append(drainings(2))
    assert other.execute("SELECT count(*) FROM records").fetchone() == (2,)
    other.execute("COMMIT")
    assert other.execute("SELECT count(*) FROM records").fetchone() == (3,)


def test_the_writer_does_not_block_a_reader(log: ExperimentLog, other: sqlite3.Connection, path: Path) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM experiments")
    with Store.open(path, timeout=SHORT) as reader:
        assert reader.names() == ["x"]
        assert times(reader.experiment("x")) == [0.0, 1.0]
    other.execute("ROLLBACK")


def test_a_second_store_reads_along(log: ExperimentLog, path: Path) -> None:
    log.append(drainings(*range(2, 3 * BATCH)))
    with Store.open(path) as second:
        reading = second.experiment("x").records()
        seen = [next(reading)]
        log.append(drainings(-1))
        seen.extend(reading)
        assert seen == drainings(*range(3 * BATCH))
        assert times(second.experiment("x"))[-1] == -1.0


def test_a_slow_reader_holds_no_lock(log: ExperimentLog, path: Path, other: sqlite3.Connection) -> None:
    log.append(drainings(*range(2, 3 * BATCH)))
    with Store.open(path) as second:
        reading = second.experiment("x").records()
        next(reading)
        busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0
        assert sum(1 for _ in reading) == 3 * BATCH - 1


def test_a_log_that_is_discarded_while_it_is_read_says_so(store: Store, log: ExperimentLog) -> None:
    log.append(drainings(*range(2, 3 * BATCH)))
    reading = log.records()
    next(reading)
    store.discard("x")
    with pytest.raises(StoreError, match=r"'x' is no longer whole .* discarded"):
        list(reading)


def test_a_second_writer_is_noticed(log: ExperimentLog, path: Path) -> None:
    with Store.open(path) as second:
        stale = second.experiment("x")
        log.append(drainings(2))
        with pytest.raises(StoreError, match="only one tuner may run an experiment"):
            stale.append(drainings(9))
    assert times(log) == [0.0, 1.0, 2.0]


def test_appending_to_a_locked_store_says_so_and_works_later(log: ExperimentLog, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"locked by another process, for more than 0\.01 s"):
        log.append(drainings(2))
    other.execute("ROLLBACK")
    log.append(drainings(3))
    assert times(log) == [0.0, 1.0, 3.0]


def test_appending_when_nothing_more_can_be_written_says_so_and_works_later(log: ExperimentLog, path: Path) -> None:
    wal = Path(f"{path}-wal")
    with no_file_grows_beyond(wal.stat().st_size), pytest.raises(StoreError, match=r"disk"):
        log.append(drainings(*range(2, 5000)))
    assert times(log) == [0.0, 1.0]
    log.append(drainings(3))
    assert times(log) == [0.0, 1.0, 3.0]


def test_a_full_disk_is_called_by_its_name(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "small.db")) as connection:
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE t (x)")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    failure = told(caught.value, tmp_path / "small.db", 5.0)
    assert isinstance(failure, DiskFullError)
    assert "small.db is full" in str(failure)


def test_a_file_deleted_while_in_use_is_noticed(log: ExperimentLog, path: Path) -> None:
    path.unlink()
    with pytest.raises(StoreError, match=r"runs\.db was deleted or moved while it was in use"):
        log.append(drainings(2))


def test_a_file_replaced_while_in_use_is_noticed(log: ExperimentLog, path: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.db"
    with Store.open(twin, create=True) as second:
        second.create("x", {})
    os.replace(twin, path)  # noqa: PTH105
    with pytest.raises(StoreError, match=r"runs\.db was replaced by another file"):
        log.append(drainings(2))


def test_a_closed_store_says_so(store: Store, log: ExperimentLog) -> None:
    store.close()
    store.close()
    for use in (store.names, log.records, lambda: log.append(drainings(2))):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_a_group_is_committed_when_append_returns(log: ExperimentLog, other: sqlite3.Connection) -> None:
    log.append([CapacityChanged(2.0, 4), Draining(3.0)])
    assert other.execute("SELECT kind, at FROM records ORDER BY key DESC LIMIT 2").fetchall() == [
        ("draining", 3.0),
        ("capacity", 2.0),
    ]


def launch(trial: int) -> Launch:
    return Launch(trial, {"x": trial / 7}, 0, 3, 1, trial)


def test_the_configurations_are_those_of_first_launches(log: ExperimentLog) -> None:
    launches = [launch(trial) for trial in range(2 * BATCH + 3)]
    for each in launches[:5]:
        log.append([*drainings(1), each])
    log.append([*launches[5:], Launch(0, {"x": 99}, 3, 9, 1, 0)])
    assert log.configurations() == {each.trial: each.configuration for each in launches}


def test_the_configurations_of_another_experiment_are_not_among_them(store: Store, log: ExperimentLog) -> None:
    for name in ("a", "b"):
        store.create(name, {}).append([launch(len(name)), launch(ord(name))])
    assert log.configurations() == {}
    assert store.experiment("a").configurations() == {1: {"x": 1 / 7}, 97: {"x": 97 / 7}}


def test_every_commit_is_synced(store: Store, log: ExperimentLog) -> None:
    """Level 3: the write-ahead log at every commit, or the rollback journal and its folder."""
    assert log._database.read("PRAGMA synchronous") == [(3,)]
    assert log._database.read("PRAGMA journal_mode") == [("wal",)]
    assert log._database.read("PRAGMA fullfsync") == log._database.read("PRAGMA checkpoint_fullfsync") == [(1,)]
