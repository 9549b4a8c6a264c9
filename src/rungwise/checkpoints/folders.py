"""Checkpoints on disk: one folder per trial, in it one folder per checkpoint, named by its resource.

<checkpoints>/trial-7/27/…          whole: it came into its place by a rename; a child shares its parent's files
<checkpoints>/trial-7/.saving-27    being written, or torn by a crash; never loaded
<checkpoints>/trial-7/output.txt    what the trial printed
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path


def trial_folder(checkpoints: Path, trial: int) -> Path:
    """Where everything of one trial lies."""
    return checkpoints / f"trial-{trial}"


def checkpoint_folder(folder: Path, resource: int) -> Path:
    """Where a trial's checkpoint at `resource` lies."""
    return folder / str(resource)


def draft_folder(folder: Path, resource: int) -> Path:
    """An empty folder to write a checkpoint into; whatever an earlier attempt left there is removed."""
    draft = folder / f".saving-{resource}"
    drop(draft)
    draft.mkdir(parents=True)
    return draft


def newest(folder: Path, limit: int) -> int:
    """The resource of the newest whole checkpoint at `limit` units or less; 0 if there is none."""
    return max((resource for resource in _resources(folder) if resource <= limit), default=0)


def save_checkpoint(folder: Path, resource: int, save: Callable[[Path], object]) -> None:
    """Let `save` fill a folder and put it in its place as the newest checkpoint of this trial.

    What `save` raises passes through; the older checkpoint is then untouched and nothing torn is left.
    """
    draft = draft_folder(folder, resource)
    try:
        save(draft)
        seal(draft, folder, resource)
    except BaseException:
        drop(draft)
        raise


def seal(draft: Path, folder: Path, resource: int) -> None:
    """Make a draft durable and rename it into its place.

    The checkpoint before it stays: until the tuner has recorded the new one, it is what a crash would go back to.
    """
    _sync(draft)
    place = checkpoint_folder(folder, resource)
    former = folder / f".former-{resource}"
    drop(former)
    if place.exists():
        place.rename(former)
    draft.rename(place)
    _sync_one(folder)
    drop(former)
    drop_older(folder, newest(folder, resource - 1))


def inherit(parent: Path, folder: Path, resource: int) -> None:
    """Make another trial's checkpoint at `resource` one of this trial's own, whole or not at all; none if it has none.

    Its files are shared, as hard links, where the disk can do that, else copied: either way the parent may remove its
    own. Raises OSError where neither can be done.
    """
    source = checkpoint_folder(parent, resource)
    if not source.is_dir():
        return
    draft = draft_folder(folder, resource)
    try:
        shutil.copytree(source, draft, symlinks=True, copy_function=_share, dirs_exist_ok=True)
        seal(draft, folder, resource)
    except BaseException:
        drop(draft)
        raise


def _share(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def drop_older(folder: Path, resource: int) -> None:
    """Remove the trial's checkpoints below `resource`."""
    for other in list(_resources(folder)):
        if other < resource:
            drop(checkpoint_folder(folder, other))


def remove_checkpoints(folder: Path) -> None:
    """Remove a trial's checkpoints, drafts included; what it printed stays."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            drop(Path(entry.path))


def _resources(folder: Path) -> Iterator[int]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.isascii() and entry.name.isdigit() and entry.is_dir():
            yield int(entry.name)


def drop(folder: Path) -> None:
    """Remove a folder, if it is there, and all in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _sync(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            _sync_one(Path(parent, name))
        _sync_one(Path(parent))


def _sync_one(path: Path) -> None:
    # A link may lead nowhere, or to what is not ours to sync.
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
