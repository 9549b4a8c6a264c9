"""Ends every process of every trial once nobody else can: a program of its own, which outlives the tuner by a moment.

It is told process groups ("+123", "-123", a line each) over a pipe that the launcher and, until they have registered,
its children hold. A second pipe is held by the tuner alone. When either ends, all groups still known are killed; those
that register later are killed as they do, so that no moment is left in which a child could slip through.
"""

import os
import select
import signal
import sys
from contextlib import suppress

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP")


def end_group(group: int) -> None:
    """Kill every process of a group; no harm if there is none left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def watch(alive: int, register: int) -> None:
    """Keep the list of groups until the register's last writer is gone, and leave none of them behind."""
    groups: set[int] = set()
    rest = b""
    tuner_lives = True
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(register, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == alive:
                poll.unregister(alive)
                tuner_lives = False
            else:
                data = os.read(register, 65536)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
                if not data:
                    for group in groups:
                        end_group(group)
                    return
        if not tuner_lives:
            for group in groups:
                end_group(group)
            groups.clear()


def main() -> None:
    """Run as a program: the two descriptors are its arguments."""
    for name in SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    watch(int(sys.argv[1]), int(sys.argv[2]))


if __name__ == "__main__":
    main()
