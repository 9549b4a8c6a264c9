"""Checkpoints on a storage given by a URL: one folder per trial, in it one per upload, named by its resource.

<url>/<experiment>/trial-7/27-5f1c09ab/…    whole if its files are as its manifest says

1. The manifest is written last, and removed first: without one a checkpoint is none, whatever else is there.
2. A name is never used twice. So an upload that was cut, or that somebody who was given up still makes, is not mixed
   with another; and what a listing has shown can be removed, whatever has been written since.
3. What is fetched comes into a draft, is compared with its manifest, hashes and all, and then renamed into its place.
4. Links are in the manifest alone. Empty folders, modes and times do not travel.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rungwise.checkpoints.folders import TooLargeError, checkpoint_folder, receive, trial_folder
from rungwise.checkpoints.manifest import LARGEST, MANIFEST, Manifest, parse_manifest
from rungwise.checkpoints.storage import Storage


@dataclass(frozen=True, slots=True)
class Shipped:
    """A checkpoint of a trial at a storage: the path of its folder, its resource, the bytes of all its files.

    `sealed` tells whether a manifest is there, so that the upload came to its end.
    """

    trial: int
    resource: int
    path: str
    size: int
    sealed: bool = True


def trial_path(trial: int) -> str:
    """Where everything of one trial lies, from the experiment's folder on."""
    return trial_folder(Path(), trial).as_posix()


def upload(storage: Storage, trial: int, folder: Path, resource: int) -> Shipped:
    """Put a trial's whole checkpoint at `resource`, which lies in its `folder`, to the storage too.

    Raises StorageError where that cannot be done; what has come there by then counts for nothing.
    """
    source = checkpoint_folder(folder, resource)
    text = (source / MANIFEST).read_bytes()
    manifest = parse_manifest(text)
    if manifest is None:
        raise FileNotFoundError(f"{source} has no manifest that can be read")
    path = f"{trial_path(trial)}/{resource}-{os.urandom(4).hex()}"
    storage.put({f"{path}/{name}": source / name for name in manifest.files})
    storage.write(f"{path}/{MANIFEST}", text)
    return Shipped(trial, resource, path, len(text) + _bytes(manifest))


def download(storage: Storage, path: str, folder: Path, resource: int, *, room: int | None = None) -> bool:
    """Make the checkpoint at a `path` of the storage the one at `resource` in a trial's `folder`, if it is whole.

    False if it is not, or not there. Raises TooLargeError where it is larger than `room`, in bytes, StorageError where
    it cannot be read, and OSError where it cannot be written here.
    """
    text = storage.read(f"{path}/{MANIFEST}")
    manifest = parse_manifest(text) if text is not None and len(text) <= LARGEST else None
    if text is None or manifest is None or not all(map(_is_inside, (*manifest.files, *manifest.links))):
        return False
    size = len(text) + _bytes(manifest)
    if room is not None and size > room:
        raise TooLargeError(size, room)

    def fill(draft: Path) -> None:
        for name in (*manifest.files, *manifest.links):
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
        if storage.get({f"{path}/{name}": draft / name for name in manifest.files}):
            for name, target in manifest.links.items():  # after all files, so that none is written through one
                (draft / name).symlink_to(target)
            (draft / MANIFEST).write_bytes(text)

    return receive(folder, resource, fill, room=room)


def is_copy(storage: Storage, path: str, folder: Path, resource: int) -> bool:
    """Whether what is at a `path` of the storage, if anything is, is what lies at `resource` in a trial's `folder`."""
    try:
        return storage.read(f"{path}/{MANIFEST}") in (
            None,
            (checkpoint_folder(folder, resource) / MANIFEST).read_bytes(),
        )
    except OSError:
        return False


def shipped(storage: Storage, trial: int | None = None) -> list[Shipped]:
    """What lies at the storage of a trial (None: of all), sealed or not, as one listing tells."""
    sizes: dict[tuple[int, int, str], int] = {}
    sealed: set[str] = set()
    for name, size in storage.find("" if trial is None else trial_path(trial)).items():
        place = _place(name)
        if place is not None:
            sizes[place] = sizes.get(place, 0) + size
            if name == f"{place[2]}/{MANIFEST}":
                sealed.add(place[2])
    return [
        Shipped(number, resource, path, size, path in sealed)
        for (number, resource, path), size in sorted(sizes.items())
    ]


def newest_first(found: list[Shipped], limit: int) -> Iterator[Shipped]:
    """Those that came to their end, at `limit` units or less, falling."""
    sealed = (each for each in found if each.sealed and each.resource <= limit)
    return iter(sorted(sealed, key=lambda each: -each.resource))


def complete(storage: Storage, one: Shipped) -> bool:
    """Whether a checkpoint that was listed has the size that its manifest tells; hashes are looked at when fetched."""
    text = storage.read(f"{one.path}/{MANIFEST}")
    manifest = None if text is None else parse_manifest(text)
    return text is not None and manifest is not None and len(text) + _bytes(manifest) == one.size


def discard(storage: Storage, path: str) -> None:
    """Remove a checkpoint, its manifest first, so that half of one is never taken for whole."""
    storage.remove(path, first=MANIFEST)


def _bytes(manifest: Manifest) -> int:
    return sum(size for size, _ in manifest.files.values())


def _is_inside(name: str) -> bool:
    """Whether a manifest's path stays in its folder."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and str(path) == name


def _place(name: str) -> tuple[int, int, str] | None:
    """The trial, the resource and the path of the checkpoint that a file belongs to; None for any other file."""
    match name.split("/", 2):
        case [trial, checkpoint, _] if trial.startswith("trial-"):
            number, (resource, dash, _) = trial.removeprefix("trial-"), checkpoint.partition("-")
            if dash and number.isdecimal() and resource.isdecimal():
                return int(number), int(resource), f"{trial}/{checkpoint}"
    return None
