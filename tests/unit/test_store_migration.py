"""A store of schema 1 is read as it is, and becomes one of the present schema with the first write."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rungwise.api.experiment import Experiment
from rungwise.api.replay import Replayed, replay
from rungwise.core.commands import Launch, Wake
from rungwise.core.decisions import FailTrial, Finish, PromoteTrial, Resize, StartTrial, Suspend
from rungwise.core.errors import StoreError
from rungwise.core.events import (
    CapacityChanged,
    Draining,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.records import Record
from rungwise.store import Store
from rungwise.store import migrations as module
from rungwise.store.migrations import MIGRATIONS, SCHEMA_VERSION
from rungwise.store.schema import SCHEMA

DUMP = Path(__file__).parents[1] / "golden" / "store-1.sql"
COUNTS = {"finished": 69, "asha-floor": 37, "broken-off": 24}
BROKEN_OFF: list[Record] = [
    CapacityChanged(0.0, 2),
    StartTrial(0, 1),
    Launch(0, {"rate": 0.09173693974767945, "kind": "holds too"}, 0, 1, 1, 3509516835),
    StartTrial(1, 1),
    Launch(1, {"rate": 0.06956295264154169, "kind": "holds too"}, 0, 1, 1, 3932294072),
    TrialReported(
        1.9387454770003387, 1, 1, -0.06956295264154169, {"score": 0.06956295264154169, "loss": 0.9304370473584583}
    ),
    TrialPaused(1.9402302950002195, 1, 1),
    StartTrial(2, 1),
    Launch(2, {"rate": 0.2156303828755621, "kind": "holds too"}, 0, 1, 1, 269397868),
    TrialReported(
        1.942677568000363, 0, 1, -0.09173693974767945, {"score": 0.09173693974767945, "loss": 0.9082630602523205}
    ),
    TrialPaused(1.9427069850025873, 0, 1),
    StartTrial(3, 1),
    Launch(3, {"rate": 0.029586293398242206, "kind": "holds too"}, 0, 1, 1, 2615444639),
    TrialReported(
        1.9508857750006428, 3, 1, -0.029586293398242206, {"score": 0.029586293398242206, "loss": 0.9704137066017577}
    ),
    TrialReported(
        1.9509567250024702, 2, 1, -0.2156303828755621, {"score": 0.2156303828755621, "loss": 0.7843696171244379}
    ),
    TrialPaused(1.952251967999473, 3, 1),
    PromoteTrial(2, 3),
    TrialPaused(1.952708029999485, 2, 1),
    Launch(2, {"rate": 0.2156303828755621, "kind": "holds too"}, 1, 3, 1, 269397868),
    StartTrial(4, 1),
    Launch(4, {"rate": 0.018225116885809748, "kind": "holds too"}, 0, 1, 1, 792042904),
    TrialReported(
        1.9586136770012672, 2, 2, -0.3847643037320627, {"score": 0.3847643037320627, "loss": 0.6152356962679373}
    ),
    TrialReported(
        1.9619563529995503, 4, 1, -0.018225116885809748, {"score": 0.018225116885809748, "loss": 0.9817748831141903}
    ),
    TrialReported(
        1.962025717999495, 2, 3, -0.5174278124770311, {"score": 0.5174278124770311, "loss": 0.48257218752296893}
    ),
]
NEW: list[Record] = [
    TrialFailed(90.0, 0, 1, "signal", "signal 9"),
    TrialRewound(90.5, 1, 0),
    TimePassed(91.0),
    FailTrial(0),
    Suspend(4, 2),
    Resize(3, 2),
    Wake(95.0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store as version 1 left it: closed, with nothing beside it."""
    made = tmp_path / "old.db"
    with closing(sqlite3.connect(made)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(DUMP.read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode = WAL")
    return made


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def logs(path: Path) -> dict[str, list[Record]]:
    with Store.open(path) as store:
        return {name: list(store.experiment(name).records()) for name in store.names()}


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def test_the_dump_is_of_version_1(path: Path) -> None:
    assert version(path) == 1
    assert SCHEMA_VERSION == 3


def test_reading_an_old_store_changes_nothing(path: Path) -> None:
    before = contents(path.parent)
    assert {name: len(log) for name, log in logs(path).items()} == COUNTS
    with Store.open(path) as store:
        assert store.begun()["finished"] == "2026-11-22T20:43:12+00:00"
        assert store.experiment("finished").spec["metric"] == "score"
    assert contents(path.parent) == before


def test_every_record_of_an_old_store_comes_back(path: Path) -> None:
    all_logs = logs(path)
    assert all_logs["broken-off"] == BROKEN_OFF
    everything = [record for log in all_logs.values() for record in log]
    finished = all_logs["finished"]
    assert finished[:2] == [CapacityChanged(0.0, 2), StartTrial(0, 1)]
    assert finished[15] == PromoteTrial(0, 3)
    ended = finished[21]
    assert isinstance(ended, TrialEnded)
    assert (ended.at, ended.trial, ended.reason) == (1.4892416250004317, 0, "failed")
    assert ended.detail.endswith("ValueError: this configuration breaks at epoch 2")
    assert finished[65] == Draining(1.5613004059996456)
    assert finished[68] == Finish("done")
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT kind, trial, resource FROM records ORDER BY key").fetchall()
    assert len(rows) == len(everything)
    for (_, trial, resource), record in zip(rows, everything, strict=True):
        assert getattr(record, "trial", None) == trial
        milestone = getattr(record, "milestone", None)
        assert getattr(record, "resource", milestone) == resource


def by_appending(path: Path) -> None:
    with Store.open(path) as store:
        store.experiment("broken-off").append([Draining(99.0)])


def by_creating(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.create("new", {})


def by_discarding(path: Path) -> None:
    with Store.open(path) as store:
        store.discard("asha-floor")


@pytest.mark.parametrize("write", [by_appending, by_creating, by_discarding])
def test_the_first_write_migrates(path: Path, write: Callable[[Path], None]) -> None:
    before = logs(path)
    write(path)
    assert version(path) == SCHEMA_VERSION
    after = logs(path)
    assert after["finished"] == before["finished"]
    assert after["broken-off"][: COUNTS["broken-off"]] == before["broken-off"]


def test_a_migrated_store_takes_the_new_kinds_of_records(path: Path) -> None:
    before = logs(path)["broken-off"]
    for _ in range(2):
        with Store.open(path) as store:
            store.experiment("broken-off").append(NEW)
    assert logs(path)["broken-off"] == before + NEW + NEW
    assert version(path) == SCHEMA_VERSION


def test_an_old_store_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    by_appending(path)
    new = tmp_path / "new.db"
    by_creating(new)
    tables = []
    for file in (path, new):
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
            tables.append({name: sql.split() for name, sql in found})
    assert tables[0] == tables[1]
    assert "CREATE TABLE experiments" in SCHEMA


def test_what_fails_in_the_first_write_leaves_version_1(path: Path) -> None:
    with Store.open(path) as store:
        log = store.experiment("broken-off")
        with pytest.raises(StoreError, match="does not fit"):
            log.append([Launch(2**63, {}, 0, 1, 1, 0)])
        assert version(path) == 1
        log.append([Draining(99.0)])
    assert version(path) == SCHEMA_VERSION


def test_a_crash_in_the_middle_leaves_version_1_and_the_next_write_migrates(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO experiments (name, created, spec) VALUES ('half', '', '{}')")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setitem(MIGRATIONS, 1, dies)
        with pytest.raises(KeyboardInterrupt):
            by_appending(path)
    assert version(path) == 1
    assert {name: len(log) for name, log in logs(path).items()} == COUNTS
    by_appending(path)
    assert version(path) == SCHEMA_VERSION


def test_of_two_who_migrate_at_once_each_finds_it_done_once(path: Path) -> None:
    with Store.open(path) as one, Store.open(path) as two:
        first, second = one.experiment("broken-off"), two.experiment("asha-floor")
        first.append(NEW)
        second.append(NEW)
        first.append(NEW)
    after = logs(path)
    assert after["broken-off"][-len(NEW) :] == after["asha-floor"][-len(NEW) :] == NEW
    assert version(path) == SCHEMA_VERSION


def test_each_migration_runs_once_and_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    monkeypatch.setattr(module, "SCHEMA_VERSION", 4)
    for older in (1, 2, 3):
        monkeypatch.setitem(MIGRATIONS, older, lambda _, older=older: ran.append(older))
    for _ in range(2):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            module.bring_up_to_date(connection, path)
            connection.execute("COMMIT")
    assert ran == [1, 2, 3]
    assert version(path) == 4


def test_a_migration_leads_from_every_older_version() -> None:
    assert sorted(MIGRATIONS) == list(range(1, SCHEMA_VERSION))


def test_a_store_that_became_newer_while_it_was_open_is_not_written_to(path: Path) -> None:
    with Store.open(path) as store:
        log = store.experiment("broken-off")
        log.append(NEW)
        with closing(sqlite3.connect(path)) as newer:
            newer.execute("PRAGMA user_version = 7")
        with pytest.raises(StoreError, match="has schema 7, but this version of Rungwise reads schemas up to 3"):
            log.append(NEW)
    assert version(path) == 7


def test_an_old_store_in_a_folder_that_cannot_be_written_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK)
    assert {name: len(log) for name, log in logs(path).items()} == COUNTS
    with Store.open(path) as store, pytest.raises(StoreError, match="cannot be written"):
        store.experiment("broken-off").append(NEW)
    assert list(path.parent.iterdir()) == [path]
    monkeypatch.undo()
    assert version(path) == 1


@pytest.mark.parametrize("migrated", [False, True])
@pytest.mark.parametrize("name", sorted(COUNTS))
def test_the_logs_of_version_1_still_imply_their_decisions(path: Path, name: str, migrated: bool) -> None:
    if migrated:
        by_creating(path)
    assert replay(name, store=path) == Replayed(COUNTS[name], 0)


def test_the_winners_of_version_1_are_the_same(path: Path) -> None:
    best = {name: Experiment.open(name, path).best for name in COUNTS}
    assert {name: (each.trial, each.resource, each.value) for name, each in best.items()} == {
        "finished": (9, 3, 0.7433847307501334),
        "asha-floor": (1, 3, 0.820562845938251),
        "broken-off": (2, 3, 0.5174278124770311),
    }
