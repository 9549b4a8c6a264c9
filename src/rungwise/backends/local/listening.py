"""What the tuner's side listens to: one selector for everything that can happen, and a pipe to be woken through."""

import os
import selectors
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Protocol

LONGEST = 3600.0  # seconds that a selector can certainly wait


class Listened(Protocol):
    """What has a descriptor."""

    def fileno(self) -> int:
        """The descriptor."""
        ...


class Ears:
    """Calls back whoever listens to a descriptor that has become readable."""

    __slots__ = ("_selector", "_waker", "_waking")

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waking, self._waker = os.pipe()
        os.set_blocking(self._waking, False)
        os.set_blocking(self._waker, False)
        self.listen(self._waking, self._woken)

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._waker < 0

    def listen(self, what: int | Listened, heard: Callable[[], object]) -> None:
        """Call `heard` whenever there is something to read."""
        self._selector.register(what, selectors.EVENT_READ, heard)

    def forget(self, descriptor: int) -> None:
        """Listen to it no more; no harm if nobody did."""
        if descriptor >= 0:
            with suppress(KeyError):
                self._selector.unregister(descriptor)

    def wait(self, seconds: float) -> None:
        """Call back for all that has arrived; wait so long for something if nothing has."""
        for key, _ in self._selector.select(None if seconds == inf else min(LONGEST, max(0.0, seconds))):
            heard: Callable[[], object] = key.data
            heard()

    def wake(self) -> None:
        """Let `wait` return; may be called from a signal handler."""
        if self._waker >= 0:
            with suppress(BlockingIOError):
                os.write(self._waker, b"!")

    def close(self) -> None:
        """Listen to nothing any more."""
        waking, waker = self._waking, self._waker
        self._waking = self._waker = -1
        self._selector.close()
        os.close(waking)
        os.close(waker)

    def _woken(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._waking, 4096)
