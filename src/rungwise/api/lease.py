"""The lease of an experiment: one tuner at a time.

It is a lock on a file, which the system gives back when its last holder is gone, however that went. The tuner holds it,
and so does the process that ends its trials: a tuner that comes after one that died finds no trial of it running.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rungwise.api.names import experiment_folder
from rungwise.core.errors import StoreError

PATIENCE = 10.0
"""Seconds to wait for the end of a dead holder's trials."""
LOOK = 0.02


class HeldError(StoreError):
    """Another tuner runs this experiment."""


@contextmanager
def lease(store: Path, name: str, wait: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Hold an experiment; gives the descriptor of the lock. Raises HeldError, which tells who holds it."""
    folder = experiment_folder(store, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"the folder {folder} for checkpoints cannot be written ({error.strerror}): give yourself permission, or"
            " name another store"
        ) from error
    with file:
        _take(file, name, wait)
        file.seek(0)
        file.truncate()
        since = datetime.now().isoformat(" ", "seconds")
        json.dump({"host": socket.gethostname(), "pid": os.getpid(), "since": since}, file)
        file.flush()
        try:
            yield file.fileno()
        finally:
            file.truncate(0)


def _take(file: IO[str], name: str, wait: Callable[[float], None]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        holder = _holder(file)
        if not _dead(holder) or time.monotonic() > deadline:
            who = (
                f"process {holder['pid']} on {holder['host']} since {holder['since']}" if holder else "another process"
            )
            raise HeldError(f"the experiment {name!r} is being run by {who}: wait until it ends, or interrupt it there")
        wait(LOOK)  # its trials are being ended


def _holder(file: IO[str]) -> dict[str, Any]:
    """Who holds the lock, as far as it is known."""
    file.seek(0)
    try:
        told = json.load(file)
        return {"pid": int(told["pid"]), "host": str(told["host"]), "since": str(told["since"])}
    except (ValueError, KeyError, TypeError):
        return {}


def _dead(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is no more: then its trials are about to end."""
    if not holder or holder["host"] != socket.gethostname():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
