"""The tuner's side of a storage: what is counted, what goes and what stays, and that nobody waits for it."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "storages"))

from places import Remote, make_remote

from rungwise.checkpoints import Keeper
from rungwise.checkpoints import storage as storages
from rungwise.checkpoints.folders import newest, save_checkpoint, trial_folder
from rungwise.checkpoints.shelves import AtStorage
from rungwise.checkpoints.shipping import Shipped, download, upload
from rungwise.checkpoints.storage import Storage


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(storages, "WAITS", ())


class Scene:
    """An experiment's folder, its storage, and jobs that leave checkpoints in both; or only there, from elsewhere."""

    def __init__(self, tmp_path: Path, patch: pytest.MonkeyPatch) -> None:
        self.remote: Remote = make_remote("faulty", tmp_path, patch)
        self.folder = tmp_path / "copies"
        self.elsewhere = tmp_path / "elsewhere"
        self.storage = Storage(self.remote.url)

    def shelf(self) -> AtStorage:
        made = AtStorage(self.folder, self.storage)
        made.trials()
        return made

    def job(self, trial: int, resource: int, size: int = 1000, *, here: bool = True) -> Shipped:
        folder = trial_folder(self.folder if here else self.elsewhere, trial)
        save_checkpoint(folder, resource, lambda draft: (draft / "w").write_bytes(bytes(size)), recorded=0)
        return upload(self.storage, trial, folder, resource)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(tmp_path, monkeypatch)


def test_only_the_newest_of_a_settled_trial_stays_here_and_there(scene: Scene) -> None:
    shelf = scene.shelf()
    for resource in (1, 3, 9):
        shelf.kept(scene.job(0, resource))
    shelf.kept(scene.job(1, 1, here=False))
    shelf.keep_only(0, 3)
    shelf.keep_only(1, 1)
    assert (shelf.newest(0, 99), shelf.newest(0, 2), shelf.newest(1, 99), shelf.newest(2, 99)) == (3, 0, 1, 0)
    shelf.close(10.0)
    assert (scene.remote.uploads(0), scene.remote.uploads(1)) == ([3], [1])
    assert newest(trial_folder(scene.folder, 0), 99) == 3


def test_what_goes_is_not_waited_for(scene: Scene) -> None:
    shelf = scene.shelf()
    shelf.kept(scene.job(0, 1))
    os.mkfifo(scene.remote.faults / "gate-find")
    shelf.remove(0)  # returns, though the storage does not answer
    for trial in range(1, 50):
        shelf.keep_only(trial, 1)
    assert scene.remote.uploads(0) == [1]
    assert shelf.sizes(0) == []
    gate = os.open(scene.remote.faults / "gate-find", os.O_RDWR)
    os.write(gate, b"." * 99)
    shelf.close(10.0)
    os.close(gate)
    assert scene.remote.uploads(0) == []


def test_who_has_been_launched_again_loses_nothing(scene: Scene) -> None:
    shelf = scene.shelf()
    shelf.kept(scene.job(0, 1))
    os.mkfifo(scene.remote.faults / "gate-find")
    gate = os.open(scene.remote.faults / "gate-find", os.O_RDWR)
    shelf.remove(0)
    shelf.launched(0, None)
    shelf.kept(scene.job(0, 1))
    os.write(gate, b"." * 99)
    shelf.close(10.0)
    os.close(gate)
    scene.remote.well()
    assert scene.remote.uploads(0) == [1, 1]
    again = scene.shelf()
    again.keep_only(0, 1)
    again.close(10.0)
    assert scene.remote.uploads(0) == [1]


def test_what_a_child_is_to_inherit_stays_until_it_has_a_copy(scene: Scene) -> None:
    shelf = scene.shelf()
    shelf.kept(scene.job(0, 3, here=False))
    source = shelf.source(0, 3)
    assert source is not None
    shelf.launched(5, 0)
    shelf.remove(0)
    shelf.remove(4)
    assert download(scene.storage, source, trial_folder(scene.elsewhere, 5), 3)
    shelf.kept(upload(scene.storage, 5, trial_folder(scene.elsewhere, 5), 3))
    shelf.close(10.0)
    assert (scene.remote.uploads(0), scene.remote.uploads(5)) == ([], [3])


def test_a_child_that_has_no_copy_yet_finds_it_after_a_crash(scene: Scene) -> None:
    shelf = scene.shelf()
    shelf.kept(scene.job(0, 3, here=False))
    shelf.launched(5, 0)
    shelf.remove(0)
    shelf.close(10.0)
    assert scene.remote.uploads(0) == [3]
    after = scene.shelf()
    assert after.recover(5, 3) == 0
    after.inherit(0, 5, 3)
    assert after.recover(5, 3) == after.newest(5, 3) == 3
    assert newest(trial_folder(scene.folder, 5), 3) == 3


def test_after_a_crash_only_what_is_whole_counts_and_what_was_cut_goes(scene: Scene) -> None:
    for resource in (1, 3, 9):
        scene.job(0, resource)
    scene.remote.wrong("torn-put")
    scene.job(0, 9)
    for name in scene.remote.names():
        if name.startswith("trial-0/3") and "manifest" in name:
            (scene.remote.folder / name).unlink()
    shelf = scene.shelf()
    assert (shelf.recover(0, 99), shelf.recover(0, 8), shelf.recover(0, 0)) == (9, 1, 0)
    shelf.close(10.0)
    assert scene.remote.uploads(0) == [1, 9, 9]


def test_a_listing_that_is_behind_makes_nothing_go(scene: Scene) -> None:
    scene.job(0, 3)
    scene.remote.wrong("behind-find")
    shelf = scene.shelf()
    assert shelf.newest(0, 9) == 0
    assert shelf.recover(0, 9) == 3
    shelf.close(10.0)
    assert scene.remote.uploads(0) == [3]


@pytest.mark.parametrize("operation", ["find", "rm"])
def test_what_cannot_be_removed_is_told_once_and_stays(
    scene: Scene, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = scene.shelf()
    for trial in range(3):
        shelf.kept(scene.job(trial, 1))
    scene.remote.wrong(f"refuse-{operation}")
    with caplog.at_level(logging.WARNING, "rungwise"):
        shelf.remove(0)
        shelf.remove(1)
        shelf.close(10.0)
    assert len(caplog.messages) == 1
    assert f"no {operation} for you" in caplog.messages[0]
    assert scene.remote.uploads(2) == [1]


def test_a_run_that_is_over_does_not_wait_for_ever(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    shelf = scene.shelf()
    shelf.kept(scene.job(0, 1))
    os.mkfifo(scene.remote.faults / "gate-find")
    shelf.remove(0)
    shelf.close(0.0)
    assert "it takes too long" in caplog.messages[0]


def order(*trials: int) -> Callable[[], Any]:
    return lambda: iter(trials)


def test_the_quota_counts_what_lies_at_the_storage_whoever_put_it_there(scene: Scene) -> None:
    first = scene.job(0, 1, here=False)
    size = first.size
    keeper = Keeper(scene.shelf(), quota=4 * size, workers=2, droppable=order(0, 1))
    assert keeper.used == size
    room = keeper.reserve(1)
    assert room == 2 * size
    keeper.shipped(scene.job(1, 1, here=False))
    keeper.settle(1, 1)
    assert (keeper.used, dict(keeper.kept)) == (2 * size, {0: size, 1: size})
    assert keeper.source(0, 1) == first.path
    assert keeper.reserve(2) == 2 * size
    assert keeper.reserve(3) == 2 * size  # the others make room
    assert keeper.kept == {}
