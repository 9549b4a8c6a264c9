"""The keeper: reservations, what is dropped for them, and what is counted."""

import logging
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from rungwise.checkpoints import Keeper, size_of, usage
from rungwise.checkpoints.folders import draft_folder, inherit, newest, save_checkpoint, trial_folder


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on the disk's own speed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def save(experiment: Path, trial: int, resource: int, size: int = 1000, room: int | None = None) -> int:
    """Save a checkpoint; the bytes that it takes."""
    folder = trial_folder(experiment, trial)
    save_checkpoint(folder, resource, lambda draft: (draft / "model").write_bytes(bytes(size)), room=room)
    return size_of(folder / str(resource))


def kept(experiment: Path, trial: int) -> list[str]:
    folder = trial_folder(experiment, trial)
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def filled(experiment: Path, trials: Iterable[int]) -> int:
    """Let trials have a checkpoint at 3 each; the bytes of one."""
    return max(save(experiment, trial, 3) for trial in trials)


def test_without_a_quota_it_only_counts_and_settles(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "absent")
    assert (keeper.used, dict(keeper.kept)) == (0, {})
    assert keeper.reserve(0) is None
    size = save(tmp_path / "absent", 0, 3)
    save(tmp_path / "absent", 0, 9)
    draft_folder(trial_folder(tmp_path / "absent", 0), 27)
    keeper.settle(0, 9)
    assert kept(tmp_path / "absent", 0) == ["9"]
    assert (keeper.used, dict(keeper.kept)) == (size, {0: size})
    keeper.settle(0, 0)
    assert (keeper.used, dict(keeper.kept), kept(tmp_path / "absent", 0)) == (0, {}, [])


def test_a_resumed_experiment_is_counted_and_cleared_of_what_a_crash_left(tmp_path: Path) -> None:
    size = filled(tmp_path, [0, 12])
    (draft_folder(trial_folder(tmp_path, 0), 9) / "half").write_bytes(bytes(500))
    (trial_folder(tmp_path, 12) / "3").rename(trial_folder(tmp_path, 12) / ".former-3")
    (trial_folder(tmp_path, 12) / "output.txt").write_text("said")
    for other in ("trial-x", "trial-007", "notes"):
        (tmp_path / other / "3").mkdir(parents=True)
        (tmp_path / other / "3" / "model").write_bytes(bytes(500))
    keeper = Keeper(tmp_path, quota=10 * size)
    assert (keeper.used, dict(keeper.kept)) == (2 * size, {0: size, 12: size})
    assert usage(tmp_path) == 2 * size
    assert kept(tmp_path, 0) == ["3"]
    assert kept(tmp_path, 12) == ["3", "output.txt"]


def test_only_the_recorded_checkpoint_stays(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, quota=10**6)
    keeper.reserve(0)
    save(tmp_path, 0, 3)
    size = save(tmp_path, 0, 9)
    save(tmp_path, 0, 27)
    keeper.settle(0, 9)
    assert kept(tmp_path, 0) == ["9"], "27 stands for a report that was lost"
    assert keeper.used == size
    save(tmp_path, 0, 27)
    (trial_folder(tmp_path, 0) / "27" / "model").unlink()
    keeper.settle(0, 27)
    assert kept(tmp_path, 0) == ["9"], "the newer one is torn"


def test_the_first_get_a_fair_share_and_then_three_checkpoints_with_a_margin(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, quota=100_000, workers=4)
    assert [keeper.reserve(trial) for trial in (0, 1)] == [25_000, 25_000]
    size = save(tmp_path, 0, 3)
    keeper.settle(0, 3)
    expected = size + size // 8
    assert keeper.reserve(2) == 3 * expected
    large = save(tmp_path, 1, 3, 15_000)
    keeper.settle(1, 3)
    assert keeper.reserve(0) == 3 * expected, "its own size is known"
    assert keeper.reserve(3) == 25_000, "not more than the fair share, if that is enough for one"
    for trial in range(4):
        keeper.drop(trial)
    huge = save(tmp_path, 4, 3, 30_000)
    keeper.settle(4, 3)
    assert keeper.reserve(5) == huge + huge // 8 > 25_000
    assert large < huge


def test_others_are_dropped_in_order_only_as_far_as_needed_and_never_one_that_runs(tmp_path: Path) -> None:
    size = filled(tmp_path, range(6))
    asked: list[str] = []
    order = [4, 0, 2, 1, 3, 5]

    def droppable() -> Iterable[int]:
        asked.append("asked")
        return order

    keeper = Keeper(tmp_path, quota=9 * size, workers=2, droppable=droppable)
    room = keeper.reserve(0)
    assert room == 3 * (size + size // 8)
    assert (asked, keeper.used) == ([], 6 * size), "there was room"
    room = keeper.reserve(1, sparing=2)
    assert room == 3 * (size + size // 8)
    assert [trial for trial in range(6) if kept(tmp_path, trial)] == [0, 1, 2, 5], "4 and 3; 0 and 1 run, 2 is spared"
    assert keeper.used == 4 * size
    assert dict(keeper.kept) == dict.fromkeys((0, 1, 2, 5), size)


def test_nothing_is_dropped_where_it_would_not_help(tmp_path: Path) -> None:
    size = filled(tmp_path, range(4))
    keeper = Keeper(tmp_path, quota=5 * size, droppable=lambda: range(4))
    keeper.refused(9, 6 * size)
    assert keeper.reserve(9) == size
    assert keeper.used == 4 * size
    keeper.drop(9)
    assert keeper.reserve(8) == 3 * (size + size // 8), "what can never fit is no measure for others"
    assert sorted(keeper.kept) == [3]


def test_a_trial_never_gets_less_than_it_holds(tmp_path: Path) -> None:
    size = filled(tmp_path, range(3))
    keeper = Keeper(tmp_path, quota=size + size // 2, droppable=lambda: [1])
    assert keeper.reserve(0) == size
    assert sorted(keeper.kept) == [0, 2], "a smaller quota after a resume: what may go went"


def test_one_whose_job_has_ended_claims_no_more_than_it_holds(tmp_path: Path) -> None:
    running = {0}
    keeper = Keeper(tmp_path, quota=3000, running=running.__contains__)
    assert keeper.reserve(0) == 3000
    size = save(tmp_path, 0, 3, 500)
    running.add(1)
    assert keeper.reserve(1) == 0
    keeper.drop(1)
    running.remove(0)
    assert keeper.reserve(1) == min(3 * (size + size // 8), 3000 - size)
    keeper.drop(1)
    running.add(0)
    keeper.reserve(0)
    keeper.release(0)
    assert keeper.reserve(1) == min(3 * (size + size // 8), 3000 - size)


def test_a_checkpoint_that_was_refused_is_told_once_and_remembered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = Keeper(tmp_path, quota=10_000, workers=10)
    assert keeper.reserve(7) == 1000
    with caplog.at_level(logging.WARNING, "rungwise"):
        keeper.refused(7, 2000)
        keeper.refused(7, 2400)
    (record,) = caplog.records
    text = record.getMessage()
    for part in ("2000 bytes", "trial 7", "10000 bytes", "raise checkpoint_quota"):
        assert part in text
    keeper.settle(7, 0)
    assert keeper.reserve(8) == 2700
    assert keeper.reserve(7) == 2700


def test_a_child_counts_what_it_shares_with_its_parent(tmp_path: Path) -> None:
    size = filled(tmp_path, [0])
    keeper = Keeper(tmp_path, quota=4 * size, droppable=lambda: [0])
    room = keeper.reserve(1, sparing=0)
    assert room == 3 * size
    inherit(trial_folder(tmp_path, 0), trial_folder(tmp_path, 1), 3, room=room)
    keeper.settle(1, 3)
    assert dict(keeper.kept) == {0: size, 1: size}


def test_what_somebody_else_removed_is_gone(tmp_path: Path) -> None:
    filled(tmp_path, range(4))
    keeper = Keeper(tmp_path, quota=10**6)
    keeper.reserve(0)
    shutil.rmtree(trial_folder(tmp_path, 0))
    keeper.settle(0, 3)
    shutil.rmtree(trial_folder(tmp_path, 1))
    keeper.drop(1)
    assert sorted(keeper.kept) == [2, 3]
    shutil.rmtree(tmp_path)
    keeper.settle(2, 3)
    keeper.drop(3)
    assert (keeper.used, dict(keeper.kept), usage(tmp_path)) == (0, {}, 0)


def test_a_trial_that_is_dropped_takes_its_reservation_along(tmp_path: Path) -> None:
    size = filled(tmp_path, range(5))
    keeper = Keeper(tmp_path, quota=10**6)
    keeper.reserve(3)
    for trial in (0, 2, 3):
        keeper.drop(trial)
    assert dict(keeper.kept) == {1: size, 4: size}
    assert [newest(trial_folder(tmp_path, trial), 9) for trial in range(5)] == [0, 3, 0, 0, 3]
    assert keeper.used == usage(tmp_path) == 2 * size
