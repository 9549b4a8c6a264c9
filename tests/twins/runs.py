"""Experiments through the tuner and the simulator, record by record: run, interrupted, cut and resumed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Command, Launch
from rungwise.core.decisions import Request, StartTrial
from rungwise.core.events import CapacityChanged, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner
from twins.cases import Case, make


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
    """The simulator, but after so many events its capacity becomes another one."""

    inner: Simulator
    changes: Mapping[int, int]

    def submit(self, command: Command) -> None:
        self.inner.submit(command)

    def events(self) -> Iterator[Event]:
        for count, event in enumerate(self.inner.events()):
            yield event
            if count in self.changes:
                yield CapacityChanged(event.at, self.changes[count])


@dataclass(frozen=True)
class Experiment:
    """Everything that a fresh tuner and a fresh backend for one experiment are made of."""

    name: str
    case: Case
    widest: int = 1
    exhausted_after: int | None = None

    def tuner(self) -> Tuner:
        scheduler, _ = make(self.name, self.case)
        trials = len(self.case.values)
        rows = Rows(trials if self.exhausted_after is None else min(trials, self.exhausted_after))
        limit = trials if self.exhausted_after is None else None
        return Tuner(scheduler, rows, Widths(self.widest), seed=1, trials=limit, stop=self.case.stop)

    def simulator(self, start_at: float = 0.0) -> Simulator:
        case = self.case

        def curve(launch: Launch) -> Curve:
            row = int(launch.configuration["row"])
            ahead = slice(launch.start, launch.milestone)
            units = range(launch.start + 1, launch.milestone + 1)
            return Curve(units, case.values[row, ahead].tolist(), case.seconds[row, ahead].tolist())

        return Simulator(curve, workers=case.workers, max_resource=case.high, start_at=start_at)

    def run(self, changes: Mapping[int, int] | None = None) -> tuple[Tuner, list[Record]]:
        tuner, log = self.tuner(), Kept()
        drive(tuner, Changing(self.simulator(), changes or {}), log)
        return tuner, log.records

    def resume(self, records: Sequence[Record]) -> tuple[Tuner, list[Record]]:
        """What `rungwise resume` does with a log that broke off; the whole log after it."""
        tuner, log = self.tuner(), Kept(list(records))
        log.append(replay(tuner, records))
        if tuner.ledger.finish is None:
            log.append(tuner.handle(CapacityChanged(tuner.ledger.now, 0)))
            for lost in orphans(tuner, lambda entry: entry.checkpoint):
                log.append(tuner.handle(lost))
            drive(tuner, self.simulator(tuner.ledger.now), log)
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
