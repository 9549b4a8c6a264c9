"""Watches over running jobs and turns whatever arrives into events.

Everything that can happen arrives at one selector: what trials say (over their channels, or in printed lines), which
processes are gone (their places tell), and a byte in the wake-up pipe for an interrupt. Its timeout is the next moment
at which patience with a job ends, a full disk is looked at, or the tuner wants to be woken.
"""

import logging
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import inf, nan
from pathlib import Path

from rungwise.backends.local.causes import outcome_of
from rungwise.backends.local.child import Child
from rungwise.backends.local.full_disk import FullDisk, look_around
from rungwise.backends.local.jobs import (
    PLACES,
    Displaced,
    Failed,
    JobEnd,
    Outcome,
    Returned,
    Running,
    blamed,
    conclude,
    is_lost,
    note,
    of_rank,
)
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.output import pour, tidy
from rungwise.backends.local.patience import LEAVING, Patience
from rungwise.backends.local.places import OpenPlaces
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.queue import Queue
from rungwise.backends.local.scripts import split_report, take_draft
from rungwise.checkpoints.shipping import Shipped
from rungwise.core.errors import ContractError
from rungwise.core.events import (
    BackendEvent,
    CapacityChanged,
    TrialEnded,
    TrialFailed,
    TrialReported,
    TrialRewound,
)
from rungwise.core.objective import Objective
from rungwise.trial.channel import Message
from rungwise.trial.contract import check_report
from rungwise.trial.trial import Job, Wish

logger = logging.getLogger("rungwise")


class Supervisor:
    """Runs jobs in the places that `open_places` makes, which tell it of them (see `places.Watcher`).

    `events` are what has become known and not been taken; `breach` is the broken contract of a training that has not
    yet ended one job cleanly. `now` is the clock that stamps events; `refused` hears of a trial's checkpoint that was
    too large, and its bytes; `shipped` of every one that a job has put to the storage. What `open_places` raises passes
    through.
    """

    __slots__ = (
        "_displaced", "_ears", "_listened", "_now", "_objective", "_patience", "_places", "_proven", "_refused",
        "_running", "_shipped", "_warned", "breach", "events", "full_disk", "queue",
    )  # fmt: skip

    def __init__(
        self, open_places: OpenPlaces, *, objective: Objective | None,
        patience: Patience, proven: bool, now: Callable[[], float], refused: Callable[[int, int], object],
        shipped: Callable[[Shipped], object] = lambda _: None,
    ) -> None:  # fmt: skip
        self._objective = objective
        self._patience = patience
        self._now = now
        self._refused = refused
        self._shipped = shipped
        self._proven = proven
        self._running: dict[int, Child] = {}
        self._displaced: dict[int, int] = {}
        self._listened = inf
        self.events: deque[BackendEvent] = deque()
        self.full_disk = FullDisk(self.events, now)
        self.breach: ContractError | None = None
        self._warned = False
        self._ears = Ears()
        try:
            self._places = open_places(self._ears, self)
        except BaseException:
            self._ears.close()
            raise
        self.queue = Queue(self.events, now, self._places.has_room)

    def run(self, job: Job, folder: Path) -> None:
        """Start a job of a trial that does not run."""
        if job.trial in self._running:
            raise ValueError(f"trial {job.trial} is running already")
        child = self._places.run(job, folder)
        self._running[job.trial] = child
        for rank in child.ranks:
            self._listen_to(rank)

    def ask(self, trial: int, wish: Wish) -> None:
        """Ask a trial to pause or halt; nothing if it does not run."""
        self.full_disk.ask(trial, wish)
        self.queue.ask(trial, wish)
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
            self._send(child, signal.SIGTERM)
        if wish == "halt":
            self._patience.give(running)

    def recorded(self, events: Sequence[BackendEvent]) -> None:
        """Tell jobs which of their checkpoints they may now rely on: what they had reported is in the log."""
        for event in events:
            if type(event) is not TrialReported or (child := self._running.get(event.trial)) is None:
                continue
            running = child.running
            if running is not None and running.unrecorded and event.resource == running.unrecorded:
                child.send({"recorded": event.resource})
                running.unrecorded = 0

    def wait(self, until: float = inf) -> None:
        """Handle everything that has arrived; wait for something if nothing has, to `until` (monotonic seconds)."""
        now = time.monotonic()
        jobs = [child.running for child in self._running.values() if child.running is not None]
        self._patience.excuse(jobs, now - self._listened)
        until = min(until, self.full_disk.look_at, *map(self._patience.ends, jobs))
        self._ears.wait(until - now)
        self._lose_patience()
        self.full_disk.look()
        self._listened = time.monotonic()

    def leave(self, last: float) -> None:
        """Nothing goes on after this: kill what still runs at `last` (monotonic seconds); an earlier moment stands.

        May be called from a signal handler; `wake` must follow.
        """
        self._patience.last = min(last, self._patience.last)

    def wake(self) -> None:
        """Let `wait` return; may be called from a signal handler."""
        self._ears.wake()

    def close(self) -> None:
        """End every process at once, and wait until they are gone."""
        if not self._ears.closed:
            self._places.close()
            self._running.clear()
            self._ears.close()

    # What arrives

    def _on_channel(self, child: Child) -> None:
        if child.closed:
            return
        for message in child.channel.poll():
            self._heard(child, message)
        if child.channel.closed and not child.closed:
            self._ears.forget(child.channel.fileno())

    def _heard_over_channel(self, child: Child) -> None:
        self._on_channel(child)
        if child.channel.closed:
            self._bury(child)

    def _heard(self, child: Child, message: Message) -> None:
        running = child.running
        if running is None:
            if child.head is not None and child.head.running is not None:
                self._heard_of_rank(child, child.head.running, message)
            return
        match message:
            case {"resource": int(resource), "metrics": dict(metrics), "saved": bool(saved)}:
                if saved:
                    running.checkpoint = running.unrecorded = resource
                self._reported(running, resource, metrics)
            case {"hello": _}:
                child.connected = True
            case {"refused": int(size)}:
                self._refused(running.job.trial, size)
            case {"full": int(held), "at": int(resource)}:
                running.full = (resource, held)
            case {"kept": int(resource), "path": str(path), "bytes": int(size)}:
                if resource == running.drafted_at:
                    running.checkpoint = resource
                self._shipped(Shipped(running.job.trial, resource, path, size))
            case {"unkept": str(sentence), "at": int(resource)}:
                running.unkept = (resource, sentence)
            case {"rewound": int(resource)}:
                running.checkpoint = resource
                self.events.append(TrialRewound(self._now(), running.job.trial, resource))
            case {"saving": _}:
                running.saving = True
            case {"drafted": _}:
                running.drafted_at = -1
                self._ask_for_draft(child, running)
            case {"breach": str(sentence)}:
                running.breach = sentence
            case {"done": _}:
                self._told_end(child, running, Returned())
            case {"failed": str(detail), "cause": "exception" | "exit" | "memory" | "checkpoint" as cause}:
                self._told_end(child, running, Failed(cause, detail))

    def _heard_of_rank(self, child: Child, running: Running, message: Message) -> None:
        """Another rank than 0 says no more than that it is there, and how it ended."""
        match message:
            case {"hello": _}:
                child.connected = True
            case {"done": _}:
                child.told = Returned()
            case {"failed": str(detail), "cause": "exception" | "exit" | "memory" | "checkpoint" as cause}:
                child.told = of_rank(child.rank, Failed(cause, detail))
                note(running, child.rank, child.told)
                self._let_leave(running, 1)

    def _ask_for_draft(self, child: Child, running: Running) -> None:
        """A script has ended, and left a checkpoint: say what it is of, once the other ranks are gone."""
        if running.drafted_at != -1:
            return
        if len(child.ranks) > 1:
            self._let_leave(running, 1)
            return
        for report in child.read_to_end():
            self._printed_report(child, report)
        wanted = running.job.wants_checkpoint_at(running.reported) or running.asked == "pause"
        running.drafted_at = running.reported if wanted and running.breach is None else 0
        running.deadline, running.heard = None, time.monotonic()  # an upload takes its time
        child.send({"keep": running.drafted_at})

    def _told_end(self, child: Child, running: Running, outcome: Outcome) -> None:
        if child.once or running.cut:
            # The slot is free, and the GPU's memory with it, when the process is gone.
            child.told = outcome
            note(running, 0, outcome)
            self._let_leave(running, LEAVING)
        else:
            self._finish(child, running, outcome)
            self._places.release(child)
            self.queue.go_on()

    def _let_leave(self, running: Running, graces: int) -> None:
        """The training has returned; its processes have so many graces from now on."""
        if running.asked != "halt" and not running.cut:
            running.deadline = None
            self._patience.give(running, graces)

    def _reported(self, running: Running, resource: int, metrics: dict[str, float]) -> None:
        value = nan if self._objective is None else self._objective.value(metrics)
        self.events.append(TrialReported(self._now(), running.job.trial, resource, value, metrics))
        running.reported = resource
        running.heard = time.monotonic()
        if running.is_over_at(resource):
            self._patience.give(running)

    def _on_printed(self, child: Child) -> None:
        # A script that has connected said so before it printed this.
        self._on_channel(child)
        if child.printed < 0:
            return
        reports = child.read_printed()
        if reports is None:
            self._ears.forget(child.printed)
        for report in reports or ():
            self._printed_report(child, report)
        if child.reports_too and not self._warned:
            self._warned = True
            logger.warning(
                "rank %d of a trial reports as well as rank 0, which alone counts: a program that ignores its ranks"
                " trains the same thing in each of them, and should have all slots in one process (one_process)",
                child.rank,
            )
        if reports is None:
            self._bury(child)

    def _on_carried(self, child: Child) -> None:
        if child.carried < 0:
            return
        child.read_carried()
        if child.carried in child.over:
            self._ears.forget(child.carried)
            self._bury(child)

    def _printed_report(self, child: Child, report: Message) -> None:
        running = child.running
        if running is None or running.breach is not None:
            return
        metric = None if self._objective is None else self._objective.metric
        try:
            resource, metrics = check_report(*split_report(report), metric=metric, previous=running.reported)
        except ContractError as error:
            running.breach = str(error)
            running.outcome = Failed("contract", str(error))
            self._send(child, self._patience.cut(running))
        else:
            self._reported(running, resource, metrics)

    # Ends

    def exited(self, child: Child, gone: Exit) -> None:
        """A process is gone: hear what it had said; with the last rank of a job, that has ended."""
        child.gone = gone
        self._bury(child)

    def _bury(self, child: Child) -> None:
        """Let go of a child, if its process is gone and has nothing more to say."""
        if child.gone is None or child.closed:
            return
        self._hear_out(child)
        if child.silent and not child.closed:
            running = (child.head or child).running
            self._buried(child, None if running is None else self._outcome(child, running, child.gone))

    def lost(self, children: Sequence[Child], outcome: Outcome) -> None:
        """Processes are gone with what they ran on: so many ranks of their jobs."""
        for child in children:
            self._hear_out(child)
            self._buried(child, child.told or outcome)

    def _buried(self, child: Child, outcome: Outcome | None) -> None:
        """A process is gone that ended so; None: it had no job."""
        head = child.head or child
        running = head.running
        if running is not None and outcome is not None:
            note(running, child.rank, outcome)
            head.ranks.remove(child)
            if not head.ranks:
                self._finish(head, running, running.outcome or outcome)
            elif is_lost(running):
                self._send(head, signal.SIGKILL)
            elif running.drafted_at == -1:
                self._ask_for_draft(head, running)
            elif running.outcome is not None:
                self._let_leave(running, 1)
        self._places.discard(child)
        self.queue.go_on()

    def capacity(self, slots: int) -> None:
        """Places have come, or gone."""
        self.events.append(CapacityChanged(self._now(), slots))

    @property
    def slots(self) -> int:
        """How many there are now."""
        return self._places.slots

    def room(self) -> None:
        """There may be a place for a job that waits for one."""
        self.queue.go_on()

    def _outcome(self, child: Child, running: Running, gone: Exit) -> Outcome:
        """How a process ended: as it said itself, else as its exit status tells."""
        if child.told is not None:
            return child.told
        outcome = outcome_of(running, gone.status, gone.oom, self._patience.timeout)
        if isinstance(outcome, Failed) and outcome.status is not None:
            outcome = replace(outcome, detail=f"{outcome.detail}\n{child.last_words()}".rstrip())
        return of_rank(child.rank, outcome)

    def _hear_out(self, child: Child) -> None:
        self._on_channel(child)
        for report in child.read_to_end():
            self._printed_report(child, report)

    def _finish(self, child: Child, running: Running, outcome: Outcome) -> None:
        """Tell how a job ended, once what it left on disk is as it should be."""
        look_around(running, outcome)
        outcome = blamed(running, outcome)
        outcome = take_draft(running, outcome, self._refused)
        trial = running.job.trial
        child.running = None
        del self._running[trial]
        if isinstance(outcome, Displaced):
            outcome = self._displacement(running, outcome)
        event: JobEnd | ContractError | None = conclude(running, outcome, self._now())
        if not child.once:
            child.catch_up()
            pour(child.output, running.folder)
        tidy(running.folder, running.ranks)
        match event:
            case ContractError() if not self._proven:
                self.breach = self.breach or event
                return
            case ContractError():
                event = TrialFailed(self._now(), trial, running.checkpoint, "contract", str(event))
            case TrialFailed():
                event = self.full_disk.judge(running, event)
            case TrialEnded(reason="stopped"):
                pass
            case _ if not isinstance(outcome, Displaced):
                self._proven = True
        if event is not None:
            self.events.append(event)

    def _displacement(self, running: Running, outcome: Displaced) -> Outcome:
        """What a job that lost its place has come to (rule 7 of jobs.py)."""
        trial = running.job.trial
        times = 1 if running.reported else self._displaced.get(trial, 0) + 1
        self._displaced[trial] = times % PLACES
        return Failed("lost", f"{outcome.detail}, for the {PLACES}rd time running") if times == PLACES else outcome

    def _lose_patience(self) -> None:
        for child in self._running.values():
            if child.running is not None:
                number = self._patience.lose(child.running, foreign=child.foreign)
                if number is not None:
                    self._send(child, number)

    def _send(self, child: Child, number: signal.Signals) -> None:
        """Send a signal to all ranks of a job."""
        for rank in child.ranks:
            self._places.signal(rank, number)

    # Listening

    def _listen_to(self, child: Child) -> None:
        if child.listened_to:
            return
        child.listened_to = True
        self._ears.listen(child.channel, partial(self._heard_over_channel, child))
        if child.printed >= 0:
            self._ears.listen(child.printed, partial(self._on_printed, child))
        if child.carried >= 0:
            self._ears.listen(child.carried, partial(self._on_carried, child))

    def forget(self, child: Child) -> None:
        """A child is about to be closed."""
        for descriptor in (child.channel.fileno(), child.printed, child.carried):
            self._ears.forget(descriptor)
