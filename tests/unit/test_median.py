"""The median stopping rule by hand, and the median of numbers as they come."""

from math import inf, nan
from random import Random
from statistics import median
from typing import Any

import pytest

from rungwise.core.decisions import StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import Draining, EndReason, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import middle
from rungwise.schedulers.median import MedianStopping
from rungwise.schedulers.middle import Median


def started(count: int, **options: Any) -> MedianStopping:
    scheduler = MedianStopping(**{"max_resource": 9, "min_trials": 1} | options)
    for trial in range(count):
        assert scheduler.ask() == StartTrial(trial, 9)
    return scheduler


def report(scheduler: MedianStopping, trial: int, resource: int, value: float) -> bool:
    """Whether the trial is stopped."""
    told = scheduler.tell(TrialReported(0.0, trial, resource, value, {}))
    assert told in ((), (StopTrial(trial),))
    return told != ()


def end(scheduler: MedianStopping, trial: int, reason: EndReason) -> None:
    assert scheduler.tell(TrialEnded(0.0, trial, reason)) == ()


@pytest.mark.parametrize("block", [1, 2, 3, 512])
@pytest.mark.parametrize("levels", [1, 3, 10**9])
@pytest.mark.parametrize("order", ["any", "rising", "falling"])
def test_the_median_of_numbers_as_they_come(
    monkeypatch: pytest.MonkeyPatch, order: str, levels: int, block: int
) -> None:
    monkeypatch.setattr(middle, "BLOCK", block)
    random = Random(1)
    numbers = [inf if random.random() < 0.1 else random.randrange(levels) / 4 for _ in range(300)]
    if order != "any":
        numbers.sort(reverse=order == "falling")
    found, seen = Median(), []
    for number in numbers:
        found.add(number)
        seen.append(number)
        assert (len(found), found.value) == (len(seen), median(seen))


def test_thousands_of_numbers_in_blocks_of_the_real_size() -> None:
    random = Random(2)
    found, seen = Median(), []
    for count in range(1, 10_001):
        seen.append(random.gauss(0.0, 1.0))
        found.add(seen[-1])
        if count % 997 == 0:
            assert found.value == median(seen)
    assert found.value == median(seen)


def test_a_trial_worse_than_the_median_of_those_before_it_is_stopped_and_a_tie_is_not() -> None:
    scheduler = started(6)
    assert not report(scheduler, 0, 1, 2.0)
    assert not report(scheduler, 1, 1, 2.0)
    assert not report(scheduler, 2, 1, 1.0)
    assert report(scheduler, 3, 1, 2.5)  # of 2, 2 and 1
    assert not report(scheduler, 4, 1, 2.0)  # of 2, 2, 1 and 2.5
    assert report(scheduler, 5, 1, 2.25)


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    for value, stopped in ((2.0, False), (2.125, True)):
        scheduler = started(3)
        report(scheduler, 0, 1, 3.0)
        report(scheduler, 1, 1, 1.0)
        assert report(scheduler, 2, 1, value) is stopped


def test_the_best_value_so_far_is_held_against_the_averages() -> None:
    scheduler = started(3)
    assert [report(scheduler, 0, resource, value) for resource, value in enumerate([4.0, 1.0, 1.0], 1)] == [False] * 3
    assert not report(scheduler, 1, 1, 2.0)
    assert not report(scheduler, 1, 2, 9.0)  # its best is 2, the other's average 2.5
    assert not report(scheduler, 1, 3, 9.0)  # the same against 2
    assert not report(scheduler, 2, 1, 2.25)  # of 4 and 2
    assert not report(scheduler, 2, 2, 2.25)  # of 2.5 and 5.5
    assert not report(scheduler, 2, 3, 2.25)  # of 2 and 20/3


def test_averages_are_over_all_reports_up_to_the_resource_those_below_the_minimum_as_well() -> None:
    scheduler = started(2, min_resource=3)
    for resource, value in enumerate([6.0, 0.0, 0.0], 1):
        assert not report(scheduler, 0, resource, value)
    assert not report(scheduler, 1, 1, 9.0)
    assert not report(scheduler, 1, 2, 9.0)
    assert report(scheduler, 1, 3, 2.5)  # of 2


def test_nothing_is_decided_before_enough_others_have_reported_at_the_resource() -> None:
    scheduler = started(8, min_trials=3)
    assert [report(scheduler, trial, 1, float(trial)) for trial in range(5)] == [False, False, False, True, True]
    assert not report(scheduler, 0, 2, 9.0)
    assert not report(scheduler, 1, 2, 9.0)
    assert [report(scheduler, trial, 1, 9.0) for trial in (5, 6)] == [True, True]


def test_nothing_is_decided_at_the_full_resource_or_beyond() -> None:
    scheduler = started(4)
    assert not report(scheduler, 0, 9, 1.0)
    assert not report(scheduler, 1, 9, 2.0)
    assert not report(scheduler, 2, 12, nan)
    assert not report(scheduler, 3, 9, 3.0)


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_a_diverged_report_stops_its_trial_from_the_minimum_resource_on(odd: float) -> None:
    scheduler = started(2, min_resource=2, min_trials=5)
    assert not report(scheduler, 0, 1, odd)
    assert report(scheduler, 0, 2, odd)
    assert not report(scheduler, 1, 1, odd)
    assert not report(scheduler, 1, 2, 1.0)  # it has recovered in time
    assert report(scheduler, 1, 5, odd)


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_who_ever_diverged_counts_among_the_worst(odd: float) -> None:
    scheduler = started(4, min_resource=2)
    report(scheduler, 0, 1, odd)
    assert not report(scheduler, 0, 2, 1.0)
    assert not report(scheduler, 1, 2, 7.0)  # of infinity
    assert not report(scheduler, 2, 2, 8.0)  # of infinity and 7
    assert report(scheduler, 3, 2, 8.5)  # of infinity, 7 and 8


def test_equal_curves_are_tied_whatever_rounding_makes_of_their_sums() -> None:
    scheduler = MedianStopping(1000, min_trials=1)
    for trial, value in enumerate([0.1, 0.1]):
        assert scheduler.ask() == StartTrial(trial, 1000)
        assert not any(report(scheduler, trial, resource, value) for resource in range(1, 1000))


def test_sums_beyond_the_largest_number_are_no_divergence() -> None:
    scheduler = started(3)
    assert not any(report(scheduler, 0, resource, 1.5e308) for resource in range(1, 5))
    assert not any(report(scheduler, 1, resource, -1.5e308) for resource in range(1, 5))
    assert report(scheduler, 2, 4, 1.6e308)


def test_a_failure_counts_once_as_the_worst_at_the_next_resource_that_others_report_at() -> None:
    scheduler = started(8)
    for resource in (1, 4, 8):
        assert not report(scheduler, 0, resource, 1.0)
    report(scheduler, 1, 1, 1.0)
    end(scheduler, 1, "failed")  # on its way to 4
    end(scheduler, 2, "failed")  # on its way to 1
    assert not report(scheduler, 3, 1, 1.0)  # of 1, 1 and infinity
    assert report(scheduler, 4, 1, 1.5)  # of 1, 1, 1 and infinity
    assert not report(scheduler, 5, 4, 1.5)  # of 1 and infinity
    assert report(scheduler, 6, 4, 2.0)  # of 1, 1.5 and infinity
    assert report(scheduler, 7, 8, 1.5)  # of 1 alone


def test_a_failure_beyond_all_others_counts_where_the_first_of_them_comes_further() -> None:
    scheduler = started(4)
    report(scheduler, 0, 3, 1.0)
    end(scheduler, 0, "failed")
    assert not report(scheduler, 1, 2, 5.0)  # not as far
    assert not report(scheduler, 1, 5, 5.0)  # of infinity
    assert not report(scheduler, 2, 5, 6.0)  # of infinity and 5
    assert report(scheduler, 3, 5, 6.5)  # of infinity, 5 and 6


def test_a_failure_counts_no_more_once_it_has_counted() -> None:
    scheduler = started(4)
    end(scheduler, 0, "failed")
    for resource in (1, 2):
        assert not report(scheduler, 1, resource, 5.0)
    assert not report(scheduler, 2, 1, 6.0)  # of infinity and 5
    assert report(scheduler, 3, 2, 6.0)  # of 5 alone


def test_a_trial_that_fails_when_it_has_trained_to_the_end_counts_nowhere() -> None:
    scheduler = started(3)
    report(scheduler, 0, 9, 1.0)
    end(scheduler, 0, "failed")
    assert not report(scheduler, 1, 5, 5.0)
    assert report(scheduler, 2, 5, 6.0)  # of 5 alone


@pytest.mark.parametrize("reason", ["completed", "stopped", "lost"])
def test_no_other_end_counts(reason: EndReason) -> None:
    scheduler = started(3)
    end(scheduler, 0, reason)
    assert not report(scheduler, 1, 1, 1.0)
    assert report(scheduler, 2, 1, 2.0)


def test_a_stopped_trial_that_fails_while_it_ends_counts_no_more() -> None:
    scheduler = started(4)
    report(scheduler, 0, 1, 1.0)
    report(scheduler, 0, 2, 1.0)
    assert report(scheduler, 1, 1, 2.0)
    end(scheduler, 1, "failed")
    report(scheduler, 2, 1, 1.0)
    assert report(scheduler, 2, 2, 1.5) is False  # its best is 1
    assert report(scheduler, 3, 2, 1.1875)  # of 1 and 1.25


def test_an_interrupted_trial_goes_on_where_it_was() -> None:
    scheduler = started(3)
    report(scheduler, 0, 1, 4.0)
    report(scheduler, 1, 1, 3.0)
    assert scheduler.tell(TrialPaused(0.0, 1, 1)) == ()
    report(scheduler, 0, 2, 4.0)
    assert not report(scheduler, 1, 2, 9.0)
    assert report(scheduler, 2, 2, 5.5)  # of 4 and 6


def test_starts_end_with_the_limit_and_with_draining() -> None:
    limited, drained = MedianStopping(9, max_trials=1), MedianStopping(9)
    for scheduler in (limited, drained):
        assert scheduler.ask() == StartTrial(0, 9)
    drained.tell(Draining(0.0))
    assert limited.ask() is drained.ask() is None
    assert limited.milestones == (9,)


def test_a_report_of_a_trial_that_does_not_run_is_told() -> None:
    scheduler = started(1)
    with pytest.raises(InputError, match="trial 3 reported, but does not run"):
        report(scheduler, 3, 1, 1.0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"max_resource": 0}, "max_resource is 0"),
        ({"max_resource": 9.0}, "max_resource is 9.0"),
        ({"min_resource": 0}, "min_resource is 0"),
        ({"min_resource": 10}, "min_resource is 10, above max_resource 9"),
        ({"min_trials": 0}, "min_trials is 0"),
        ({"min_trials": True}, "min_trials is True"),
        ({"max_trials": 0}, "max_trials is 0"),
    ],
    ids=str,
)
def test_bad_arguments_are_told_in_one_sentence(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        MedianStopping(**{"max_resource": 9} | arguments)
