"""Checkpoints: whole or not there, the newest and the one before."""

from pathlib import Path

import pytest

from rungwise.checkpoints.folders import (
    checkpoint_folder,
    drop_older,
    inherit,
    newest,
    remove_checkpoints,
    save_checkpoint,
)
from rungwise.checkpoints.manifest import MANIFEST


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on the disk's own speed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def fill(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "model").write_text(folder.name)
    (folder / "dangling").symlink_to("nowhere")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != MANIFEST)


def test_the_one_before_stays_until_the_new_one_is_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "trial-0"
    save_checkpoint(folder, 1, fill)
    save_checkpoint(folder, 3, fill)
    (folder / "output.txt").write_text("said")
    save_checkpoint(folder, 9, fill)
    assert names(folder) == ["3", "9", "output.txt"]
    assert (checkpoint_folder(folder, 9) / "deep" / "model").is_file()
    drop_older(folder, 9)
    assert names(folder) == ["9", "output.txt"]


def test_the_same_resource_may_be_saved_again(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, lambda folder: (folder / "old").touch())
    save_checkpoint(tmp_path, 3, lambda folder: (folder / "new").touch())
    assert names(tmp_path) == ["3"]
    assert names(tmp_path / "3") == ["new"]


def test_a_save_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("disk full")

    save_checkpoint(tmp_path, 3, fill)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(tmp_path, 9, fail)
    assert names(tmp_path) == ["3"]


def test_the_newest_is_whole_and_within_the_limit(tmp_path: Path) -> None:
    for name in ("3", "9", "27", ".saving-81", "²", "notes"):
        (tmp_path / name).mkdir()
    (tmp_path / "12").write_text("no folder")
    assert [newest(tmp_path, limit) for limit in (2, 3, 26, 27, 100)] == [0, 3, 9, 27, 27]
    assert newest(tmp_path / "absent", 9) == 0


def test_what_a_crash_left_is_no_hindrance(tmp_path: Path) -> None:
    for name in (".saving-3", ".former-3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "torn").touch()
    save_checkpoint(tmp_path, 3, fill)
    assert names(tmp_path) == ["3"]
    assert names(tmp_path / "3") == ["dangling", "deep"]


def test_removing_leaves_what_was_printed(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, fill)
    (tmp_path / ".saving-9").mkdir()
    (tmp_path / "output.txt").write_text("said")
    remove_checkpoints(tmp_path)
    assert names(tmp_path) == ["output.txt"]
    remove_checkpoints(tmp_path / "absent")


def test_an_inherited_checkpoint_is_the_childs_own(tmp_path: Path) -> None:
    parent, child = tmp_path / "trial-0", tmp_path / "trial-7"
    save_checkpoint(parent, 3, fill)
    inherit(parent, child, 3)
    assert (names(child), names(child / "3")) == (["3"], ["dangling", "deep"])
    assert (child / "3" / "deep" / "model").samefile(parent / "3" / "deep" / "model")
    assert (child / "3" / "dangling").readlink() == Path("nowhere")
    remove_checkpoints(parent)
    assert (child / "3" / "deep" / "model").read_text() == ".saving-3"
    save_checkpoint(child, 9, fill)
    assert names(child) == ["3", "9"]


def test_where_files_cannot_be_shared_they_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError("this disk has no hard links")

    monkeypatch.setattr("os.link", refuse)
    parent, child = tmp_path / "trial-0", tmp_path / "trial-7"
    save_checkpoint(parent, 3, fill)
    inherit(parent, child, 3)
    copy = child / "3" / "deep" / "model"
    assert copy.read_text() == ".saving-3"
    assert not copy.samefile(parent / "3" / "deep" / "model")


def test_only_what_is_there_whole_is_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = tmp_path / "trial-0", tmp_path / "trial-7"
    save_checkpoint(parent, 3, fill)
    inherit(parent, child, 9)
    assert not child.exists()

    def fail(source: str, target: str) -> None:
        raise OSError("disk full")

    for how in ("os.link", "shutil.copy2"):
        monkeypatch.setattr(how, fail)
    with pytest.raises(OSError, match="disk full"):
        inherit(parent, child, 3)
    assert names(child) == []


def test_inheriting_again_replaces_what_an_earlier_life_left(tmp_path: Path) -> None:
    parent, child = tmp_path / "trial-0", tmp_path / "trial-7"
    save_checkpoint(parent, 3, fill)
    save_checkpoint(child, 3, lambda folder: (folder / "old").touch())
    inherit(parent, child, 3)
    assert names(child / "3") == ["dangling", "deep"]
