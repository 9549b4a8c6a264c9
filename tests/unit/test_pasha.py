"""PASHA by hand and on small tables, first of all where the one public implementation failed."""

from math import nan
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.core.decisions import Disagreement, OpenRung, PromoteTrial, StartTrial
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import ASHA, PASHA, ranking


def started(count: int, **options: Any) -> PASHA:
    options = {"min_resource": 1, "max_resource": 27, "eta": 3} | options
    pasha = PASHA(**options)
    for trial in range(count):
        assert pasha.ask() == StartTrial(trial, options["min_resource"])
    return pasha


def report(pasha: PASHA, trial: int, resource: int, value: float) -> tuple[OpenRung, ...]:
    return pasha.tell(TrialReported(0.0, trial, resource, value, {}))


def settled(trials: int, units: int) -> Any:
    """[trials, units] curves that keep their order, the first the best."""
    return np.arange(trials)[:, None] + 1.0 / np.arange(1, units + 1)


def crossing(trials: int, units: int) -> Any:
    """[trials, units] curves without noise, whose order turns over at the second unit."""
    values = settled(trials, units)
    values[:, 1:] = values[::-1, 1:]
    return values


def jobs(run: Any) -> list[tuple[int, int, int]]:
    return [(job.trial, job.start, job.end) for job in run.jobs]


def test_two_rungs_are_open_at_first() -> None:
    assert PASHA(min_resource=2, max_resource=100, eta=3).cap == 6
    assert PASHA(min_resource=2, max_resource=100, eta=3).epsilon == 0.0


def test_the_cap_is_the_maximum_where_that_is_less_than_eta_r() -> None:
    assert PASHA(min_resource=2, max_resource=5, eta=3).cap == 5


def test_with_one_rung_nothing_is_promoted_and_all_are_trained() -> None:
    pasha = PASHA(min_resource=4, max_resource=4, eta=3)
    run = rw.simulate(rw.Table(crossing(5, 4)), pasha, workers=2, stop="drain")
    assert sorted(jobs(run)) == [(trial, 0, 4) for trial in range(5)]
    assert (pasha.cap, pasha.epsilon, pasha.milestones) == (4, 0.0, (4,))


@pytest.mark.parametrize("rule", ["floor", "quantile"])
@pytest.mark.parametrize("high", [2, 3])
def test_with_two_rungs_it_is_asha(high: int, rule: Any) -> None:
    table = rw.Table(crossing(20, 3))
    pasha = PASHA(1, high, 3, rule)
    run = rw.simulate(table, pasha, stop="drain")
    assert run.jobs == rw.simulate(table, ASHA(1, high, 3, rule), stop="drain").jobs
    assert any(end == high for _, _, end in jobs(run))
    assert pasha.cap == high


@pytest.mark.parametrize("rule", ["floor", "quantile"])
def test_with_eta_3_and_a_maximum_of_9_trials_are_promoted_and_the_ladder_grows_to_9(rule: Any) -> None:
    stable, growing = PASHA(1, 9, 3, rule), PASHA(1, 9, 3, rule)
    assert rw.simulate(rw.Table(settled(27, 9)), stable, stop="drain").max_resource == stable.cap == 3
    assert rw.simulate(rw.Table(crossing(27, 9)), growing, stop="drain").max_resource == growing.cap == 9


@pytest.mark.parametrize("report_at", [[1, 3, 9, 27], list(range(3, 28, 3)), [27]])
@pytest.mark.parametrize("curves", [settled, crossing])
def test_reports_only_at_rungs_or_every_third_epoch_are_enough(report_at: list[int], curves: Any) -> None:
    pasha = PASHA(1, 27, 3)
    run = rw.simulate(rw.Table(curves(30, 27)), pasha, stop="drain", report_at=report_at)
    assert len({job.trial for job in run.jobs}) == 30
    assert {job.end for job in run.jobs} <= set(report_at)
    assert run.max_resource >= 3
    assert pasha.cap == (3 if curves is settled or report_at[0] > 1 else 9)


def test_exact_ties_are_no_swap() -> None:
    """All alike in the upper rung, in whichever order they arrive: no reason to grow."""
    pasha = started(4, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        report(pasha, trial, 1, value)
    for trial in (3, 1, 0, 2):
        assert report(pasha, trial, 3, 0.5) == ()
    assert pasha.cap == 3


def test_ties_in_the_lower_rung_are_ordered_as_the_upper_rung_orders_them() -> None:
    pasha = started(4, ranking=ranking.Direct())
    for trial in range(4):
        report(pasha, trial, 1, 1.0)
    for trial, value in enumerate([4.0, 2.0, 3.0, 1.0]):
        assert report(pasha, trial, 3, value) == ()


def test_a_swap_across_a_tie_is_a_swap() -> None:
    pasha = started(3, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 1.0, 2.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 0, 3, 5.0) == ()
    assert report(pasha, 2, 3, 4.0) == (OpenRung(9, Disagreement((2, 0), 0.0)),)


@pytest.mark.parametrize("diverged_at", [1, 2, 3])
@pytest.mark.parametrize("rule", ["floor", "quantile"])
def test_one_diverged_trial_does_not_send_the_cap_to_the_top(rule: Any, diverged_at: int) -> None:
    values = settled(40, 81)
    values[2, diverged_at - 1 :] = nan
    pasha = PASHA(1, 81, 3, rule)
    run = rw.simulate(rw.Table(values), pasha, stop="drain")
    assert pasha.cap == run.max_resource == 3
    assert run.best.trial == 0


def test_a_trial_diverged_in_either_rung_is_left_out_of_the_comparison() -> None:
    pasha = started(4, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0, nan, 3.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 0, 3, nan) == ()
    assert report(pasha, 2, 3, 0.1) == ()
    assert report(pasha, 1, 3, 2.0) == ()  # still alone
    assert [opened.milestone for opened in report(pasha, 3, 3, 1.0)] == [9]


def test_one_trial_in_the_top_rung_is_no_comparison() -> None:
    pasha = started(3, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0, 3.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 2, 3, 0.0) == ()
    assert [opened.milestone for opened in report(pasha, 0, 3, 1.0)] == [9]


def test_only_a_job_that_completes_in_the_top_rung_compares() -> None:
    pasha = started(5, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 0, 2, 9.0) == ()
    assert report(pasha, 0, 3, 9.0) == ()
    assert report(pasha, 2, 1, 0.0) == ()
    assert [opened.milestone for opened in report(pasha, 1, 3, 8.0)] == [9]
    assert report(pasha, 3, 1, 0.0) == ()


def test_an_opening_names_the_pair_that_moved_furthest_and_epsilon_then() -> None:
    pasha = started(3, ranking=ranking.Fixed(0.4))
    for trial, value in enumerate([1.0, 1.25, 3.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 1, 3, 0.5) == ()
    assert report(pasha, 0, 3, 0.6) == ()  # swapped, but 0.25 apart
    assert report(pasha, 2, 3, 0.1) == (OpenRung(9, Disagreement((2, 0), 0.4)),)


def test_one_rung_opens_at_a_time_and_at_the_maximum_nothing_is_checked_any_more() -> None:
    pasha = started(8, max_resource=10, ranking=ranking.Direct())
    for trial in range(8):
        report(pasha, trial, 1, float(trial))
    opened = [each.milestone for trial in range(8) for each in report(pasha, trial, 3, -float(trial))]
    assert opened == [9]
    opened = [each.milestone for trial in range(8) for each in report(pasha, trial, 9, float(trial))]
    assert opened == [10]
    for trial in range(8):
        assert report(pasha, trial, 10, -float(trial)) == ()
    assert pasha.cap == 10


def test_trials_wait_in_the_top_open_rung_until_the_next_opens() -> None:
    pasha = started(9, max_trials=9, ranking=ranking.Direct())
    for trial in range(9):
        report(pasha, trial, 1, float(trial))
    assert [pasha.ask() for _ in range(4)] == [*(PromoteTrial(trial, 3) for trial in range(3)), None]
    for trial in (0, 1):
        report(pasha, trial, 3, float(trial))
        pasha.tell(TrialPaused(0.0, trial, 3))
    assert pasha.ask() is None  # the best of rung 3 would go to 9
    assert report(pasha, 2, 3, -1.0) != ()
    assert pasha.ask() == PromoteTrial(2, 9)


def test_a_rung_entered_before_it_opened_is_compared_at_the_next_arrival() -> None:
    """Gaps: a report at 9 enters rungs 3 and 9 alike."""
    pasha = started(4, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        report(pasha, trial, 1, value)
    assert report(pasha, 0, 9, 1.0) == ()
    assert [opened.milestone for opened in report(pasha, 1, 9, 0.5)] == [9]  # one at a time
    assert report(pasha, 2, 9, 3.0) == ()
    assert [opened.milestone for opened in report(pasha, 3, 4, 4.0)] == []
    assert pasha.cap == 9


def test_a_failure_on_the_way_to_the_top_rung_counts_there_but_is_not_compared() -> None:
    pasha = started(3, ranking=ranking.Direct())
    for trial, value in enumerate([1.0, 2.0, 3.0]):
        report(pasha, trial, 1, value)
    assert pasha.ask() == PromoteTrial(0, 3)
    assert pasha.tell(TrialEnded(0.0, 0, "failed")) == ()
    assert report(pasha, 1, 3, 2.0) == ()
    assert [opened.milestone for opened in report(pasha, 2, 3, 1.0)] == [9]


def test_noise_keeps_the_ladder_short_where_trials_are_equally_good() -> None:
    """Two that criss-cross swap at the rung as well: their distance passes as noise."""
    quiet, noisy = [[1.0, 1.5, 1.5, 0.8, 0.8, 0.8]], [[1.2, 1.2, 1.2, 1.2, 1.2, 1.2]]
    rest = np.full((10, 6), 9.0) + np.arange(10)[:, None]
    values = np.concatenate([quiet, noisy, rest])
    auto, direct = PASHA(2, 6, 2, "quantile"), PASHA(2, 6, 2, "quantile", ranking.Direct())
    rw.simulate(rw.Table(values), auto, workers=1)
    rw.simulate(rw.Table(values), direct, workers=1)
    assert (auto.cap, direct.cap) == (4, 6)
    assert auto.epsilon == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("function", "epsilon"),
    [
        (ranking.Fixed(0.25), 0.25),
        (ranking.Direct(), 0.0),
        (ranking.Sigma(2.0), 1.0),  # of 1 and 2
        (ranking.MeanDistance(), 1.0),
        (ranking.MedianDistance(), 1.0),
        (ranking.RBO(0.5, 0.0), 0.0),
        (ranking.RRR(0.5, 9.0), 0.0),
    ],
)
def test_epsilon_tells_what_passes_as_noise(function: Any, epsilon: float) -> None:
    pasha = started(2, ranking=function)
    for trial, value in enumerate([1.0, 2.0]):
        report(pasha, trial, 1, value)
        report(pasha, trial, 3, value)
    assert pasha.epsilon == pytest.approx(epsilon)


def test_epsilon_goes_on_being_estimated_at_the_maximum() -> None:
    pasha = started(2, min_resource=1, max_resource=6, eta=6)
    assert pasha.cap == 6
    for resource, (one, other) in enumerate([(1.0, 2.0), (2.0, 1.0), (1.0, 1.5)], 1):
        report(pasha, 0, resource, one)
        report(pasha, 1, resource, other)
    assert pasha.epsilon == 0.5
