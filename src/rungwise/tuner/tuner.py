"""The tuner: a pure state machine between scheduler, searcher, allocation and backend.

1. Every event is recorded, then (if the ledger admits it) told to the scheduler; what the scheduler answers follows.
2. After an event that can free a slot or make a trial promotable — anything but a report — free slots ask.
3. A request that cannot run yet is held, never lost: it needs more slots than are free, or its trial, or the parent of
   its trial, is still saving. What is held keeps its place: nothing asked later takes a slot that it waits for. It asks
   for no more slots than there are, however few those become, so that it is launched once enough of the jobs that run
   have ended.
4. A trial that paused short of its milestone goes on before anything new is asked for.
5. No trial beyond the limit is started: with stop="instant" the experiment ends when one would be, with stop="drain"
   the scheduler is told that none will be, and promotions go on until nothing is left.
6. A child begins at the checkpoint that its parent has when it is launched (0: from scratch), towards the milestone
   that was asked for, or the first above the checkpoint where the parent has come further meanwhile.

7. A job that dies is tried again from its checkpoint, first of all, `max_retries` times in a trial's life, but not
   where it died twice in a row at the same place in the same way. Where it is not, the trial has failed: that is
   recorded, and told to the scheduler as its end. One that died after its milestone waits like any paused trial.
8. When `max_failures` trials in a row have failed, and none came to a good end between, the experiment is suspended.
9. When one of the `limits` is reached the experiment ends, or starts no more trials, as they say.

10. Where the allocation is elastic, slots for which nothing is asked and nothing waits go to whom it names: to a trial
   that is launched again at this moment, whose launch is put off until then; or to one that runs, which pauses as in
   rule 4 and is launched again with what is free by then.

It does no I/O, so that feeding it the events of a log leads to the same records again: that is what resuming does.
"""

from dataclasses import replace
from typing import assert_never

from rungwise.core.commands import Configuration, Halt, Launch, Pause, Wake
from rungwise.core.decisions import (
    FailTrial,
    Finish,
    FinishReason,
    PromoteTrial,
    Request,
    StartTrial,
    StopTrial,
    Suspend,
)
from rungwise.core.errors import InputError
from rungwise.core.events import (
    BackendEvent,
    CapacityChanged,
    Draining,
    Event,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.ledger import Ledger, TrialEntry
from rungwise.core.limits import Limits, Stop
from rungwise.core.protocols import Allocation, Elastic, Scheduler, Searcher, prepare, winner_of
from rungwise.core.records import Record
from rungwise.core.seed import training_seed
from rungwise.tuner.limits import limit_reached, next_look
from rungwise.tuner.requests import check_resize, check_room, inherited, saving, void


class Tuner:
    """Turns one event into the records that follow from it. `trials` is the most that may start (None: no limit)."""

    def __init__(
        self,
        scheduler: Scheduler,
        searcher: Searcher,
        allocation: Allocation,
        *,
        seed: int = 0,
        trials: int | None = None,
        stop: Stop = "drain",
        limits: Limits | None = None,
        max_retries: int = 0,
        max_failures: int | None = None,
    ) -> None:
        self.ledger = Ledger(scheduler.milestones, winner=winner_of(scheduler))
        self._scheduler = scheduler
        self._searcher = searcher
        self._allocation = allocation
        self._elastic = allocation if isinstance(allocation, Elastic) else None
        self._seed = seed
        self._trials = trials
        self._stop = stop
        self._limits = None if limits == Limits() else limits
        self._max_retries = max_retries
        self._max_failures = max_failures
        self._failed_in_a_row: list[int] = []
        self._ending: FinishReason = "done"
        self._started = 0
        self._draining = False
        self._held: list[Request] = []
        self._configurations: dict[int, Configuration] = {}
        self._interrupted: list[int] = []
        self._ready: list[Launch] = []
        self._records: list[Record] = []

    @property
    def over(self) -> bool:
        """Nothing runs, and nothing will: the experiment is finished, or has no capacity left."""
        return self.ledger.running == 0 and (self.ledger.finish is not None or self.ledger.capacity == 0)

    def prepare(self) -> None:
        """Let the searcher think ahead while trials train; what is decided stays the same."""
        prepare(self._searcher, self.ledger)

    def handle(self, event: BackendEvent) -> list[Record]:
        """Take in one event of the backend: it, and the decisions and commands that follow, in order."""
        records: list[Record] = [event]
        self._records = records
        ledger = self.ledger
        if isinstance(event, TrialReported):  # frees no slot: the pause or the end that follows it does
            if ledger.report(event):
                self._tell(event)
            if self._limits is not None and ledger.finish is None:
                self._heed(self._limits)
            if self._elastic is not None and self._elastic.tell(event) and ledger.finish is None:
                self._widen(self._elastic, ledger.capacity - ledger.used)
            return records
        ledger.apply(event)
        if self._elastic is not None:
            self._elastic.tell(event)
        match event:
            case TrialFailed():
                self._died(ledger.trials[event.trial], event)
            case TrialPaused(_, trial):
                self._tell(event)
                entry = ledger.trials[trial]
                if entry.status == "paused" and not entry.reached:
                    self._interrupted.append(trial)
                else:
                    self._failed_in_a_row.clear()
            case TrialEnded(_, _, reason):
                if reason != "failed":
                    self._failed_in_a_row.clear()
                self._tell(event)
            case CapacityChanged(_, slots):
                self._tell(event)
                self._shrink()
                if slots and self.ledger.suspended is None:
                    self._failed_in_a_row.clear()
            case TimePassed() | TrialRewound():
                pass
            case _:
                assert_never(event)
        if ledger.finish is None and self._limits is not None:
            self._heed(self._limits)
            if isinstance(event, CapacityChanged | TimePassed):
                self._look_again(self._limits)
        if ledger.finish is None:
            self._fill()
        return records

    def _died(self, entry: TrialEntry, event: TrialFailed) -> None:
        """Try a trial again whose job died, or give it up."""
        if entry.status == "stopped":
            self._tell(TrialEnded(event.at, entry.trial, "stopped"))
        elif entry.repeats or entry.failures > self._max_retries:
            self._record(FailTrial(entry.trial))
            self._tell(TrialEnded(event.at, entry.trial, "failed", event.detail))
            failed = self._failed_in_a_row
            failed.append(entry.trial)
            if len(failed) == self._max_failures:
                self._record(Suspend(len(failed), failed[0]))
                self._shrink()
        elif not entry.reached or entry.milestone == self.ledger.milestones[-1]:
            self._interrupted.append(entry.trial)

    def _heed(self, limits: Limits) -> None:
        """End the experiment, or let it drain, if a limit is reached."""
        reason = None if self._ending != "done" else limit_reached(limits, self.ledger)
        if reason is None:
            return
        self._ending = reason
        if limits.then == "drain":
            self._drain()
        else:
            self._finish(reason)

    def _look_again(self, limits: Limits) -> None:
        """Be woken when time alone may reach a limit."""
        at = next_look(limits, self.ledger)
        if at is not None and self.ledger.finish is None and self._ending == "done":
            self._record(Wake(at))

    def _tell(self, event: Event) -> None:
        """Tell the scheduler of an event, and note what it answers."""
        for decision in self._scheduler.tell(event):
            self._record(decision)
            if isinstance(decision, StopTrial):
                self._record(Halt(decision.trial))

    def _record(self, record: Record) -> None:
        self._records.append(record)
        self.ledger.apply(record)
        if self._elastic is not None:
            self._elastic.tell(record)

    def _shrink(self) -> None:
        """Ask trials to pause, the newest first, until the rest fits the capacity."""
        running = [entry for entry in self.ledger.trials.values() if entry.status == "running" and not entry.leaving]
        excess = sum(entry.slots for entry in running) - self.ledger.capacity
        for entry in reversed(running):
            if excess <= 0:
                return
            self._record(Pause(entry.trial))
            excess -= entry.slots

    def _fill(self) -> None:
        """Give every free slot something to do."""
        free = self._launch_held()
        while free > 0:
            request = self._next()
            if request is None:
                break
            free -= self._admit(request, free)
        if self._elastic is not None and self.ledger.finish is None:
            self._widen(self._elastic, free)
        if self.ledger.finish is None and free == self.ledger.capacity > 0:
            if not self.ledger.trials and not self._draining:
                raise InputError("the scheduler has no trial to start: if it was used before, pass a fresh one")
            self._finish(self._ending)

    def _widen(self, elastic: Elastic, idle: int) -> None:
        """Make the launches that were put off, with slots that nobody else wants, and let running trials have some."""
        launches = {launch.trial: launch for launch in self._ready}
        self._ready.clear()
        for resize in elastic.widen([*launches.values()], idle) if idle > 0 and not self._held else ():
            launch = launches.get(resize.trial)
            if launch is None:
                check_resize(resize, self.ledger)
                self._record(resize)
                self._record(Pause(resize.trial))
            else:
                idle -= resize.slots - launch.slots
                check_room(resize, launch, idle)
                launches[resize.trial] = replace(launch, slots=resize.slots)
        for launch in launches.values():
            self._record(launch)

    def _finish(self, reason: FinishReason) -> None:
        """End the experiment; what still runs is cut, and what it had reported counts."""
        self._record(Finish(reason))
        if self.ledger.running:
            for entry in self.ledger.trials.values():
                if entry.status == "running":
                    self._record(Halt(entry.trial))

    def _launch_held(self) -> int:
        """Launch what was held and can run now, the oldest first; the slots that are free for anything else."""
        ledger = self.ledger
        free = ledger.capacity - ledger.used
        waiting: list[Request] = []
        for request in self._held:
            if void(request, ledger):
                continue
            slots = self._slots(request)
            if slots <= free and not saving(request, ledger):
                self._launch(request, slots)
            else:
                waiting.append(request)
            free -= slots  # what waits for room keeps its place: nothing asked later may overtake it
        self._held = waiting
        return free

    def _admit(self, request: Request, free: int) -> int:
        """Launch or hold a request just asked for; the slots it takes or keeps."""
        slots = self._slots(request)
        if slots > free or saving(request, self.ledger):
            self._held.append(request)
        else:
            self._launch(request, slots)
        return slots

    def _next(self) -> Request | None:
        """What a free slot should do: go on with an interrupted trial, else what the scheduler says."""
        if self._interrupted:
            trial = self._interrupted.pop(0)
            return PromoteTrial(trial, self.ledger.trials[trial].milestone)
        if self._trials is not None and self._started >= self._trials and self._stop == "drain":
            self._drain()
        request = self._scheduler.ask()
        match request:
            case None:
                return None
            case StartTrial(trial):
                return self._start(request, trial)
            case PromoteTrial(trial) if trial in self.ledger.trials:
                self._record(request)
                return request
            case _:
                raise InputError(f"the scheduler asks for {request!r}, which is neither a new trial nor one it started")

    def _start(self, request: StartTrial, trial: int) -> Request | None:
        if trial != self._started:
            raise InputError(
                f"the scheduler starts trial {trial} where {self._started} is next: if it was used before, pass a fresh"
                " one"
            )
        if request.parent is not None and request.parent not in self.ledger.trials:
            raise InputError(f"the scheduler asks for {request!r}, whose parent is no trial that it started")
        if self._trials is not None and self._started >= self._trials:
            self._finish("trials")
            return None
        configuration = self._searcher.suggest(self.ledger, request)
        if configuration is None:
            return self._space_exhausted(trial)
        self._started += 1
        self._record(request)
        self._configurations[trial] = configuration
        return request

    def _space_exhausted(self, trial: int) -> Request | None:
        if self._stop == "instant" or self._draining:
            self._finish("space")
            return None
        self._drain()
        self._scheduler.tell(TrialEnded(self.ledger.now, trial, "lost"))
        return self._next()

    def _drain(self) -> None:
        if not self._draining:
            self._draining = True
            draining = Draining(self.ledger.now)
            self._record(draining)
            self._scheduler.tell(draining)

    def _slots(self, request: Request) -> int:
        capacity = self.ledger.capacity
        return max(1, min(self._allocation.slots(request, capacity), capacity))

    def _launch(self, request: Request, slots: int) -> None:
        trial, milestone = request.trial, request.milestone
        entry = self.ledger.trials.get(trial)
        if entry is not None:
            launch = Launch(trial, entry.configuration, entry.checkpoint, milestone, slots, entry.seed)
            if self._elastic is not None:
                self._ready.append(launch)  # it may get more, if nobody else asks
                return
        else:
            parent = request.parent if isinstance(request, StartTrial) else None
            start, milestone = (0, milestone) if parent is None else inherited(parent, milestone, self.ledger)
            configuration, seed = self._configurations.pop(trial), training_seed(self._seed, trial)
            launch = Launch(trial, configuration, start, milestone, slots, seed, parent)
        self._record(launch)
