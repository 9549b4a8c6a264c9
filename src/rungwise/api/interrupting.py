"""Ctrl-C and SIGTERM while an experiment runs: an orderly end first, at once the second time."""

import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import Protocol


class Interruptible(Protocol):
    """A backend that can be told to end."""

    def interrupt(self, within: float | None = None) -> None:
        """Ask all trials to pause, and end those that have not after `within` seconds (None: wait for them)."""
        ...


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM: running trials were paused, all is recorded; `rungwise.resume(name)` goes on.

    `at_once`: it came twice, so the running trials go on from the checkpoints that they had. `signal` is the first of
    the `signals` that came.
    """

    def __init__(self, name: str, store: Path, signals: Sequence[int], *, at_once: bool = False) -> None:
        how = "ended at once" if at_once else "interrupted"
        super().__init__(f"the experiment {name!r} was {how}; go on with: {resume_command(name, store)}")
        self.name = name
        self.store = store
        self.signal = signals[0] if signals else signal.SIGINT


def resume_command(name: str, store: Path) -> str:
    """What to type to go on with an experiment."""
    return f"rungwise resume {name} --store {quote(str(store))}"


@contextmanager
def interruptible(backend: Interruptible, grace: float) -> Iterator[list[int]]:
    """Gives the signals that came. Only the main thread can be told; after SIGTERM trials have `grace` seconds.

    Ctrl-C waits for the next reports, because somebody is there to press it again; who sends SIGTERM kills later.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signal.signal expects
        came.append(number)
        if len(came) > 1:
            raise KeyboardInterrupt

    def pass_on() -> None:
        while number := reading.recv(1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):  # a byte comes for every signal that has a handler
                backend.interrupt(grace if number[0] == signal.SIGTERM else None)

    # A signal that comes just before the backend begins to wait runs `handle` only after it: the byte that it writes
    # is what ends the waiting.
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    passing_on = threading.Thread(target=pass_on, name="rungwise-signals", daemon=True)
    passing_on.start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    former = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield came
    finally:
        signal.set_wakeup_fd(former)
        for number, handler in before.items():
            signal.signal(number, handler)
        writing.close()
        passing_on.join()
        reading.close()
