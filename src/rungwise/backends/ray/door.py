"""Where the slots of a cluster call the tuner: whoever knows the secret is let in, and is known by his first line."""

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from rungwise.backends.local.listening import Ears
from rungwise.backends.ray.wire import first_line, hasten, listen
from rungwise.trial.channel import Message

Came = Callable[[Message, socket.socket], object]


class Door:
    """Listens at a free port of `ip`, and hands every caller who knows the `secret` to `came` with its first line."""

    __slots__ = ("_came", "_ears", "_listening", "_secret", "_waiting", "address")

    def __init__(self, ears: Ears, ip: str, secret: str, came: Came) -> None:
        self._ears = ears
        self._secret = secret
        self._came = came
        self._waiting: set[socket.socket] = set()
        self._listening = listen(ip)
        self._listening.setblocking(False)
        self.address = (ip, int(self._listening.getsockname()[1]))
        ears.listen(self._listening, self._open)

    def close(self) -> None:
        """Let nobody in any more."""
        for end in (self._listening, *self._waiting):
            self._ears.forget(end.fileno())
            end.close()
        self._waiting.clear()

    def _open(self) -> None:
        with suppress(BlockingIOError):
            while True:
                try:
                    end, _ = self._listening.accept()
                except ConnectionError:  # it has gone again
                    continue
                end.setblocking(True)
                self._waiting.add(end)
                self._ears.listen(end, partial(self._greet, end))
                self._greet(end)

    def _greet(self, end: socket.socket) -> None:
        try:
            message = first_line(end, self._secret)
        except OSError:
            self._let_go(end)
            end.close()
            return
        if message is not None:
            self._let_go(end)
            hasten(end)
            self._came(message, end)

    def _let_go(self, end: socket.socket) -> None:
        self._waiting.discard(end)
        self._ears.forget(end.fileno())
