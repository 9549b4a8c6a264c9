"""A full disk stops no experiment: what died of it waits, and goes on when there is room. On a real one, 4 MB large."""

import logging
import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from local_bench import Bench, Opener, Way, build, forked, only, program, script, warm

from rungwise.backends.local import full_disk
from rungwise.backends.local.full_disk import FullDisk, Waiting, has_room
from rungwise.backends.local.jobs import Running
from rungwise.core.commands import Halt
from rungwise.core.events import BackendEvent, CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.trial.job import Job

MB = 1 << 20
Hear = Callable[[Callable[[str], object]], list[str]]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.fixture
def small(way: Way, disk: Path, watchdog: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A backend on the small disk, where something else takes most of the room."""
    monkeypatch.setattr(full_disk, "LOOK", 0.01)
    floor = build(way, disk)
    with floor.backend:
        (disk / "ballast").write_bytes(bytes(3 * MB))
        yield Bench(floor)


@pytest.fixture
def hear(caplog: pytest.LogCaptureFixture) -> Iterator[Hear]:
    """What is said, and something to do when the first of it is."""
    said: list[str] = []
    acts: list[Callable[[str], object]] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            if acts:
                acts.pop()(said[-1])

    ear = Ear()
    logging.getLogger("rungwise").addHandler(ear)

    def listen(act: Callable[[str], object]) -> list[str]:
        acts.append(act)
        return said

    yield listen
    logging.getLogger("rungwise").removeHandler(ear)


def fill(disk: Path) -> None:
    """Leave no room at all, not even for a folder."""
    with suppress(OSError), (disk / "filling").open("wb", buffering=0) as filling:
        while filling.write(bytes(4096)):
            pass


def empty(disk: Path) -> None:
    """Make room."""
    for name in ("ballast", "filling"):
        (disk / name).unlink(missing_ok=True)


def test_a_checkpoint_that_found_no_room_waits_for_it(small: Bench, hear: Hear, disk: Path) -> None:
    said = hear(lambda _: empty(disk))
    small.launch("fat")
    assert small.until_over() == TrialPaused(small.seen[-1].at, 0, resource=0)
    assert [sentence.split(":")[0] for sentence in said] == ["the disk is full", "the disk has room again"]
    assert not list(small.floor.folder.rglob(".saving*"))
    small.launch("fat")
    assert small.until_over() == TrialPaused(small.seen[-1].at, 0, resource=3)


@only(forked)
def test_meanwhile_others_are_heard_and_an_interrupt_ends_the_waiting(small: Bench, hear: Hear) -> None:
    small.launch("wait", trial=1)
    small.until_reported(1)
    hear(lambda _: small.backend.interrupt())
    small.launch("fat")
    heard = []
    while not (heard and isinstance(heard[-1], TrialPaused)):
        heard.append(next(small.floor.stream))
    assert [type(event) for event in heard if not isinstance(event, TrialReported)] == [CapacityChanged, TrialPaused]
    small.halt(1)
    assert isinstance(small.until_over(1), TrialEnded)


@only(forked)
def test_whoever_waits_can_be_halted(small: Bench, hear: Hear) -> None:
    hear(lambda _: small.backend.submit(Halt(small.first)))
    small.launch("fat")
    assert small.until_over() == TrialEnded(small.seen[-1].at, 0, "stopped")


@only(script)
def test_a_job_that_cannot_be_started_is_started_when_there_is_room(small: Bench, hear: Hear, disk: Path) -> None:
    fill(disk)
    hear(lambda _: empty(disk))
    small.launch("count")
    assert small.until_over() == TrialPaused(small.seen[-1].at, 0, resource=3)


@only(warm, program)
def test_what_is_printed_is_lost_and_nothing_else(small: Bench, hear: Hear, disk: Path) -> None:
    fill(disk)
    hear(lambda _: empty(disk))
    small.launch("talk")
    event = small.until_over()
    assert event == TrialPaused(event.at, 0, resource=0)


class Shelf:
    """A FullDisk of its own, whose disk has room when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, room: bool) -> None:
        self.room = room
        self.events: deque[BackendEvent] = deque()
        self.full = FullDisk(self.events, lambda: 5.0)
        monkeypatch.setattr(full_disk, "LOOK", 0.0)
        monkeypatch.setattr(full_disk, "has_room", lambda folder, need: self.room)

    def hold(self, trial: int, resource: int, again: Callable[[], object] | None = None) -> bool:
        return self.full.hold(Waiting(trial, resource, Path("nowhere"), MB, again))


def test_each_goes_on_when_there_is_room(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf(monkeypatch, room=False)
    started: list[str] = []
    assert shelf.hold(1, 3)
    assert shelf.hold(2, 0, again=lambda: started.append("again"))
    shelf.full.look()
    assert (list(shelf.events), started, len(caplog.messages)) == ([], [], 1)
    shelf.room = True
    shelf.full.look()
    assert (list(shelf.events), started) == ([TrialPaused(5.0, 1, 3)], ["again"])
    assert len(caplog.messages) == 2
    assert shelf.full.look_at == float("inf")
    assert shelf.hold(1, 3), "it waited, so that it may try again"


def test_where_there_is_room_at_once_it_is_some_other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(monkeypatch, room=True)
    assert shelf.hold(1, 3)
    assert not shelf.hold(1, 3)
    assert shelf.hold(1, 6), "it came further"
    assert list(shelf.events) == [TrialPaused(5.0, 1, 3), TrialPaused(5.0, 1, 6)]


def test_nobody_waits_here_for_the_disk_of_another_machine(tmp_path: Path) -> None:
    events: deque[BackendEvent] = deque()
    job = Running(Job(1, {}, 7, 1, 0, 3, 9), tmp_path, None, checkpoint=0, afar=True, full=(3, 10**18))
    failed = TrialFailed(5.0, 1, 0, "checkpoint", "no room there")
    full = FullDisk(events, lambda: 5.0)
    assert full.judge(job, failed) is None
    assert list(events) == [TrialPaused(5.0, 1, 0)], "it goes on at once, perhaps elsewhere"
    assert full.judge(job, failed) == failed


def test_who_leaves_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(monkeypatch, room=False)
    shelf.hold(1, 3)
    shelf.hold(2, 6)
    shelf.full.ask(3, "halt")
    shelf.full.ask(2, "halt")
    shelf.full.leave()
    assert shelf.hold(4, 9, again=lambda: 1 / 0)
    assert list(shelf.events) == [TrialEnded(5.0, 2, "stopped"), TrialPaused(5.0, 1, 3), TrialPaused(5.0, 4, 9)]
    assert shelf.full.look_at == float("inf")


@only(forked)
def test_what_is_no_shortage_of_this_disk_is_tried_once_more_and_then_a_failure(opened: Opener) -> None:
    bench = opened()
    bench.launch("elsewhere")
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=0)
    bench.launch("elsewhere")
    end = bench.until_over()
    assert (getattr(end, "cause", None), getattr(end, "resource", None)) == ("checkpoint", 0)


def test_a_disk_has_room_or_not(tmp_path: Path) -> None:
    stat = os.statvfs(tmp_path)
    assert has_room(tmp_path / "not" / "there", 1)
    assert not has_room(tmp_path, 2 * stat.f_blocks * stat.f_frsize)
    assert list(tmp_path.iterdir()) == []
