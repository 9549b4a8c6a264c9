"""What the tuner and the slots of a cluster have in common is tried before a trial runs: a folder, or a storage.

1. A folder: a slot writes a file there, and the tuner looks whether it sees it.
2. A storage given by a URL: the tuner writes a word there at the start, every slot reads it, and writes and removes a
   file of its own. The tuner need not wait for that: the slot says whether it went well.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rungwise.checkpoints.storage import Storage
from rungwise.core.errors import InputError, StorageError

SEEING = 2.0
"""Seconds for a file that a node wrote to be seen here."""
WORD = ".rungwise-slots"
SEEN = ".seen-"
WAY_OUT = "let storage be a folder that all nodes share, or a URL"


class Ground:
    """The tuner's side: `folder` is that of the checkpoints, `storage` the URL at which they are kept (None: there).

    Raises StorageError where it cannot be written.
    """

    __slots__ = ("_folder", "_storage", "_word")

    def __init__(self, folder: Path, storage: str | None) -> None:
        self._folder = folder
        self._word = os.urandom(8).hex()
        self._storage = None if storage is None else Storage(storage)
        if self._storage is not None:
            self._storage.write(WORD, self._word.encode())

    def task(self, life: str) -> dict[str, Any]:
        """What a slot is to try; `life` is the word for this life of it."""
        if self._storage is None:
            return {"probe": str(self._probe(life))}
        return {"storage": self._storage.url, "word": self._word}

    def problem(self, life: str) -> str | None:
        """Why a slot that has tried it, and found nothing wrong, does not share our ground; None if it does."""
        if self._storage is not None:
            return None
        probe = self._probe(life)
        begun = time.monotonic()
        while not probe.exists():
            if time.monotonic() > begun + SEEING:
                return f"what it writes to the folder {self._folder} for checkpoints is not seen here: {WAY_OUT}"
            time.sleep(0.05)
        with suppress(OSError):
            probe.unlink()
        return None

    def close(self) -> None:
        """No more slots are tried."""
        if self._storage is not None:
            with suppress(StorageError):
                self._storage.remove(WORD)

    def _probe(self, life: str) -> Path:
        return self._folder / f"{SEEN}{life}"


def stands_on(task: Mapping[str, Any], life: str) -> bool:
    """The slot's side: carry out the task; whether checkpoints are at a storage, so that the slot needs a folder.

    Raises InputError where it cannot be done, and StorageError where a storage cannot be reached or written.
    """
    if "probe" in task:
        _write_probe(Path(task["probe"]))
        return False
    storage = Storage(task["storage"])
    if storage.read(WORD) != task["word"].encode():
        raise InputError(
            f"what the tuner wrote to {storage.url} is not read there: {WAY_OUT} that means the same to all"
        )
    storage.write(f"{SEEN}{life}", b"seen")
    storage.remove(f"{SEEN}{life}")
    return True


def _write_probe(probe: Path) -> None:
    try:
        probe.parent.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        raise InputError(
            f"the folder {probe.parent} for checkpoints cannot be written there ({error.strerror}): {WAY_OUT}"
        ) from None
