"""One JSON object per line over a socket: what a trial and the tuner tell each other, in both directions.

From the trial: `{"resource": 3, "metrics": {…}, "saved": true}` (a report), `{"breach": sentence}` (a report that broke
the contract), `{"refused": bytes}` (a checkpoint too large for its room), `{"full": bytes, "at": 3}` (the disk was full
when the checkpoint at 3 held so many), `{"hello": …}` (a script has connected), `{"done": true}` and
`{"failed": text, "cause": …}` (how a function ended).
Where checkpoints are kept at a storage: `{"kept": 3, "path": …, "bytes": …}` (that at 3 is there), `{"unkept": text,
"at": 3}` (it could not be put there), `{"rewound": 1}` (what the job was to go on from is gone or torn: it begins at
1).
To the trial: `{"job": {…}}`, then at any time `{"request": "pause"}` or `{"request": "halt"}`, and `{"recorded": 3}`:
the report of the checkpoint at 3 is in the log. Where a script has ended and left a checkpoint (which is told among
what it prints), `{"keep": 3}` says of what resource that is, or 0: it is not wanted.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]

CHUNK = 1 << 16
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(message: Mapping[str, Any]) -> bytes:
    """A message as one line of bytes; floats come back exactly, NaN and infinities included."""
    return _encode(message).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """The message in a line, or None if the line holds no JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


class Lines:
    """Cuts a stream of bytes into lines and keeps the unfinished rest.

    >>> lines = Lines()
    >>> lines.feed(b"one\\ntw"), lines.feed(b"o\\n"), lines.take_rest()
    ([b'one'], [b'two'], b'')
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    @property
    def waiting(self) -> int:
        """How many bytes of an unfinished line are held."""
        return sum(map(len, self._rest))

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their line ends."""
        if b"\n" not in data:
            if data:
                self._rest.append(data)
            return []
        first, *lines = data.split(b"\n")
        lines.insert(0, self.take_rest() + first)
        rest = lines.pop()
        if rest:
            self._rest.append(rest)
        return lines

    def take_rest(self) -> bytes:
        """The unfinished line, which is forgotten."""
        rest = b"".join(self._rest)
        self._rest.clear()
        return rest


class Channel:
    """One end of a conversation. Sending never waits for the reader, unless `flush` is asked for."""

    __slots__ = ("_arrived", "_lines", "_outbox", "_socket", "closed")

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lines = Lines()
        self._arrived: list[Message] = []
        self._outbox = bytearray()
        self.closed = False

    def fileno(self) -> int:
        """The descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send what the reader has room for; the rest goes with the next call. Raises OSError if it is gone."""
        self._outbox += encode(message)
        try:
            sent = self._socket.send(self._outbox, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        del self._outbox[:sent]

    def flush(self) -> None:
        """Send what is left, waiting for the reader if need be."""
        if self._outbox:
            self._socket.sendall(self._outbox)
            self._outbox.clear()

    def poll(self) -> list[Message]:
        """The messages that have arrived; never waits. Sets `closed` once the other end is gone."""
        while not self.closed:
            try:
                full = self._read(socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if not full:
                break
        arrived = self._arrived
        self._arrived = []
        return arrived

    def receive(self) -> Message | None:
        """The next message, waiting for it; None once the other end is gone."""
        while not self._arrived and not self.closed:
            self._read(0)
        return self._arrived.pop(0) if self._arrived else None

    def close(self) -> None:
        """Close this end."""
        self.closed = True
        self._socket.close()

    def _read(self, flags: int) -> bool:
        """Read once; whether there may be more."""
        try:
            data = self._socket.recv(CHUNK, flags)
        except BlockingIOError:
            raise
        except OSError:  # whatever broke the connection
            data = b""
        self.closed = not data
        for line in self._lines.feed(data):
            message = decode(line)
            if message is not None:
                self._arrived.append(message)
        return len(data) == CHUNK
