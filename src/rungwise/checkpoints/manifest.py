"""Manifests: what a checkpoint held when it was sealed, so that a torn one is known.

A manifest lies in the checkpoint's own folder, so that one rename moves both. It is plain JSON:

{"format": 1, "bytes": 6, "hash": "blake2b", "files": {"deep/model": [6, "5f1c…"]}, "links": {"latest": "deep"}}

Paths are relative to the folder; bytes of a path that are no UTF-8 are written as lone surrogates (PEP 383).
"""

import json
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from rungwise.checkpoints.disk import contents, erase, sync_file, sync_folder

MANIFEST = ".rungwise-manifest.json"
FORMAT = 1
HASH = "blake2b"  # 445 MiB/s where this was written, sha256 267 MiB/s: not every CPU has instructions for that
LARGEST = 1 << 28
"""Bytes. Over a million files; what claims to be a larger manifest is not read into memory."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Size and hash of every regular file by its path, and every link's target; neither folders nor special files."""

    files: Mapping[str, tuple[int, str]]
    links: Mapping[str, str]


def write_manifest(folder: Path) -> None:
    """Make everything in a folder durable, and with it a manifest; one that is there already is replaced.

    Links are recorded, not followed. Raises OSError where a file cannot be read or written.
    """
    target = folder / MANIFEST
    # Never written over: `save` may have copied an older checkpoint, whose manifest is then a link to that one's own.
    _remove(target)
    files: dict[str, tuple[int, str]] = {}
    links: dict[str, str] = {}
    for path, status in contents(folder, strict=True):
        if stat.S_ISREG(status.st_mode):
            files[path] = _read(folder / path, sync=True)
        elif stat.S_ISLNK(status.st_mode):
            links[path] = os.readlink(folder / path)  # noqa: PTH115 - as it is, not as Path writes it
    total = sum(size for size, _ in files.values())
    data = {"format": FORMAT, "bytes": total, "hash": HASH, "files": files, "links": links}
    with target.open("x", encoding="utf-8") as file:
        json.dump(data, file, separators=(",", ":"))
        file.flush()
        os.fsync(file.fileno())
    sync_folders(folder)


def sync_all(folder: Path) -> None:
    """Make everything in a folder durable."""
    for path, status in contents(folder, strict=True):
        if stat.S_ISREG(status.st_mode):
            sync_file(folder / path)
    sync_folders(folder)


def sync_folders(folder: Path) -> None:
    """Make the names of everything in a folder durable, the folder's own excepted."""
    for parent, _, _ in os.walk(folder, topdown=False):
        sync_folder(Path(parent))


def has_manifest(folder: Path) -> bool:
    """Whether there is a manifest, sound or not."""
    return os.path.lexists(folder / MANIFEST)


def whole(folder: Path, thorough: bool = False) -> bool:
    """Whether every file of a folder's manifest is there with its size (thorough: and hash), and every link.

    False without a manifest that can be read. Files that were added later are no reason against.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return False
    # A path of the manifest is only looked up among those found in the folder: it never leads anywhere by itself.
    found = dict(contents(folder))
    try:
        for path, (size, digest) in manifest.files.items():
            status = found.get(path)
            if status is None or not stat.S_ISREG(status.st_mode) or status.st_size != size:
                return False
            if thorough and _read(folder / path) != (size, digest):
                return False
        for path, target in manifest.links.items():
            status = found.get(path)
            if status is None or not stat.S_ISLNK(status.st_mode):
                return False
            if os.readlink(folder / path) != target:  # noqa: PTH115
                return False
    except OSError:
        return False
    return True


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none, or what is there is malformed or of another format."""
    try:
        with _open(folder / MANIFEST) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST:
                return None
            return parse_manifest(file.read())
    except OSError:
        return None


def parse_manifest(text: bytes) -> Manifest | None:
    """The manifest in a text; None where it is malformed, or of another format."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"format": version, "hash": how, "bytes": total, "files": dict(files), "links": dict(links)}:
            pass
        case _:
            return None
    parsed: dict[str, tuple[int, str]] = {}
    for path, entry in files.items():
        match entry:
            case [int(size), str(digest)] if size >= 0:
                parsed[path] = (size, digest)
            case _:
                return None
    sound = total == sum(size for size, _ in parsed.values()) and all(isinstance(each, str) for each in links.values())
    return Manifest(parsed, links) if (version, how) == (FORMAT, HASH) and sound else None


def _read(path: Path, *, sync: bool = False) -> tuple[int, str]:
    """The size and hash of a file: of the bytes that were read, so that one that still grows is not whole later."""
    import hashlib

    with _open(path) as file:
        digest = hashlib.file_digest(file, HASH).hexdigest()
        if sync:
            os.fsync(file.fileno())
        return file.tell(), digest


def _open(path: Path) -> FileIO:
    """A file to read from; a link is refused, and a pipe does not block."""
    flags = os.O_NOFOLLOW | os.O_NONBLOCK
    return FileIO(path, opener=lambda name, mode: os.open(name, mode | flags))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        erase(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()
