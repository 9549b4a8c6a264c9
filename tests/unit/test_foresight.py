"""Whose checkpoint can still be needed, case by case; the property tests try everything else."""

from collections.abc import Mapping
from math import inf, nan
from typing import Any

import pytest

from rungwise.core.decisions import PromoteTrial
from rungwise.core.events import Draining, TrialEnded, TrialPaused, TrialReported
from rungwise.core.protocols import Foresight
from rungwise.schedulers import ASHA, PASHA, PBT, AsyncHyperband, Hyperband, SuccessiveHalving, async_hyperband
from rungwise.schedulers.foresight import Prospects
from rungwise.schedulers.named import OPTIONS, make_scheduler

MORE: Mapping[str, Mapping[str, Any]] = {
    "successive-halving": {"trials": 4},
    "pbt": {"trials": 4, "interval": 1},
    "retraining": {"expected": [0.0, 0.0], "tolerance": 0.0},
}
each = pytest.mark.parametrize("name", sorted(OPTIONS))


def made(name: str, most: int | None = None) -> Any:
    return make_scheduler(
        {"name": name, "min_resource": 2, "max_resource": 8, "eta": 2, **MORE.get(name, {})}, most=most
    )


def trained(scheduler: Any, values: Mapping[int, float], resource: int = 1) -> None:
    """So many trials start, report and pause; the scheduler must want to start so many."""
    for _ in values:
        scheduler.ask()
    for trial, value in values.items():
        reported(scheduler, trial, value, resource)


def reported(scheduler: Any, trial: int, value: float, resource: int = 1) -> None:
    scheduler.tell(TrialReported(0.0, trial, resource, value, {}))
    scheduler.tell(TrialPaused(0.0, trial, resource))


def hopeful(scheduler: Any, trials: int) -> list[int]:
    return [trial for trial in range(trials) if scheduler.may_promote(trial)]


def test_the_best_so_many_have_prospects_the_earlier_of_equals_first() -> None:
    prospects = Prospects(ties=False)
    for arrival, value in enumerate([3.0, 1.0, 2.0, 2.0, 5.0]):
        prospects.enter(value, arrival, arrival, waits=True)
    assert [prospects.limit(most) for most in (6, 4, 2)] == [5, 4, 2]
    assert prospects.trials == {1, 2}
    prospects.enter(2.0, 5, 5, waits=True)
    prospects.enter(0.0, 6, 6, waits=False)  # not waiting, but it takes a place
    assert prospects.limit(2) == 1
    assert prospects.trials == {1}
    assert prospects.limit(0) == 0


def test_ties_have_prospects_together() -> None:
    prospects = Prospects(ties=True)
    for arrival, value in enumerate([2.0, 1.0, 2.0]):
        prospects.enter(value, arrival, arrival, waits=True)
    assert prospects.limit(2) == 3
    prospects.enter(2.0, 3, 3, waits=True)
    prospects.enter(3.0, 4, 4, waits=True)
    assert prospects.trials == {0, 1, 2, 3}
    assert prospects.limit(1) == 1


def test_those_of_a_rung_in_use_are_taken_over() -> None:
    prospects = Prospects.of([(2.0, 0, 7), (1.0, 1, None), (inf, 2, None), (3.0, 3, 9)], ties=False)
    assert prospects.trials == {7, 9}
    assert prospects.limit(2) == 1
    assert prospects.trials == {7}


@each
def test_every_scheduler_has_foresight(name: str) -> None:
    assert isinstance(made(name), Foresight)


@each
def test_one_that_nobody_has_heard_of_and_one_that_was_interrupted_may_go_on_and_one_that_ended_may_not(
    name: str,
) -> None:
    scheduler = made(name, most=2)
    assert scheduler.may_promote(0)
    scheduler.ask()
    scheduler.tell(TrialPaused(0.0, 0, 0))
    assert scheduler.may_promote(0)
    scheduler.tell(TrialEnded(0.0, 0, "stopped"))
    assert not scheduler.may_promote(0)
    assert scheduler.may_promote(1)


def test_of_four_trials_two_can_be_promoted_and_the_worse_of_three_is_none_of_them() -> None:
    asha = ASHA(1, 2, 2, max_trials=4)
    trained(asha, {0: 1.0, 1: 2.0, 2: 3.0})
    assert hopeful(asha, 4) == [0, 1, 3]


def test_more_may_reach_a_rung_than_its_quota_because_the_best_change() -> None:
    """Each of three is the best when it comes; so the second rung gets all three, and its own quota counts three."""
    asha = ASHA(1, 4, 2, max_trials=4)
    for _ in range(4):
        asha.ask()
    reported(asha, 0, 4.0)
    for trial in (1, 2, 3):
        reported(asha, trial, 4.0 - trial)
        assert asha.ask() == PromoteTrial(trial, 2)
    reported(asha, 1, 1.0, resource=2)
    assert asha.may_promote(1)
    reported(asha, 2, 2.0, resource=2)
    assert not asha.may_promote(2)


def test_while_nobody_knows_how_many_will_start_all_that_wait_may_be_promoted() -> None:
    asha = ASHA(1, 4, 2)
    trained(asha, {0: 1.0, 1: 2.0, 2: 3.0, 3: nan, 4: 4.0})
    assert hopeful(asha, 5) == [0, 1, 2, 4]
    asha.tell(Draining(0.0))
    assert hopeful(asha, 5) == [0, 1]


def test_what_was_expected_is_only_ever_lowered() -> None:
    asha = ASHA(1, 2, 2)
    trained(asha, {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0})
    asha.expect(6)
    assert hopeful(asha, 4) == [0, 1, 2]
    asha.expect(100)
    assert hopeful(asha, 4) == [0, 1, 2]
    asha.expect(4)
    assert hopeful(asha, 4) == [0, 1]


def test_nobody_is_promoted_from_the_top_rung() -> None:
    asha = ASHA(1, 1, 2)
    asha.ask()
    asha.tell(TrialReported(0.0, 0, 1, 1.0, {}))
    assert not asha.may_promote(0)


def test_ties_at_the_quantile_may_all_be_promoted() -> None:
    asha = ASHA(1, 2, 2, rule="quantile", max_trials=4)
    trained(asha, {0: 1.0, 1: 2.0, 2: 2.0, 3: 3.0})
    assert hopeful(asha, 4) == [0, 1, 2]


@pytest.mark.parametrize("by", ["promotion", "stopping"])
def test_pasha_may_open_every_rung(by: Any) -> None:
    pasha = PASHA(1, 8, 2, max_trials=2, by=by)
    assert pasha.cap == 2
    trained(pasha, {0: 1.0, 1: 2.0}, resource=2)
    assert hopeful(pasha, 2) == [0]


def test_one_given_up_gives_up_its_place_in_the_rungs_above() -> None:
    asha = ASHA(1, 4, 2, max_trials=4)
    trained(asha, {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0})
    assert asha.ask() == PromoteTrial(0, 2)
    reported(asha, 0, 1.0, resource=2)
    assert asha.may_promote(0)
    asha.tell(TrialEnded(0.0, 1, "lost"))  # the other one that was to come there
    assert not asha.may_promote(0)


def test_of_a_synchronous_rung_only_as_many_go_on_as_the_next_one_holds() -> None:
    halving = SuccessiveHalving(4, 1, 4, 2)
    trained(halving, {0: 4.0, 1: 2.0, 2: 3.0})
    halving.ask()
    assert hopeful(halving, 5) == [1, 2, 3, 4]
    reported(halving, 3, 1.0)
    assert hopeful(halving, 4) == [1, 3]
    assert [halving.ask(), halving.ask()] == [PromoteTrial(3, 2), PromoteTrial(1, 2)]
    assert hopeful(halving, 4) == [1, 3]


def test_every_bracket_of_hyperband_looks_after_its_own() -> None:
    hyperband = Hyperband(1, 4, 2)
    trained(hyperband, {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0})
    assert hopeful(hyperband, 5) == [0, 1, 4]


def test_brackets_side_by_side_know_who_is_still_to_come_to_each(monkeypatch: pytest.MonkeyPatch) -> None:
    def fresh() -> AsyncHyperband:
        made = AsyncHyperband(1, 2, 2, max_trials=6, choice="round-robin")
        trained(made, {0: 1.0, 1: 1.0, 2: 2.0})
        return made

    assert hopeful(fresh(), 4) == [0, 1, 3]  # 0, 2 and 4 share a bracket, one of them is promoted; 1 is on its way
    monkeypatch.setattr(async_hyperband, "COUNTED", 5)
    brackets = fresh()
    assert hopeful(brackets, 4) == [0, 1, 2, 3]
    brackets.tell(Draining(0.0))
    assert hopeful(brackets, 3) == [0, 1]


def test_a_trial_of_a_population_goes_on_while_it_holds_a_place() -> None:
    pbt = PBT(4, 1, 2)
    trained(pbt, {0: 1.0, 1: 2.0, 2: 3.0, 3: nan})
    assert hopeful(pbt, 5) == [0, 1, 2, 4]
    pbt.ask()
    pbt.tell(TrialReported(0.0, 0, 2, 1.0, {}))
    assert not pbt.may_promote(0)
