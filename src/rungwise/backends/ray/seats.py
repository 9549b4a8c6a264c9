"""The slots of a cluster as they come and go: who has called, who can run trials, and how many there are.

1. Opened, it waits until all slots are there, or as many as the cluster has room for.
2. Every slot is asked to write where the checkpoints are to lie (see `ground`), and to import the training. One that
   cannot is refused: at the opening in a sentence, later by a warning, and it is given back.
3. A slot that is gone takes with it what ran there; that is told before the number of those left.
4. It is never told that there are none: that would be the end (decision 2). Everything waits until there is one again.
"""

import logging
import secrets
import select
import socket
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rungwise.backends.local.jobs import Displaced, Failed, Outcome
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.processes import Exit
from rungwise.backends.ray.cluster import Cluster
from rungwise.backends.ray.door import Door
from rungwise.backends.ray.ground import Ground
from rungwise.backends.ray.pulse import Pulse
from rungwise.backends.ray.seat import Seat, seat_from
from rungwise.backends.ray.wire import SPOKEN
from rungwise.core.errors import InputError
from rungwise.trial.channel import Message

logger = logging.getLogger("rungwise")

SETTLING = 3.0
"""Seconds without another slot after which the cluster is taken to have no room for more."""
LONG = 10.0
"""Seconds after which it is said what is waited for."""
LEAVING = 10.0
"""Seconds for slots to end what runs there."""


class Tenant(Protocol):
    """Who has processes in the slots, and is told of them once they are open."""

    def exited(self, gone: Exit) -> None:
        """A process is gone."""
        ...

    def evicted(self, seat: Seat, outcome: Outcome) -> None:
        """All that ran in a slot is gone; `outcome` is that of jobs that had not said how they ended."""
        ...

    def counted(self, slots: int) -> None:
        """There are so many slots now."""
        ...

    def room(self) -> None:
        """A slot may have become fit for another process."""
        ...


class Seats:
    """At most `workers` slots of a cluster, which this owns and gives back when it is closed.

    `setup` is what each slot is told, `ground` what all must share. Raises InputError for what cannot be.
    """

    def __init__(
        self, cluster: Cluster, workers: int, setup: Mapping[str, Any], ground: Ground, ears: Ears, tenant: Tenant
    ) -> None:  # fmt: skip
        self._cluster = cluster
        self._workers = workers
        self._setup = setup
        self._ground = ground
        self._ears = ears
        self._tenant = tenant
        self._cwd = str(Path.cwd())
        self._seats: dict[int, Seat] = {}
        self._opened = False
        self._stranded = False
        self._told = 0
        self._parts: list[Door | Ground | Pulse] = [ground]
        try:
            secret = secrets.token_hex(32)
            door = Door(ears, cluster.ip, secret, self._came)
            self._parts.append(door)
            cluster.ask({
                "tuner": door.address, "secret": secret, "cwd": self._cwd,
                "path": [entry or self._cwd for entry in sys.path],
            })  # fmt: skip
            self._gather()
            self._parts.append(Pulse(ears, cluster.head))
        except BaseException:
            self.close()
            raise
        self._told = len(self.ready())
        self._opened = True

    @property
    def count(self) -> int:
        """How many there are, as was told last."""
        return self._told

    def ready(self) -> list[Seat]:
        """Those in which trials can run."""
        return [seat for seat in self._seats.values() if seat.ready]

    def leave(self) -> None:
        """Let every slot end what runs there, and wait until it has."""
        self._opened = False
        for seat in self._seats.values():
            seat.tell({"leave": True})
        self._see_off()

    def close(self) -> None:
        """Hang up, and give the cluster back."""
        for seat in self._seats.values():
            self._ears.forget(seat.control.fileno())
            seat.close()
        self._seats.clear()
        for part in self._parts:
            part.close()
        self._cluster.close()

    def _gather(self) -> None:
        """Wait for the slots that the cluster has room for."""
        begun = last = time.monotonic()
        there, told = 0, False
        while there < self._workers:
            self._ears.wait(0.2)
            now = time.monotonic()
            if len(self.ready()) != there:  # one may be gone again
                there, last = len(self.ready()), now
            elif there and now > last + SETTLING:
                logger.warning(
                    "the cluster has room for %d of %d slots: the others are used when nodes join",
                    there, self._workers,
                )  # fmt: skip
                return
            elif not there and not told and now > begun + LONG:
                told = True
                logger.warning("the cluster has no room for a slot yet: waiting for it")
            self._cluster.check()

    def _came(self, message: Message, end: socket.socket) -> None:
        """A slot has called, or made another connection."""
        match message:
            case {"slot": int(number)}:
                if number in self._seats:  # it was started again before the end of its former life was heard of
                    self._lost(self._seats[number])
                self._welcome(seat_from(message, end), message)
            case {"line": int(number), "life": str(life)}:
                seat = next((each for each in self._seats.values() if each.life == life), None)
                if seat is None:
                    end.close()
                    return
                seat.lines[number] = end
                if seat.ready and self._opened:
                    self._tenant.room()
            case _:
                end.close()

    def _welcome(self, seat: Seat, hello: Message) -> None:
        refused = hello.get("refused")
        if refused is None and hello["speaks"] != SPOKEN:
            refused = "it has another version of rungwise than the tuner"
        if refused is not None:
            self._refuse(seat, refused)
            return
        self._seats[seat.number] = seat
        self._ears.listen(seat.control, partial(self._on_control, seat))
        seat.tell({"setup": {**self._setup, "ground": self._ground.task(seat.life), "cwd": self._cwd}})

    def _on_control(self, seat: Seat) -> None:
        for message in seat.control.poll():
            match message:
                case {"exit": int(key), "status": int(status), "oom": bool() | None as oom}:
                    self._tenant.exited(Exit(key, status, oom))
                case {"meet": int(port)}:
                    seat.meet = port
                case {"ready": _, "home": home}:
                    self._admit(seat, None if home is None else Path(home))
                case {"refused": str(sentence)}:
                    self._refuse(seat, sentence)
                case {"died": str(sentence)}:
                    self._tenant.evicted(seat, Failed("lost", sentence))
        if seat.control.closed and self._seats.get(seat.number) is seat:
            self._lost(seat)

    def _admit(self, seat: Seat, home: Path | None) -> None:
        """Trials can run there, if it shares our ground."""
        problem = self._ground.problem(seat.life)
        if problem is not None:
            self._refuse(seat, problem)
            return
        seat.home = home
        seat.ready = True
        self._count()

    def _refuse(self, seat: Seat, sentence: str) -> None:
        """Trials cannot run there."""
        self._ears.forget(seat.control.fileno())
        self._seats.pop(seat.number, None)
        if seat.ready:  # it could, until what starts them died there
            self._tenant.evicted(seat, Displaced(f"its slot on {seat.where} is gone"))
        seat.close()
        if not self._opened:
            raise InputError(f"the node {seat.where} of the cluster cannot run trials: {sentence}")
        logger.warning("the node %s has joined, but cannot run trials: %s", seat.where, sentence)
        self._cluster.dismiss(seat.number)
        if seat.ready:
            self._count()

    def _lost(self, seat: Seat) -> None:
        """A slot is gone, and what ran there with it."""
        self._ears.forget(seat.control.fileno())
        del self._seats[seat.number]
        self._tenant.evicted(seat, Displaced(f"its slot on {seat.where} is gone"))
        seat.close()
        self._count()

    def _count(self) -> None:
        """Tell how many slots there are now."""
        if not self._opened:
            return
        there = len(self.ready())
        if not there:
            self._stranded = True
            logger.warning("the cluster has no slot left: waiting for nodes")
            return
        if self._stranded:
            self._stranded = False
            logger.warning("the cluster has slots again: the trials go on")
        if there != self._told:
            self._told = there
            self._tenant.counted(there)
        self._tenant.room()

    def _see_off(self) -> None:
        """Wait until all slots have hung up."""
        deadline = time.monotonic() + LEAVING
        poll = select.poll()
        open_ones = {seat.control.fileno(): seat for seat in self._seats.values() if not seat.control.closed}
        for descriptor in open_ones:
            poll.register(descriptor, select.POLLIN)
        while open_ones and (left := deadline - time.monotonic()) > 0:
            for descriptor, _ in poll.poll(1000 * left):
                open_ones[descriptor].control.poll()
                if open_ones[descriptor].control.closed:
                    poll.unregister(descriptor)
                    del open_ones[descriptor]
