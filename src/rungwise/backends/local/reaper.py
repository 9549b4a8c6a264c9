"""Ends every process of every trial once nobody else can: a program of its own, which outlives the tuner by a moment.

It is told process groups ("+123", "-123", a line each) over a pipe that the launcher and, until they have registered,
its children hold. A second pipe is held by the tuner alone. When either ends, all groups still known are killed; those
that register later are killed as they do, so that no moment is left in which a child could slip through.

It ends only when none of them is left, so that whatever else it was given to hold (a lock) is held until then.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

PATIENCE = 5.0  # seconds for killed processes to be gone: one that waits for a broken disk never is
STEP = 0.002
SLOW = 0.02  # seconds after which those are looked for that are dead, but that nobody has waited for
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")


def end_group(group: int) -> None:
    """Kill every process of a group; no harm if there is none left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def watch(alive: int, register: int) -> None:
    """Keep the list of groups until the register's last writer is gone, and leave none of them behind."""
    groups: set[int] = set()
    killed: set[int] = set()
    rest = b""
    tuner_lives = writers_live = True
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(register, select.POLLIN)
    while writers_live:
        for descriptor, _ in poll.poll():
            if descriptor == alive:
                poll.unregister(alive)
                tuner_lives = False
            else:
                data = os.read(register, 65536)
                writers_live = bool(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
        if not (tuner_lives and writers_live):
            for group in groups - killed:
                end_group(group)
            killed |= groups
    wait_for(groups)


def wait_for(groups: set[int]) -> None:
    """Wait until no process of these groups runs, but not for ever."""
    begun = time.monotonic()
    while groups := {group for group in groups if exists(group)}:
        waited = time.monotonic() - begun
        if waited > PATIENCE or (waited > SLOW and not groups & running_groups(groups)):
            return
        time.sleep(STEP if waited < SLOW else 10 * STEP)


def exists(group: int) -> bool:
    """Whether there is a process in a group, be it one that is dead and that nobody has waited for."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def running_groups(known: set[int]) -> set[int]:
    """The groups of all processes that are not dead; `known` where the system does not tell."""
    groups: set[int] = set()
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - a program of few imports
    except OSError:
        return known
    for number in numbers:
        with suppress(OSError), open(f"/proc/{number}/stat", "rb") as file:  # noqa: PTH123
            state, _, group = file.read().rpartition(b")")[2].split()[:3]
            if state not in (b"Z", b"X"):
                groups.add(int(group))
    return groups if numbers else known


def main() -> None:
    """Run as a program: the two descriptors are its arguments."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    watch(int(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
