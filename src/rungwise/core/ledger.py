"""The ledger: what the records say so far. It admits each report once, and never a late one.

The tuner keeps one while an experiment runs; whoever reads a log (`show`, `resume`, the live view) folds one from it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Literal

from rungwise.core.commands import Configuration, Halt, Launch, Pause
from rungwise.core.decisions import FailTrial, Finish, FinishReason, OpenRung, PromoteTrial, StartTrial, Suspend
from rungwise.core.events import (
    CapacityChanged,
    Cause,
    Draining,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.incumbent import CleanFirst, Incumbent, Winner, better
from rungwise.core.records import Record

Status = Literal["running", "paused", "completed", "stopped", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class Failure:
    """How a job died; `position` is where its training stood then, in resource units."""

    cause: Cause
    detail: str
    position: int

    def like(self, other: "Failure") -> bool:
        """Whether both happened at the same place in the same way, as far as the last line of the detail tells."""
        mine, theirs = (each.detail.rstrip().rpartition("\n")[2] for each in (self, other))
        return (self.cause, self.position, mine) == (other.cause, other.position, theirs)


@dataclass(slots=True)
class TrialEntry:
    """One trial's life.

    `rung` counts the milestones passed; `resource` is the furthest report, `value` its value; `position` is where the
    training stands (behind `resource` where it repeats what was lost); `checkpoint` is where it can go on from. A child
    begins at the `inherited` units of its `parent`, all milestones up to there passed, without a value of its own.
    `levels` are its values on entering the last rungs that it passed, those that it inherited left out; `entered` tells
    when, in seconds.
    `failures` counts the jobs that died, `failure` is the last of them, `repeats`: the one before was like it.
    """

    trial: int
    configuration: Configuration
    seed: int
    status: Status = "running"
    milestone: int = 0
    slots: int = 1
    position: int = 0
    rung: int = 0
    resource: int = 0
    value: float = inf
    best: float = inf
    best_resource: int = 0
    checkpoint: int = 0
    halted: bool = False
    leaving: bool = False
    diverged: bool = False
    detail: str = ""
    parent: int | None = None
    inherited: int = 0
    failures: int = 0
    failure: Failure | None = None
    repeats: bool = False
    levels: list[float] = field(default_factory=list)
    entered: list[float] = field(default_factory=list)

    @property
    def reported(self) -> bool:
        """Whether it has reported anything itself, so that `value` means something."""
        return self.resource > self.inherited

    @property
    def reached(self) -> bool:
        """Whether the job has reported its milestone."""
        return self.resource >= self.milestone

    @property
    def ended(self) -> bool:
        """Whether the trial is over for good."""
        return self.status not in ("running", "paused")


@dataclass(slots=True)
class RungTally:
    """How many trials reported `milestone` or more, and the best of their first values there (the earliest if tied)."""

    milestone: int
    entries: int = 0
    best: float = inf
    best_trial: int | None = None

    def enter(self, trial: int, value: float) -> None:
        """A trial arrives with the value of its first report here (infinite: it diverged)."""
        self.entries += 1
        if value < self.best:
            self.best = value
            self.best_trial = trial


@dataclass(slots=True)
class Ledger:
    """The state that a sequence of records leads to. `milestones` is the ladder to count by, `winner` tells who may be
    the incumbent (see `rungwise.core.incumbent`).

    `spent` counts resource units, `busy` the slot-seconds of running jobs; `improved` is when the incumbent came, in
    seconds and in units spent.
    """

    milestones: Sequence[int] = ()
    trials: dict[int, TrialEntry] = field(default_factory=dict)
    rungs: list[RungTally] = field(init=False)
    incumbent: Incumbent | None = None
    openings: list[OpenRung] = field(default_factory=list)
    finish: Finish | None = None
    draining: bool = False
    suspended: Suspend | None = None
    improved: tuple[float, int] = (0.0, 0)
    now: float = 0.0
    busy: float = 0.0
    spent: int = 0
    running: int = 0
    used: int = 0
    capacity: int = 0
    winner: Winner = "any"
    _clean: CleanFirst | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._clean = CleanFirst() if self.winner == "clean" else None
        self.rungs = [RungTally(milestone) for milestone in self.milestones]

    @property
    def best_in_top_rung(self) -> Incumbent | None:
        """The best on entering the highest rung in which a finite value stands; None while there is no such rung."""
        for rung in reversed(self.rungs):
            if rung.best_trial is not None:
                return Incumbent(rung.best_trial, rung.milestone, rung.best)
        return None

    def merit(self, entry: TrialEntry) -> tuple[bool, float]:
        """What trials rank by, less is better: those that may win before the others, then by their best values."""
        return (self.winner == "clean" and entry.diverged, entry.best)

    def ended(self, limit: int | None) -> FinishReason | None:
        """Why the experiment ended, where at most `limit` trials might start (None: any number); None: it has not.

        Where a searcher has nothing more to suggest, promotions go on, and the log then says that all is done. But
        nobody forbade another trial: so it was for want of configurations ("space").
        """
        if self.finish is None:
            return None
        fewer = limit is None or len(self.trials) < limit
        return "space" if self.finish.reason == "done" and self.draining and fewer else self.finish.reason

    def apply(self, record: Record) -> bool:
        """Take a record in; False for a duplicate or a late report, which no scheduler must see."""
        match record:  # the most frequent first: every case costs a comparison
            case TrialReported():
                return self.report(record)
            case StartTrial() | PromoteTrial():
                pass
            case Launch():
                self._launched(record)
            case TrialPaused(at, trial, resource):
                self._pass(at)
                entry = self.trials[trial]
                self._leave(entry, "stopped" if entry.halted else "paused")
                entry.checkpoint = resource
            case TrialFailed():
                self._pass(record.at)
                self._died(record)
            case TrialEnded(at, trial, reason, detail):
                self._pass(at)
                entry = self.trials[trial]
                self._leave(entry, "stopped" if entry.halted and reason == "completed" else reason)
                entry.detail = detail
            case FailTrial(trial):
                self.trials[trial].status = "failed"
            case CapacityChanged(at, slots):
                self._pass(at)
                if self.capacity or not self.running:  # else what comes now comes too late: the session is ending
                    self.capacity = slots
                    if slots:
                        self.suspended = None
            case TimePassed(at):
                self._pass(at)
            case TrialRewound(at, trial, resource):
                self._pass(at)
                entry = self.trials[trial]
                entry.position = entry.checkpoint = resource
            case Halt(trial):
                self.trials[trial].halted = self.trials[trial].leaving = True
            case Pause(trial):
                self.trials[trial].leaving = True
            case OpenRung():
                self.openings.append(record)
            case Draining():
                self.draining = True
            case Suspend():
                self.suspended = record
                self.capacity = 0
            case Finish():
                self.finish = record
            case _:
                pass
        return True

    def report(self, report: TrialReported) -> bool:
        """Take a report in: `apply` for the one record that nearly all are."""
        at = report.at
        self.busy += self.used * (at - self.now)
        self.now = at
        entry = self.trials.get(report.trial)
        if entry is None or entry.halted or entry.status != "running":
            return False
        resource = report.resource
        if resource > entry.position:
            self.spent += resource - entry.position
        entry.position = resource
        if resource <= entry.resource:
            return False
        entry.resource = resource
        entry.value = value = report.value
        rung, rungs = entry.rung, self.rungs
        while rung < len(rungs) and resource >= rungs[rung].milestone:
            rungs[rung].enter(entry.trial, value if isfinite(value) else inf)
            entry.levels.append(value)
            entry.entered.append(at)
            entry.rung = rung = rung + 1
        if not isfinite(value):
            entry.diverged = True
            if self._clean is not None:
                self._clean.diverges(entry.trial)
                self.incumbent = self._clean.incumbent
        elif value < entry.best:
            entry.best = value
            entry.best_resource = resource
            self._improves(Incumbent(entry.trial, resource, value))
        return True

    def _improves(self, report: Incumbent) -> None:
        """A trial's own best so far is the best of all, perhaps."""
        if self._clean is None:
            best: Incumbent | None = better(report, self.incumbent)
        else:
            self._clean.improves(report)
            best = self._clean.incumbent
        if best is report:
            self.incumbent = report
            self.improved = (self.now, self.spent)

    def _pass(self, at: float) -> None:
        """Time passes."""
        self.busy += self.used * (at - self.now)
        self.now = at

    def _died(self, event: TrialFailed) -> None:
        entry = self.trials[event.trial]
        self._leave(entry, "stopped" if entry.halted else "paused")
        entry.checkpoint = event.resource
        failure = Failure(event.cause, event.detail, entry.position)
        entry.repeats = entry.failure is not None and failure.like(entry.failure)
        entry.failure = failure
        entry.failures += 1
        entry.detail = event.detail

    def _launched(self, launch: Launch) -> None:
        entry = self.trials.get(launch.trial)
        if entry is None:
            entry = self.trials[launch.trial] = TrialEntry(launch.trial, launch.configuration, launch.seed)
            if launch.parent is not None:
                self._inherit(entry, launch.parent, launch.start)
        entry.status = "running"
        entry.leaving = False
        entry.milestone = launch.milestone
        entry.slots = launch.slots
        entry.position = launch.start
        self.running += 1
        self.used += launch.slots

    def _inherit(self, entry: TrialEntry, parent: int, start: int) -> None:
        """A child stands where its parent's checkpoint does: reports up to there would tell nothing new."""
        entry.parent = parent
        entry.inherited = entry.checkpoint = entry.resource = start
        entry.rung = bisect_right(self.milestones, start)

    def _leave(self, entry: TrialEntry, status: Status) -> None:
        if entry.status == "running":
            self.running -= 1
            self.used -= entry.slots
        entry.status = status
