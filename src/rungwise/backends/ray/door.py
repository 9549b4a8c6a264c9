"""Where the slots of a cluster call the tuner: whoever knows the secret is let in, and is known by his first line.

Whoever has not said a whole line is sent away when others call: after `PATIENCE` seconds, or when more than `MOST`
wait. So strangers take neither the tuner's time nor its descriptors.
"""

import errno
import socket
import time
from collections.abc import Callable
from functools import partial

from rungwise.backends.local.listening import Ears
from rungwise.backends.ray.wire import FirstLine, hasten, listen
from rungwise.trial.channel import Message

PATIENCE = 10.0
MOST = 256
Came = Callable[[Message, socket.socket], object]


class Door:
    """Listens at a free port of `ip`, and hands every caller who knows the `secret` to `came` with its first line."""

    __slots__ = ("_came", "_ears", "_listening", "_secret", "_waiting", "address")

    def __init__(self, ears: Ears, ip: str, secret: str, came: Came) -> None:
        self._ears = ears
        self._secret = secret
        self._came = came
        self._waiting: dict[socket.socket, float] = {}  # since when (monotonic seconds), the first comer first
        self._listening = listen(ip)
        self._listening.setblocking(False)
        self.address = (ip, int(self._listening.getsockname()[1]))
        ears.listen(self._listening, self._open)

    def close(self) -> None:
        """Let nobody in any more."""
        self._ears.forget(self._listening.fileno())
        self._listening.close()
        for end in list(self._waiting):
            self._send_away(end)

    def _open(self) -> None:
        """Hear one caller; if more have come, there is something to read again."""
        end = self._accept()
        if end is None:
            return
        now = time.monotonic()
        for other, since in list(self._waiting.items()):
            if now < since + PATIENCE and len(self._waiting) < MOST:
                break
            self._send_away(other)
        end.setblocking(True)
        self._waiting[end] = now
        line = FirstLine(self._secret)
        self._ears.listen(end, partial(self._greet, end, line))
        self._greet(end, line)

    def _accept(self) -> socket.socket | None:
        """The next caller; None if there is none."""
        while True:
            try:
                return self._listening.accept()[0]
            except BlockingIOError:
                return None
            except ConnectionError:  # it has gone again
                continue
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._waiting:
                    raise
                self._send_away(next(iter(self._waiting)))

    def _greet(self, end: socket.socket, line: FirstLine) -> None:
        if end not in self._waiting:  # it was sent away after its words had been seen
            return
        try:
            message = line.read(end)
        except OSError:
            self._send_away(end)
            return
        if message is not None:
            self._let_go(end)
            hasten(end)
            self._came(message, end)

    def _send_away(self, end: socket.socket) -> None:
        self._let_go(end)
        end.close()

    def _let_go(self, end: socket.socket) -> None:
        del self._waiting[end]
        self._ears.forget(end.fileno())
