"""What a log shows: whether anything is missing, counted twice or trained again, and who won."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import Any

import rungwise as rw
from faults.settings import NAME, STORE
from faults.trainings import STATE, curve, read_state
from rungwise.core.commands import Halt, Launch
from rungwise.core.decisions import FailTrial, OpenRung, Request, StopTrial
from rungwise.core.events import Event, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.incumbent import Incumbent
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import Scheduler
from rungwise.core.records import BACKEND_EVENTS, Record
from rungwise.schedulers.named import make_scheduler

JITTER = 60.0
"""Seconds; a clock that jumps, jumps further."""


@contextmanager
def copied(place: Path) -> Iterator[Path]:
    """A copy of the store as it lies there: to open the original would tidy up what the next tuner has to face."""
    with tempfile.TemporaryDirectory() as folder:
        for file in place.glob(f"{STORE}*"):
            if file.is_file() and not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        yield Path(folder) / STORE


@dataclass(frozen=True, slots=True)
class Logged:
    """An experiment as it was found: its milestones, its records."""

    milestones: tuple[int, ...]
    records: list[Record]

    def ledger(self) -> Ledger:
        """What the records lead to."""
        ledger = Ledger(self.milestones)
        for record in self.records:
            ledger.apply(record)
        return ledger


def logged(place: Path) -> Logged | None:
    """The log; None as long as there is no such experiment."""
    with copied(place) as store:
        try:
            experiment = rw.Experiment.open(NAME, store)
            return Logged(experiment.spec.milestones, list(experiment.records()))
        except rw.StoreError as error:
            if "there is no" in str(error):
                return None
            raise


def missing(acknowledged: Sequence[str], records: Sequence[Record]) -> int:
    """How many acknowledged records the log lacks."""
    return (Counter(acknowledged) - Counter(map(repr, records))).total()


def admitted(records: Sequence[Record]) -> Iterator[Launch | TrialRewound | TrialReported]:
    """What happened to trials that run and have not been told to stop; told without the ledger."""
    running: set[int] = set()
    for record in records:
        match record:
            case Launch(trial):
                running.add(trial)
                yield record
            case TrialPaused(_, trial) | TrialFailed(_, trial) | TrialEnded(_, trial) | Halt(trial):
                running.discard(trial)
            case TrialReported(_, trial) | TrialRewound(_, trial) if trial in running:
                yield record
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Trained:
    """Units trained, by the log: for the first time, and again."""

    new: int
    again: int


def trained(records: Sequence[Record]) -> Trained:
    """What was trained; every training here reports after every unit, so that reports need only be counted."""
    units = [(record.trial, record.resource) for record in admitted(records) if isinstance(record, TrialReported)]
    return Trained(len(set(units)), len(units) - len(set(units)))


def setback(records: Sequence[Record]) -> int:
    """The most units that any job had to train again."""
    furthest: dict[int, int] = {}
    most = 0
    for record in admitted(records):
        match record:
            case TrialReported(_, trial, resource):
                furthest[trial] = max(furthest.get(trial, 0), resource)
            case Launch(trial, _, start) | TrialRewound(_, trial, start):
                most = max(most, furthest.get(trial, 0) - start)
    return most


def given_up(records: Sequence[Record]) -> tuple[int, list[str]]:
    """How many trials were not tried again, and those that died only once at the place where they were given up."""
    deaths: dict[int, list[tuple[str, int]]] = {}
    place: dict[int, int] = {}
    count, wrong = 0, []
    for record in records:
        match record:
            case Launch(trial, _, start):
                place[trial] = start
            case TrialReported(_, trial, resource) | TrialRewound(_, trial, resource):
                place[trial] = resource
            case TrialFailed(_, trial, _, cause):
                deaths.setdefault(trial, []).append((cause, place[trial]))
            case FailTrial(trial):
                count += 1
                if len(set(deaths[trial][-2:])) > 1 or len(deaths[trial]) < 2:
                    wrong.append(f"trial {trial} was given up after it died at {deaths[trial]}")
            case _:
                pass
    return count, wrong


def reports(records: Sequence[Record]) -> dict[tuple[int, int], float]:
    """The first value of each trial after each number of units."""
    found: dict[tuple[int, int], float] = {}
    for record in admitted(records):
        if isinstance(record, TrialReported):
            found.setdefault((record.trial, record.resource), record.value)
    return found


def winner_of(records: Sequence[Record]) -> Incumbent | None:
    """The best first report, the earliest if tied; looked for without the ledger."""
    best: Incumbent | None = None
    for (trial, resource), value in reports(records).items():
        if isfinite(value) and value < (inf if best is None else best.value):
            best = Incumbent(trial, resource, value)
    return best


def time_goes_on(records: Sequence[Record]) -> bool:
    """Whether no event is stamped much earlier than the one before; an order to end may overtake what waits."""
    times = [record.at for record in records if isinstance(record, BACKEND_EVENTS)]
    return all(earlier <= later + JITTER for earlier, later in pairwise(times))


def wrong_values(records: Sequence[Record]) -> list[str]:
    """Reports of other values than configurations lead to; a child goes on with its parent's state."""
    found: list[str] = []
    own: dict[int, dict[str, Any]] = {}
    configs: dict[int, dict[str, Any]] = {}
    for record in records:
        match record:
            case Launch(trial, config, start, parent=parent):
                own[trial] = dict(config)
                if start and parent is not None:
                    configs[trial] = {**config, "rough": configs[parent]["rough"]}
                elif not start:
                    configs[trial] = own[trial]
            case TrialRewound(_, trial, 0):
                configs[trial] = own[trial]
            case TrialReported(_, trial, resource, value):
                expected = curve(configs[trial], resource)[-1]
                if value != expected:
                    found.append(f"trial {trial} reported {value} at {resource}, not {expected}")
            case _:
                pass
    return found


class Spy:
    """A scheduler that notes what it is told, and leaves the deciding to another."""

    def __init__(self, inner: Scheduler) -> None:
        self._inner = inner
        self.told: Counter[tuple[int, int]] = Counter()

    @property
    def milestones(self) -> tuple[int, ...]:
        return self._inner.milestones

    def tell(self, event: Event) -> Sequence[StopTrial | OpenRung]:
        if isinstance(event, TrialReported):
            self.told[event.trial, event.resource] += 1
        return self._inner.tell(event)

    def ask(self) -> Request | None:
        return self._inner.ask()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What replaying a finished log shows."""

    counted_twice: int
    notes: tuple[str, ...]


def replayed(place: Path) -> Verdict:
    """Replay the whole log, with the house's own means and a spy."""
    notes: list[str] = []
    with copied(place) as store:
        experiment = rw.Experiment.open(NAME, store)
        spy = Spy(make_scheduler(experiment.spec.scheduler))
        try:
            found = rw.replay(NAME, store=store, scheduler=spy)
        except rw.ReplayError as error:
            return Verdict(0, (f"the log does not replay: {error}",))
        if found.missing:
            notes.append(f"{found.missing} records are missing at the end of the log")
        if experiment.status != "finished":
            notes.append("the experiment is not finished")
        records = list(experiment.records())
        twice = sum(times - 1 for times in spy.told.values())
        sums = trained(records)
        if experiment.ledger.spent != sums.new + sums.again:
            notes.append(f"the ledger counts {experiment.ledger.spent} units, the log holds {sums}")
        if experiment.ledger.incumbent != winner_of(records):
            notes.append(f"the ledger's winner is {experiment.ledger.incumbent}, the log's {winner_of(records)}")
        return Verdict(twice, tuple(notes))


def checkpoints(place: Path) -> dict[int, list[int]]:
    """The resources of each trial's whole checkpoints, as its own state files tell it."""
    found: dict[int, list[int]] = {}
    for file in place.glob(f"{STORE}-checkpoints/{NAME}/trial-*/*/{STATE}"):
        folder = file.parent
        if folder.name.isdigit():
            try:
                resource, _ = read_state(folder)
            except (ValueError, OSError):
                continue
            if resource == int(folder.name):
                found.setdefault(int(folder.parent.name.removeprefix("trial-")), []).append(resource)
    return found
