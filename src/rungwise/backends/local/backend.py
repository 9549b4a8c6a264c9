"""Trials as processes of this machine: commands in, events out."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, assert_never

from rungwise.backends.local.functions import GUARD, pack
from rungwise.backends.local.output import tidy
from rungwise.backends.local.scripts import check_script
from rungwise.backends.local.slots import Devices
from rungwise.backends.local.supervisor import Supervisor
from rungwise.backends.local.training import FunctionTraining, ScriptTraining, Training
from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Event, TrialEnded, TrialPaused
from rungwise.core.objective import Objective
from rungwise.trial.checkpoints import drop_older, inherit, newest, remove_checkpoints, trial_folder
from rungwise.trial.environment import importing_for_trials
from rungwise.trial.trial import Job

GRACE = 2.0


class LocalBackend:
    """Runs trials on this machine, `workers` slots at a time; leaving its context ends every process it started.

    `max_resource` is the most that any trial gets; a job that ends there leaves no checkpoint unless `keep_final`.
    `checkpoints` is the folder for them and for what trials print. `gpus` are the values for CUDA_VISIBLE_DEVICES, of
    which each carries `per_gpu` trials at most. Functions run in a process of their own for each job, forked from one
    that has imported the function and the modules in `preload`; with `reuse_workers` a process goes on to the next job.
    Event times are seconds since construction plus `start_at`. `grace`, in seconds, is what a job gets that was asked
    to halt or has reported its milestone; it is then killed. One that has reached `max_resource` may take its time,
    unless it goes on reporting.

    As long as no job has ended cleanly, here or (`proven`) before, a training that breaks its contract ends the run.

    Raises InputError for a training that cannot run, or slots that this machine does not have, before any trial starts.
    """

    def __init__(
        self, training: Training, *, objective: Objective, max_resource: int, workers: int, checkpoints: Path,
        gpus: Sequence[str] = (), per_gpu: int = 1, reuse_workers: bool = False, preload: Sequence[str] = (),
        keep_final: bool = False, proven: bool = False, start_at: float = 0.0, grace: float = GRACE,
    ) -> None:  # fmt: skip
        if importing_for_trials():
            raise InputError(
                "tuning starts while another process only imports this script to get at the training function:"
                f" put the call of tune under {GUARD}"
            )
        if workers < 1:
            raise InputError(f"workers is {workers}, but at least 1 trial must run at a time")
        self._begun = time.monotonic()
        self._start_at = start_at
        self._workers = workers
        self._objective = objective
        self._max_resource = max_resource
        self._checkpoints = checkpoints.absolute()
        self._keep_final = keep_final
        self._interrupted = False
        self._told: Event | None = None
        self._halted: set[int] = set()
        self._supervisor = Supervisor(
            _prepare(training, preload, reuse=reuse_workers), objective=objective, workers=workers, proven=proven,
            devices=Devices(gpus, per_gpu, workers), reuse=reuse_workers, grace=grace, now=self._now,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._tidy()
        self.close()

    def submit(self, command: Command) -> None:
        """Carry out a command; returns at once. Pausing or halting a trial that does not run does nothing."""
        match command:
            case Launch():
                self._launch(command)
            case Pause(trial):
                self._supervisor.ask(trial, "pause")
            case Halt(trial):
                self._halted.add(trial)
                self._supervisor.ask(trial, "halt")
            case _:
                assert_never(command)

    def events(self) -> Iterator[Event]:
        """Facts as they become known; blocks until there is one, and never ends by itself.

        Raises ContractError if a training that has not yet ended one job cleanly breaks its contract.
        """
        supervisor = self._supervisor
        self._tidy()
        yield CapacityChanged(self._start_at, self._workers)
        while True:
            if self._interrupted:
                self._interrupted = False
                yield CapacityChanged(self._now(), 0)
            elif supervisor.breach is not None:
                raise supervisor.breach
            elif supervisor.events:
                self._told = supervisor.events.popleft()
                yield self._told
                self._tidy()
            else:
                supervisor.wait()

    def interrupt(self) -> None:
        """Let the next event be that there are no more slots; may be called from a signal handler."""
        self._interrupted = True
        self._supervisor.wake()

    def close(self) -> None:
        """End every process at once, and wait until they are gone."""
        self._supervisor.close()

    def _now(self) -> float:
        # Monotonic: the wall clock may be set while trials run.
        return time.monotonic() - self._begun + self._start_at

    def _tidy(self) -> None:
        """Remove the checkpoints that nothing goes back to now that the last event is recorded and answered.

        Not before: a child may have been told to begin at one of them.
        """
        event, self._told = self._told, None
        if not isinstance(event, TrialPaused | TrialEnded):
            return
        folder = trial_folder(self._checkpoints, event.trial)
        halted = event.trial in self._halted
        self._halted.discard(event.trial)
        if isinstance(event, TrialPaused) and not halted:
            drop_older(folder, event.resource)
        elif isinstance(event, TrialEnded) and event.reason == "completed" and self._keep_final:
            drop_older(folder, newest(folder, sys.maxsize))
        else:
            remove_checkpoints(folder)  # a job that was halted may have paused just before
            tidy(folder)

    def _launch(self, launch: Launch) -> None:
        folder = trial_folder(self._checkpoints, launch.trial)
        if launch.parent is not None and launch.start:
            try:
                inherit(trial_folder(self._checkpoints, launch.parent), folder, launch.start)
            except OSError as error:
                detail = f"the checkpoint of trial {launch.parent} at {launch.start} could not be taken over: {error}"
                self._supervisor.events.append(TrialEnded(self._now(), launch.trial, "failed", detail))
                return
        start = newest(folder, launch.start) if launch.start else 0
        job = Job(
            launch.trial, launch.configuration, launch.seed, launch.slots, start, launch.milestone, self._max_resource,
            self._objective.metric, str(folder), self._keep_final,
        )  # fmt: skip
        self._supervisor.run(job, folder)


def _prepare(training: Training, preload: Sequence[str], *, reuse: bool) -> ScriptTraining | dict[str, Any]:
    match training:
        case FunctionTraining(function):
            return pack(function, preload)
        case ScriptTraining(_, config_as):
            if reuse:
                raise InputError("reuse_workers needs a training function: a script starts afresh for every job")
            return ScriptTraining(check_script(training), config_as)
        case _:
            assert_never(training)
