"""Watches over running jobs and turns whatever arrives into events.

Everything that can happen arrives at one selector: what trials say (over their channels, or in printed lines), which
processes are gone (the launcher tells), and a byte in the wake-up pipe for an interrupt. The only timeouts are the
deadlines of jobs that should have ended.
"""

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running, conclude
from rungwise.backends.local.output import describe_exit, pour, tidy
from rungwise.backends.local.pool import Pool
from rungwise.backends.local.scripts import split_report, take_draft
from rungwise.backends.local.slots import Devices
from rungwise.backends.local.training import ScriptTraining
from rungwise.core.errors import ContractError
from rungwise.core.events import Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.objective import Objective
from rungwise.trial.channel import Message
from rungwise.trial.contract import check_report
from rungwise.trial.trial import Job, Wish

SAVING = 30  # graces, for a script that seems to be saving
LEAVING = 5  # graces, for a process whose training has returned: its threads and exit handlers


class Supervisor:
    """Runs jobs in the processes of a pool.

    `events` are what has become known and not been taken; `breach` is the broken contract of a training that has not
    yet ended one job cleanly. `now` is the clock that stamps events; a job that should have ended gets `grace` seconds.
    Raises InputError if a function cannot be imported by another process.
    """

    __slots__ = (
        "_grace", "_now", "_objective", "_orphaned", "_pool", "_proven", "_running", "_selector", "_waker", "_waking",
        "breach", "events",
    )  # fmt: skip

    def __init__(
        self, what: ScriptTraining | Mapping[str, Any], *, objective: Objective, workers: int, devices: Devices,
        proven: bool, reuse: bool, grace: float, now: Callable[[], float],
    ) -> None:  # fmt: skip
        self._objective = objective
        self._grace = grace
        self._now = now
        self._proven = proven
        self._orphaned: set[int] = set()
        self._running: dict[int, Child] = {}
        self.events: deque[Event] = deque()
        self.breach: ContractError | None = None
        self._selector = selectors.DefaultSelector()
        try:
            self._pool = Pool(what, workers, devices, self._forget, reuse=reuse)
        except BaseException:
            self._selector.close()
            raise
        self._waking, self._waker = os.pipe()
        os.set_blocking(self._waking, False)
        os.set_blocking(self._waker, False)
        self._selector.register(self._waking, selectors.EVENT_READ, self._on_wake_up)
        self._selector.register(self._pool.processes, selectors.EVENT_READ, self._on_launcher)

    def run(self, job: Job, folder: Path) -> None:
        """Start a job of a trial that does not run."""
        if job.trial in self._running:
            raise ValueError(f"trial {job.trial} is running already")
        child = self._pool.run(job, folder)
        self._running[job.trial] = child
        if not child.listened_to:
            child.listened_to = True
            self._selector.register(child.channel, selectors.EVENT_READ, partial(self._on_channel, child))
            if child.printed >= 0:
                self._selector.register(child.printed, selectors.EVENT_READ, partial(self._on_printed, child))

    def ask(self, trial: int, wish: Wish) -> None:
        """Ask a trial to pause or halt; nothing if it does not run."""
        child = self._running.get(trial)
        if child is None or child.running is None or child.running.asked == "halt":
            return
        if child.foreign:
            self._on_channel(child)  # it may have connected just now
        running = child.running
        if running is None or (wish == "pause" and running.outcome is not None):
            return
        running.asked = wish
        child.send({"request": wish})
        if child.foreign:
            running.terminated = True
            self._pool.processes.signal(child.key, signal.SIGTERM)
        if wish == "halt":
            self._give_grace(running)

    def wait(self) -> None:
        """Handle everything that has arrived; wait for something if nothing has."""
        deadlines = [
            child.running.deadline
            for child in self._running.values()
            if child.running is not None and child.running.deadline is not None
        ]
        timeout = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
        for key, _ in self._selector.select(timeout):
            handle: Callable[[], object] = key.data
            handle()
        if deadlines:
            self._end_overdue()

    def wake(self) -> None:
        """Let `wait` return; may be called from a signal handler."""
        if self._waker >= 0:
            with suppress(BlockingIOError):
                os.write(self._waker, b"!")

    def close(self) -> None:
        """End every process at once, and wait until they are gone."""
        if self._waker < 0:
            return
        waking, waker = self._waking, self._waker
        self._waking = self._waker = -1
        self._pool.close()
        self._running.clear()
        self._selector.close()
        os.close(waking)
        os.close(waker)

    # What arrives

    def _on_wake_up(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._waking, 4096)

    def _on_channel(self, child: Child) -> None:
        if child.closed:
            return
        for message in child.channel.poll():
            self._heard(child, message)
        if child.channel.closed and not child.closed:
            self._forget_descriptor(child.channel.fileno())

    def _heard(self, child: Child, message: Message) -> None:
        running = child.running
        if running is None:
            return
        match message:
            case {"resource": int(resource), "metrics": dict(metrics), "saved": bool(saved)}:
                if saved:
                    running.checkpoint = resource
                self._reported(running, resource, metrics)
            case {"hello": _}:
                child.connected = True
            case {"breach": str(sentence)}:
                running.breach = sentence
            case {"done": _}:
                self._told_end(child, running, Returned())
            case {"failed": str(detail)}:
                self._told_end(child, running, Failed(detail))

    def _told_end(self, child: Child, running: Running, outcome: Outcome) -> None:
        if child.once or running.cut:
            # The slot is free, and the GPU's memory with it, when the process is gone.
            running.outcome = outcome
            if running.asked != "halt" and not running.cut:
                running.deadline = time.monotonic() + LEAVING * self._grace
        else:
            self._finish(child, running, outcome)
            self._pool.release(child)

    def _reported(self, running: Running, resource: int, metrics: dict[str, float]) -> None:
        value = self._objective.value(metrics)
        self.events.append(TrialReported(self._now(), running.job.trial, resource, value, metrics))
        running.reported = resource
        if running.is_over_at(resource):
            self._give_grace(running)

    def _on_printed(self, child: Child) -> None:
        # A script that has connected said so before it printed this.
        self._on_channel(child)
        if child.printed < 0:
            return
        reports = child.read_printed()
        if reports is None:
            self._forget_descriptor(child.printed)
        for report in reports or ():
            self._printed_report(child, report)

    def _printed_report(self, child: Child, report: Message) -> None:
        running = child.running
        if running is None or running.breach is not None:
            return
        try:
            resource, metrics = check_report(
                *split_report(report), metric=self._objective.metric, previous=running.reported
            )  # fmt: skip
        except ContractError as error:
            running.breach = str(error)
            running.outcome = Failed(str(error))
            self._cut(child, running)
        else:
            self._reported(running, resource, metrics)

    # Ends

    def _on_launcher(self) -> None:
        for gone in self._pool.processes.receive():
            child = self._pool.get(gone.key)
            if child is not None:
                self._on_exit(child, gone.status)
        if self._pool.processes.closed:
            self._launcher_lost()

    def _on_exit(self, child: Child, status: int) -> None:
        """A process is gone: hear what it had said, and then the job it leaves has ended."""
        self._on_channel(child)
        for report in child.read_to_end():
            self._printed_report(child, report)
        running = child.running
        if running is not None:
            outcome = running.outcome
            if outcome is None and running.draft is not None and status == 0:
                outcome = Returned()
            if outcome is None:
                early = " before the training returned" if status == 0 else ""
                outcome = Failed(f"{describe_exit(status)}{early}\n{child.last_words()}".rstrip(), status)
            self._finish(child, running, outcome)
        self._pool.discard(child)

    def _finish(self, child: Child, running: Running, outcome: Outcome) -> None:
        """Tell how a job ended, once what it left on disk is as it should be."""
        outcome = take_draft(running, outcome)
        trial = running.job.trial
        child.running = None
        del self._running[trial]
        event = conclude(running, outcome, self._now())
        if not child.once:
            pour(child.output, running.folder)
        if isinstance(event, ContractError):
            if not self._proven:
                self.breach = self.breach or event
                return
            event = TrialEnded(self._now(), trial, "failed", str(event))
        clean = not isinstance(event, TrialEnded) or event.reason == "completed"
        self._proven = self._proven or clean
        tidy(running.folder)
        self.events.append(event)

    def _launcher_lost(self) -> None:
        detail = f"the process that starts the trials died ({self._pool.processes.post_mortem()})"
        for child in list(self._running.values()):
            self._on_channel(child)
            running = child.running
            if running is None:
                continue
            if running.outcome is not None or running.asked == "halt" or running.reached:
                self._finish(child, running, running.outcome or (Returned() if running.reached else Failed(detail)))
            elif running.job.trial in self._orphaned:  # perhaps it is what the launcher dies of
                self.events.append(TrialEnded(self._now(), running.job.trial, "lost", detail))
            else:
                self._orphaned.add(running.job.trial)
                self.events.append(TrialPaused(self._now(), running.job.trial, running.checkpoint))
        self._running.clear()
        self._forget_descriptor(self._pool.processes.fileno())
        self._pool.restart()
        self._selector.register(self._pool.processes, selectors.EVENT_READ, self._on_launcher)

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for child in self._running.values():
            running = child.running
            if running is None or running.deadline is None or running.deadline > now:
                continue
            if not child.foreign or running.terminated:
                self._cut(child, running)
            elif running.drafted and not running.spared:
                running.spared = True  # it is saving, as far as one can see
                running.deadline = now + SAVING * self._grace
            else:
                running.terminated = True
                running.deadline = now + self._grace
                self._pool.processes.signal(child.key, signal.SIGTERM)

    def _cut(self, child: Child, running: Running) -> None:
        running.cut = True
        running.deadline = None
        self._pool.processes.signal(child.key, signal.SIGKILL)

    # Listening

    def _forget(self, child: Child) -> None:
        self._forget_descriptor(child.channel.fileno())
        self._forget_descriptor(child.printed)

    def _forget_descriptor(self, descriptor: int) -> None:
        if descriptor >= 0:
            with suppress(KeyError):
                self._selector.unregister(descriptor)

    # Deadlines

    def _give_grace(self, running: Running) -> None:
        if running.deadline is None and not running.cut:
            running.deadline = time.monotonic() + self._grace
