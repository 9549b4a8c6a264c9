"""Saving: within its room, on a full disk, with the user's modes, and with a crash at every single operation."""

import errno
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rungwise.checkpoints import DiskFullError, TooLargeError, is_full, size_of, usage
from rungwise.checkpoints.folders import (
    checkpoint_folder,
    draft_folder,
    drop_older,
    inherit,
    keep_only,
    mend,
    newest,
    remove_checkpoints,
    save_checkpoint,
    seal,
    trial_folder,
)
from rungwise.checkpoints.manifest import MANIFEST, whole
from rungwise.core.errors import RungwiseError


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on the disk's own speed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def filling(size: int) -> Callable[[Path], object]:
    return lambda folder: (folder / "model").write_bytes(bytes(size))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Room


def sealed_size(folder: Path, resource: int, size: int) -> int:
    save_checkpoint(folder, resource, filling(size))
    return size_of(checkpoint_folder(folder, resource))


def test_what_is_larger_than_the_room_is_not_kept(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, filling(10))
    save_checkpoint(tmp_path, 9, filling(10))
    with pytest.raises(TooLargeError) as caught:
        save_checkpoint(tmp_path, 27, filling(1000), room=900)
    assert (caught.value.size, caught.value.room) == (1000, 900)
    assert "1000 bytes" in str(caught.value)
    assert "900" in str(caught.value)
    assert isinstance(caught.value, RungwiseError)
    assert names(tmp_path) == ["3", "9"]
    draft = draft_folder(tmp_path, 27)
    filling(1000)(draft)
    with pytest.raises(TooLargeError):
        seal(draft, tmp_path, 27, room=900)
    assert names(tmp_path) == ["3", "9"]


def test_the_manifest_takes_room_too(tmp_path: Path) -> None:
    size = sealed_size(tmp_path / "a", 3, 1000)
    assert size > 1000
    save_checkpoint(tmp_path / "b", 3, filling(1000), room=size)
    with pytest.raises(TooLargeError) as caught:
        save_checkpoint(tmp_path / "b", 9, filling(1000), room=size - 1)
    assert caught.value.size == size
    assert names(tmp_path / "b") == ["3"]


def test_the_one_before_goes_only_where_it_must_and_after_the_new_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = sealed_size(tmp_path, 3, 1000)
    save_checkpoint(tmp_path, 9, filling(1000), room=2 * size)
    assert names(tmp_path) == ["3", "9"]
    system, moved = os.rename, []
    monkeypatch.setattr("os.rename", lambda *paths: (moved.append(Path(paths[1]).name), system(*paths)))
    save_checkpoint(tmp_path, 27, filling(1000), room=2 * size - 1)
    assert names(tmp_path) == ["27"]
    assert moved == [".dropped-3", "27", ".dropped-9"]


def test_never_more_than_two_are_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, most = os.rename, []

    def count(source: Any, target: Any) -> None:
        system(source, target)
        most.append(len([name for name in names(tmp_path) if name.isdigit()]))

    monkeypatch.setattr("os.rename", count)
    for resource in range(1, 6):
        save_checkpoint(tmp_path, resource, filling(10))
    assert max(most) == 2


def test_a_checkpoint_above_stands_for_lost_reports_and_goes(tmp_path: Path) -> None:
    for resource in (9, 27, 18):
        save_checkpoint(tmp_path, resource, filling(10))
    assert names(tmp_path) == ["18", "9"]


def test_a_torn_one_between_makes_way(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, 3, filling(10))
    save_checkpoint(tmp_path, 9, filling(10))
    (tmp_path / "9" / "model").unlink()
    save_checkpoint(tmp_path, 27, filling(10))
    assert names(tmp_path) == ["27", "3"]


def test_what_is_inherited_has_to_fit_too(tmp_path: Path) -> None:
    parent, child = tmp_path / "trial-0", tmp_path / "trial-1"
    size = sealed_size(parent, 3, 1000)
    with pytest.raises(TooLargeError):
        inherit(parent, child, 3, room=size - 1)
    assert not child.exists()
    inherit(parent, child, 3, room=size)
    assert whole(child / "3", thorough=True)
    assert (child / "3" / MANIFEST).samefile(parent / "3" / MANIFEST)


def test_only_a_whole_parent_is_inherited_from(tmp_path: Path) -> None:
    parent, child = tmp_path / "trial-0", tmp_path / "trial-1"
    save_checkpoint(parent, 3, filling(10))
    (parent / "3" / "model").write_bytes(b"")
    inherit(parent, child, 3)
    assert newest(child, 3) == 0
    (parent / "3" / MANIFEST).unlink()
    inherit(parent, child, 3)
    assert whole(child / "3"), "an earlier version wrote no manifests; the child has one of its own"


# A full disk


class Usage(NamedTuple):
    free: int


def fail_with(error: BaseException) -> Callable[[Path], object]:
    def save(folder: Path) -> None:
        filling(50)(folder)
        raise error

    return save


def test_a_full_disk_is_told_from_other_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, 3, filling(10))
    for number in (errno.ENOSPC, errno.EDQUOT):
        error = OSError(number, "no room")
        with pytest.raises(DiskFullError) as caught:
            save_checkpoint(tmp_path, 9, fail_with(error))
        assert (caught.value.draft_bytes, caught.value.errno, caught.value.__cause__) == (50, errno.ENOSPC, error)
    error = ValueError("shapes differ")
    with pytest.raises(ValueError, match="shapes differ") as plain:
        save_checkpoint(tmp_path, 9, fail_with(error))
    assert plain.value is error
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage((1 << 20) - 1))
    with pytest.raises(DiskFullError):
        save_checkpoint(tmp_path, 9, fail_with(error))
    for other in (KeyboardInterrupt(), SystemExit(3)):
        with pytest.raises(type(other)):
            save_checkpoint(tmp_path, 9, fail_with(other))
    with pytest.raises(TooLargeError):
        save_checkpoint(tmp_path, 9, filling(50), room=40)
    assert names(tmp_path) == ["3"]


def test_a_disk_too_full_for_a_folder_is_full_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "no room")

    monkeypatch.setattr("os.mkdir", refuse)
    with pytest.raises(DiskFullError) as caught:
        save_checkpoint(tmp_path / "trial-0", 3, filling(10))
    assert caught.value.draft_bytes == 0


def test_want_of_room_is_found_along_the_chain(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "no room")
    wrapped = RuntimeError("writing failed")
    wrapped.__context__ = full
    outer = ValueError("no checkpoint")
    outer.__cause__ = wrapped
    assert is_full(outer, tmp_path)
    full.errno = errno.EIO
    full.__cause__ = outer
    assert not is_full(outer, tmp_path)
    assert not is_full(outer, tmp_path / "absent")


# Sizes and modes


def test_sizes_count_files_alone_and_follow_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    filling(5000)(outside)
    experiment = tmp_path / "experiment"
    assert (size_of(experiment), usage(experiment)) == (0, 0)
    folder = trial_folder(experiment, 0)

    def save(draft: Path) -> None:
        filling(100)(draft)
        (draft / "file").symlink_to(outside / "model")
        (draft / "folder").symlink_to(outside)

    save_checkpoint(folder, 3, save)
    (folder / "output.txt").write_text("said")
    (experiment / "trial-1").symlink_to(outside)
    (experiment / "trial-x").mkdir()
    filling(5000)(experiment / "trial-x")
    (folder / "12").symlink_to(outside)
    assert newest(folder, 27) == 3
    assert usage(experiment) == 100 + (folder / "3" / MANIFEST).stat().st_size
    remove_checkpoints(folder)
    assert usage(experiment) == 0
    assert names(outside) == ["model"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folders_that_may_only_be_read_are_removed_too(tmp_path: Path) -> None:
    def save(draft: Path) -> None:
        model(3)(draft)
        (draft / "deep").chmod(0o555)

    save_checkpoint(tmp_path, 3, save)
    remove_checkpoints(tmp_path)
    assert names(tmp_path) == []


def test_what_vanishes_while_it_is_counted_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filling(10)(tmp_path)
    (tmp_path / "gone").mkdir()
    system = os.scandir

    def vanish(path: Any) -> Any:
        if str(path).endswith("gone/"):
            raise FileNotFoundError(path)
        return system(path)

    monkeypatch.setattr("os.scandir", vanish)
    assert size_of(tmp_path) == 10


@pytest.mark.parametrize("mask", [0o077, 0o022])
def test_modes_are_the_users(tmp_path: Path, mask: int) -> None:
    former = os.umask(mask)
    try:
        save_checkpoint(tmp_path / "experiment" / "trial-0", 3, filling(10))
    finally:
        os.umask(former)
    for path in (tmp_path / "experiment").rglob("*"):
        full = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == full & ~mask, path.name


# Durability and crashes


def test_all_is_synced_before_the_rename_and_the_names_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int | str] = []
    system = os.rename
    monkeypatch.setattr("os.fsync", lambda descriptor: done.append(os.fstat(descriptor).st_ino))
    monkeypatch.setattr("os.rename", lambda *paths: (done.append("rename"), system(*paths)))
    folder = tmp_path / "experiment" / "trial-0"
    save_checkpoint(folder, 3, model(3))
    place = folder / "3"
    there = done.index("rename")
    inside = [place, place / "deep", place / "deep" / "model", place / MANIFEST]
    assert {path.stat().st_ino for path in inside} <= set(done[:there])
    assert {path.stat().st_ino for path in (folder, folder.parent, tmp_path)} <= set(done[there:])
    done.clear()
    inherit(folder, tmp_path / "trial-1", 3)
    assert {path.stat().st_ino for path in inside[2:]} <= set(done[: done.index("rename")])


def test_a_folder_that_cannot_be_synced_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [errno.EINVAL, errno.EIO]

    def refuse(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(numbers[0], "no")

    monkeypatch.setattr("os.fsync", refuse)
    save_checkpoint(tmp_path, 3, model(3))
    numbers.pop(0)
    with pytest.raises(OSError, match="no"):
        save_checkpoint(tmp_path, 9, model(9))
    assert names(tmp_path) == ["3"]


class Crash(BaseException):
    """The process is gone: whatever it still tries to do to the disk does not happen."""


CHANGES = ("mkdir", "rename", "replace", "unlink", "rmdir", "link", "symlink", "open", "fsync", "scandir", "chmod")


def crash_at(patch: pytest.MonkeyPatch, number: int) -> None:
    """Let the process die at its operation `number`, from 1, on the disk."""
    count = 0

    def dying(system: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            nonlocal count
            count += 1
            if count >= number:
                raise Crash
            return system(*arguments, **keywords)

        return call

    for name in CHANGES:
        patch.setattr(os, name, dying(getattr(os, name)))


def model(resource: int) -> Callable[[Path], object]:
    def save(folder: Path) -> None:
        (folder / "deep").mkdir()
        (folder / "deep" / "model").write_text(f"after {resource}")
        (folder / "latest").symlink_to("deep/model")

    return save


def start(folder: Path, *resources: int) -> None:
    for resource in resources:
        save_checkpoint(folder, resource, model(resource))


def start_before_manifests(folder: Path) -> None:
    for resource in (3, 9):
        (folder / str(resource)).mkdir(parents=True)
        model(resource)(folder / str(resource))


ROOM = 400  # for one of these, not for two


class Story(NamedTuple):
    """What was there, what is done to it, what is there when that is done; `recorded` is what the log knows of."""

    before: Callable[[Path], object]
    act: Callable[[Path], object]
    after: list[str]
    recorded: int
    least: int


STORIES = {
    "the next": Story(
        lambda folder: start(folder, 3, 9), lambda folder: start(folder, 27), ["27", "9"], recorded=9, least=9
    ),
    "the same again": Story(lambda folder: start(folder, 9), lambda folder: start(folder, 9), ["9"], 9, 9),
    "one below": Story(
        lambda folder: start(folder, 9, 27), lambda folder: start(folder, 18), ["18", "9"], recorded=9, least=9
    ),
    "room for one": Story(
        lambda folder: start(folder, 3, 9),
        lambda folder: save_checkpoint(folder, 27, model(27), room=ROOM),
        ["27"], recorded=27, least=9,
    ),
    "after an earlier version": Story(
        start_before_manifests, lambda folder: start(folder, 27), ["27", "9"], recorded=9, least=9
    ),
    "recorded": Story(lambda folder: start(folder, 3, 9), lambda folder: drop_older(folder, 9), ["9"], 9, 9),
    "settled": Story(
        lambda folder: (start(folder, 3, 9), draft_folder(folder, 27)), lambda folder: keep_only(folder, 9), ["9"], 9, 9
    ),
    "mended": Story(
        lambda folder: (start(folder, 3), (folder / "3").rename(folder / ".former-3"), draft_folder(folder, 3)),
        mend, ["3"], recorded=3, least=3,
    ),
    "dropped": Story(lambda folder: start(folder, 3, 9), remove_checkpoints, [], recorded=9, least=0),
    "dropped after an earlier version": Story(start_before_manifests, remove_checkpoints, [], recorded=9, least=0),
    "inherited": Story(
        lambda folder: start(folder.parent / "trial-1", 9),
        lambda folder: inherit(folder.parent / "trial-1", folder, 9), ["9"], recorded=9, least=0,
    ),
}  # fmt: skip


def check_content(folder: Path, resource: int) -> None:
    place = checkpoint_folder(folder, resource)
    assert (place / "deep" / "model").read_text() == f"after {resource}"
    assert (place / "latest").readlink() == Path("deep/model")


@pytest.mark.parametrize("name", STORIES)
def test_a_crash_at_any_operation_leaves_a_whole_checkpoint(tmp_path: Path, name: str) -> None:
    story = STORIES[name]
    number, crashed = 0, True
    while crashed:
        number += 1
        folder = tmp_path / str(number) / "trial-0"
        story.before(folder)
        with pytest.MonkeyPatch.context() as patch:
            crash_at(patch, number)
            try:
                story.act(folder)
            except Crash:
                pass
            else:
                crashed = False
        assert newest(folder, story.recorded) >= (story.least if story.recorded < 27 else 0)
        found = newest(folder, 27)
        assert found >= story.least
        if found:
            check_content(folder, found)
        story.act(folder)
        assert names(folder) == story.after if folder.exists() else not story.after
        for each in story.after:
            check_content(folder, int(each))
        shutil.rmtree(folder.parent)
    assert number > 4, "it crashed at more operations than a few"
