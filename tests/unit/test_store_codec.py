"""Every record must survive the store as it was."""

import math
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.commands import Configuration, Halt, Launch, Pause, Wake
from rungwise.core.decisions import (
    Disagreement,
    Divergence,
    FailTrial,
    Finish,
    FinishReason,
    OpenRung,
    PromoteTrial,
    Resize,
    StartTrial,
    StopTrial,
    Suspend,
)
from rungwise.core.errors import StoreError
from rungwise.core.events import (
    CapacityChanged,
    Cause,
    Draining,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.records import RECORDS, Record
from rungwise.store import Store
from rungwise.store.codec import decode, encode

text = st.text(st.characters(exclude_categories=()), max_size=20)
wholes = st.integers(0, 2**63 - 1)
# SQLite has no -0.0; it comes back as 0.0, which has a test of its own.
reals = st.floats().map(lambda number: number + 0.0)
configurations = st.dictionaries(text, st.booleans() | st.integers() | st.floats() | text, max_size=5)
pairs = st.none() | st.tuples(wholes, wholes)

STRATEGIES: dict[type[Record], st.SearchStrategy[Record]] = {
    TrialReported: st.builds(
        TrialReported, reals, wholes, wholes, reals, st.dictionaries(text, st.floats() | st.integers(), max_size=3)
    ),
    TrialPaused: st.builds(TrialPaused, reals, wholes, wholes),
    TrialEnded: st.builds(TrialEnded, reals, wholes, st.sampled_from(["completed", "stopped", "failed", "lost"]), text),
    TrialFailed: st.builds(TrialFailed, reals, wholes, wholes, st.sampled_from(get_args(Cause)), text),
    TrialRewound: st.builds(TrialRewound, reals, wholes, wholes),
    TimePassed: st.builds(TimePassed, reals),
    CapacityChanged: st.builds(CapacityChanged, reals, wholes),
    Draining: st.builds(Draining, reals),
    StartTrial: st.builds(StartTrial, wholes, wholes, st.none() | wholes),
    PromoteTrial: st.builds(PromoteTrial, wholes, wholes),
    StopTrial: st.builds(StopTrial, wholes),
    FailTrial: st.builds(FailTrial, wholes),
    Resize: st.builds(Resize, wholes, wholes),
    Suspend: st.builds(Suspend, wholes),
    OpenRung: st.builds(
        OpenRung,
        wholes,
        st.builds(Disagreement, pairs, st.none() | st.floats(), st.none() | wholes)
        | st.builds(Divergence, wholes, wholes, st.none() | st.floats()),
    ),
    Finish: st.builds(Finish, st.sampled_from(get_args(FinishReason))),
    Launch: st.builds(
        Launch, wholes, configurations, wholes, wholes, wholes, st.integers(0, 2**32 - 1), st.none() | wholes
    ),
    Pause: st.builds(Pause, wholes),
    Halt: st.builds(Halt, wholes),
    Wake: st.builds(Wake, reals),
}


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    memory = "/dev/shm"  # a thousand commits, and no disk is asked for anything but to sync them
    place = memory if os.access(memory, os.W_OK) else None
    with TemporaryDirectory(dir=place) as folder, Store.open(Path(folder) / "codec.db", create=True) as opened:
        yield opened


def through(store: Store, *records: Record) -> list[Record]:
    """The records, written and read by a log opened anew."""
    name = store.free_name("codec")
    store.create(name, {}).append(records)
    return list(store.experiment(name).records())


def test_there_is_a_strategy_for_every_kind_of_record() -> None:
    assert set(STRATEGIES) == set(RECORDS)


@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize("kind", RECORDS)
@given(data=st.data())
def test_every_kind_of_record_comes_back_as_it_was(store: Store, kind: type[Record], data: st.DataObject) -> None:
    records = data.draw(st.lists(STRATEGIES[kind], min_size=1, max_size=8))
    # repr, because NaN is unequal to itself, and because it tells 1 from 1.0 and True.
    assert list(map(repr, through(store, *records))) == list(map(repr, records))


@settings(max_examples=50, deadline=None)
@given(records=st.lists(st.one_of(*STRATEGIES.values()), max_size=30))
def test_mixed_records_come_back_in_order(store: Store, records: list[Record]) -> None:
    assert list(map(repr, through(store, *records))) == list(map(repr, records))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_and_metrics_that_are_not_finite_survive(store: Store, value: float) -> None:
    (single, several) = through(
        store,
        TrialReported(1.0, 0, 1, value, {"loss": value}),
        TrialReported(1.0, 0, 1, value, {"loss": value, "accuracy": 0.5}),
    )
    assert isinstance(single, TrialReported)
    assert isinstance(several, TrialReported)
    assert repr([single.value, single.metrics, several.value]) == repr([value, {"loss": value}, value])
    assert repr(several.metrics) == repr({"loss": value, "accuracy": 0.5})


def test_a_negative_zero_comes_back_equal(store: Store) -> None:
    report = TrialReported(0.0, 0, 1, -0.0, {"accuracy": 0.0})
    assert through(store, report) == [report]


def test_a_configuration_may_hold_any_text(store: Store) -> None:
    configuration: Configuration = {
        "naïve\n$(rm -rf /);'\"": "日本\x00\ud800\r\n",
        "": "NaN",
        "trial": True,
        "x": 10**30,
    }
    launch = Launch(3, configuration, 0, 9, 1, 7)
    assert through(store, launch) == [launch]


def test_mappings_need_not_be_dictionaries(store: Store) -> None:
    launch = Launch(0, MappingProxyType({"lr": 0.5}), 0, 1, 1, 0)
    report = TrialReported(0.0, 0, 1, 0.5, MappingProxyType({"loss": 0.5, "extra": 1}))
    assert through(store, launch, report) == [launch, report]


def test_a_float64_of_numpy_is_a_float(store: Store) -> None:
    number = np.float64(0.1)
    report = TrialReported(number, 0, 1, number, {"loss": number})
    assert repr(through(store, report)) == repr([TrialReported(0.1, 0, 1, 0.1, {"loss": 0.1})])


@pytest.mark.parametrize(
    "record",
    [
        Launch(0, {"lr": object()}, 0, 1, 1, 0),  # type: ignore[dict-item]
        Launch(0, {"lr": np.float32(0.1)}, 0, 1, 1, 0),  # type: ignore[dict-item]
        Launch(2**63, {}, 0, 1, 1, 0),
        TrialReported(0.0, 0, 1, np.float32(0.5), {}),  # type: ignore[arg-type]
        TrialReported(0.0, np.int64(1), 1, 0.5, {}),  # type: ignore[arg-type]
        TrialReported(0.0, 0, 1, "high", {}),  # type: ignore[arg-type]
        TrialReported(0.0, 0, 1, 0.5, {"loss": b"0.5"}),  # type: ignore[dict-item]
        TrialReported(0.0, 0, 1, [0.5], {}),  # type: ignore[arg-type]
    ],
)
def test_a_record_that_cannot_be_written_leaves_none_of_its_group(store: Store, record: Record) -> None:
    log = store.create(store.free_name("atomic"), {})
    log.append([Draining(0.0)])
    with pytest.raises(StoreError, match=r"cannot be recorded|does not fit"):
        log.append([Draining(1.0), record, Draining(2.0)])
    log.append([Draining(3.0)])
    assert list(log.records()) == [Draining(0.0), Draining(3.0)]


def test_the_rows_are_the_file_format() -> None:
    launch = Launch(4, {"lr": 0.1}, 1, 3, 2, 9)
    report = TrialReported(2.5, 4, 3, -0.75, {"accuracy": 0.75})
    assert encode(launch) == (
        "launch", None, 4, 3, None, '{"configuration":{"lr":0.1},"start":1,"slots":2,"seed":9}',
    )  # fmt: skip
    assert encode(replace(launch, parent=7)) == (
        "launch", None, 4, 3, None, '{"configuration":{"lr":0.1},"start":1,"slots":2,"seed":9,"parent":7}',
    )  # fmt: skip
    assert encode(report) == ("reported", 2.5, 4, 3, -0.75, '{"accuracy":0.75}')
    assert encode(StartTrial(4, 3)) == ("start", None, 4, 3, None, None)
    assert encode(TrialFailed(2.5, 4, 3, "exit", "1")) == (
        "failed", 2.5, 4, 3, None, '{"cause":"exit","detail":"1"}',
    )  # fmt: skip
    assert encode(FailTrial(4)) == ("fail", None, 4, None, None, None)
    assert encode(Resize(5, 3)) == ("resize", None, 5, None, None, '{"slots":3}')
    assert encode(Suspend(5, 3)) == ("suspend", None, None, None, None, '{"failures":5,"first":3}')
    assert encode(TrialRewound(2.5, 3, 9)) == ("rewound", 2.5, 3, 9, None, None)
    assert encode(TimePassed(2.5)) == ("time", 2.5, None, None, None, None)
    assert encode(Wake(3.5)) == ("wake", 3.5, None, None, None, None)
    assert encode(OpenRung(9, Divergence(4, 27, 0.5))) == (
        "open", None, None, 9, None, '{"trial":4,"seen":27,"median":0.5}',
    )  # fmt: skip
    assert encode(OpenRung(9, Disagreement((1, 2), None))) == (
        "open", None, None, 9, None, '{"pair":[1,2],"epsilon":null}',
    )  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        ("vanished", None, 1, None, None, None),
        ("finish", None, None, None, None, None),
        ("finish", None, None, None, None, "[]"),
        ("capacity", 0.0, None, None, None, '{"slots":1}}'),
        ("launch", None, 1, 1, None, '{"start":0}'),
    ],
    ids=repr,
)
def test_a_row_that_is_none_of_ours_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises((ValueError, LookupError)):
        decode(row)


def test_a_damaged_record_is_told_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    with Store.open(path, create=True) as opened:
        opened.create("x", {}).append([Draining(0.0), Draining(1.0)])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TRIGGER records_are_final")
        connection.execute("UPDATE records SET kind = 'vanished' WHERE at = 1.0")
    with Store.open(path) as opened, pytest.raises(StoreError, match=r"record 2 of experiment 'x'.*'vanished'"):
        list(opened.experiment("x").records())
