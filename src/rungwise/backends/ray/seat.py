"""One slot as the tuner knows it: what it said of itself, and its connections."""

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rungwise.backends.ray.wire import TUNER_NOTICES, watch
from rungwise.trial.channel import Channel, Message


@dataclass(slots=True, eq=False)
class Seat:
    """A slot that has called, `ready` once trials can run there.

    `number` is the slot's, `life` a word for this life of it; `node` is Ray's name of the node, `host` its own. `gpus`
    are the devices that Ray gave it; `port` is where other ranks reach it, `meet` one at which ranks can meet there.
    `home` is where on its node the folders of trials are (None: in the folder of the checkpoints, which it sees).
    `lines` are connections in reserve; `key` is the process that it has, or that has it.
    """

    number: int
    life: str
    control: Channel
    node: str
    ip: str
    host: str
    gpus: tuple[str, ...]
    port: int = 0
    meet: int = 0
    ready: bool = False
    home: Path | None = None
    lines: dict[int, socket.socket] = field(default_factory=dict)
    key: int | None = None

    @property
    def where(self) -> str:
        """The node, for people."""
        return f"{self.host} ({self.ip})"

    def tell(self, message: Message) -> None:
        """Send a message; if the slot is gone, its control says so."""
        with suppress(OSError):
            self.control.send(message)

    def take_lines(self, names: tuple[str, ...]) -> dict[str, tuple[int, socket.socket]]:
        """Connections for a process, by name, each with its number."""
        return {name: self.lines.popitem() for name in names}

    def close(self) -> None:
        """Hang up."""
        self.control.close()
        for line in self.lines.values():
            line.close()
        self.lines.clear()


def seat_from(hello: Message, end: socket.socket) -> Seat:
    """The slot that called with this first line."""
    watch(end, TUNER_NOTICES)
    told: dict[str, Any] = {name: hello[name] for name in ("life", "node", "ip", "host")}
    return Seat(
        int(hello["slot"]), control=Channel(end), gpus=tuple(hello["gpus"]), port=int(hello.get("port", 0)),
        meet=int(hello.get("meet", 0)), **told,
    )  # fmt: skip
