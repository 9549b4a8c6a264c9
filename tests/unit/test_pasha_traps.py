"""Where the one public PASHA failed, beyond test_pasha.py: short ladders, gaps, ties, NaN, unequal sets."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.core.decisions import OpenRung
from rungwise.core.events import TrialEnded, TrialReported
from rungwise.schedulers import PASHA, ranking
from rungwise.schedulers.rungs import ladder

FUNCTIONS: dict[str, Any] = {
    "auto": ranking.Auto(),
    "direct": ranking.Direct(),
    "fixed": ranking.Fixed(0.0),
    "sigma": ranking.Sigma(0.5),
    "mean": ranking.MeanDistance(),
    "median": ranking.MedianDistance(),
    "rbo": ranking.RBO(1.0, 0.9),
    "rrr": ranking.RRR(0.5, 0.05),
    "arrr": ranking.ARRR(0.5, 0.05),
}
each_function = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())


def settled(trials: int, units: int) -> Any:
    """[trials, units] curves that keep their order, the first the best."""
    return 1.0 + np.arange(trials)[:, None] + 1.0 / np.arange(1, units + 1)


def turning(trials: int, milestones: tuple[int, ...]) -> Any:
    """[trials, units] curves whose order turns over at every milestone, and nowhere else."""
    turns = np.searchsorted(milestones, np.arange(1, milestones[-1] + 1), "right")
    return np.where(turns % 2 == 1, 1.0, -1.0) * np.arange(trials)[:, None]


def started(count: int, **options: Any) -> PASHA:
    pasha = PASHA(**{"min_resource": 1, "max_resource": 27, "eta": 3} | options)
    for _ in range(count):
        pasha.ask()
    return pasha


def report(pasha: PASHA, trial: int, resource: int, value: float) -> tuple[OpenRung, ...]:
    return pasha.tell(TrialReported(0.0, trial, resource, value, {}))


@pytest.mark.parametrize("rule", ["floor", "quantile"])
@pytest.mark.parametrize("eta", [2, 3, 4])
@pytest.mark.parametrize("low", [1, 3])
def test_on_ladders_of_any_length_it_grows_to_the_maximum_or_not_at_all(low: int, eta: int, rule: Any) -> None:
    """Maxima of r, η·r, η²·r and everything between: trials are promoted wherever there is a second rung."""
    for high in range(low, 29):
        milestones = ladder(low, high, eta)
        trials = 2 * eta ** (len(milestones) - 1)
        growing = PASHA(low, high, eta, rule, ranking.Direct())
        run = rw.simulate(rw.Table(turning(trials, milestones)), growing, stop="drain")
        assert run.max_resource == growing.cap == high
        staying = PASHA(low, high, eta, rule)
        run = rw.simulate(rw.Table(settled(trials, high)), staying, stop="drain")
        assert run.max_resource == staying.cap == milestones[min(1, len(milestones) - 1)]


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("trials", [1, 2])
@pytest.mark.parametrize("high", [1, 3, 9])
def test_with_hardly_any_trials_it_ends_all_the_same(high: int, trials: int, workers: int) -> None:
    run = rw.simulate(rw.Table(settled(trials, high)), PASHA(1, high, 3), workers=workers, stop="drain")
    assert {job.trial for job in run.jobs} == set(range(trials))
    assert run.best.trial == 0


@pytest.mark.parametrize("every", [[1, 3, 9, 27], [3, 6, 9, 12, 15, 18, 21, 24, 27], [2, 3, 5, 9, 10, 20, 27]])
def test_epsilon_is_estimated_from_whatever_resources_are_reported(every: list[int]) -> None:
    """Two trials change places at each report; 27 is the highest that both have reported."""
    pasha = started(2, eta=27)
    for count, resource in enumerate(every):
        report(pasha, 0, resource, 1.0)
        report(pasha, 1, resource, 1.0 + (-0.5) ** count)
    assert pasha.milestones == (1, 27)
    assert pasha.epsilon == pytest.approx(0.5 ** (len(every) - 1))


def test_trials_without_a_resource_in_common_are_no_noise() -> None:
    pasha = started(2)
    for resource in range(1, 10):
        report(pasha, resource % 2, resource, float((resource // 2) % 2))
    assert pasha.epsilon == 0.0


def test_reports_of_each_trial_at_other_resources_are_compared_in_the_rungs_they_enter() -> None:
    pasha = started(3, ranking=ranking.Direct())
    for trial, resource, value in [(0, 1, 1.0), (1, 2, 2.0), (2, 2, 3.0)]:
        report(pasha, trial, resource, value)
    assert report(pasha, 0, 4, 1.0) == ()
    assert report(pasha, 1, 3, 2.0) == ()
    assert [opened.milestone for opened in report(pasha, 2, 7, 0.5)] == [9]


@each_function
@pytest.mark.parametrize("workers", [1, 3, 7])
def test_where_all_are_equally_good_the_ladder_stays_short(function: Any, workers: int) -> None:
    """Whatever the order of arrival: seconds of all lengths mix it up."""
    seconds = np.random.default_rng(0).random((50, 27))
    pasha = PASHA(1, 27, 3, ranking=function)
    run = rw.simulate(rw.Table(np.full((50, 27), 0.5), seconds=seconds), pasha, workers=workers, stop="drain")
    assert run.max_resource == pasha.cap == 3
    assert len({job.trial for job in run.jobs if job.end == 3}) == 16


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]])
def test_values_that_become_equal_or_come_apart_are_no_swap(order: list[int]) -> None:
    apart, level = [1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]
    for lower, upper in ((apart, level), (level, apart), ([1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 3.0, 4.0])):
        pasha = started(4, ranking=ranking.Direct())
        for trial in range(4):
            report(pasha, trial, 1, lower[trial])
        assert [report(pasha, trial, 3, upper[trial]) for trial in order] == [()] * 4


@each_function
@pytest.mark.parametrize("odd", [nan, inf, -inf])
@pytest.mark.parametrize("diverged_at", [1, 3])
def test_one_diverged_trial_moves_no_ranking_functions_cap(function: Any, odd: float, diverged_at: int) -> None:
    values = settled(40, 27)
    values[0, diverged_at - 1 :] = odd  # the best of all until then
    pasha = PASHA(1, 27, 3, ranking=function)
    run = rw.simulate(rw.Table(values), pasha, stop="drain")
    assert run.max_resource == pasha.cap == 3
    assert run.best.trial == (1 if diverged_at == 1 else 0)


@each_function
def test_where_every_trial_diverges_nothing_is_promoted_and_the_run_ends(function: Any) -> None:
    pasha = PASHA(1, 27, 3, ranking=function)
    run = rw.simulate(rw.Table(np.full((20, 27), nan)), pasha, stop="drain")
    assert [(job.start, job.end) for job in run.jobs] == [(0, 1)] * 20
    assert (pasha.cap, pasha.epsilon, run.best.trial) == (3, 0.0, None)


@pytest.mark.parametrize("function", ["direct", "rbo", "arrr"])
def test_who_stands_in_one_rung_alone_is_not_compared(function: str) -> None:
    """Ten that never got further, better, worse and between; one that failed on its way up; one that diverged there."""
    pasha = started(16, ranking=FUNCTIONS[function])
    for trial, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        report(pasha, trial, 1, value)
    for trial in range(4, 16):
        report(pasha, trial, 1, 0.45 * trial)
    while (request := pasha.ask()).milestone == 3:  # type: ignore[union-attr]
        if request.trial == 0:  # type: ignore[union-attr]
            pasha.tell(TrialEnded(0.0, 0, "failed"))
    assert report(pasha, 4, 3, nan) == ()
    assert [report(pasha, trial, 3, 5.0 + trial) for trial in (1, 2)] == [(), ()]
    assert [opened.milestone for opened in report(pasha, 3, 3, 0.5)] == [9]
