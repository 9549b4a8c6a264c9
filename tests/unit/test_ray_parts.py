"""The parts of trials on a cluster that need no cluster: which slots, who is let in, who waits, what a loss means."""

import json
import os
import select
import signal
import socket
import tempfile
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rungwise.backends.local.jobs import Displaced, Failed, Returned, Running, conclude, is_lost, note
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.queue import Queue, Queued
from rungwise.backends.ray.cluster import check_answers
from rungwise.backends.ray.door import Door
from rungwise.backends.ray.ground import Ground, stands_on
from rungwise.backends.ray.host import moved
from rungwise.backends.ray.placing import choose
from rungwise.backends.ray.scratch import Scratch
from rungwise.backends.ray.wire import FirstLine
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, CapacityChanged, TrialEnded, TrialPaused
from rungwise.core.ledger import Ledger
from rungwise.trial.job import Job


def on(nodes: str) -> list[Any]:
    return [SimpleNamespace(node=node) for node in nodes]


@pytest.mark.parametrize(
    ("free", "count", "together", "nodes"),
    [
        ("aaab", 1, True, "b"),  # the larger node stays whole
        ("aaabb", 2, True, "bb"),
        ("abab", 2, True, "aa"),
        ("ab", 2, True, None),
        ("ab", 2, False, "ab"),
        ("aabbbc", 5, False, "bbbaa"),
        ("aab", 4, False, None),
        ("", 1, False, None),
    ],
)
def test_a_job_lies_on_one_node_if_it_can_and_on_as_few_as_need_be(
    free: str, count: int, together: bool, nodes: str | None
) -> None:
    chosen = choose(on(free), count, together=together)
    assert (None if chosen is None else "".join(slot.node for slot in chosen)) == nodes


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    yield ears
    ears.close()


def test_only_who_knows_the_secret_is_let_in_and_nothing_after_the_first_line_is_taken_from_him(ears: Ears) -> None:
    came: list[tuple[dict[str, Any], socket.socket]] = []
    door = Door(ears, "127.0.0.1", "right", lambda message, end: came.append((message, end)))
    said = [
        json.dumps({"secret": "wrong", "slot": 0}).encode() + b"\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * (1 << 17),
        b'{"secret": "\\ud800"}\n',
        b'{"secret": ["right"]}\n',
        json.dumps({"secret": "right", "slot": 1}).encode() + b"\nmore",
    ]
    callers = []
    for words in said:
        callers.append(socket.create_connection(door.address))
        callers[-1].settimeout(0.1)
        for part in (words[:5], words[5:]):
            try:
                callers[-1].sendall(part)
            except (ConnectionError, TimeoutError):
                break
            for _ in range(3):
                ears.wait(0.01)
    ((message, end),) = came
    assert message == {"slot": 1}
    assert end.recv(10) == b"more"
    for caller in callers[:-1]:
        with caller, suppress(ConnectionError):
            assert caller.recv(1) == b"", "hung up"
    callers[-1].close()
    end.close()
    door.close()


def test_a_storage_that_is_another_one_there_is_noticed(tmp_path: Path) -> None:
    url = f"file://{tmp_path / 'remote'}"
    ground = Ground(tmp_path, url)
    task = ground.task("life")
    assert stands_on(task, "life")
    assert ground.problem("life") is None
    with pytest.raises(InputError, match=f"what the tuner wrote to {url} is not read there: let storage be a folder"):
        stands_on({**task, "word": "another"}, "life")
    ground.close()
    assert list((tmp_path / "remote").iterdir()) == []


def test_what_a_slot_that_was_killed_has_left_goes_with_the_next_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living, killed = Scratch(), Scratch()
    (killed.path / "trial-3" / "9").mkdir(parents=True)
    os.close(killed.lock)
    killed.lock = os.open(os.devnull, os.O_RDONLY)
    (tmp_path / "rungwise-slot-notes.txt").touch()
    (tmp_path / "mine").mkdir()
    next_one = Scratch()
    assert sorted(tmp_path.iterdir()) == sorted(
        [living.path, next_one.path, tmp_path / "mine", tmp_path / "rungwise-slot-notes.txt"]
    )
    for each in (living, killed, next_one):
        each.close()
    assert len(list(tmp_path.iterdir())) == 2


def test_the_folder_of_a_slot_that_is_killed_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    reading, writing = os.pipe()
    slot = os.fork()
    if not slot:
        (Scratch().path / "trial-3").mkdir()
        os.write(writing, b"!")
        os.close(writing)
        select.select([], [], [])
    os.read(reading, 1)
    assert [path.name for path in tmp_path.glob("*/*")] == ["trial-3"]
    os.kill(slot, signal.SIGKILL)
    os.waitpid(slot, 0)
    while list(tmp_path.iterdir()):
        select.select([], [], [], 0.005)
    os.close(reading)
    os.close(writing)


def test_only_the_trial_that_comes_next_keeps_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch = Scratch()
    for name in ("trial-1/3", "trial-2/9", "trial-2/.saving-27"):
        (scratch.path / name).mkdir(parents=True)
    scratch.prepare(2, fresh=False)
    assert {path.name for path in scratch.path.rglob("*")} == {"trial-2", "9", ".saving-27"}
    scratch.prepare(2, fresh=True)
    assert {path.name for path in scratch.path.rglob("*")} == {"trial-2", "9"}
    scratch.prepare(7, fresh=True)
    assert list(scratch.path.iterdir()) == []
    scratch.close()


def test_of_a_line_that_is_not_whole_a_selector_tells_once() -> None:
    ours, theirs = socket.socketpair()
    line = FirstLine("right")
    with ours:
        theirs.sendall(b'{"secret"')
        assert line.read(ours) is None
        assert select.select([ours], [], [], 0)[0] == []
        theirs.sendall(b': "right", "slot": 1}')
        assert line.read(ours) is None
        with pytest.raises(TimeoutError):
            line.wait(ours, 0.01)
        theirs.sendall(b"\nmore")
        assert line.wait(ours, 0.01) == {"slot": 1}
        assert ours.recv(10) == b"more"
        theirs.sendall(b"half")
        theirs.close()
        with pytest.raises(PermissionError):
            FirstLine("right").wait(ours, 5.0)


def test_who_calls_and_says_nothing_makes_room_for_others(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    came: list[dict[str, Any]] = []
    door = Door(ears, "127.0.0.1", "right", lambda message, end: (came.append(message), end.close()))
    monkeypatch.setattr("rungwise.backends.ray.door.MOST", 2)

    def called() -> socket.socket:
        caller = socket.create_connection(door.address, 5.0)
        ears.wait(5.0)
        return caller

    silent = [called() for _ in range(3)]
    assert silent[0].recv(1) == b"", "hung up: two others wait"
    monkeypatch.setattr("rungwise.backends.ray.door.PATIENCE", 0.0)
    with called() as ours:
        assert silent[1].recv(1) == silent[2].recv(1) == b"", "they had said nothing for too long"
        ours.sendall(b'{"secret": "right", "slot": 3}\n')
        ears.wait(5.0)
    assert came == [{"slot": 3}]
    door.close()
    for each in silent:
        each.close()


@pytest.mark.parametrize("port", [0, 70_000])
def test_where_nobody_listens_is_told_before_ray_waits_for_it(port: int) -> None:
    pytest.importorskip("ray")
    with pytest.raises((OSError, OverflowError)):
        check_answers(f"127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        check_answers(f"localhost:{listening.getsockname()[1]}")


def test_who_waits_for_a_place_is_started_in_order_or_ends() -> None:
    events: deque[BackendEvent] = deque()
    room = [0]
    started: list[int] = []

    def start(trial: int, slots: int) -> None:
        room[0] -= slots
        started.append(trial)

    queue = Queue(events, lambda: 5.0, lambda slots: slots <= room[0])
    assert queue.must_wait(1)
    for trial, slots in enumerate((2, 1, 1, 1)):
        queue.hold(Queued(trial, 3, slots, lambda trial=trial, slots=slots: start(trial, slots)))  # type: ignore[misc]
    room[0] = 1
    queue.go_on()
    assert started == [], "nobody overtakes the first, which needs two"
    assert queue.must_wait(1)
    queue.ask(2, "halt")
    queue.ask(0, "pause")
    queue.ask(7, "pause")
    assert started == [1]
    room[0] = 5
    queue.go_on()
    assert started == [1, 3]
    assert list(events) == [TrialEnded(5.0, 2, "stopped"), TrialPaused(5.0, 0, 3)]
    assert not queue.must_wait(4)


def running(tmp_path: Path, **facts: Any) -> Running:
    return Running(Job(0, {}, 7, 2, 0, facts.pop("milestone", 3), 9), tmp_path, None, checkpoint=2, ranks=2, **facts)


@pytest.mark.parametrize(
    ("facts", "end"),
    [
        ({"reported": 2}, TrialPaused(1.0, 0, 2)),
        ({"reported": 0}, TrialPaused(1.0, 0, 2)),
        ({"reported": 3}, TrialPaused(1.0, 0, 2)),
        ({"reported": 9, "milestone": 9}, TrialEnded(1.0, 0, "completed")),
        ({"reported": 2, "asked": "halt"}, TrialEnded(1.0, 0, "stopped")),
        ({"reported": 2, "asked": "pause", "breach": "a rule"}, TrialPaused(1.0, 0, 2)),
    ],
)
def test_a_job_that_lost_its_place_has_not_failed(tmp_path: Path, facts: dict[str, Any], end: BackendEvent) -> None:
    assert conclude(running(tmp_path, **facts), Displaced("gone"), 1.0) == end


def test_the_loss_of_a_place_explains_what_the_other_ranks_die_of_but_ends_nothing_that_was_over(
    tmp_path: Path,
) -> None:
    job = running(tmp_path, reported=1)
    note(job, 0, Failed("exception", "lost a peer"))
    note(job, 1, Displaced("gone"))
    assert job.outcome == Displaced("gone")
    assert is_lost(job)
    job = running(tmp_path, reported=3)
    note(job, 0, Returned())
    note(job, 1, Displaced("gone"))
    assert job.outcome == Returned()


def test_slots_that_come_while_a_session_ends_do_not_begin_it_anew() -> None:
    ledger = Ledger((3,))
    ledger.apply(CapacityChanged(0.0, 2))
    ledger.apply(Launch(0, {}, 0, 3, 1, 7))
    ledger.apply(CapacityChanged(1.0, 0))
    ledger.apply(CapacityChanged(2.0, 3))
    assert ledger.capacity == 0
    ledger.apply(TrialPaused(3.0, 0, 0))
    ledger.apply(CapacityChanged(4.0, 1))
    assert ledger.capacity == 1


def test_the_files_of_a_training_are_looked_for_where_they_are_on_the_node() -> None:
    parcel = {"name": "f", "main": {"path": "/a/x.py"}, "file": "/a/y.py"}
    found = moved(parcel, lambda path: path.replace("/a/", "/b/"))
    assert found == {"name": "f", "main": {"path": "/b/x.py"}, "file": "/b/y.py"}
    assert moved({"main": {"name": "pkg.mod"}, "file": None}, str.upper) == {"main": {"name": "pkg.mod"}, "file": None}
