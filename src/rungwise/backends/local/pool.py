"""Finds a process for every job: a new one, or a warm one that waits for work."""

import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Running
from rungwise.backends.local.output import open_output, shared_output
from rungwise.backends.local.processes import Processes
from rungwise.backends.local.scripts import arguments_for, environment_for, write_config
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import Devices, thread_limits, usable_cores
from rungwise.backends.local.training import ScriptTraining
from rungwise.checkpoints.folders import draft_folder
from rungwise.trial.channel import Channel
from rungwise.trial.trial import Job


class Pool:
    """The children of this machine. `what` is a script, or a function as `functions.pack` made it.

    Where the settings say so, a process goes on to the next job of as many slots; else each job gets its own. `forget`
    is called with every child that is about to be closed. The descriptors in `holding` stay open in another process
    until none is left. Raises InputError if a function cannot be imported, or slots are not there.
    """

    __slots__ = (
        "_children", "_devices", "_env", "_forget", "_holding", "_idle", "_keys", "_reuse", "_what", "_workers",
        "processes",
    )  # fmt: skip

    def __init__(
        self, what: ScriptTraining | Mapping[str, Any], settings: LocalSettings, holding: Sequence[int],
        forget: Callable[[Child], object],
    ) -> None:  # fmt: skip
        self._what = what
        self._workers = settings.workers
        self._devices = Devices(settings.gpus, settings.per_gpu, settings.workers)
        self._env = dict(settings.env)
        self._reuse = settings.reuse_workers
        self._holding = holding
        self._forget = forget
        self._idle: list[Child] = []
        self._keys = 0
        self._children: dict[int, Child] = {}
        self.processes = self._processes()

    def run(self, job: Job, folder: Path) -> Child:
        """Start a job, in a process of its own or a warm one."""
        if isinstance(self._what, ScriptTraining):
            return self._run_script(self._what, job, folder)
        child = self._idle_for(job.slots)
        if child is None:
            output = shared_output() if self._reuse else open_output(folder)
            child = self._spawn(job.slots, output, None, {})
        child.running = Running(job, folder, None, checkpoint=job.start)
        child.send({"job": job.message()})
        return child

    def release(self, child: Child) -> None:
        """A warm process has ended its job and waits for the next one."""
        self._idle.append(child)

    def get(self, key: int) -> Child | None:
        """The child of that key, unless it has been discarded."""
        return self._children.get(key)

    def discard(self, child: Child) -> None:
        """A process is gone, or about to be, and everything that it said has been read."""
        del self._children[child.key]
        if child in self._idle:
            self._idle.remove(child)
        self._devices.give_back(child.devices)
        self._forget(child)
        child.close()

    def restart(self) -> None:
        """The launcher died, and every child with it: start again with nothing running."""
        self.close()
        self.processes = self._processes()

    def close(self) -> None:
        """End every child, and wait until they are gone."""
        self.processes.close()
        for child in list(self._children.values()):
            self.discard(child)

    def _processes(self) -> Processes:
        function = None if isinstance(self._what, ScriptTraining) else self._what
        environment = {**thread_limits(usable_cores(), self._workers, slots=1), **self._env}
        return Processes(environment, function, self._holding)

    def _run_script(self, script: ScriptTraining, job: Job, folder: Path) -> Child:
        draft = draft_folder(folder, job.milestone)
        config_file = write_config(job, folder)
        argv = arguments_for(script.command, script.config_as, job.config, config_file)
        environment = environment_for(job, script.config_as, folder, config_file, draft)
        child = self._spawn(job.slots, open_output(folder), argv, environment)
        child.running = Running(job, folder, draft, checkpoint=job.start)
        message = job.message()
        del message["config"]  # it may be large, and the script may never read this; it is in the file
        child.send({"job": message})
        return child

    def _idle_for(self, slots: int) -> Child | None:
        """A warm process with as many slots; where there is none, idle ones make room for a new one."""
        for index, child in enumerate(self._idle):
            if child.slots == slots:
                return self._idle.pop(index)
        while self._idle and sum(child.slots for child in self._children.values()) + slots > self._workers:
            self.processes.signal(self._idle[0].key, signal.SIGKILL)
            self.discard(self._idle[0])
        return None

    def _spawn(
        self, slots: int, output: BinaryIO, argv: Sequence[str] | None, environment: Mapping[str, str]
    ) -> Child:  # fmt: skip
        with ExitStack() as undo:
            undo.callback(output.close)
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            with theirs, ExitStack() as theirs_too:
                printed = -1
                descriptors = [theirs.fileno(), output.fileno()]
                if argv is not None:
                    printed, printing = os.pipe()
                    undo.callback(os.close, printed)
                    theirs_too.callback(os.close, printing)
                    os.set_blocking(printed, False)
                    descriptors.append(printing)
                devices = self._devices.take(slots)
                environment = {**environment, **self._devices.environment(devices)}
                if slots > 1:
                    environment = {**thread_limits(usable_cores(), self._workers, slots), **self._env, **environment}
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
