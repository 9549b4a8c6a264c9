"""ASHA by stopping, by hand."""

from math import nan
from typing import Any

import pytest

from rungwise.core.decisions import StartTrial, StopTrial
from rungwise.core.events import TrialEnded, TrialReported
from rungwise.schedulers import StoppingASHA


def started(count: int, **options: Any) -> StoppingASHA:
    stopping = StoppingASHA(min_resource=1, max_resource=9, eta=3, **options)
    for trial in range(count):
        assert stopping.ask() == StartTrial(trial, 9)
    return stopping


def goes_on(stopping: StoppingASHA, trial: int, resource: int, value: float) -> bool:
    told = stopping.tell(TrialReported(0.0, trial, resource, value, {}))
    assert told in ((), (StopTrial(trial),))
    return not told


def test_the_first_at_a_milestone_goes_on() -> None:
    assert goes_on(started(1), 0, 1, 99.0)


def test_one_goes_on_while_fewer_than_a_third_are_strictly_better() -> None:
    stopping = started(7)
    answers = [goes_on(stopping, trial, 1, value) for trial, value in enumerate([5.0, 6.0, 4.0, 4.5, 4.2, 4.1, 4.05])]
    #          n      1     2      3      4      5      6      7
    #    max(1, n/3)  1     1      1      1      1      2      2
    #  strictly below 0     1      0      1      1      1      1
    assert answers == [True, False, True, False, False, True, True]


def test_a_tie_is_not_strictly_better() -> None:
    stopping = started(4)
    assert all(goes_on(stopping, trial, 1, 1.0) for trial in range(4))


def test_between_milestones_nothing_is_decided() -> None:
    stopping = started(2)
    assert goes_on(stopping, 0, 1, 1.0)
    assert goes_on(stopping, 0, 2, 99.0)
    assert goes_on(stopping, 1, 1, 0.5)
    assert goes_on(stopping, 1, 3, 5.0)
    assert not goes_on(stopping, 0, 3, 99.0)


def test_a_milestone_passed_between_two_reports_decides_with_the_later_value() -> None:
    stopping = started(2)
    assert goes_on(stopping, 0, 4, 1.0)
    assert not goes_on(stopping, 1, 4, 2.0)  # at 1 and at 3 alike


def test_one_milestone_lost_of_two_passed_at_once_stops() -> None:
    stopping = started(3)
    assert goes_on(stopping, 0, 1, 5.0)
    assert goes_on(stopping, 1, 4, 3.0)
    assert not goes_on(stopping, 2, 4, 4.0)


def test_nothing_is_decided_at_the_full_resource() -> None:
    stopping = started(2)
    for resource in (1, 3):
        assert goes_on(stopping, 0, resource, 1.0)
        assert goes_on(stopping, 1, resource, 1.0)
    assert goes_on(stopping, 0, 9, 1.0)
    assert goes_on(stopping, 1, 9, 99.0)


def test_a_diverged_trial_is_stopped_at_its_milestone_even_if_first() -> None:
    stopping = started(2)
    assert not goes_on(stopping, 0, 1, nan)
    assert goes_on(stopping, 1, 1, 99.0)


def test_a_diverged_value_between_milestones_stops_nothing() -> None:
    stopping = started(1)
    assert goes_on(stopping, 0, 1, 1.0)
    assert goes_on(stopping, 0, 2, nan)
    assert goes_on(stopping, 0, 3, 1.0)


@pytest.mark.parametrize("reason", ["stopped", "failed", "completed", "lost"])
def test_how_a_stopped_trial_ends_changes_nothing(reason: Any) -> None:
    stopping = started(5)
    assert goes_on(stopping, 0, 1, 1.0)
    assert not goes_on(stopping, 1, 1, 2.0)
    stopping.tell(TrialEnded(0.0, 1, reason))
    assert not goes_on(stopping, 2, 1, 3.0)
    assert not goes_on(stopping, 3, 1, 4.0)
    assert not goes_on(stopping, 4, 1, 5.0)


def test_a_failure_after_the_last_decision_counts_nowhere() -> None:
    stopping = started(1)
    assert goes_on(stopping, 0, 8, 1.0)
    assert stopping.tell(TrialEnded(0.0, 0, "failed")) == ()


def test_the_quantile_rule_lets_half_of_four_go_on_where_floor_lets_one() -> None:
    values = [4.0, 3.0, 2.0, 2.5]
    floor, quantile = started(4), started(4, rule="quantile")
    assert [goes_on(floor, trial, 1, value) for trial, value in enumerate(values)] == [True, True, True, False]
    assert [goes_on(quantile, trial, 1, value) for trial, value in enumerate(values)] == [True, True, True, True]
