"""Watches over running jobs: what they say and how they end becomes events, and what the tuner wants is put to them.

Everything that can happen arrives at one selector: what trials say (hearing.py), which processes are gone (their places
tell), and a byte in the wake-up pipe for an interrupt. Its timeout is the next moment at which patience with a job
ends, a full disk is looked at, or the tuner wants to be woken. How a job has ended is told by ends.py.
"""

import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from rungwise.backends.local.causes import outcome_of
from rungwise.backends.local.child import Child
from rungwise.backends.local.ends import Ends
from rungwise.backends.local.full_disk import FullDisk
from rungwise.backends.local.hearing import Hearing
from rungwise.backends.local.jobs import Failed, Outcome, Running, is_lost, note, of_rank
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.patience import Patience
from rungwise.backends.local.places import OpenPlaces
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.queue import Queue
from rungwise.checkpoints.shipping import Shipped
from rungwise.core.errors import ContractError
from rungwise.core.events import BackendEvent, CapacityChanged, TrialReported
from rungwise.core.objective import Objective
from rungwise.trial.job import Job, Wish


class Supervisor:
    """Runs jobs in the places that `open_places` makes, which tell it of them (see `places.Watcher`).

    `events` are what has become known and not been taken; `now` is the clock that stamps them. `objective`, `refused`
    and `shipped` are as in `Hearing`, `proven` as in `Ends`. What `open_places` raises passes through.
    """

    __slots__ = (
        "_ears", "_ends", "_hearing", "_listened", "_now", "_patience", "_places", "_running", "events", "full_disk",
        "queue",
    )  # fmt: skip

    def __init__(
        self, open_places: OpenPlaces, *, objective: Objective | None,
        patience: Patience, proven: bool, now: Callable[[], float], refused: Callable[[int, int], object],
        shipped: Callable[[Shipped], object],
    ) -> None:  # fmt: skip
        self._patience = patience
        self._now = now
        self._running: dict[int, Child] = {}
        self._listened = inf
        self.events: deque[BackendEvent] = deque()
        self.full_disk = FullDisk(self.events, now)
        self._ends = Ends(self.events, self.full_disk, proven=proven, now=now, refused=refused)
        self._ears = Ears()
        self._hearing = Hearing(
            self._ears, self, self.events, objective=objective, patience=patience, now=now, refused=refused,
            shipped=shipped,
        )  # fmt: skip
        try:
            self._places = open_places(self._ears, self)
        except BaseException:
            self._ears.close()
            raise
        self.queue = Queue(self.events, now, self._places.has_room)

    @property
    def breach(self) -> ContractError | None:
        """The broken contract of a training that has not yet ended one job cleanly."""
        return self._ends.breach

    @property
    def slots(self) -> int:
        """How many there are now."""
        return self._places.slots

    def run(self, job: Job, folder: Path) -> None:
        """Start a job of a trial that does not run."""
        if job.trial in self._running:
            raise ValueError(f"trial {job.trial} is running already")
        child = self._places.run(job, folder)
        self._running[job.trial] = child
        for rank in child.ranks:
            self._hearing.listen_to(rank)

    def ask(self, trial: int, wish: Wish) -> None:
        """Ask a trial to pause or halt; nothing if it does not run."""
        self.full_disk.ask(trial, wish)
        self.queue.ask(trial, wish)
        child = self._running.get(trial)
        if child is None or child.running is None or child.running.asked == "halt":
            return
        if child.foreign:
            self._hearing.hear(child)  # it may have connected just now
        running = child.running
        if running is None or (wish == "pause" and running.outcome is not None):
            return
        running.asked = wish
        child.send({"request": wish})
        if child.foreign:
            running.terminated = True
            self.send(child, signal.SIGTERM)
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

    # What places tell

    def exited(self, child: Child, gone: Exit) -> None:
        """A process is gone: hear what it had said; with the last rank of a job, that has ended."""
        child.gone = gone
        self._bury(child)

    def lost(self, children: Sequence[Child], outcome: Outcome) -> None:
        """Processes are gone with what they ran on: so many ranks of their jobs."""
        for child in children:
            self._hearing.hear_out(child)
            self._buried(child, child.told or outcome)

    def capacity(self, slots: int) -> None:
        """Places have come, or gone."""
        self.events.append(CapacityChanged(self._now(), slots))

    def room(self) -> None:
        """There may be a place for a job that waits for one."""
        self.queue.go_on()

    def forget(self, child: Child) -> None:
        """A child is about to be closed."""
        self._hearing.forget(child)

    # What is heard

    def over(self, child: Child, running: Running, outcome: Outcome) -> None:
        """A warm process has ended its job, and waits for another."""
        self._finish(child, running, outcome)
        self._places.release(child)
        self.queue.go_on()

    def hung_up(self, child: Child) -> None:
        """A child has closed something that it spoke through."""
        self._bury(child)

    def send(self, child: Child, number: int) -> None:
        """Send a signal to all ranks of a child's job."""
        for rank in child.ranks:
            self._places.signal(rank, number)

    # What follows

    def _bury(self, child: Child) -> None:
        """Let go of a child, if its process is gone and has nothing more to say."""
        if child.gone is None or child.closed:
            return
        self._hearing.hear_out(child)
        if child.silent and not child.closed:
            running = (child.head or child).running
            self._buried(child, None if running is None else self._outcome(child, running, child.gone))

    def _outcome(self, child: Child, running: Running, gone: Exit) -> Outcome:
        """How a process ended: as it said itself, else as its exit status tells."""
        if child.told is not None:
            return child.told
        outcome = outcome_of(running, gone.status, gone.oom, self._patience.timeout)
        if isinstance(outcome, Failed) and outcome.status is not None:
            outcome = replace(outcome, detail=f"{outcome.detail}\n{child.last_words()}".rstrip())
        return of_rank(child.rank, outcome)

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
                self.send(head, signal.SIGKILL)
            elif running.drafted_at == -1:
                self._hearing.ask_for_draft(head, running)
            elif running.outcome is not None:
                self._patience.let_leave(running)
        self._places.discard(child)
        self.queue.go_on()

    def _finish(self, child: Child, running: Running, outcome: Outcome) -> None:
        """A job has ended."""
        del self._running[running.job.trial]
        self._ends.tell(child, running, outcome)

    def _lose_patience(self) -> None:
        for child in self._running.values():
            if child.running is not None:
                number = self._patience.lose(child.running, foreign=child.foreign)
                if number is not None:
                    self.send(child, number)
