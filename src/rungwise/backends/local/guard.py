"""Stands by a script whose checkpoints are kept at a storage: it need know nothing of that, nor share a disk with us.

1. What the script goes on from is fetched before it starts; the file with its configuration and the folder for its
   checkpoint are made, where the tuner's disk is not this machine's.
2. It runs as a child of this process, which passes SIGTERM on to it, and leaves as it left. That it has begun to save
   is told, for the tuner may not see it: who saves is given more time to end.
3. If it ends with 0 and has left a checkpoint, the tuner, who has read what it printed, says of what resource that is,
   or that it is not wanted. It is then sealed here, and uploaded.
Of several ranks, rank 0's is asked for when the others are gone; they have nothing to do but 1.
"""

import os
import resource
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import NoReturn

from rungwise.backends.local.scripts import DRAFTED, write_config
from rungwise.backends.local.worker import unfetched
from rungwise.checkpoints.disk import DiskFullError, is_full, size_of
from rungwise.checkpoints.folders import TooLargeError, checkpoint_folder, seal
from rungwise.core.errors import StorageError
from rungwise.trial.channel import Channel
from rungwise.trial.environment import CONFIG, LOAD, SAVE, START
from rungwise.trial.job import Job
from rungwise.trial.supply import Supply, fetch, kept

LOOK = 0.2
"""Seconds between two looks whether a script has begun to save."""


def guard(job: Job, channel: int, become_script: Callable[[], NoReturn]) -> NoReturn:
    """Run the script that `become_script` turns a process into, for a job; `channel` is the line to the tuner."""
    line = Channel(socket.socket(fileno=channel))
    try:
        job = fetch(job, line.send)
        _make_ready(job)
    except (StorageError, OSError) as error:
        told = isinstance(error, StorageError | DiskFullError)
        if not told and job.folder is not None and is_full(error, Path(job.folder).parent):
            line.send({"full": 0, "at": 0})
        line.send(unfetched(error))
        line.flush()
        os._exit(1)
    line.flush()
    os.environ[START] = str(job.start)
    os.environ.pop(LOAD, None)
    if job.start and job.folder is not None:
        os.environ[LOAD] = str(checkpoint_folder(Path(job.folder), job.start))
    if job.rank:
        become_script()
    draft = Path(os.environ[SAVE])
    status = _run(become_script, partial(_watch, draft, line))
    if status == 0 and _holds_something(draft):
        _hand_in(job, draft, line)
    _leave_as(status)


def _make_ready(job: Job) -> None:
    """Let the files and folders be there that the script's environment names."""
    Path(os.environ[SAVE]).mkdir(parents=True, exist_ok=True)
    file = Path(os.environ[CONFIG])
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_config(job.config, file)


def _run(become_script: Callable[[], NoReturn], watch: Callable[[Event], object]) -> int:
    """Run the script to its end: its exit code, or minus the signal that killed it. `watch` runs as long as it does."""
    over = Event()
    asked: list[int] = []
    script = 0

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if script:
            with suppress(ProcessLookupError):
                os.kill(script, number)

    signal.signal(signal.SIGTERM, pass_on)
    forked = os.fork()
    if not forked:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        become_script()
    script = forked
    if asked:
        with suppress(ProcessLookupError):
            os.kill(script, signal.SIGTERM)
    watching = Thread(target=watch, args=(over,), daemon=True)  # only now: what has threads is not to be forked
    watching.start()
    _, status = os.waitpid(script, 0)
    script = 0
    over.set()
    watching.join()
    return os.waitstatus_to_exitcode(status)


def _watch(draft: Path, line: Channel, over: Event) -> None:
    """Tell once that there is something in a draft."""
    while not over.wait(LOOK):
        if _holds_something(draft):
            with suppress(OSError):
                line.send({"saving": True})
                line.flush()
            return


def _hand_in(job: Job, draft: Path, line: Channel) -> None:
    """Keep what the script has left, if it is wanted."""
    os.write(1, DRAFTED + b"\n")
    units = 0
    while (message := line.receive()) is not None:
        if "keep" in message:  # what came before was for the script
            units = int(message["keep"])
            break
    if not units or job.storage is None or job.folder is None:
        return
    folder = Path(job.folder)
    try:
        seal(draft, folder, units, room=job.room)
        line.send(kept(Supply(job, job.storage, folder).upload(units)))
    except TooLargeError as error:
        line.send({"refused": error.size})
    except (StorageError, OSError) as error:
        if isinstance(error, OSError) and is_full(error, folder):
            line.send({"full": size_of(draft), "at": units})
        line.send({"failed": f"its checkpoint could not be kept: {error}", "cause": "checkpoint"})
    line.flush()


def _leave_as(status: int) -> NoReturn:
    """End as the script ended."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the script has left its own
        with suppress(OSError, ValueError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _holds_something(draft: Path) -> bool:
    try:
        return any(draft.iterdir())
    except OSError:  # the script removed it
        return False
