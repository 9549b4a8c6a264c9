"""A slot's side of the wire, on a node of the cluster: it starts processes through a launcher of its own.

1. What the tuner asks for goes to the launcher; its exits go back, once what the process printed has gone ahead.
2. A process speaks to the tuner over connections of its own. What programs print goes through a pipe and is carried
   over, because a pipe is what they expect; a training function prints straight into a connection.
3. When the tuner hangs up, or answers nothing for a while, every process is ended.
4. Where checkpoints are kept at a storage, trials have their folders in one of the slot's own (see `scratch`).
"""

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from rungwise.backends.local.processes import Processes
from rungwise.backends.local.ranks import free_port
from rungwise.backends.ray.ground import stands_on
from rungwise.backends.ray.scratch import Scratch
from rungwise.backends.ray.wire import SLOT_NOTICES, SPOKEN, FirstLine, call, hasten, listen, watch
from rungwise.core.errors import InputError, StorageError
from rungwise.trial.channel import CHUNK, Channel, Message

CARRYING = 0.5
"""Seconds for what a process that is gone had printed to be carried over; who escaped from it may hold the pipe."""
MEETING = 30.0
"""Seconds that a rank waits for the call of the next one."""
SAYING = 1.0
"""Seconds in which whoever calls must have said who he is: ranks say it at once."""


def serve(
    tuner: Sequence[Any], hello: Message, here: Callable[[str], str], called: Callable[[], object]
) -> None:  # fmt: skip
    """Serve the tuner until it hangs up. `here` says where a path of its is on this node. Raises OSError."""
    with listen(hello["ip"]) as listening:
        place = {"port": listening.getsockname()[1], "meet": free_port(), "speaks": SPOKEN}
        control = call((tuner[0], tuner[1]), {**hello, **place})
        watch(control, SLOT_NOTICES)
        called()
        caller = Caller((tuner[0], tuner[1]), hello["secret"], hello["life"])
        Host(Channel(control), caller, listening, here, hello["life"]).run()


@dataclass(slots=True)
class Caller:
    """Makes this slot's connections."""

    tuner: tuple[str, int]
    secret: str
    life: str
    lines: dict[int, socket.socket] = field(default_factory=dict)
    made: int = 0

    def reserve(self, count: int) -> None:
        """Have so many lines to the tuner in reserve."""
        while len(self.lines) < count:
            line = call(self.tuner, {"secret": self.secret, "life": self.life, "line": self.made})
            self.lines[self.made] = line
            self.made += 1

    def call_rank(self, address: Sequence[Any], token: str) -> socket.socket:
        """Connect to the slot of the rank before."""
        return call((address[0], address[1]), {"secret": self.secret, "token": token})


@dataclass(slots=True)
class Guest:
    """A process that was started, its lines and who carries over what it prints."""

    lines: list[socket.socket]
    carriers: list[Thread]

    def say_no_more(self) -> None:
        """It is gone: end its lines behind the last that it said, whoever else may hold them."""
        for carrier in self.carriers:
            carrier.join(CARRYING)
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_WR)
            line.close()


@dataclass(slots=True)
class Host:
    """Does what the tuner asks for."""

    control: Channel
    caller: Caller
    listening: socket.socket
    here: Callable[[str], str]
    life: str
    scratch: Scratch | None = None
    guests: dict[int, Guest] = field(default_factory=dict)
    awaited: dict[str, socket.socket] = field(default_factory=dict)
    reserve: int = 0
    left: bool = False

    def run(self) -> None:
        """Serve until the tuner hangs up."""
        message = self.control.receive()
        if message is None:
            return
        setup = message["setup"]
        processes: Processes | None = None
        try:
            start = self._prepare(setup)
            processes = start()
            self.reserve = setup["reserve"]
            self.caller.reserve(self.reserve)
            self.tell({"ready": True, "home": None if self.scratch is None else str(self.scratch.path)})
            while self._serve(processes):
                detail = f"the process that starts the trials died ({processes.post_mortem()})"
                processes.close()
                self._all_gone()
                self.tell({"died": detail})
                processes = start()
        except (InputError, StorageError, OSError) as error:
            self.tell({"refused": str(error)})
        finally:
            if processes is not None:
                processes.close()
            if self.scratch is not None:  # before the tuner hears that we are gone, and lets Ray end us
                self.scratch.close()
            self.control.close()

    def tell(self, message: Mapping[str, Any]) -> None:
        """Tell the tuner; if it is gone, the next read says so."""
        with suppress(OSError):
            self.control.send(message)

    def _prepare(self, setup: Message) -> Callable[[], Processes]:
        """Check that trials can run here: what starts the process that starts them."""
        if stands_on(setup["ground"], self.life):
            self.scratch = Scratch()
        holding = () if self.scratch is None else (self.scratch.lock,)
        function = None if setup["function"] is None else moved(setup["function"], self.here)
        if Path(setup["cwd"]).is_dir():
            os.chdir(setup["cwd"])
        return lambda: Processes(setup["env"], function, holding)

    def _serve(self, processes: Processes) -> bool:
        """Do what there is to do until the tuner hangs up; True where the launcher has died before."""
        poll = select.poll()
        for end in (self.control, processes):
            poll.register(end, select.POLLIN)
        while True:
            for message in self.control.poll():  # some may have come with the first
                self._obey(message, processes)
            if self.control.closed or self.left:
                return False
            if any(descriptor == processes.fileno() for descriptor, _ in poll.poll()):
                for gone in processes.receive():
                    self._exited(gone.key, gone.status, gone.oom)
                if processes.closed:
                    return True

    def _obey(self, message: Message, processes: Processes) -> None:
        match message:
            case {"next": int(trial), "fresh": bool(fresh)} if self.scratch is not None:
                self.scratch.prepare(trial, fresh=fresh)
            case {"spawn": int(key)}:
                try:
                    self._spawn(key, message, processes)
                except OSError:
                    self._exited(key, 1, False)
                with suppress(OSError):  # without the tuner the control says so
                    self.caller.reserve(self.reserve)
                self.tell({"meet": free_port()})
            case {"signal": int(key), "number": int(number)}:
                processes.signal(key, number)
            case {"leave": _}:
                self.left = True

    def _spawn(self, key: int, message: Message, processes: Processes) -> None:
        """Start a process on the lines that the tuner named."""
        lines = {name: self.caller.lines.pop(number) for name, number in message["lines"].items()}
        guest = self.guests[key] = Guest(list(lines.values()), [])
        argv = message["argv"]
        command = None if argv is None else [self._word(word, message["python"]) for word in argv]
        descriptors = {name: line.fileno() for name, line in lines.items()}
        with ExitStack() as ours:
            for name in lines.keys() - {"channel"} if argv is not None else ():
                reading, descriptors[name] = os.pipe()
                ours.callback(os.close, descriptors[name])
                carrier = Thread(target=carry, args=(reading, lines[name]), daemon=True)
                carrier.start()
                guest.carriers.append(carrier)
            for name, end in (("before", self._before(message)), ("after", self._after(message))):
                if end is not None:
                    descriptors[name] = ours.enter_context(end).fileno()
            processes.spawn(key, command, message["env"], descriptors, once=message["once"])

    def _word(self, word: str, python: str) -> str:
        return sys.executable if word == python and not Path(python).exists() else self.here(word)

    def _before(self, message: Message) -> socket.socket | None:
        before = message.get("before")
        return None if before is None else self.caller.call_rank(before["address"], before["token"])

    def _after(self, message: Message) -> socket.socket | None:
        """The connection from the rank after, which may have called already."""
        token = message.get("after")
        deadline = time.monotonic() + MEETING
        while token is not None and token not in self.awaited:
            self.listening.settimeout(max(0.001, deadline - time.monotonic()))
            end, _ = self.listening.accept()
            end.settimeout(None)
            try:
                said = FirstLine(self.caller.secret).wait(end, SAYING)
            except OSError:  # somebody else
                end.close()
                continue
            hasten(end)
            self.awaited[str(said.get("token"))] = end
        return None if token is None else self.awaited.pop(token)

    def _exited(self, key: int, status: int, oom: bool | None) -> None:
        guest = self.guests.pop(key, None)
        if guest is not None:
            guest.say_no_more()
        self.tell({"exit": key, "status": status, "oom": oom})

    def _all_gone(self) -> None:
        for guest in self.guests.values():
            guest.say_no_more()
        self.guests.clear()


def carry(pipe: int, line: socket.socket) -> None:
    """Carry what comes out of a pipe over, to its end or the line's."""
    with suppress(OSError):
        while data := os.read(pipe, CHUNK):
            line.sendall(data)
    os.close(pipe)


def moved(parcel: Mapping[str, Any], here: Callable[[str], str]) -> dict[str, Any]:
    """What `functions.pack` made, with its files where they are on this node."""
    main, file = parcel["main"], parcel["file"]
    if main is not None and "path" in main:
        main = {"path": here(main["path"])}
    return {**parcel, "main": main, "file": None if file is None else here(file)}
