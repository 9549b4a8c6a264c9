"""What trials print: a file per trial, and its end for people to read when the trial has failed."""

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

NAME = "output.txt"
TAIL_BYTES = 16_384
TAIL_LINES = 15
LINE = 300


def open_output(folder: Path, rank: int = 0) -> BinaryIO:
    """The file that a trial's output is appended to; every rank but 0 has one of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return _file(folder, rank).open("ab+", buffering=0)


def shared_output() -> BinaryIO:
    """A nameless file for a process that runs one trial after another; `pour` moves its content where it belongs."""
    file = tempfile.TemporaryFile("wb+", buffering=0)  # noqa: SIM115
    fcntl.fcntl(file, fcntl.F_SETFL, fcntl.fcntl(file, fcntl.F_GETFL) | os.O_APPEND)
    return file


def pour(shared: BinaryIO, folder: Path) -> None:
    """Append what has been printed to the trial's own file, if there is anything, and start anew."""
    size = os.fstat(shared.fileno()).st_size
    if not size:
        return
    with suppress(OSError), open_output(folder) as file:
        position = 0
        while position < size and (chunk := os.pread(shared.fileno(), 1 << 20, position)):
            write(file, chunk)
            position += len(chunk)
    os.ftruncate(shared.fileno(), 0)


def write(file: BinaryIO, text: bytes) -> None:
    """Write to a trial's output; what the disk has no room for is lost, which is no reason to end a tuning."""
    with suppress(OSError):
        while text:
            text = text[file.write(text) :]


def tidy(folder: Path, ranks: int) -> None:
    """Leave no empty file of so many ranks, and no empty folder, behind."""
    for file in (_file(folder, rank) for rank in range(ranks)):
        with suppress(OSError):
            if not file.stat().st_size:
                file.unlink()
    with suppress(OSError):
        folder.rmdir()


def _file(folder: Path, rank: int) -> Path:
    return folder / (f"output-rank-{rank}.txt" if rank else NAME)


def tail(file: BinaryIO, since: int = 0) -> str:
    """The last lines of what was written after `since` bytes, each of bounded length."""
    size = os.fstat(file.fileno()).st_size
    start = max(since, size - TAIL_BYTES)
    text = os.pread(file.fileno(), max(0, size - start), start).decode(errors="replace").rstrip()
    return "\n".join(line if len(line) <= LINE else f"{line[:LINE]}…" for line in text.splitlines()[-TAIL_LINES:])
