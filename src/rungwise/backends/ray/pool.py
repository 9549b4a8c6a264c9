"""The processes of a cluster: a place for every job among the slots that are there."""

import os
import secrets
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rungwise.backends.local.child import Child, at_home
from rungwise.backends.local.jobs import Outcome
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.output import open_output, shared_output
from rungwise.backends.local.places import Watcher, What
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.ranks import variables
from rungwise.backends.local.scripts import Program, make_ready, program_for
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import VISIBLE, thread_limits
from rungwise.backends.local.training import ScriptTraining
from rungwise.backends.ray.cluster import Cluster
from rungwise.backends.ray.ground import Ground
from rungwise.backends.ray.placing import choose, local_places
from rungwise.backends.ray.seat import Seat
from rungwise.backends.ray.seats import Seats
from rungwise.backends.ray.settings import RaySettings
from rungwise.checkpoints.folders import trial_folder
from rungwise.trial.channel import Channel
from rungwise.trial.job import Job

ORPHANS = 0.15
"""Seconds that processes get to end whose slot is gone: those that watch over them need milliseconds."""


class RayPool:
    """The children of a cluster, in `settings.workers` slots of it at most. `what` is a script, or a packed function.

    `ground` makes what all nodes must share with us, once there is a cluster. Raises InputError for what cannot be.
    """

    def __init__(
        self, what: What, settings: LocalSettings, ray: RaySettings, ground: Callable[[], Ground], ears: Ears,
        watcher: Watcher,
    ) -> None:  # fmt: skip
        self._what = what
        self._settings = settings
        self._ray = ray
        self._watcher = watcher
        function = None if isinstance(what, ScriptTraining) else what
        self._lines = ("channel", "output", "printed") if function is None else ("channel", "output")
        self._once = function is None or not settings.reuse_workers
        self._children: dict[int, Child] = {}
        self._hosts: dict[int, list[Seat]] = {}
        self._idle: list[Child] = []
        self._keys = 0
        setup = {
            "function": function, "env": {**thread_limits(ray.cpus, 1, slots=1), **settings.env},
            "reserve": len(self._lines),
        }  # fmt: skip
        cluster = Cluster(ray, settings.workers, on_one_node=not settings.ranks)
        try:
            made = ground()
        except BaseException:
            cluster.close()
            raise
        self._seats = Seats(cluster, settings.workers, setup, made, ears, self)

    @property
    def slots(self) -> int:
        """How many there are; with the last one gone, how many there were before."""
        return self._seats.count

    def has_room(self, slots: int) -> bool:
        """Whether a job of so many slots can be started now."""
        return self._idle_for(slots) is not None or self._choose(slots) is not None

    def run(self, job: Job, folder: Path) -> Child:
        """Start a job for which there is room. The child of rank 0; where a rank cannot be started, none is left."""
        if isinstance(self._what, ScriptTraining) and self._settings.storage is None:
            make_ready(job, folder)
        ranked = self._settings.ranks
        child = self._spawn_ranks(job, folder) if ranked else self._alone(job, folder)
        child.begin(job, folder, self._program(job, folder), ranked=ranked)
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
        self._seats.leave()
        for child in list(self._children.values()):
            self.discard(child)
        self._seats.close()

    # What the slots tell

    def exited(self, gone: Exit) -> None:
        """A process is gone."""
        child = self._children.get(gone.key)
        if child is not None:
            self._watcher.exited(child, gone)

    def evicted(self, seat: Seat, outcome: Outcome) -> None:
        """All that ran in a slot is gone, or has to end with it."""
        children = [child for key, child in self._children.items() if seat in self._hosts[key]]
        for child in children:
            if self._hosts[child.key][0] is not seat:
                self.signal(child, signal.SIGKILL)
        wait_for_silence([child.channel for child in children], ORPHANS)
        self._watcher.lost(children, outcome)

    def counted(self, slots: int) -> None:
        """There are so many slots now."""
        self._watcher.capacity(slots)

    def room(self) -> None:
        """A slot may have become fit for another process."""
        self._watcher.room()

    # Processes

    def _program(self, job: Job, folder: Path, home: Path | None = None) -> Program:
        """What its processes execute where the folders of trials are in `home` (None: where they are here)."""
        if not isinstance(self._what, ScriptTraining):
            return Program()
        where = folder if home is None else trial_folder(home, job.trial)
        return program_for(self._what, at_home(job, home), where)

    def _choose(self, slots: int) -> list[Seat] | None:
        idle = {child.key for child in self._idle}
        free = [
            seat for seat in self._seats.ready()
            if (seat.key is None or seat.key in idle) and len(seat.lines) >= len(self._lines)
        ]  # fmt: skip
        return choose(free, slots, together=not self._settings.ranks)

    def _idle_for(self, slots: int) -> Child | None:
        return next((child for child in self._idle if child.slots == slots), None)

    def _take(self, job: Job) -> list[Seat]:
        """Free slots, of which idle processes are ended."""
        chosen = self._choose(job.slots)
        if chosen is None:
            raise ValueError(f"a job asks for {job.slots} slots, for which there is no room")
        for child in [each for each in self._idle if any(seat.key == each.key for seat in chosen)]:
            self._end(child)
        tell_next(chosen, job.trial, fresh=True)
        return chosen

    def _alone(self, job: Job, folder: Path) -> Child:
        """One process that has all the slots."""
        warm = self._idle_for(job.slots)
        if warm is not None:
            self._idle.remove(warm)
            tell_next(self._hosts[warm.key], job.trial, fresh=False)
            return warm
        output = open_output(folder) if self._once else shared_output()
        seats = self._take(job)
        program = self._program(job, folder, seats[0].home)
        environment = {**program.environment, **self._devices(seats)}
        if job.slots > 1:
            environment = {**thread_limits(self._ray.cpus, 1, job.slots), **self._settings.env, **environment}
        child = self._spawn(seats, output, program.argv, environment)
        child.ranks = [child]
        return child

    def _spawn_ranks(self, job: Job, folder: Path) -> Child:
        """As many processes, of a slot each; all on a node see the GPUs of all there, in the order of the ranks."""
        seats, count = self._take(job), job.slots
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
                program = self._program(job, folder, seat.home)
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
            home=host.home, connected=argv is None,
        )  # fmt: skip
        self._children[key] = child
        self._hosts[key] = seats
        for seat in seats:
            seat.key = key
        return child


def tell_next(seats: Sequence[Seat], trial: int, *, fresh: bool) -> None:
    """Let slots that have folders of their own know whose job comes next."""
    for seat in seats:
        if seat.home is not None:
            seat.tell({"next": trial, "fresh": fresh})


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
