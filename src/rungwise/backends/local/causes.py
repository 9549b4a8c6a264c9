"""Why a process died: its exit status in words, and what that says of its job."""

import signal

from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running
from rungwise.backends.local.memory import KILLED
from rungwise.core.events import Cause


def describe_exit(status: int) -> str:
    """An exit code, or minus a signal, in words.

    >>> describe_exit(3), describe_exit(-15)
    ('exit code 3', 'killed by SIGTERM')
    """
    if status >= 0:
        return f"exit code {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def outcome_of(running: Running, status: int, oom: bool | None, timeout: float | None) -> Outcome:
    """What the exit status of a process that did not say how its job ended tells of it.

    `oom`: whether its machine killed a process for want of memory meanwhile (None: it does not say).
    """
    if running.draft is not None and status == 0:
        return Returned()
    if running.late:
        return Failed("timeout", f"killed, because it reported nothing for {timeout:g} seconds", status)
    return Failed(*cause_of_exit(status, None if running.cut else oom), status)


def cause_of_exit(status: int, oom: bool | None) -> tuple[Cause, str]:
    """Why a process that we did not kill is gone, and the same in words.

    >>> cause_of_exit(-9, True)
    ('memory', 'killed by SIGKILL: the kernel ended a process for want of memory meanwhile')
    >>> cause_of_exit(-9, False)
    ('signal', 'killed by SIGKILL, though not by the tuner nor, by its count, by the kernel for want of memory')
    >>> cause_of_exit(0, False)
    ('exit', 'exit code 0 before the training returned')
    """
    told = describe_exit(status)
    if status in KILLED and oom:
        return "memory", f"{told}: the kernel ended a process for want of memory meanwhile"
    if status == -signal.SIGKILL and oom is not None:
        told += ", though not by the tuner nor, by its count, by the kernel for want of memory"
    elif status == 0:
        told += " before the training returned"
    return ("exit" if status >= 0 else "signal"), told
