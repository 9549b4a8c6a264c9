"""What every log must do, in memory or in the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rungwise.core.commands import Halt, Launch, Wake
from rungwise.core.decisions import FailTrial, Finish, PromoteTrial, Resize, StartTrial, Suspend
from rungwise.core.events import CapacityChanged, TimePassed, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.records import Record
from rungwise.store import ExperimentLog, MemoryLog, Store

RECORDS: list[Record] = [
    CapacityChanged(0.0, 2),
    StartTrial(0, 3),
    Launch(0, {"lr": 0.1, "activation": "tanh"}, 0, 3, 1, 42),
    TrialReported(1.5, 0, 3, -0.9, {"accuracy": 0.9, "loss": 0.4}),
    TrialPaused(1.5, 0, 3),
    PromoteTrial(0, 9),
    Wake(3.0),
    TrialRewound(2.5, 0, 1),
    TimePassed(3.0),
    TrialFailed(3.5, 0, 3, "signal", "signal 9"),
    FailTrial(0),
    Suspend(1, 0),
    Resize(0, 2),
    Halt(0),
    Finish("done"),
]

AnyLog = MemoryLog | ExperimentLog


@pytest.fixture(params=["memory", "store"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyLog]:
    if request.param == "memory":
        yield MemoryLog()
        return
    with Store.open(tmp_path / "logs.db", create=True) as store:
        yield store.create("contract", {})


def test_a_new_log_is_empty(log: AnyLog) -> None:
    assert list(log.records()) == []


def test_records_come_back_in_the_order_of_appending(log: AnyLog) -> None:
    log.append(RECORDS[:3])
    log.append(RECORDS[3:4])
    log.append(RECORDS[4:])
    assert list(log.records()) == RECORDS


def test_any_sequence_may_be_appended(log: AnyLog) -> None:
    log.append(tuple(RECORDS))
    assert list(log.records()) == RECORDS


def test_appending_nothing_adds_nothing(log: AnyLog) -> None:
    log.append([])
    assert list(log.records()) == []


def test_equal_records_are_kept_apart(log: AnyLog) -> None:
    log.append([RECORDS[3], RECORDS[3]])
    log.append([RECORDS[3]])
    assert list(log.records()) == [RECORDS[3]] * 3


def test_the_log_does_not_change_with_the_list_that_was_appended(log: AnyLog) -> None:
    group = list(RECORDS)
    log.append(group)
    group.clear()
    assert list(log.records()) == RECORDS


def test_reading_gives_what_there_was_at_the_call(log: AnyLog) -> None:
    log.append(RECORDS[:2])
    reading = log.records()
    log.append(RECORDS[2:])
    assert list(reading) == RECORDS[:2]
    assert list(log.records()) == RECORDS


def test_a_log_can_be_appended_to_while_it_is_read(log: AnyLog) -> None:
    log.append(RECORDS)
    for record in log.records():
        log.append([record])
    assert list(log.records()) == RECORDS * 2


def test_two_readers_do_not_disturb_each_other(log: AnyLog) -> None:
    log.append(RECORDS)
    assert list(zip(log.records(), log.records(), strict=True)) == list(zip(RECORDS, RECORDS, strict=True))


def test_long_logs_come_back_whole(log: AnyLog) -> None:
    long = [TrialReported(float(index), index % 7, index, 1.0 / (index + 1), {}) for index in range(5000)]
    log.append(long)
    log.append(long[:1])
    assert list(log.records()) == [*long, long[0]]


def test_reading_may_be_given_up_half_way(log: AnyLog) -> None:
    log.append(RECORDS)
    reading = log.records()
    assert next(reading) == RECORDS[0]
    del reading
    log.append(RECORDS[:1])
    assert list(log.records()) == [*RECORDS, RECORDS[0]]
