"""Whoever waits for slots gets them, whatever the shares and however the capacity changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.allocation import ByRung, Fixed
from rungwise.core.commands import Launch
from rungwise.core.decisions import Finish, PromoteTrial
from rungwise.core.events import CapacityChanged
from rungwise.core.protocols import Allocation
from rungwise.core.records import Record
from rungwise.tuner.recovery import replay
from twins.cases import Case, cases
from twins.rungs import milestones
from twins.runs import Experiment, Widths, check_nobody_waits_for_ever

NAMES = ["fifo", "asha", "stopping", "pasha", "stopping-pasha", "brackets", "halving", "hyperband"]
capacities = st.dictionaries(st.integers(0, 60), st.integers(1, 6), max_size=5)


def check_shares(records: Sequence[Record], allocation: Allocation) -> None:
    """A job gets its share, or all that there is where that is less."""
    capacity, jobs = 0, 0
    for record in records:
        match record:
            case CapacityChanged(_, capacity):
                pass
            case Launch(trial, _, _, milestone, slots):
                jobs += 1
                assert slots == min(allocation.slots(PromoteTrial(trial, milestone), capacity), capacity)
            case _:
                pass
    assert jobs


def by_rung(case: Case, base: int, more: int) -> ByRung:
    return ByRung(tuple(milestones(case.low, case.high, case.eta)), case.eta, base + more, base)


POLICIES: dict[str, Callable[[Case, int, int], Allocation]] = {
    "fixed": lambda case, base, more: Fixed(base + more),
    "by rung": by_rung,
    "at random": lambda case, base, more: Widths(base + more),
}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25)
@given(case=cases(), base=st.integers(1, 3), more=st.integers(0, 4), changes=capacities)
def test_every_held_request_is_launched_in_the_end(
    name: str, policy: str, case: Case, base: int, more: int, changes: dict[int, int]
) -> None:
    case = replace(case, stop="drain")
    allocation = POLICIES[policy](case, base, more)
    experiment = Experiment(name, case, allocation=allocation)
    tuner, records = experiment.run({count: min(slots, case.workers) for count, slots in changes.items()})
    assert isinstance(tuner.ledger.finish, Finish)
    assert tuner.ledger.used == 0
    check_nobody_waits_for_ever(records)
    check_shares(records, allocation)
    assert replay(experiment.tuner(), records) == []


@settings(max_examples=25)
@given(case=cases(), base=st.integers(1, 2), more=st.integers(0, 4), where=st.integers(0, 10_000))
def test_an_experiment_by_rung_that_was_cut_anywhere_goes_on_with_the_same_shares(
    case: Case, base: int, more: int, where: int
) -> None:
    allocation = by_rung(case, base, more)
    experiment = Experiment("asha", case, allocation=allocation)
    whole = experiment.run()[1]
    tuner, resumed = experiment.resume(whole[: where % (len(whole) + 1)])
    assert isinstance(tuner.ledger.finish, Finish)
    check_shares(resumed, allocation)
    assert replay(experiment.tuner(), resumed) == []
