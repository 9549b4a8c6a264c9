"""Finds a process for every job: a new one, or a warm one that waits for work."""

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Failed
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.output import open_output, shared_output
from rungwise.backends.local.places import Watcher, What
from rungwise.backends.local.processes import Processes
from rungwise.backends.local.ranks import free_port, variables
from rungwise.backends.local.scripts import Program, make_ready, program_for
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import Devices, thread_limits, usable_cores
from rungwise.backends.local.training import ScriptTraining
from rungwise.trial.channel import Channel
from rungwise.trial.job import Job

ALONE: Mapping[str, int] = MappingProxyType({})
"""No place in a line of ranks."""


class Pool:
    """The children of this machine. `what` is a script, or a function as `functions.pack` made it.

    Where the settings say so, a process goes on to the next job of as many slots; else each job gets its own, or as
    many as it has slots. The descriptors in `holding` stay open in another process until none is left. Raises
    InputError if a function cannot be imported, or slots are not there.
    """

    __slots__ = (
        "_children", "_devices", "_ears", "_env", "_holding", "_idle", "_keys", "_ranks", "_reuse", "_watcher", "_what",
        "processes", "slots",
    )  # fmt: skip

    def __init__(
        self, what: What, settings: LocalSettings, holding: Sequence[int],
        ears: Ears, watcher: Watcher,
    ) -> None:  # fmt: skip
        self._what = what
        self.slots = settings.workers
        self._devices = Devices(settings.gpus, settings.per_gpu, settings.workers)
        self._env = dict(settings.env)
        self._reuse = settings.reuse_workers
        self._ranks = settings.ranks
        self._holding = holding
        self._ears = ears
        self._watcher = watcher
        self._idle: list[Child] = []
        self._keys = 0
        self._children: dict[int, Child] = {}
        self.processes = self._processes()

    def has_room(self, slots: int) -> bool:  # noqa: ARG002 - the protocol's
        """Always: the tuner asks for no more than there is."""
        return True

    def run(self, job: Job, folder: Path) -> Child:
        """Start a job: in a process of its own or a warm one, or in as many ranks as it has slots. The child of rank 0.

        Where one of the ranks cannot be started, none is left.
        """
        what = self._what
        program = Program()
        if isinstance(what, ScriptTraining):
            make_ready(job, folder)
            program = program_for(what, job, folder)
        if self._ranks:
            child = self._spawn_ranks(job.slots, folder, program)
        else:
            child = self._alone(job.slots, folder, program)
        child.begin(job, folder, program, ranked=self._ranks)
        return child

    def release(self, child: Child) -> None:
        """A warm process has ended its job and waits for the next one."""
        self._idle.append(child)

    def discard(self, child: Child) -> None:
        """A process is gone, or about to be, and everything that it said has been read."""
        del self._children[child.key]
        if child in self._idle:
            self._idle.remove(child)
        self._devices.give_back(child.devices)
        self._watcher.forget(child)
        child.close()

    def signal(self, child: Child, number: int) -> None:
        """Send a signal to a process, SIGKILL to its whole group; no harm if it is gone."""
        if not self.processes.closed:
            self.processes.signal(child.key, number)

    def close(self) -> None:
        """End every child, and wait until they are gone."""
        self.processes.close()
        for child in list(self._children.values()):
            self.discard(child)

    def _processes(self) -> Processes:
        """A launcher, listened to."""
        function = None if isinstance(self._what, ScriptTraining) else self._what
        environment = {**thread_limits(usable_cores(), self.slots, slots=1), **self._env}
        processes = Processes(environment, function, self._holding)
        self._ears.listen(processes, self._on_launcher)
        return processes

    def _on_launcher(self) -> None:
        for gone in self.processes.receive():
            child = self._children.get(gone.key)
            if child is not None:
                self._watcher.exited(child, gone)
        if self.processes.closed:
            self._launcher_lost()

    def _launcher_lost(self) -> None:
        """The launcher died: once all that it started is gone, start again with nothing running."""
        detail = f"the process that starts the trials died ({self.processes.post_mortem()})"
        self._ears.forget(self.processes.fileno())
        self.processes.close()
        self._watcher.lost(list(self._children.values()), Failed("lost", detail))
        self.processes = self._processes()

    def _alone(self, slots: int, folder: Path, program: Program) -> Child:
        """One process that has all the slots."""
        warm = self._idle_for(slots) if program.argv is None else None
        if warm is not None:
            return warm
        output = shared_output() if self._reuse and program.argv is None else open_output(folder)
        devices = self._devices.take(slots)
        environment = {**program.environment, **self._devices.environment(devices)}
        if slots > 1:
            environment = {**thread_limits(usable_cores(), self.slots, slots), **self._env, **environment}
        child = self._spawn(slots, output, program.argv, environment, devices)
        child.ranks = [child]
        return child

    def _spawn_ranks(self, count: int, folder: Path, program: Program) -> Child:
        """As many processes, of a slot each; all see the GPUs of all, in the order of the ranks."""
        port = free_port()
        left = self._devices.take(count)
        shared = {**program.environment, **self._devices.environment(left)}
        ranks: list[Child] = []
        with ExitStack() as pipes:
            before = -1
            try:
                for rank in range(count):
                    reading, writing = os.pipe() if rank + 1 < count else (-1, -1)
                    pipes.callback(_close, reading, writing)
                    output = open_output(folder, rank)
                    own, left = left[:1], left[1:]
                    environment = {**shared, **variables(rank, count, port)}
                    place = {"before": before, "after": writing}
                    child = self._spawn(1, output, program.argv, environment, own, place)
                    ranks.append(child)
                    child.rank, child.ranks, child.head = rank, ranks, ranks[0] if rank else None
                    before = reading
            except BaseException:
                self._devices.give_back(left)
                for child in ranks:
                    self._end(child)
                raise
        return ranks[0]

    def _idle_for(self, slots: int) -> Child | None:
        """A warm process with as many slots; where there is none, idle ones make room for a new one."""
        for index, child in enumerate(self._idle):
            if child.slots == slots:
                return self._idle.pop(index)
        while self._idle and sum(child.slots for child in self._children.values()) + slots > self.slots:
            self._end(self._idle[0])
        return None

    def _end(self, child: Child) -> None:
        """Kill a child, and let go of it at once."""
        self.signal(child, signal.SIGKILL)
        self.discard(child)

    def _spawn(
        self, slots: int, output: BinaryIO, argv: Sequence[str] | None, environment: Mapping[str, str],
        devices: tuple[str, ...], place: Mapping[str, int] = ALONE,
    ) -> Child:  # fmt: skip
        with ExitStack() as undo:
            undo.callback(output.close)
            undo.callback(self._devices.give_back, devices)
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs, ExitStack() as theirs_too:
                printed = -1
                descriptors = {"channel": theirs.fileno(), "output": output.fileno()}
                if argv is not None:
                    printed, printing = os.pipe()
                    undo.callback(os.close, printed)
                    theirs_too.callback(os.close, printing)
                    os.set_blocking(printed, False)
                    descriptors["printed"] = printing
                descriptors |= {name: end for name, end in place.items() if end >= 0}
                once = not self._reuse or argv is not None
                since = os.fstat(output.fileno()).st_size  # before it starts: it may print, and be gone, at once
                self._keys += 1
                self.processes.spawn(self._keys, argv, environment, descriptors, once=once)
            undo.pop_all()
        child = Child(
            self._keys, Channel(ours), output, slots, devices, once, since=since,
            printed=printed, connected=argv is None,
        )  # fmt: skip
        self._children[self._keys] = child
        return child


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        if descriptor >= 0:
            os.close(descriptor)
