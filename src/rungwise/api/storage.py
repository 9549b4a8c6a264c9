"""Where an experiment's checkpoints are kept: beside its store, in a shared folder, or at a storage given by a URL.

1. A path names a folder that every machine sees under the same path: checkpoints are written there, and nowhere else.
2. A URL (`s3://bucket/folder`, `file:///mnt/x`) names a storage that is reached through fsspec; the folder beside the
   store then holds copies.
3. Each experiment has a folder of its own there, with a mark that only its log knows: of two experiments of the same
   name neither takes the other's checkpoints. Before anything is trained the mark is written and read again.
"""

import json
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

from rungwise.api.names import experiment_folder
from rungwise.checkpoints.folders import checkpoint_folder, newest, trial_folder, usage
from rungwise.checkpoints.shelves import AtStorage, OnDisk, Shelf
from rungwise.checkpoints.shipping import download, newest_first, shipped
from rungwise.checkpoints.storage import Storage, is_url, told
from rungwise.core.errors import InputError, StorageError
from rungwise.core.spec import ExperimentSpec
from rungwise.store import NameTakenError

MARK = ".rungwise-experiment.json"
PROBE = ".rungwise-probe"


def storage_settings(given: object) -> dict[str, Any]:
    """What an experiment's settings say of its storage: nothing where there is none.

    Raises InputError for what is neither a URL nor a path, and for a URL that cannot be understood.
    """
    if given is None:
        return {}
    if not isinstance(given, str | Path) or not str(given):
        raise InputError(f"storage is {given!r}, but must be a URL such as s3://bucket/folder, or the path of a folder")
    place = str(given)
    if is_url(place):
        Storage(place)
        return {"storage": {"at": place.rstrip("/")}}
    return {"storage": {"at": str(Path(place).expanduser().absolute())}}


def storage_url(spec: ExperimentSpec, name: str) -> str | None:
    """The URL of an experiment's folder at its storage; None where it keeps its checkpoints in a folder."""
    at = _at(spec)
    return f"{at}/{name}" if is_url(at) else None


def checkpoints_folder(spec: ExperimentSpec, store: Path, name: str) -> Path:
    """The folder for an experiment's checkpoints, or for copies of them, and for what its trials print."""
    at = _at(spec)
    return Path(at) / name if at and not is_url(at) else experiment_folder(store, name)


def shelf(spec: ExperimentSpec, store: Path, name: str) -> Shelf:
    """Where its checkpoints stand. Raises InputError and StorageError where the storage cannot be opened."""
    folder, url = checkpoints_folder(spec, store, name), storage_url(spec, name)
    return OnDisk(folder) if url is None else AtStorage(folder, Storage(url))


def claim(spec: ExperimentSpec, name: str) -> ExperimentSpec:
    """Take the place of a new experiment at its storage, if it has one: its settings, with the mark.

    Raises NameTakenError where an experiment of that name has the place, InputError where it cannot be written, read or
    removed from.
    """
    if not _at(spec):
        return spec
    mark = secrets.token_hex(8)
    _Place(spec, name).take(json.dumps({"format": 1, "experiment": name, "mark": mark}).encode())
    return replace(spec, local={**spec.local, "storage": {**spec.local["storage"], "mark": mark}})


def leave(spec: ExperimentSpec, name: str) -> None:
    """Give back the place that was claimed, with all that is there, as far as it can be removed."""
    if _at(spec):
        _Place(spec, name).leave()


def check_mark(spec: ExperimentSpec, name: str) -> None:
    """Raise StorageError where an experiment's place at its storage cannot be reached, or is not its own."""
    if not _at(spec):
        return
    place = _Place(spec, name)
    text = place.mark()
    if text is None:
        raise StorageError(
            f"{place.where} holds no experiment, but the checkpoints of {name!r} were kept there: is it the same"
            " storage, and is it mounted?"
        )
    if _marked(text) != spec.local["storage"].get("mark"):
        raise StorageError(
            f"{place.where} belongs to another experiment that is called {name!r} too, of another store: this one's"
            " checkpoints are there no more"
        )


def fetched(spec: ExperimentSpec, store: Path, name: str, trial: int, limit: int) -> Path | None:
    """The folder of a trial's newest checkpoint at `limit` units or less, brought to this machine if need be.

    None where it has none. Raises StorageError where the storage cannot be read, or what it holds cannot be kept here.
    """
    folder, url = trial_folder(checkpoints_folder(spec, store, name), trial), storage_url(spec, name)
    if url is not None:
        storage = Storage(url)
        for one in newest_first(shipped(storage, trial), limit):
            if newest(folder, one.resource) == one.resource:
                break
            try:
                if download(storage, one.path, folder, one.resource):
                    break
            except OSError as error:
                raise StorageError(f"{url}/{one.path} cannot be kept in {folder}: {told(error)}") from error
    resource = newest(folder, limit)
    return checkpoint_folder(folder, resource) if resource else None


def bytes_kept(spec: ExperimentSpec, store: Path, name: str) -> int:
    """What the checkpoints of an experiment take where they are kept. Raises StorageError."""
    url = storage_url(spec, name)
    if url is None:
        return usage(checkpoints_folder(spec, store, name))
    return sum(one.size for one in shipped(Storage(url)))


class _Place:
    """An experiment's folder at its storage, be it reached by a URL or by a path."""

    def __init__(self, spec: ExperimentSpec, name: str) -> None:
        self._given = _at(spec)
        self._name = name
        self.where = f"{self._given}/{name}"
        self._storage = Storage(self.where) if is_url(self._given) else None
        self._folder = Path(self.where)

    def mark(self) -> bytes | None:
        """The mark that is there."""
        if self._storage is not None:
            return self._storage.read(MARK)
        try:
            return (self._folder / MARK).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"{self.where} cannot be read: {told(error)}") from error

    def take(self, mark: bytes) -> None:
        """Write a mark where there is none, and see whether it is there."""
        try:
            if self.mark() is not None:
                raise NameTakenError(
                    f"{self._given} holds the checkpoints of an experiment {self._name!r} already: choose another name,"
                    " or remove them if they are needed no more"
                )
            self._probe(mark)
            if self.mark() != mark:
                raise InputError(
                    f"storage is {self._given!r}, but what was written there is not what is read there: is somebody"
                    " else beginning an experiment of the same name?"
                )
        except (StorageError, OSError) as error:
            raise InputError(f"storage is {self._given!r}, but cannot be used: {error}") from error

    def leave(self) -> None:
        """Remove all that is there, as far as it can be removed."""
        if self._storage is not None:
            with suppress(StorageError):
                self._storage.remove()
        else:
            rmtree(self._folder, ignore_errors=True)

    def _probe(self, mark: bytes) -> None:
        if self._storage is not None:
            self._storage.write(PROBE, mark)
            self._storage.remove(PROBE)
            self._storage.write(MARK, mark)
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / MARK).write_bytes(mark)


def _at(spec: ExperimentSpec) -> str:
    """Where the storage is; empty: there is none."""
    return str(spec.local.get("storage", {}).get("at", ""))


def _marked(text: bytes) -> object:
    try:
        return json.loads(text).get("mark")
    except (ValueError, AttributeError):
        return None
