"""Connections between the tuner and the slots of a cluster, and how each begins: with a line that says who calls.

A slot calls the tuner, never the other way round. Its first connection is the control, over which it is told what to
do; others, its lines, are kept in reserve, so that a process that is to be started finds its connections made. Between
ranks on different slots the later calls the earlier. All of it is JSON, a message per line (see `trial.channel`).

The first line holds the run's `secret` and
    the control     {"slot": 3, "life": …, "node": …, "ip": …, "host": …, "gpus": ["0"], "port": 4711, "meet": 29500,
                    "speaks": 1}: its number, one word for this life of it, Ray's node, the port at which it listens
                    for other ranks, and one that is free for the ranks to meet at
    a line          {"life": …, "line": 7}
    between ranks   {"token": …}

To the slot: `{"setup": {…}}` once, then `{"spawn": key, …}` and `{"signal": key, "number": 15}` as to a launcher, with
the numbers of the lines to use, and at last `{"leave": true}`, which it answers by hanging up. Where it has a folder of
its own for trials, `{"next": 7, "fresh": true}` goes before each job: its trial, and whether a process begins with it.
From it: `{"ready": true, "home": …}` with that folder or null, or `{"refused": sentence}` once, then
`{"exit": key, "status": 0, "oom": false}`, `{"meet": port}` after every start, and `{"died": sentence}` where the
launcher died, and another took its place.
"""

import hmac
import select
import socket
import time
from contextlib import suppress

from rungwise.trial.channel import Message, decode, encode

SPOKEN = 2
"""Changes whenever anything does that is said here, or between a trial and the tuner."""
LONGEST = 1 << 16  # of a first line, in bytes
TUNER_NOTICES = 4.0
"""Seconds after which the tuner takes a slot for lost that answers nothing; systems look once a second."""
SLOT_NOTICES = 2.0
"""Seconds after which a slot ends its trials when the tuner answers nothing: before they are started elsewhere."""


def call(address: tuple[str, int], first: Message, patience: float = 10.0) -> socket.socket:
    """Connect, and say who calls. Raises OSError."""
    end = socket.create_connection(address, patience)
    try:
        hasten(end)
        end.sendall(encode(first))
        end.settimeout(None)
    except BaseException:
        end.close()
        raise
    return end


def hasten(end: socket.socket) -> None:
    """Let small messages go out at once."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def watch(end: socket.socket, notices: float) -> None:
    """Let a connection break when the other machine has answered nothing for so many seconds."""
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # The time a probe may be without an answer, where the system has it, also ends one on which something was sent.
    options = {
        "TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": max(1, int(notices) - 1),
        "TCP_USER_TIMEOUT": int(1000 * notices),
    }  # fmt: skip
    for name, value in options.items():
        option = getattr(socket, name, None)
        if option is not None:
            with suppress(OSError):
                end.setsockopt(socket.IPPROTO_TCP, option, value)


class FirstLine:
    """What a caller says first, of which he must know the secret."""

    __slots__ = ("_said", "_secret")

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._said = bytearray()

    def read(self, end: socket.socket) -> Message | None:
        """The line, and nothing beyond it; None if it has not come whole yet.

        What has come of it is taken, so that a selector does not tell of it again. Raises PermissionError for anybody
        else, and other OSErrors where the connection breaks.
        """
        try:
            seen = end.recv(LONGEST, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        length = seen.find(b"\n") + 1
        self._said += end.recv(length or len(seen))
        if not length:
            if seen and len(self._said) < LONGEST:
                return None
            raise PermissionError("this is no call of ours")
        message = decode(bytes(self._said)) or {}
        secret = message.pop("secret", None)
        if not isinstance(secret, str) or not _same(secret, self._secret):
            raise PermissionError("this caller does not know the secret")
        return message

    def wait(self, end: socket.socket, seconds: float) -> Message:
        """The line, for which it waits so long. Raises TimeoutError if it has not come then, else like `read`."""
        deadline = time.monotonic() + seconds
        poll = select.poll()
        poll.register(end, select.POLLIN)
        while (message := self.read(end)) is None:
            if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
                raise TimeoutError("this caller says nothing")
        return message


def _same(one: str, other: str) -> bool:
    """Whether two words are the same, in a time that does not tell where they differ; a surrogate is a word, too."""
    return hmac.compare_digest(one.encode(errors="surrogatepass"), other.encode())


def listen(ip: str) -> socket.socket:
    """A socket that listens on a free port of this machine's address."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    return socket.create_server((ip, 0), family=family, backlog=1024)
