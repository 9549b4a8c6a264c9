"""A trial as its training sees it, with the tuner's side played by the test."""

import errno
import os
import select
import socket
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.core.errors import ContractError
from rungwise.trial import Job, Trial
from rungwise.trial.channel import Channel, Lines
from rungwise.trial.job import Wish
from rungwise.trial.link import TunerLink
from rungwise.trial.ranks import Line


class Tuner:
    """Takes reports, and wishes what it is told to."""

    def __init__(self) -> None:
        self.said: list[tuple[int, bool]] = []
        self.breaches: list[str] = []
        self.refusals: list[int] = []
        self.shortages: list[tuple[int, int]] = []
        self.wishes: Wish | None = None
        self.behind = False  # in recording what is said

    def report(self, resource: int, metrics: Mapping[str, float], *, saved: bool) -> None:
        self.said.append((resource, saved))

    def breach(self, sentence: str) -> None:
        self.breaches.append(sentence)

    def refused(self, size: int) -> None:
        self.refusals.append(size)

    def full(self, resource: int, held: int) -> None:
        self.shortages.append((resource, held))

    def recorded(self) -> int:
        return 0 if self.behind else max((resource for resource, saved in self.said if saved), default=0)

    def wish(self) -> Wish | None:
        return self.wishes


@pytest.fixture
def tuner() -> Tuner:
    return Tuner()


def trial_of(
    tuner: Tuner, folder: Path | None, *, start: int = 0, milestone: int = 3, every_units: int = 0,
    every_seconds: float = 0.0, room: int | None = None,
) -> Trial:  # fmt: skip
    job = Job(
        0, {"lr": 0.1}, 7, 1, start, milestone, 9, "acc", None if folder is None else str(folder), every_units,
        every_seconds, room,
    )  # fmt: skip
    return Trial(job, tuner)


def touch(folder: Path) -> None:
    (folder / "model").touch()


def test_epochs_go_on_from_the_start_until_the_milestone_is_reported(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path, start=2, milestone=5)
    seen = []
    for epoch in trial.epochs():
        seen.append(epoch)
        if epoch != 5:  # a gap
            trial.report(epoch, acc=1)
    assert seen == [3, 4, 5, 6]
    assert trial.should_stop


def test_epochs_end_at_the_most_that_any_trial_can_get(tuner: Tuner) -> None:
    assert list(trial_of(tuner, None, milestone=9).epochs()) == list(range(1, 10))


def test_epochs_end_when_the_tuner_says_so(tuner: Tuner, tmp_path: Path) -> None:
    epochs = trial_of(tuner, tmp_path).epochs()
    assert next(epochs) == 1
    tuner.wishes = "halt"
    assert list(epochs) == []


def test_epochs_go_on_to_the_report_that_a_pause_waits_for(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path)
    epochs = trial.epochs()
    assert next(epochs) == 1
    tuner.wishes = "pause"
    assert next(epochs) == 2
    trial.report(2, acc=1, save=touch)
    assert list(epochs) == []


def test_save_is_called_at_the_milestone_once(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path)
    for epoch in range(1, 6):
        trial.report(epoch, acc=1, save=touch)
    assert tuner.said == [(1, False), (2, False), (3, True), (4, False), (5, False)]


def test_save_is_called_at_the_full_resource_too(tuner: Tuner, tmp_path: Path) -> None:
    trial_of(tuner, tmp_path, milestone=9).report(9, acc=1, save=touch)
    assert tuner.said == [(9, True)]


def test_checkpoints_come_after_so_many_units(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path, start=1, milestone=9, every_units=3)
    for epoch in (2, 3, 4, 5, 8, 9):
        trial.report(epoch, acc=1, save=touch)
    # Counted from the start, then from the one before: a gap does not shift them back.
    assert tuner.said == [(2, False), (3, False), (4, True), (5, False), (8, True), (9, True)]


def test_checkpoints_come_after_so_many_seconds(tuner: Tuner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 50.0
    monkeypatch.setattr("rungwise.trial.saving.time.monotonic", lambda: moment)
    trial = trial_of(tuner, tmp_path, milestone=9, every_seconds=10.0)
    for epoch, moment in enumerate((59.0, 60.0, 61.0, 75.0, 84.0), start=1):  # noqa: B007 - the clock reads it
        trial.report(epoch, acc=1, save=touch)
    assert tuner.said == [(1, False), (2, True), (3, False), (4, True), (5, False)]


def test_a_pause_saves_though_a_checkpoint_was_saved_before(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path, milestone=9, every_units=2)
    trial.report(2, acc=1, save=touch)
    tuner.wishes = "pause"
    trial.report(3, acc=1, save=touch)
    trial.report(5, acc=1, save=touch)
    assert tuner.said == [(2, True), (3, True), (5, False)]


def test_after_the_milestone_and_for_a_halt_nothing_more_is_saved(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path, every_units=1)
    trial.report(3, acc=1, save=touch)
    trial.report(4, acc=1, save=touch)
    halted = trial_of(tuner, tmp_path, every_units=1)
    tuner.wishes = "halt"
    halted.report(1, acc=1, save=touch)
    assert tuner.said == [(3, True), (4, False), (1, False)]


def test_what_is_too_large_is_told_and_the_report_goes_through(tuner: Tuner, tmp_path: Path) -> None:
    def save(folder: Path) -> None:
        (folder / "model").write_bytes(bytes(5000))

    trial = trial_of(tuner, tmp_path, milestone=9, every_units=2, room=4000)
    for epoch in (1, 2, 3, 4):
        trial.report(epoch, acc=1, save=save)
    assert tuner.said == [(1, False), (2, False), (3, False), (4, False)]
    assert len(tuner.refusals) == 2, "at 2 and at 4, as often as if they had been kept"
    assert all(5000 <= size < 10000 for size in tuner.refusals)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_passes_through(tuner: Tuner, tmp_path: Path) -> None:
    def save(folder: Path) -> None:
        (folder / "model").write_bytes(bytes(5000))
        raise RuntimeError("cannot save") from OSError(errno.ENOSPC, "no space left")

    with pytest.raises(OSError, match="disk is full") as caught:
        trial_of(tuner, tmp_path).report(3, acc=1, save=save)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert tuner.said == [(3, False)]
    assert tuner.shortages == [(3, 5000)]
    assert list(tmp_path.iterdir()) == []


def test_a_pause_waits_for_the_next_report_which_saves(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path)
    tuner.wishes = "pause"
    assert not trial.should_stop  # leaving now would lose what was trained since the last checkpoint
    trial.report(1, acc=1, save=touch)
    assert trial.should_stop
    trial.report(2, acc=1, save=touch)
    assert tuner.said == [(1, True), (2, False)]


def test_save_is_not_called_for_a_halt_nor_without_a_folder(tuner: Tuner, tmp_path: Path) -> None:
    by_hand = trial_of(tuner, None)
    by_hand.report(3, acc=1, save=touch)
    assert by_hand.load() is None
    tuner.wishes = "halt"
    trial_of(tuner, tmp_path).report(1, acc=1, save=touch)
    assert tuner.said == [(3, False), (1, False)]


def test_a_save_that_fails_passes_through_and_the_report_stands(tuner: Tuner, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        trial_of(tuner, tmp_path).report(3, acc=1, save=fail)
    assert tuner.said == [(3, False)]
    assert list(tmp_path.iterdir()) == []


def test_load_leads_to_the_checkpoint(tuner: Tuner, tmp_path: Path) -> None:
    assert trial_of(tuner, tmp_path).load() is None
    trial_of(tuner, tmp_path).report(3, acc=1, save=touch)
    folder = trial_of(tuner, tmp_path, start=3, milestone=9).load()
    assert folder is not None
    assert (folder / "model").exists()


def test_a_breach_is_raised_where_it_happens_and_told(tuner: Tuner, tmp_path: Path) -> None:
    trial = trial_of(tuner, tmp_path)
    with pytest.raises(ContractError) as caught:
        trial.report(1, accuracy=1)
    assert tuner.breaches == [str(caught.value)]
    assert tuner.said == []


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    one, other = map(Channel, socket.socketpair())
    yield one, other
    one.close()
    other.close()


def test_messages_cross_whole_and_floats_exact(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    one.send({"x": 0.1 + 0.2, "y": float("inf"), "text": "a\nb"})
    one.send({"z": 1})
    assert other.poll() == [{"x": 0.1 + 0.2, "y": float("inf"), "text": "a\nb"}, {"z": 1}]
    assert other.poll() == []
    assert not other.closed


def test_sending_never_waits_for_a_reader_that_is_busy(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    messages = [{"number": number, "text": "x" * 1000} for number in range(2000)]
    for message in messages:
        one.send(message)
    received = other.poll()
    assert 0 < len(received) < len(messages)
    while len(received) < len(messages):
        one.send({})  # what did not fit goes along
        select.select([other], [], [], 5)
        received += [message for message in other.poll() if message]
    assert received == messages


def test_what_is_no_message_is_left_out() -> None:
    raw, end = socket.socketpair()
    with raw:
        raw.sendall(b'nonsense\n[1]\n\xff\n{"a": 1}\n{"cut')
        channel = Channel(end)
        assert channel.poll() == [{"a": 1}]
    assert channel.receive() is None
    assert channel.closed
    channel.close()


def test_a_line_may_come_in_any_pieces() -> None:
    text = b"one\n\ntwo\nthree"
    for cut in range(len(text) + 1):
        lines = Lines()
        assert lines.feed(text[:cut]) + lines.feed(text[cut:]) == [b"one", b"", b"two"]
        assert lines.waiting == 5
        assert lines.take_rest() == b"three"


def test_a_link_hears_the_last_wish_and_is_silent_once_closed(ends: tuple[Channel, Channel]) -> None:
    tuner, channel = ends
    link = TunerLink(channel)
    assert link.wish() is None
    tuner.send({"request": "pause"})
    tuner.send({"request": "halt"})
    tuner.send({"request": "dance"})
    assert link.wish() == "halt"
    link.report(1, {"acc": 1.0}, saved=False)
    link.close()
    link.report(2, {"acc": 1.0}, saved=False)
    link.breach("nothing")
    link.refused(1)
    link.full(1, 1)
    assert tuner.poll() == [{"resource": 1, "metrics": {"acc": 1.0}, "saved": False}]


def test_between_milestones_nothing_more_is_saved_until_the_last_one_is_recorded(tuner: Tuner, tmp_path: Path) -> None:
    """Else what a crash would go back to, by the log, would be gone."""
    trial = trial_of(tuner, tmp_path, milestone=9, every_units=1)
    trial.report(1, save=touch, acc=1.0)
    tuner.behind = True
    for unit in (2, 3, 4):
        trial.report(unit, save=touch, acc=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1"]
    tuner.behind = False
    trial.report(5, save=touch, acc=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "5"]
    tuner.behind = True
    trial.report(9, save=touch, acc=1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "5", "9"]
    assert [resource for resource, saved in tuner.said if saved] == [1, 5, 9]


def test_every_rank_gets_the_answer_that_rank_0_got_when_it_asked_for_the_same_time(tuner: Tuner) -> None:
    pipes = [os.pipe(), os.pipe()]
    places = [(-1, pipes[0][1]), (pipes[0][0], pipes[1][1]), (pipes[1][0], -1)]
    job = Job(0, {}, 7, 3, 0, 2, 9, "acc", None)
    ranks = [Trial(replace(job, rank=rank, world_size=3), tuner, Line(*place)) for rank, place in enumerate(places)]
    answers: list[list[bool]] = [[], [], []]
    for epoch in (1, 2, 3):
        answers[0].append(ranks[0].should_stop)
        ranks[0].report(epoch, acc=0.5)
    answers[0].append(ranks[0].should_stop)
    for rank in (1, 2):  # much later
        ranks[rank].report(1, acc="nothing")  # type: ignore[arg-type]
        answers[rank] = [ranks[rank].should_stop for _ in range(4)]
    assert answers == [[False, False, True, True]] * 3
    assert [resource for resource, _ in tuner.said] == [1, 2, 3], "rank 0 alone reports"
    os.close(places[0][1])
    assert ranks[1].should_stop, "rank 0 is gone"
    assert ranks[2].should_stop
    for descriptor in (*pipes[0][:1], *pipes[1]):
        os.close(descriptor)


def test_rank_0_never_waits_for_a_rank_that_does_not_ask(tuner: Tuner) -> None:
    reading, writing = os.pipe()
    trial = Trial(Job(0, {}, 7, 2, 0, 2, 9, "acc", None, world_size=2), tuner, Line(-1, writing))
    assert not any(trial.should_stop for _ in range(100_000))
    os.close(reading)
    assert not trial.should_stop
    os.close(writing)
