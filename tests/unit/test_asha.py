"""ASHA by promotion, by hand."""

from typing import Any

import pytest

from rungwise.core.decisions import PromoteTrial, StartTrial
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import ASHA


def started(count: int, **options: Any) -> ASHA:
    asha = ASHA(min_resource=1, max_resource=9, eta=3, **options)
    for trial in range(count):
        assert asha.ask() == StartTrial(trial, 1)
    return asha


def report(asha: ASHA, trial: int, resource: int, value: float) -> None:
    assert asha.tell(TrialReported(0.0, trial, resource, value, {})) == ()
    assert asha.tell(TrialPaused(0.0, trial, resource)) == ()


def test_a_third_of_a_rung_goes_on_best_first() -> None:
    asha = started(6)
    for trial, value in enumerate([5.0, 1.0, 3.0, 2.0, 6.0, 4.0]):
        report(asha, trial, 1, value)
    assert [asha.ask() for _ in range(3)] == [PromoteTrial(1, 3), PromoteTrial(3, 3), StartTrial(6, 1)]


def test_promotion_does_not_wait_for_the_rung_to_fill() -> None:
    asha = started(4)
    for trial in (3, 2):
        report(asha, trial, 1, float(trial))
    assert isinstance(asha.ask(), StartTrial)
    report(asha, 1, 1, 9.0)
    assert asha.ask() == PromoteTrial(2, 3)  # trials 0 and 4 still run


def test_the_quantile_rule_promotes_from_two_on() -> None:
    asha = started(2, rule="quantile")
    report(asha, 0, 1, 2.0)
    report(asha, 1, 1, 1.0)
    assert asha.ask() == PromoteTrial(1, 3)


def test_the_highest_rung_is_looked_at_first() -> None:
    asha = started(12)
    for trial in range(12):
        report(asha, trial, 1, float(trial))
    promoted = [asha.ask() for _ in range(3)]
    assert promoted == [PromoteTrial(trial, 3) for trial in range(3)]
    for trial in range(3):
        report(asha, trial, 3, float(trial))
    assert [asha.ask(), asha.ask(), asha.ask()] == [PromoteTrial(0, 9), PromoteTrial(3, 3), StartTrial(12, 1)]


def test_nobody_is_promoted_twice_from_a_rung() -> None:
    asha = started(3)
    for trial in range(3):
        report(asha, trial, 1, float(trial))
    assert asha.ask() == PromoteTrial(0, 3)
    assert asha.ask() == StartTrial(3, 1)
    report(asha, 0, 3, 0.0)
    assert asha.ask() == StartTrial(4, 1)


def test_a_better_arrival_pushes_another_out_of_the_best() -> None:
    asha = started(5)
    for trial, value in ((0, 3.0), (1, 4.0), (2, 5.0), (3, 2.0), (4, 1.0)):
        report(asha, trial, 1, value)
    assert asha.ask() == PromoteTrial(4, 3)  # one of five: neither trial 0 nor trial 3, who were the best once
    assert isinstance(asha.ask(), StartTrial)


def test_a_promoted_trial_still_counts_among_the_best() -> None:
    asha = started(6)
    for trial, value in ((0, 1.0), (1, 2.0), (2, 3.0)):
        report(asha, trial, 1, value)
    assert asha.ask() == PromoteTrial(0, 3)
    for trial, value in ((3, 0.5), (4, 8.0)):
        report(asha, trial, 1, value)
    assert isinstance(asha.ask(), PromoteTrial)  # the newcomer is the best of five
    report(asha, 5, 1, 9.0)
    assert isinstance(asha.ask(), StartTrial)  # two of six: trials 3 and 0, both gone on


def test_a_trial_lost_before_its_milestone_leaves_no_trace_in_the_rung() -> None:
    asha = started(4)
    asha.tell(TrialEnded(0.0, 3, "lost"))
    for trial in (0, 1):
        report(asha, trial, 1, float(trial))
    assert isinstance(asha.ask(), StartTrial)
    report(asha, 2, 1, 2.0)
    assert asha.ask() == PromoteTrial(0, 3)


def test_the_last_milestone_promotes_nobody() -> None:
    asha = ASHA(min_resource=1, max_resource=2, eta=2, max_trials=4)
    for trial in range(4):
        asha.ask()
        report(asha, trial, 2, float(trial))
        asha.tell(TrialEnded(0.0, trial, "completed"))
    assert asha.ask() is None


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_eta_trials_promote_nobody_by_floor(count: int) -> None:
    asha = ASHA(max_resource=9, eta=3, max_trials=count)
    for trial in range(count):
        asha.ask()
        report(asha, trial, 1, float(trial))
    assert asha.ask() is None
