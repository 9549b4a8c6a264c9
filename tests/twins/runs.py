"""Experiments through the tuner and the simulator, record by record: run, interrupted, cut and resumed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Command, Halt, Launch
from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from rungwise.core.events import BackendEvent, CapacityChanged, TimePassed, TrialEnded, TrialPaused, TrialReported
from rungwise.core.protocols import Allocation, Backend
from rungwise.core.records import Record
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner
from twins.cases import Case, make
from twins.simulator import End


@dataclass
class Kept:
    """A log in memory."""

    records: list[Record] = field(default_factory=list)

    def append(self, records: Sequence[Record]) -> None:
        self.records.extend(records)


@dataclass
class Rows:
    """Trial i gets row i; `last` rows there are, after which the space is exhausted."""

    last: int

    def suggest(self, history: Any, request: StartTrial) -> Mapping[str, int] | None:
        return {"row": request.trial} if request.trial < self.last else None


@dataclass
class Widths:
    """Jobs of different widths, whatever the capacity."""

    widest: int

    def slots(self, request: Request, capacity: int) -> int:
        return 1 + (request.trial + request.milestone) % self.widest


@dataclass
class Changing:
    """A backend, but after so many events its capacity becomes another one."""

    inner: Backend
    changes: Mapping[int, int]

    def submit(self, command: Command) -> None:
        self.inner.submit(command)

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        for count, (event,) in enumerate(self.inner.events()):
            yield (event,)
            if count in self.changes:
                yield (CapacityChanged(event.at, self.changes[count]),)


@dataclass
class Ending:
    """The simulator, but some trials end for a reason of their own."""

    inner: Simulator
    ends: Mapping[int, End]
    over: set[int] = field(default_factory=set)

    def submit(self, command: Command) -> None:
        self.inner.submit(command)

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        for (event,) in self.inner.events():
            end = None if isinstance(event, CapacityChanged | TimePassed) else self.ends.get(event.trial)
            match event:
                case TrialReported(_, trial, resource) if end and not end.saving and resource >= end.unit:
                    self.over.add(trial)
                    self.inner.submit(Halt(trial))  # which is why it ends next
                case TrialEnded(at, trial) if end and trial in self.over:
                    yield (TrialEnded(at, trial, end.reason),)
                case TrialPaused(at, trial, resource) if end and end.saving and resource >= end.unit:
                    yield (TrialEnded(at, trial, end.reason),)
                case _:
                    yield (event,)


@dataclass(frozen=True)
class Experiment:
    """Everything that a fresh tuner and a fresh backend for one experiment are made of.

    Trials report at every unit; with `gaps`, where the case says so. Jobs are up to `widest` slots wide, at random,
    unless there is an `allocation`, or a `policy` that makes one for each tuner.
    """

    name: str
    case: Case
    widest: int = 1
    exhausted_after: int | None = None
    gaps: bool = False
    allocation: Allocation | None = None
    policy: Callable[[], Allocation] | None = None

    def tuner(self) -> Tuner:
        scheduler, _ = make(self.name, self.case)
        trials = len(self.case.values)
        rows = Rows(trials if self.exhausted_after is None else min(trials, self.exhausted_after))
        limit = trials if self.exhausted_after is None else None
        allocation = self.policy() if self.policy is not None else self.allocation or Widths(self.widest)
        return Tuner(scheduler, rows, allocation, seed=1, trials=limit, stop=self.case.stop)

    def backend(self, start_at: float = 0.0) -> Backend:
        case = self.case

        def curve(launch: Launch) -> Curve:
            """A job ends at the first report at or past its milestone."""
            row = int(launch.configuration["row"])
            every = case.report_at if self.gaps and case.report_at else range(1, case.values.shape[1] + 1)
            ahead = [unit for unit in every if unit > launch.start]
            units = ahead[: len([unit for unit in ahead if unit < launch.milestone]) + 1]
            seconds = [case.seconds[row, a:b].sum() for a, b in pairwise([launch.start, *units])]
            return Curve(units, [case.values[row, unit - 1] for unit in units], seconds)

        return Ending(Simulator(curve, workers=case.workers, max_resource=case.high, start_at=start_at), case.ends)

    def run(self, changes: Mapping[int, int] | None = None) -> tuple[Tuner, list[Record]]:
        tuner, log = self.tuner(), Kept()
        drive(tuner, Changing(self.backend(), changes or {}), log)
        return tuner, log.records

    def resume(self, records: Sequence[Record]) -> tuple[Tuner, list[Record]]:
        """What `rungwise resume` does with a log that broke off; the whole log after it."""
        tuner, log = self.tuner(), Kept(list(records))
        log.append(replay(tuner, records))
        if tuner.ledger.finish is None:
            log.append(tuner.handle(CapacityChanged(tuner.ledger.now, 0)))
            for lost in orphans(tuner, lambda entry: entry.checkpoint):
                log.append(tuner.handle(lost))
            drive(tuner, self.backend(tuner.ledger.now), log)
        return tuner, log.records


@dataclass(frozen=True)
class Span:
    """One job: what it trained, from where; the checkpoint that its trial had when it began, and the one it left."""

    trial: int
    start: int
    checkpoint: int
    reached: int


def spans(records: Sequence[Record]) -> list[Span]:
    """The jobs of a log."""
    found: list[Span] = []
    running: dict[int, tuple[Launch, int]] = {}
    checkpoint: dict[int, int] = {}
    reached: dict[int, int] = {}
    for record in records:
        match record:
            case Launch(trial, _, start):
                running[trial] = (record, checkpoint.get(trial, 0))
                reached[trial] = start
            case TrialReported(_, trial, resource):
                reached[trial] = resource
            case TrialPaused(_, trial, resource):
                launch, before = running.pop(trial)
                found.append(Span(trial, launch.start, before, reached[trial]))
                checkpoint[trial] = resource
            case TrialEnded(_, trial):
                launch, before = running.pop(trial)
                found.append(Span(trial, launch.start, before, reached[trial]))
            case _:
                pass
    return found


def jobs(records: Sequence[Record]) -> list[tuple[int, int, int, float, float]]:
    """(trial, from, to, began, ended) of every job of a log, in order of completion."""
    found: list[tuple[int, int, int, float, float]] = []
    began: dict[int, tuple[int, float]] = {}
    reached: dict[int, int] = {}
    now = 0.0
    for record in records:
        match record:
            case Launch(trial, _, start):
                began[trial] = (start, now)
                reached[trial] = start
            case TrialReported(now, trial, resource):
                reached[trial] = resource
            case TrialPaused(now, trial) | TrialEnded(now, trial):
                start, at = began.pop(trial)
                found.append((trial, start, reached[trial], at, now))
            case _:
                pass
    return found


def check_nobody_waits_for_ever(records: Sequence[Record]) -> None:
    """Every request is launched; what waits for slots is overtaken by nothing that was asked for later.

    A promotion whose trial is still saving waits for that, so others may go before it.
    """
    waiting: list[Request] = []
    running: set[int] = set()
    over: set[int] = set()
    for record in records:
        match record:
            case StartTrial() | PromoteTrial():
                waiting.append(record)
            case Launch(trial):
                place = next((at for at, each in enumerate(waiting) if each.trial == trial), len(waiting))
                before = [each.trial for each in waiting[:place] if each.trial not in over]
                if place < len(waiting):  # else it goes on after an interruption, which nobody asked for
                    assert all(other in running for other in before)
                    del waiting[place]
                running.add(trial)
            case TrialPaused(_, trial):
                running.discard(trial)
            case TrialEnded(_, trial):
                running.discard(trial)
                over.add(trial)
            case _:
                pass
    assert [request for request in waiting if request.trial not in over] == []
