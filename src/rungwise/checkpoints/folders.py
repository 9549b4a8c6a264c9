"""Checkpoints on disk: one folder per trial, in it one folder per checkpoint, named by its resource.

<checkpoints>/trial-7/27/…          came into its place by a rename; whole if it is as its manifest says
<checkpoints>/trial-7/.saving-27    being written, or torn by a crash; never loaded
<checkpoints>/trial-7/.former-27    in the place of which a new one is being put; put back if a crash left it alone
<checkpoints>/trial-7/.dropped-27   being removed: first out of its place, so that half of one is never taken for whole
<checkpoints>/trial-7/output.txt    what the trial printed

A child shares its parent's files.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rungwise.checkpoints.disk import DiskFullError, erase, is_full, size_of, sync_folder
from rungwise.checkpoints.manifest import has_manifest, sync_all, whole, write_manifest
from rungwise.core.errors import RungwiseError

FORMER = ".former-"
DROPPED = ".dropped-"


class TooLargeError(RungwiseError):
    """A checkpoint of `size` bytes was not kept, for there was `room` for so many."""

    def __init__(self, size: int, room: int) -> None:
        super().__init__(size, room)
        self.size = size
        self.room = room

    def __str__(self) -> str:
        return (
            f"a checkpoint of {self.size} bytes was not kept: the experiment's quota left this trial room for"
            f" {self.room}, so save less or raise checkpoint_quota"
        )


def trial_folder(checkpoints: Path, trial: int) -> Path:
    """Where everything of one trial lies."""
    return checkpoints / f"trial-{trial}"


def checkpoint_folder(folder: Path, resource: int) -> Path:
    """Where a trial's checkpoint at `resource` lies."""
    return folder / str(resource)


def draft_folder(folder: Path, resource: int) -> Path:
    """An empty folder to write a checkpoint into; whatever an earlier attempt left there is removed."""
    draft = draft_place(folder, resource)
    erase(draft)
    draft.mkdir(parents=True)
    return draft


def draft_place(folder: Path, resource: int) -> Path:
    """Where that folder is."""
    return folder / f".saving-{resource}"


def newest(folder: Path, limit: int, *, thorough: bool = False) -> int:
    """The resource of the newest whole checkpoint at `limit` units or less; 0 if there is none.

    `thorough` looks at hashes too. Not to be asked of a folder while a job saves into it: one that a crash left out of
    its place is put back.
    """
    _put_back(folder)
    there = resources(folder)
    return next((each for each in reversed(there) if each <= limit and _is_whole(folder, each, there, thorough)), 0)


def _is_whole(folder: Path, resource: int, there: list[int], thorough: bool) -> bool:
    """Whether a trial's checkpoint is whole, of those that are there.

    Earlier versions wrote no manifests, but they too renamed a checkpoint into its place when it was synced. A trial's
    resources rise, so theirs come before all that have one: without a manifest a checkpoint counts as whole where none
    below it has one. Any other has lost it.
    """
    place = checkpoint_folder(folder, resource)
    if has_manifest(place):
        return whole(place, thorough)
    return not any(has_manifest(checkpoint_folder(folder, each)) for each in there if each < resource)


def save_checkpoint(
    folder: Path,
    resource: int,
    save: Callable[[Path], object],
    *,
    room: int | None = None,
    recorded: int | None = None,
) -> None:
    """Let `save` fill a folder and put it in its place as the newest checkpoint of this trial.

    `room` is how many bytes the trial's checkpoints may hold, `recorded` up to where its reports are, see `seal`.
    What `save` raises passes through, but as the cause of a DiskFullError where the disk is full; the older checkpoints
    are then untouched and nothing torn is left.
    """
    with _drafting(folder, resource) as draft:
        save(draft)
        seal(draft, folder, resource, room=room, recorded=recorded)


def seal(draft: Path, folder: Path, resource: int, *, room: int | None = None, recorded: int | None = None) -> None:
    """Make a draft durable, with its manifest, and rename it into its place.

    The newest checkpoint at `recorded` units or less stays, and what is above it: until the tuner has recorded the new
    one, they are what a crash would go back to. None: the one before is known to be recorded. But where all do not fit
    into `room` bytes, they go as soon as the new one is in place. Raises TooLargeError where the new one alone does not
    fit: the draft is then removed, and the older ones are untouched.
    """
    _check_room(draft, room)  # before the work of reading it all
    write_manifest(draft)
    _put(draft, folder, resource, room, recorded)


def inherit(parent: Path, folder: Path, resource: int, *, room: int | None = None) -> None:
    """Make another trial's checkpoint at `resource` one of this trial's own, or not at all; none if it has none whole.

    Its files are shared, as hard links, where the disk can do that, else copied: either way the parent may remove its
    own. Raises OSError where neither can be done, and TooLargeError where it is larger than `room`, in bytes.
    """
    source = checkpoint_folder(parent, resource)
    there = resources(parent)
    if resource not in there or not _is_whole(parent, resource, there, thorough=False):
        return
    if room is not None and (size := size_of(source)) > room:
        raise TooLargeError(size, room)
    with _drafting(folder, resource) as draft:
        shutil.copytree(source, draft, symlinks=True, copy_function=_share, dirs_exist_ok=True)
        if has_manifest(draft):
            sync_all(draft)
        else:
            write_manifest(draft)
        _put(draft, folder, resource, room, None)


def receive(folder: Path, resource: int, fill: Callable[[Path], object], *, room: int | None = None) -> bool:
    """Let `fill` bring a checkpoint from elsewhere, with its manifest, and put it in its place if it is whole.

    False if it is not: nothing of it is then left. Raises TooLargeError where it is larger than `room`, in bytes, and
    what `fill` raises, but as the cause of a DiskFullError where the disk is full.
    """
    with _drafting(folder, resource) as draft:
        fill(draft)
        if not whole(draft, thorough=True):
            erase(draft)
            return False
        sync_all(draft)
        _put(draft, folder, resource, room, None)
    return True


def _share(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def _drafting(folder: Path, resource: int) -> Iterator[Path]:
    """A draft that is gone if anything fails; whether the disk is full is only seen while it is still there."""
    draft = draft_place(folder, resource)
    try:
        yield draft_folder(folder, resource)
    except BaseException as error:
        own = isinstance(error, TooLargeError) or not isinstance(error, Exception)
        full = not own and is_full(error, folder)
        held = size_of(draft) if full else 0
        erase(draft)
        if full:
            raise DiskFullError(held) from error
        raise


def _check_room(draft: Path, room: int | None) -> int:
    size = 0 if room is None else size_of(draft)
    if room is not None and size > room:
        erase(draft)
        raise TooLargeError(size, room)
    return size


def _put(draft: Path, folder: Path, resource: int, room: int | None, recorded: int | None) -> None:
    """Rename a durable draft into its place; then only those stay that a crash may go back to, if there is room."""
    size = _check_room(draft, room)
    before = newest(folder, resource - 1 if recorded is None else min(recorded, resource - 1))
    drop_older(folder, before)  # before the rename, so that no more are kept at a time than need be
    there = resources(folder)
    needed = {each for each in there if before <= each < resource and _is_whole(folder, each, there, thorough=False)}
    if room is not None and size + sum(size_of(checkpoint_folder(folder, each)) for each in needed) > room:
        needed.clear()
    stays = {resource, *needed}
    place, former = checkpoint_folder(folder, resource), folder / f"{FORMER}{resource}"
    erase(former)
    if os.path.lexists(place):
        place.rename(former)
    draft.rename(place)
    sync_folder(folder)
    if not before:  # the trial's folder may be new: it must last as long as what is in it
        for above in (folder.parent, folder.parent.parent):
            with suppress(OSError):
                sync_folder(above)
    erase(former)
    # One above stands for reports that were lost: the training has gone another way since.
    _drop_places(folder, lambda each: each not in stays)


def drop_older(folder: Path, resource: int) -> None:
    """Remove the trial's checkpoints below `resource`."""
    _drop_places(folder, lambda other: other < resource)


def keep_only(folder: Path, resource: int) -> None:
    """Remove whatever a trial's folder holds beside its checkpoint at `resource` (0: that is, all); files stay."""
    _drop_places(folder, lambda other: other != resource)
    for name in _folders_in(folder):
        if not resource or name != str(resource):
            erase(folder / name)


def remove_checkpoints(folder: Path) -> None:
    """Remove a trial's checkpoints, drafts included; what it printed stays, and else its folder goes too."""
    keep_only(folder, 0)
    with suppress(OSError):
        folder.rmdir()


def sizes(folder: Path) -> list[int]:
    """The bytes of each of a trial's checkpoints, drafts included."""
    return [size_of(folder / name) for name in _folders_in(folder)]


def trials_in(checkpoints: Path) -> Iterator[int]:
    """The trials that have a folder in an experiment's folder."""
    for name in _folders_in(checkpoints):
        stem, _, number = name.partition("-")
        if stem == "trial" and _is_number(number):
            yield int(number)


def usage(checkpoints: Path) -> int:
    """The bytes that the checkpoints of an experiment hold, drafts included; 0 where there is no such folder."""
    return sum(sum(sizes(trial_folder(checkpoints, trial))) for trial in trials_in(checkpoints))


def _drop_places(folder: Path, goes: Callable[[int], bool]) -> None:
    """Remove the checkpoints at some resources, and what a crash left of others that were being removed."""
    for name in _folders_in(folder):
        if _is_number(name) and goes(int(name)):
            grave = folder / f"{DROPPED}{name}"
            erase(grave)
            with suppress(OSError):  # somebody else removed it
                (folder / name).rename(grave)
            erase(grave)
        elif name.startswith(DROPPED):
            erase(folder / name)


def mend(folder: Path) -> None:
    """Undo what a crash left in a trial's folder; nobody may be saving there.

    What was to be replaced, and was not, is put back into its place; drafts and half of what was removed go.
    """
    _put_back(folder)
    for name in _folders_in(folder):
        if not _is_number(name):
            erase(folder / name)


def _put_back(folder: Path) -> None:
    for name in _folders_in(folder):
        if name.startswith(FORMER) and not os.path.lexists(place := folder / name.removeprefix(FORMER)):
            with suppress(OSError):
                (folder / name).rename(place)


def resources(folder: Path) -> list[int]:
    """The resources at which there is a checkpoint, whole or not, rising."""
    return sorted(int(name) for name in _folders_in(folder) if _is_number(name) and name != "0")


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit() and (name == "0" or not name.startswith("0"))


def _folders_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def drop(folder: Path) -> None:
    """Remove a folder, if it is there, and all in it."""
    erase(folder)
