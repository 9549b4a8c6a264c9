"""Checkpoints: whole or not there, the newest and the one before."""

from pathlib import Path

import pytest

from rungwise.trial.checkpoints import checkpoint_folder, drop_older, newest, remove_checkpoints, save_checkpoint


def fill(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "model").write_text(folder.name)
    (folder / "dangling").symlink_to("nowhere")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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
