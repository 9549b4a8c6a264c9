"""The processes of a cluster: a place for every job among the slots that have called, and what becomes of those."""

import logging
import os
import secrets
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Displaced, Failed
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.output import open_output, shared_output
from rungwise.backends.local.places import Watcher, What
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.ranks import variables
from rungwise.backends.local.scripts import Program, program_for
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import VISIBLE, thread_limits
from rungwise.backends.local.training import ScriptTraining
from rungwise.backends.ray.cluster import Cluster
from rungwise.backends.ray.door import Door
from rungwise.backends.ray.placing import choose, local_places
from rungwise.backends.ray.pulse import Pulse
from rungwise.backends.ray.seat import Seat, seat_from
from rungwise.backends.ray.settings import RaySettings
from rungwise.backends.ray.wire import SPOKEN
from rungwise.core.errors import InputError
from rungwise.trial.channel import Channel, Message
from rungwise.trial.trial import Job

logger = logging.getLogger("rungwise")

SETTLING = 3.0
"""Seconds without another slot after which the cluster is taken to have no room for more."""
LONG = 10.0
"""Seconds after which it is said what is waited for."""
ORPHANS = 0.2
"""Seconds that processes get to end whose slot is gone: those that watch over them need milliseconds."""
LEAVING = 10.0
"""Seconds for slots to end what runs there."""
SEEING = 2.0
"""Seconds for a file that a node wrote to be seen here."""


class RayPool:
    """The children of a cluster, `settings.workers` slots of it at most. `what` is a script, or a packed function.

    Opened, it waits until all slots are there, or as many as the cluster has room for. A slot that comes later is used,
    one that goes takes its jobs with it, which have not failed; with the last of them everything waits. `checkpoints`
    is the folder that all nodes must see. Raises InputError for what cannot be.
    """

    def __init__(
        self, what: What, settings: LocalSettings, ray: RaySettings, checkpoints: Path, ears: Ears, watcher: Watcher
    ) -> None:  # fmt: skip
        self._what = what
        self._cwd = str(Path.cwd())
        self._settings = settings
        self._ray = ray
        self._checkpoints = checkpoints
        self._ears = ears
        self._watcher = watcher
        self._lines = ("channel", "output", "printed") if isinstance(what, ScriptTraining) else ("channel", "output")
        self._once = isinstance(what, ScriptTraining) or not settings.reuse_workers
        self._seats: dict[int, Seat] = {}
        self._children: dict[int, Child] = {}
        self._hosts: dict[int, list[Seat]] = {}
        self._idle: list[Child] = []
        self._keys = 0
        self._opening = True
        self._stranded = False
        self._door: Door | None = None
        self._pulse: Pulse | None = None
        self._cluster = Cluster(ray, settings.workers, on_one_node=not settings.ranks)
        try:
            secret = secrets.token_hex(32)
            self._door = Door(ears, self._cluster.ip, secret, self._came)
            self._cluster.ask({
                "tuner": self._door.address, "secret": secret, "cwd": self._cwd,
                "path": [entry or self._cwd for entry in sys.path],
            })  # fmt: skip
            self._gather()
            self._pulse = Pulse(ears, self._cluster.head)
        except BaseException:
            self.close()
            raise
        self.slots = len(self._ready())
        self._opening = False

    def has_room(self, slots: int) -> bool:
        """Whether a job of so many slots can be started now."""
        return self._idle_for(slots) is not None or self._choose(slots) is not None

    def run(self, job: Job, folder: Path) -> Child:
        """Start a job for which there is room. The child of rank 0; where a rank cannot be started, none is left."""
        what = self._what
        program = program_for(what, job, folder) if isinstance(what, ScriptTraining) else Program()
        ranked = self._settings.ranks
        child = self._spawn_ranks(job.slots, folder, program) if ranked else self._alone(job.slots, folder, program)
        child.begin(job, folder, program, ranked=ranked)
        return child

    def release(self, child: Child) -> None:
        """A warm process has ended its job and waits for the next one."""
        self._idle.append(child)

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to a process, SIGKILL to its whole group; no harm if it is gone."""
        self._hosts[child.key][0].tell({"signal": child.key, "number": int(number)})

    def discard(self, child: Child) -> None:
        """A process is gone, or about to be, and everything that it said has been read."""
        del self._children[child.key]
        for seat in self._hosts.pop(child.key):
            seat.key = None
        if child in self._idle:
            self._idle.remove(child)
        self._watcher.forget(child)
        child.close()

    def close(self) -> None:
        """End every child, wait until they are gone, and give the cluster back."""
        self._opening = True
        for seat in self._seats.values():
            seat.tell({"leave": True})
        self._see_off()
        for child in list(self._children.values()):
            self.discard(child)
        for seat in self._seats.values():
            self._ears.forget(seat.control.fileno())
            seat.close()
        self._seats.clear()
        for part in (self._pulse, self._door):
            if part is not None:
                part.close()
        self._cluster.close()

    # Who comes and goes

    def _gather(self) -> None:
        """Wait for the slots that the cluster has room for."""
        begun = last = time.monotonic()
        there, told = 0, False
        while there < self._settings.workers:
            self._ears.wait(0.2)
            now = time.monotonic()
            if len(self._ready()) > there:
                there, last = len(self._ready()), now
            elif there and now > last + SETTLING:
                logger.warning(
                    "the cluster has room for %d of %d slots: the others are used when nodes join",
                    there, self._settings.workers,
                )  # fmt: skip
                return
            elif not there and not told and now > begun + LONG:
                told = True
                logger.warning("the cluster has no room for a slot yet: waiting for it")
            self._cluster.check()

    def _ready(self) -> list[Seat]:
        return [seat for seat in self._seats.values() if seat.ready]

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
                if seat.ready and not self._opening:
                    self._watcher.room()
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
        self._ears.listen(seat.control, lambda: self._on_control(seat))
        settings = self._settings
        seat.tell({
            "setup": {
                "function": None if isinstance(self._what, ScriptTraining) else self._what,
                "env": {**thread_limits(self._ray.cpus, 1, slots=1), **settings.env},
                "probe": str(self._probe(seat)), "cwd": self._cwd, "reserve": len(self._lines),
            }
        })  # fmt: skip

    def _probe(self, seat: Seat) -> Path:
        return self._checkpoints / f".seen-{seat.life}"

    def _on_control(self, seat: Seat) -> None:
        for message in seat.control.poll():
            match message:
                case {"exit": int(key), "status": int(status), "oom": bool() | None as oom}:
                    child = self._children.get(key)
                    if child is not None:
                        self._watcher.exited(child, Exit(key, status, oom))
                case {"meet": int(port)}:
                    seat.meet = port
                case {"ready": _}:
                    self._admit(seat)
                case {"refused": str(sentence)}:
                    self._refuse(seat, sentence)
                case {"died": str(sentence)}:
                    self._watcher.lost(self._children_of(seat), Failed("lost", sentence))
        if seat.control.closed and seat.number in self._seats:
            self._lost(seat)

    def _admit(self, seat: Seat) -> None:
        """Trials can run there, if it sees our folder."""
        probe = self._probe(seat)
        begun = time.monotonic()
        while not probe.exists():
            if time.monotonic() > begun + SEEING:
                self._refuse(seat, f"what it writes to the folder {probe.parent} for checkpoints is not seen here")
                return
            time.sleep(0.05)
        with suppress(OSError):
            probe.unlink()
        seat.ready = True
        self._count()

    def _refuse(self, seat: Seat, sentence: str) -> None:
        """Trials cannot run there."""
        self._ears.forget(seat.control.fileno())
        self._seats.pop(seat.number, None)
        seat.close()
        hint = ": let the store lie in a folder that all nodes share" if "for checkpoints" in sentence else ""
        if self._opening:
            raise InputError(f"the node {seat.where} of the cluster cannot run trials: {sentence}{hint}")
        logger.warning("the node %s has joined, but cannot run trials: %s%s", seat.where, sentence, hint)
        self._cluster.dismiss(seat.number)

    def _lost(self, seat: Seat) -> None:
        """A slot is gone, and what ran there with it."""
        self._ears.forget(seat.control.fileno())
        del self._seats[seat.number]
        children = self._children_of(seat)
        for child in children:
            if self._hosts[child.key][0] is not seat:
                self.signal(child, signal.SIGKILL)
        wait_for_silence([child.channel for child in children], ORPHANS)
        self._watcher.lost(children, Displaced(f"its slot on {seat.where} is gone"))
        seat.close()
        self._count()

    def _count(self) -> None:
        """Tell how many slots there are now, but that there are none: that would be the end (decision 2)."""
        if self._opening:
            return
        there = len(self._ready())
        if not there:
            self._stranded = True
            logger.warning("the cluster has no slot left: waiting for nodes")
            return
        if self._stranded:
            self._stranded = False
            logger.warning("the cluster has slots again: the trials go on")
        if there != self.slots:
            self.slots = there
            self._watcher.capacity(there)
        self._watcher.room()

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

    # Processes

    def _children_of(self, seat: Seat) -> list[Child]:
        return [child for key, child in self._children.items() if seat in self._hosts[key]]

    def _choose(self, slots: int) -> list[Seat] | None:
        idle = {child.key for child in self._idle}
        free = [
            seat for seat in self._ready()
            if (seat.key is None or seat.key in idle) and len(seat.lines) >= len(self._lines)
        ]  # fmt: skip
        return choose(free, slots, together=not self._settings.ranks)

    def _idle_for(self, slots: int) -> Child | None:
        return next((child for child in self._idle if child.slots == slots), None)

    def _take(self, slots: int) -> list[Seat]:
        """Free slots, of which idle processes are ended."""
        chosen = self._choose(slots)
        if chosen is None:
            raise ValueError(f"a job asks for {slots} slots, for which there is no room")
        for child in [each for each in self._idle if any(seat.key == each.key for seat in chosen)]:
            self._end(child)
        return chosen

    def _alone(self, slots: int, folder: Path, program: Program) -> Child:
        """One process that has all the slots."""
        warm = self._idle_for(slots)
        if warm is not None:
            self._idle.remove(warm)
            return warm
        output = open_output(folder) if self._once else shared_output()
        seats = self._take(slots)
        environment = {**program.environment, **self._devices(seats)}
        if slots > 1:
            environment = {**thread_limits(self._ray.cpus, 1, slots), **self._settings.env, **environment}
        child = self._spawn(seats, output, program.argv, environment)
        child.ranks = [child]
        return child

    def _spawn_ranks(self, count: int, folder: Path, program: Program) -> Child:
        """As many processes, of a slot each; all on a node see the GPUs of all there, in the order of the ranks."""
        seats = self._take(count)
        tokens = [secrets.token_hex(8) for _ in seats]
        ranks: list[Child] = []
        try:
            for rank, (seat, local) in enumerate(zip(seats, local_places(seats), strict=True)):
                place: dict[str, Any] = {}
                if rank:
                    before = seats[rank - 1]
                    place["before"] = {"address": [before.ip, before.port], "token": tokens[rank]}
                if rank + 1 < count:
                    place["after"] = tokens[rank + 1]
                environment = {
                    **program.environment, **self._devices([each for each in seats if each.node == seat.node]),
                    **variables(rank, count, seats[0].meet, address=seats[0].ip, local=local),
                }  # fmt: skip
                child = self._spawn([seat], open_output(folder, rank), program.argv, environment, place)
                ranks.append(child)
                child.rank, child.ranks, child.head = rank, ranks, ranks[0] if rank else None
        except BaseException:
            for child in ranks:
                self._end(child)
            raise
        return ranks[0]

    def _devices(self, seats: Sequence[Seat]) -> dict[str, str]:
        """The environment that shows a process the GPUs of its slots."""
        gpus = dict.fromkeys(gpu for seat in seats for gpu in seat.gpus)
        return {VISIBLE: ",".join(gpus)} if self._ray.gpu else {}

    def _end(self, child: Child) -> None:
        """Kill a child, and let go of it at once."""
        self.signal(child, signal.SIGKILL)
        self.discard(child)

    def _spawn(
        self, seats: list[Seat], output: BinaryIO, argv: Sequence[str] | None, environment: Mapping[str, str],
        place: Mapping[str, Any] | None = None,
    ) -> Child:  # fmt: skip
        self._keys += 1
        key, host = self._keys, seats[0]
        lines = host.take_lines(self._lines)
        since = os.fstat(output.fileno()).st_size
        host.tell({
            "spawn": key, "argv": argv, "env": dict(environment), "once": self._once, "python": sys.executable,
            "lines": {name: number for name, (number, _) in lines.items()}, **(place or {}),
        })  # fmt: skip
        ends = {name: end for name, (_, end) in lines.items()}
        child = Child(
            key, Channel(ends["channel"]), output, len(seats), (), self._once, since=since,
            printed=_descriptor(ends["printed"]) if "printed" in ends else -1, carried=_descriptor(ends["output"]),
            connected=argv is None,
        )  # fmt: skip
        self._children[key] = child
        self._hosts[key] = seats
        for seat in seats:
            seat.key = key
        return child


def wait_for_silence(channels: Sequence[Channel], seconds: float) -> None:
    """Wait until the other ends of all of these are closed, but not for long."""
    poll = select.poll()
    left = {channel.fileno() for channel in channels if not channel.closed}
    for descriptor in left:
        poll.register(descriptor, select.POLLRDHUP)
    deadline = time.monotonic() + seconds
    while left and (remaining := deadline - time.monotonic()) > 0:
        for descriptor, _ in poll.poll(1000 * remaining):
            poll.unregister(descriptor)
            left.discard(descriptor)


def _descriptor(end: socket.socket) -> int:
    end.setblocking(False)
    return end.detach()
