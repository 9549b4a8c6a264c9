"""Idle slots given to running trials: nothing is trained twice or otherwise, nobody starves, and it does not cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.allocation import Fill, Fixed
from rungwise.api.simulate import Simulation
from rungwise.backends.overhead import Overhead
from rungwise.core.commands import Launch, Pause
from rungwise.core.decisions import Finish, Resize
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.protocols import Allocation
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling
from rungwise.tuner.recovery import replay
from twins.cases import Case, cases
from twins.rungs import milestones
from twins.runs import Experiment, check_nobody_waits_for_ever, spans

NAMES = ["fifo", "asha", "stopping", "pasha", "stopping-pasha", "brackets", "halving", "hyperband", "median"]
EVEN = Scaling(tuple((slots, 1 / slots) for slots in range(1, 9)))
capacities = st.dictionaries(st.integers(0, 60), st.integers(1, 6), max_size=5)


@dataclass(frozen=True)
class Filling:
    """Makes the policy of a case; `cheap`: every restart seems to pay, else what a run shows counts."""

    case: Case
    base: int
    cheap: bool = True

    def __call__(self) -> Allocation:
        ladder = milestones(self.case.low, self.case.high, self.case.eta)
        return Fill(ladder, Fixed(self.base), None, EVEN if self.cheap else None, 0.0 if self.cheap else None)


def check_slots(records: Sequence[Record], base: int) -> int:
    """No slot is given twice, no job gets less than its share; how many changes of share led to a launch with more."""
    running: dict[int, int] = {}
    wider: dict[int, int] = {}
    capacity, grown = 0, 0
    for place, record in enumerate(records):
        match record:
            case CapacityChanged(_, capacity):
                pass
            case Resize(trial, slots):
                assert records[place + 1] == Pause(trial)
                assert running[trial] < slots
                wider[trial] = running[trial]
            case Launch(trial, _, _, _, slots):
                assert slots >= min(base, capacity)
                grown += slots > wider.pop(trial, slots)
                running[trial] = slots
                assert sum(running.values()) <= capacity
            case TrialPaused(_, trial) | TrialEnded(_, trial):
                del running[trial]
            case _:
                pass
    return grown


def check_training(records: Sequence[Record], values: np.ndarray) -> None:
    """Every trial trains its row on from where it was, no unit twice."""
    reports = [(each.trial, each.resource) for each in records if isinstance(each, TrialReported)]
    assert len(set(reports)) == len(reports)
    for each in records:
        if isinstance(each, TrialReported):
            np.testing.assert_equal(each.value, values[each.trial, each.resource - 1])
    last: dict[int, int] = {}
    for span in spans(records):
        assert span.start == last.get(span.trial, 0)
        last[span.trial] = span.reached


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(case=cases(), base=st.integers(1, 3), cheap=st.booleans(), changes=capacities)
def test_every_slot_is_used_once_and_every_request_launched_in_the_end(
    name: str, case: Case, base: int, cheap: bool, changes: dict[int, int]
) -> None:
    case = replace(case, stop="drain", ends={})
    experiment = Experiment(name, case, policy=Filling(case, base, cheap))
    tuner, records = experiment.run({count: min(slots, case.workers) for count, slots in changes.items()})
    assert isinstance(tuner.ledger.finish, Finish)
    assert tuner.ledger.used == 0
    check_nobody_waits_for_ever(records)
    check_training(records, case.values)
    if not changes:
        check_slots(records, base)
    assert replay(experiment.tuner(), records) == []


@settings(max_examples=50)
@given(case=cases(), name=st.sampled_from(NAMES), cheap=st.booleans(), where=st.integers(0, 10_000))
def test_an_experiment_that_was_cut_anywhere_goes_on(name: str, case: Case, cheap: bool, where: int) -> None:
    experiment = Experiment(name, case, policy=Filling(case, 1, cheap))
    whole = experiment.run()[1]
    tuner, resumed = experiment.resume(whole[: where % (len(whole) + 1)])
    assert isinstance(tuner.ledger.finish, Finish)
    assert replay(experiment.tuner(), resumed) == []


def times(case: Case, name: str, workers: int, scaling: Scaling, overhead: Overhead) -> tuple[Simulation, Simulation]:
    """The same run without and with it, on curves whose units all take as long as the first."""
    seconds = np.repeat(case.seconds[:, :1], case.values.shape[1], axis=1)
    table = rw.Table(np.nan_to_num(case.values, posinf=9.0, neginf=-9.0, nan=9.0), seconds)

    def run(allocation: str) -> Simulation:
        rows, high = len(case.values), case.high
        halving = rw.schedulers.SuccessiveHalving(rows, case.low, high, case.eta)
        scheduler = rw.schedulers.FIFO(high) if name == "fifo" else halving
        return rw.simulate(
            table, scheduler, workers, stop="drain", allocation=allocation, scaling=scaling, overhead=overhead
        )

    return run("fixed"), run("fill")


seconds = st.floats(0.0, 20.0)


@pytest.mark.parametrize("name", ["fifo", "halving"])
@settings(max_examples=75)
@given(
    case=cases(), workers=st.integers(2, 12), shared=st.floats(0.0, 1.0),
    overhead=st.builds(Overhead, seconds, seconds, seconds),
)  # fmt: skip
def test_where_nothing_hangs_on_the_order_it_takes_no_longer_than_the_restarts_that_were_forecast(
    name: str, case: Case, workers: int, shared: float, overhead: Overhead
) -> None:
    scaling = Scaling(tuple((slots, 1 - shared + shared / slots) for slots in (1, 2, 4, 8)))
    fixed, fill = times(case, name, workers, scaling, overhead)
    reported = [sorted((e.trial, e.resource) for e in run.log if isinstance(e, TrialReported)) for run in (fixed, fill)]
    assert reported[0] == reported[1]
    resizes = sum(isinstance(each, Resize) for each in fill.log)
    assert fill.time <= fixed.time * (1 + 1e-9) + resizes * overhead.restart


def test_a_survivor_with_idle_slots_is_done_sooner() -> None:
    """Of two trials on four slots one is done after 9 s: the other has 72 more, in which it saves a half and more."""
    table = rw.Table(np.zeros((2, 81)), np.array([[1.0] * 81, [1 / 9] * 81]))
    run = rw.simulate(
        table, rw.schedulers.FIFO(81), 4, stop="drain", allocation="fill", scaling={1: 1.0, 4: 0.25},
        overhead=Overhead(1.0),
    )  # fmt: skip
    assert 81 / 4 < run.time < 45
    assert check_slots(run.log, 1) > 0
