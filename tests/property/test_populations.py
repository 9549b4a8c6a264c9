"""Whole experiments by population based training, on simulated trainings in which a child goes on from its parent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import isfinite, nan
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.decisions import Finish, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.schedulers import PBT
from rungwise.searchers import make
from rungwise.space import parse
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner
from twins.runs import Changing, Ending, Kept
from twins.simulator import End

SPACE = parse({"gain": (0.1, 1.0), "rows": (1, 64), "kind": ["a", "b"]})


def text(records: Sequence[Record]) -> list[str]:
    """Comparable where values are NaN."""
    return [repr(record) for record in records]


@dataclass
class Trainings:
    """What every trial has reached, by unit: each unit adds the configuration's gain, and some luck of its own."""

    luck: int
    odd: float
    reached: dict[int, dict[int, float]] = field(default_factory=dict)

    def curve(self, launch: Launch) -> Curve:
        if launch.parent is not None or launch.trial not in self.reached:
            inherited = {} if launch.parent is None else self.reached[launch.parent]
            self.reached[launch.trial] = {unit: level for unit, level in inherited.items() if unit <= launch.start}
        levels, units = self.reached[launch.trial], range(launch.start + 1, launch.milestone + 1)
        draws = [Random(f"{self.luck} {launch.trial} {unit}") for unit in units]
        begin = levels[launch.start] if launch.start else 0.0
        gains = [float(launch.configuration["gain"]) * draw.uniform(0.5, 1.5) for draw in draws]
        levels.update(zip(units, list(accumulate(gains, initial=begin))[1:], strict=True))
        values = [nan if draw.random() < self.odd else -levels[unit] for unit, draw in zip(units, draws, strict=True)]
        return Curve(units, values, [draw.choice([0.5, 1.0, 2.0]) for draw in draws])


@dataclass
class Widths:
    """Jobs of different widths."""

    widest: int

    def slots(self, request: Request, capacity: int) -> int:
        return 1 + (request.trial + request.milestone) % self.widest


@dataclass(frozen=True)
class Population:
    """One experiment."""

    size: int
    interval: int
    high: int
    quantile: float
    workers: int
    stop: Any
    limit: int | None
    widest: int
    luck: int
    odd: float
    ends: Mapping[int, End]

    def tuner(self) -> Tuner:
        scheduler = PBT(self.size, self.interval, self.high, self.quantile, seed=self.luck)
        searcher = make("random", SPACE, self.luck)
        return Tuner(scheduler, searcher, Widths(self.widest), seed=1, trials=self.limit, stop=self.stop)

    def backend(self, trainings: Trainings, start_at: float = 0.0) -> Ending:
        inner = Simulator(trainings.curve, workers=self.workers, max_resource=self.high, start_at=start_at)
        return Ending(inner, self.ends)

    def run(self, changes: Mapping[int, int] | None = None) -> tuple[Tuner, list[Record], Trainings]:
        tuner, log, trainings = self.tuner(), Kept(), Trainings(self.luck, self.odd)
        drive(tuner, Changing(self.backend(trainings), changes or {}), log)
        return tuner, log.records, trainings

    def resume(self, records: Sequence[Record], trainings: Trainings) -> tuple[Tuner, list[Record]]:
        """What `rungwise resume` does with a log that broke off."""
        tuner, log = self.tuner(), Kept(list(records))
        log.append(replay(tuner, records))
        if tuner.ledger.finish is None:
            log.append(tuner.handle(CapacityChanged(tuner.ledger.now, 0)))
            for lost in orphans(tuner, lambda entry: entry.checkpoint):
                log.append(tuner.handle(lost))
            drive(tuner, self.backend(trainings, tuner.ledger.now), log)
        return tuner, log.records


@st.composite
def populations(draw: Callable[..., Any], *, plain: bool = False) -> Population:
    random = Random(draw(st.integers(0, 2**32 - 1)))
    interval = random.randint(1, 5)
    workers = random.randint(1, 5)
    reasons = ["failed", "failed", "lost", "completed"]
    failing = random.sample(range(20), 0 if plain else random.choice([0, 0, 2, 6]))
    return Population(
        size=random.randint(4, 9), interval=interval, high=random.randint(interval, 24),
        quantile=random.choice([0.25, 0.34, 0.5]), workers=workers,
        stop="drain" if plain else random.choice(["drain", "instant"]),
        limit=None if plain else random.choice([None, None, 3, 8, 15]),
        widest=1 if plain else random.randint(1, min(2, workers)), luck=random.randint(0, 10**6),
        odd=0.0 if plain else random.choice([0.0, 0.02, 0.2]),
        ends={trial: End(random.randint(1, 24), random.choice(reasons), random.random() < 0.3) for trial in failing},
    )  # fmt: skip


def check(records: Sequence[Record], case: Population) -> int:
    """What must hold at every record of any log; how many children there were."""
    held: set[int] = set()  # trials that hold a place
    checkpoints: dict[int, int] = {}
    levels = PBT(case.size, case.interval, case.high, case.quantile).milestones
    values: dict[int, float] = {}  # at the last milestone
    parents: dict[int, int] = {}
    running: dict[int, int] = {}
    capacity = 0
    for record in records:
        match record:
            case CapacityChanged(_, capacity):
                pass
            case StartTrial(trial, milestone, parent):
                held.add(trial)
                assert len(held) <= case.size
                assert milestone <= case.high
                if parent is not None:
                    assert parent in held
                    assert parent in checkpoints
                    assert isfinite(values[parent])
                    parents[trial] = parent
            case Launch(trial, _, start, milestone, slots, _, parent):
                assert trial not in running
                assert start < milestone <= case.high
                running[trial] = slots
                assert sum(running.values()) <= capacity
                if trial in checkpoints:
                    assert (start, parent) == (checkpoints[trial], None)
                else:
                    assert parent == parents.get(trial)
                    assert start == checkpoints.get(trial if parent is None else parent, 0)
            case TrialReported(_, trial, resource, value):
                if resource in levels:
                    values[trial] = value
            case StopTrial(trial):
                held.discard(trial)
            case TrialPaused(_, trial, resource):
                del running[trial]
                checkpoints[trial] = resource
            case TrialEnded(_, trial):
                del running[trial]
                held.discard(trial)
            case PromoteTrial(trial):
                assert trial in held
            case _:
                pass
    return len(parents)


@given(case=populations(), changes=st.dictionaries(st.integers(0, 80), st.integers(2, 5), max_size=3))
def test_places_checkpoints_and_slots_are_never_exceeded(case: Population, changes: dict[int, int]) -> None:
    capped = {count: min(capacity, case.workers) for count, capacity in changes.items()}
    tuner, records, _ = case.run(capped if case.widest == 1 else None)
    check(records, case)
    assert isinstance(tuner.ledger.finish, Finish)
    assert tuner.ledger.running == tuner.ledger.used == 0


@given(case=populations(plain=True))
def test_without_mishaps_every_place_is_trained_to_the_end(case: Population) -> None:
    tuner, records, trainings = case.run()
    check(records, case)
    entries = tuner.ledger.trials.values()
    assert {entry.status for entry in entries} <= {"completed", "stopped"}
    assert sum(entry.status == "completed" for entry in entries) == case.size
    assert all(entry.resource == case.high for entry in entries if entry.status == "completed")
    assert tuner.ledger.incumbent is not None
    assert -tuner.ledger.incumbent.value == max(max(levels.values()) for levels in trainings.reached.values())


@given(case=populations())
@settings(max_examples=50)
def test_every_decision_is_reproduced_from_the_log(case: Population) -> None:
    before, records, _ = case.run()
    after = case.tuner()
    assert replay(after, records) == []
    assert repr(after.ledger) == repr(before.ledger)
    assert text(case.run()[1]) == text(records)


@given(case=populations(), where=st.integers(0, 10_000), again=st.integers(0, 10_000))
@settings(max_examples=50)
def test_a_log_cut_after_any_record_goes_on_to_the_end(case: Population, where: int, again: int) -> None:
    _, whole, trainings = case.run()
    tuner, resumed = case.resume(whole[: where % (len(whole) + 1)], trainings)
    for _ in range(2):
        assert isinstance(tuner.ledger.finish, Finish)
        check(resumed, case)
        assert replay(case.tuner(), resumed) == []
        tuner, resumed = case.resume(resumed[: again % (len(resumed) + 1)], trainings)


@given(case=populations(plain=True), after=st.integers(0, 60))
@settings(max_examples=50)
def test_an_interrupt_pauses_everything_and_going_on_trains_no_unit_twice(case: Population, after: int) -> None:
    _, records, trainings = case.run({after: 0})
    tuner, whole = case.resume(records, trainings)
    check(whole, case)
    reports = [(record.trial, record.resource) for record in whole if isinstance(record, TrialReported)]
    assert len(set(reports)) == len(reports)
    assert tuner.ledger.spent == len(reports)
    for entry in tuner.ledger.trials.values():
        assert sorted(unit for trial, unit in reports if trial == entry.trial) == list(
            range(entry.inherited + 1, entry.resource + 1)
        )


def test_such_experiments_have_children_and_gain_by_them() -> None:
    """Over many seeds the best of a population is better than the best of as many trials that inherit nothing."""
    gains, children = [], 0
    for luck in range(20):
        case = Population(8, 2, 24, 0.25, 3, "drain", None, 1, luck, 0.0, {})
        tuner, records, _ = case.run()
        alone, _, _ = Population(8, 24, 24, 0.25, 3, "drain", None, 1, luck, 0.0, {}).run()
        children += check(records, case)
        assert tuner.ledger.incumbent is not None
        assert alone.ledger.incumbent is not None
        gains.append(alone.ledger.incumbent.value - tuner.ledger.incumbent.value)
    assert children > 150
    assert sum(gains) > 0
    assert sum(gain >= 0 for gain in gains) >= 15


@pytest.mark.parametrize("workers", [1, 2])
def test_trainings_that_always_fail_or_diverge_come_to_an_end(workers: int) -> None:
    failing = {trial: End(1, "failed", False) for trial in range(100)}
    case = Population(8, 2, 24, 0.25, workers, "drain", None, 1, 0, 0.0, failing)
    tuner, _, _ = case.run()
    assert len(tuner.ledger.trials) == 8
    case = Population(8, 2, 24, 0.25, workers, "drain", None, 1, 0, 1.0, {})
    tuner, _, _ = case.run()
    assert len(tuner.ledger.trials) == 8
    children_fail = {trial: End(24, "failed", False) for trial in range(8)} | {
        trial: End(1, "failed", False) for trial in range(8, 1000)
    }
    tuner, _, _ = Population(8, 2, 24, 0.25, workers, "drain", None, 1, 0, 0.0, children_fail).run()
    assert len(tuner.ledger.trials) <= 16
