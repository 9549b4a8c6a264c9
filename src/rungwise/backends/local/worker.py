"""What a process that runs a training function does: jobs come in over its channel, reports and ends go out."""

import sys
from collections.abc import Callable
from contextlib import suppress
from traceback import format_exception

from rungwise.core.errors import StorageError
from rungwise.trial.channel import Channel, Message
from rungwise.trial.job import Job
from rungwise.trial.link import TunerLink
from rungwise.trial.ranks import Line
from rungwise.trial.supply import fetch
from rungwise.trial.trial import Trial

DETAIL_LINES = 15
LINE = 300


def serve(
    function: Callable[[Trial], object], channel: Channel, *, once: bool, line: Line | None = None
) -> None:  # fmt: skip
    """Run jobs until the tuner is gone, or only one; `line` is the place among the ranks of that."""
    while (message := channel.receive()) is not None:
        # A request that comes before a job was meant for the one that has just ended.
        if "job" not in message:
            continue
        end = run_job(function, Job(**message["job"]), channel, line)
        with suppress(OSError, ValueError):  # the training may have closed them
            sys.stdout.flush()
            sys.stderr.flush()
        channel.send(end)
        channel.flush()
        if once:
            return


def run_job(function: Callable[[Trial], object], job: Job, channel: Channel, line: Line | None = None) -> Message:
    """Train, and say how it ended."""
    try:
        job = fetch(job, channel.send)
    except (StorageError, OSError) as error:
        return unfetched(error)
    link = TunerLink(channel)
    try:
        function(Trial(job, link, line))
    except SystemExit as leave:
        if leave.code not in (None, 0):
            return {"failed": f"the training called sys.exit({leave.code!r})"[:LINE], "cause": "exit"}
    except BaseException as error:  # a trial fails alone, whatever it raises
        return {"failed": traceback_end(error), "cause": "memory" if wants_memory(error) else "exception"}
    finally:
        link.close()
    return {"done": True}


def unfetched(error: Exception) -> Message:
    """What is said of a job that could not begin, for want of what it was to go on from."""
    return {"failed": f"what it goes on from could not be fetched: {error}"[: 3 * LINE], "cause": "checkpoint"}


def wants_memory(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, says that memory ran out, be it a GPU's.

    >>> wants_memory(MemoryError()), wants_memory(ValueError())
    (True, False)
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__:
            return True
        seen.add(id(error))
        error = error.__cause__
    return False


def traceback_end(error: BaseException) -> str:
    """The last lines of a traceback, without our own frame, each of bounded length."""
    trace = error.__traceback__
    inner = trace.tb_next if trace is not None else None
    lines = "".join(format_exception(type(error), error, inner)).rstrip().splitlines()
    text = "\n".join(line if len(line) <= LINE else f"{line[:LINE]}…" for line in lines[-DETAIL_LINES:])
    return text.encode(errors="replace").decode()  # the name of a file may be no text
