"""Whether the head of a cluster is still there: without it Ray ends every process of the cluster, our own included."""

import os
import socket
from contextlib import suppress
from threading import Event, Thread

from rungwise.backends.local.listening import Ears
from rungwise.core.errors import PlacesLostError

EVERY = 2.0
PATIENCE = 30.0
"""Seconds: a head that is restarted is back sooner, and Ray gives up after 60."""


class Pulse:
    """Calls the head from time to time. When it has not answered for a while, `Ears.wait` raises PlacesLostError."""

    __slots__ = ("_ears", "_head", "_over", "_reading", "_thread", "_writing")

    def __init__(self, ears: Ears, head: tuple[str, int]) -> None:
        self._ears = ears
        self._head = head
        self._reading, self._writing = os.pipe()
        self._over = Event()
        ears.listen(self._reading, self._lost)
        self._thread = Thread(target=self._watch, name="rungwise-pulse", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Call it no more."""
        self._over.set()
        self._thread.join()
        self._ears.forget(self._reading)
        os.close(self._reading)
        os.close(self._writing)

    def _watch(self) -> None:
        missed = 0.0
        while missed < PATIENCE:
            if self._over.wait(EVERY):
                return
            missed = 0.0 if self._answers() else missed + EVERY
        os.write(self._writing, b"!")

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(self._head, EVERY):
            return True
        return False

    def _lost(self) -> None:
        self._ears.forget(self._reading)
        host, port = self._head
        raise PlacesLostError(f"the head of the Ray cluster ({host}:{port}) has not answered for {PATIENCE:.0f} s")
