"""Trials as processes of this machine: commands in, events out."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, assert_never

from rungwise.backends.local.full_disk import Waiting, need
from rungwise.backends.local.functions import pack, refuse_while_importing
from rungwise.backends.local.patience import Patience
from rungwise.backends.local.places import OpenPlaces, What
from rungwise.backends.local.pool import Pool
from rungwise.backends.local.queue import Queued
from rungwise.backends.local.scripts import check_script
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.supervisor import Supervisor
from rungwise.backends.local.training import FunctionTraining, ScriptTraining, Training
from rungwise.checkpoints.disk import DiskFullError, is_full
from rungwise.checkpoints.folders import TooLargeError, inherit, newest, trial_folder
from rungwise.checkpoints.shipping import Shipped
from rungwise.checkpoints.storage import modules_for
from rungwise.core.commands import Command, Halt, Launch, Pause, Wake
from rungwise.core.errors import InputError
from rungwise.core.events import (
    BackendEvent,
    CapacityChanged,
    Cause,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialRewound,
)
from rungwise.core.objective import Objective
from rungwise.trial.job import Job

GROUP = 512


class Keeper(Protocol):
    """Who decides how much of the disk checkpoints may take."""

    def reserve(self, trial: int, *, sparing: int | None = None) -> int | None:
        """The bytes that the folder of a trial about to run may hold; None: as many as there are.

        `sparing` is the trial that it inherits from, whose checkpoint must stay.
        """
        ...

    def refused(self, trial: int, size: int) -> None:
        """Hear that a checkpoint of so many bytes was not kept, because it was larger than the room for it."""
        ...

    def shipped(self, one: Shipped) -> None:
        """Hear that a job has put a checkpoint to the storage."""
        ...

    def source(self, trial: int, resource: int) -> str | None:
        """The path of a trial's checkpoint at the storage; None if none is known."""
        ...


class LocalBackend:
    """Runs trials in processes as the settings say; leaving its context ends every process it started.

    They run on this machine, or in the places that `places` opens for what is trained (see `rungwise.backends.ray`).
    `objective` is what trials are judged by (None: nothing; any metric will do, and values are NaN); `max_resource` is
    the most that any trial gets. `checkpoints` is the folder for them and for what trials print;
    `keeper` says how much they may take (None: no limit), and what is no longer needed is left for others to remove.
    Event times are seconds since construction plus `start_at`. The descriptors in `holding` stay open, should this
    process be killed, until none of its trials' processes is left.

    As long as no job has ended cleanly, here or (`proven`) before, a training that breaks its contract ends the run.

    Raises InputError for a training that cannot run, or slots that this machine does not have, before any trial starts.
    """

    def __init__(
        self, training: Training, settings: LocalSettings, *, objective: Objective | None, max_resource: int,
        checkpoints: Path, keeper: Keeper | None = None, holding: Sequence[int] = (), proven: bool = False,
        start_at: float = 0.0, places: Callable[[What], OpenPlaces] | None = None,
    ) -> None:  # fmt: skip
        refuse_while_importing()
        self._begun = time.monotonic() - start_at
        self._start_at = start_at
        self._settings = settings
        self._objective = objective
        self._max_resource = max_resource
        self._checkpoints = checkpoints.resolve()  # other machines may see what a link leads to, but not the link
        self._keeper = keeper
        self._interrupted = False
        self._wake_at = inf
        # Each of the processes that are forked would else import what the storage needs for itself.
        preload = (*settings.preload, *(() if settings.storage is None else modules_for(settings.storage)))
        what = _prepare(training, preload, reuse=settings.reuse_workers)
        self._supervisor = Supervisor(
            partial(Pool, what, settings, holding) if places is None else places(what),
            objective=objective, proven=proven, now=self._now,
            patience=Patience(settings.grace, settings.trial_timeout),
            refused=self._refused, shipped=self._shipped,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, command: Command) -> None:
        """Carry out a command; returns at once. Pausing or halting a trial that does not run does nothing."""
        match command:
            case Launch():
                self._launch(command)
            case Pause(trial):
                self._supervisor.ask(trial, "pause")
            case Halt(trial):
                self._supervisor.ask(trial, "halt")
            case Wake(at):
                self._wake_at = at
            case _:
                assert_never(command)

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        """Facts in the order in which they became known, all that wait at a time; blocks until there are any.

        It never ends by itself. Raises ContractError if a training that has not yet ended one job cleanly breaks its
        contract.
        """
        supervisor = self._supervisor
        yield [CapacityChanged(self._start_at, supervisor.slots)]
        while True:
            waiting = supervisor.events
            if self._now() >= self._wake_at:
                self._wake_at = inf
                waiting.append(TimePassed(self._now()))
            if self._interrupted:
                self._interrupted = False
                # First of all, so that nothing is started any more; but time never goes back.
                capacity = CapacityChanged(waiting[0].at if waiting else self._now(), 0)
                supervisor.full_disk.leave()
                yield [capacity]
            elif waiting:
                group = [waiting.popleft() for _ in range(min(GROUP, len(waiting)))]
                yield group
                supervisor.recorded(group)
            elif supervisor.breach is not None:
                raise supervisor.breach
            else:
                supervisor.wait(until=self._begun + self._wake_at)

    def interrupt(self, within: float | None = None) -> None:
        """Let the next event be that there are no more slots; may be called from a signal handler.

        Jobs that still run `within` so many seconds are killed, and paused at their newest checkpoint (None: never).
        Called again, it can only shorten that.
        """
        if within is not None:
            self._supervisor.leave(time.monotonic() + within)
        self._interrupted = True
        self._supervisor.wake()

    def close(self) -> None:
        """End every process at once, and wait until they are gone."""
        self._supervisor.close()

    def _now(self) -> float:
        # Monotonic: the wall clock may be set while trials run.
        return time.monotonic() - self._begun

    def _launch(self, launch: Launch) -> None:
        keeper = self._keeper
        self._try(launch, None if keeper is None else keeper.reserve(launch.trial, sparing=launch.parent))

    def _try(self, launch: Launch, room: int | None) -> None:
        """Start a job, once the disk has room for that."""
        trial, folder = launch.trial, trial_folder(self._checkpoints, launch.trial)
        cause: Cause = "checkpoint"
        what = f"the checkpoint of trial {launch.parent} at {launch.start} could not be taken over"
        try:
            if launch.parent is not None and launch.start:
                self._inherit(launch.parent, trial, launch.start, room)
            cause, what = "exit", "its process could not be started"
            self._start(launch, folder, room)
        except OSError as error:
            own = self._settings.storage is not None and launch.parent is None  # the folder may have no copy
            resource = launch.start if own else newest(folder, launch.start)
            held = error.draft_bytes if isinstance(error, DiskFullError) else 0
            waiting = Waiting(trial, resource, folder, need(held), again=partial(self._try, launch, room))
            if not (is_full(error, self._checkpoints) and self._supervisor.full_disk.hold(waiting)):
                failed = TrialFailed(self._now(), trial, resource, cause, f"{what}: {error}")
                self._supervisor.events.append(failed)

    def _inherit(self, parent: int, trial: int, start: int, room: int | None) -> None:
        try:
            inherit(trial_folder(self._checkpoints, parent), trial_folder(self._checkpoints, trial), start, room=room)
        except TooLargeError as error:
            self._refused(trial, error.size)

    def _refused(self, trial: int, size: int) -> None:
        if self._keeper is not None:
            self._keeper.refused(trial, size)

    def _shipped(self, one: Shipped) -> None:
        if self._keeper is not None:
            self._keeper.shipped(one)

    def _start(self, launch: Launch, folder: Path, room: int | None) -> None:
        storage, source, start = self._settings.storage, None, launch.start
        if storage is None:
            start = newest(folder, start) if start else 0
        elif start and self._keeper is not None:  # whether it is there still, the job finds out
            source = self._keeper.source(launch.trial if launch.parent is None else launch.parent, start)
        if start >= launch.milestone:  # its job died when only its end was left of it
            self._supervisor.events.append(
                TrialEnded(self._now(), launch.trial, "completed")
                if start >= self._max_resource
                else TrialPaused(self._now(), launch.trial, start)
            )
            return
        if start < launch.start:
            self._supervisor.events.append(TrialRewound(self._now(), launch.trial, start))
        if self._supervisor.queue.must_wait(launch.slots):
            again = partial(self._try, launch, room)
            self._supervisor.queue.hold(Queued(launch.trial, start, launch.slots, again))
            return
        settings = self._settings
        metric = None if self._objective is None else self._objective.metric
        job = Job(
            launch.trial, launch.configuration, launch.seed, launch.slots, start, launch.milestone, self._max_resource,
            metric, str(folder), settings.every_units, settings.every_seconds, room,
            storage, source,
        )  # fmt: skip
        self._supervisor.run(job, folder)


def _prepare(training: Training, preload: Sequence[str], *, reuse: bool) -> What:
    match training:
        case FunctionTraining(function):
            return pack(function, preload)
        case ScriptTraining(_, config_as):
            if reuse:
                raise InputError("reuse_workers needs a training function: a script starts afresh for every job")
            return ScriptTraining(check_script(training), config_as)
        case _:
            assert_never(training)
