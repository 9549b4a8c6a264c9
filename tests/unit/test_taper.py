"""Taper: its ladder, its quotas, its scores; and that who is promoted does not depend on who comes first."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.core.decisions import PromoteTrial, StartTrial
from rungwise.core.events import Draining, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import Taper
from rungwise.schedulers.gains import Gains
from rungwise.schedulers.named import make_scheduler
from rungwise.schedulers.taper import Shares, fine_ladder


def report(taper: Taper, trial: int, resource: int, value: float) -> None:
    taper.tell(TrialReported(0.0, trial, resource, value, {}))
    taper.tell(TrialPaused(0.0, trial, resource))


def asked(taper: Taper, times: int) -> list[Any]:
    return [taper.ask() for _ in range(times)]


@pytest.mark.parametrize(
    ("low", "high", "step", "milestones"),
    [
        (1, 51, 1.5, (1, 2, 3, 5, 8, 11, 17, 26, 38, 51)),
        (1, 27, 1.5, (1, 2, 3, 5, 8, 11, 17, 26, 27)),
        (2, 9, 1.5, (2, 3, 4, 7, 9)),  # 4.5 is rounded to the even number
        (10, 100, 2, (10, 20, 40, 80, 100)),
        (1, 4, 1.1, (1, 2, 3, 4)),  # nothing twice
        (1, 9, 100.0, (1, 9)),
        (7, 7, 1.5, (7,)),
    ],
)
def test_the_ladder_rises_by_the_step_in_whole_units(
    low: int, high: int, step: float, milestones: tuple[int, ...]
) -> None:
    assert fine_ladder(low, high, step) == milestones


def test_too_few_survivors_end_the_ladder() -> None:
    milestones = fine_ladder(1, 27, 1.5)
    assert Shares.of(milestones, 1.45, 1).quotas(40) == (14, 8, 3, 1, 1, 0, 0, 0)
    assert Shares.of(milestones, 1.45, 2).quotas(40) == (14, 8, 3, 0, 0, 0, 0, 0)
    assert Shares.of(milestones, 1.45, 2).quotas(3) == (0,) * 8


def scores(*curve: tuple[float, bool]) -> list[float]:
    """The scores of a trial that reports these values; those marked true are on entering a rung."""
    gains, found = Gains(), []
    for value, enters in curve:
        gains.report(3, value)
        if enters:
            found.append(gains.enter(3))
    return found


def test_a_score_foresees_half_a_gain_then_what_the_last_two_gains_say() -> None:
    assert scores((8.0, True), (4.0, True)) == [8.0, 2.0]
    assert scores((8.0, True), (4.0, True), (2.0, True)) == [8.0, 2.0, 1.0]  # half the gain before: half again
    assert scores((8.0, True), (6.0, True), (2.0, True)) == [8.0, 5.0, -2.0]  # a growing gain does not grow on
    assert scores((8.0, True), (4.0, True), (4.0, True), (3.0, True)) == [8.0, 2.0, 4.0, 3.0]


def test_a_score_is_of_the_best_so_far_whatever_came_between() -> None:
    assert scores((8.0, True), (5.0, False), (9.0, True)) == [8.0, 3.5]
    assert scores((8.0, True), (nan, False), (-inf, False), (6.0, True)) == [8.0, 5.0]
    assert scores((2.0, True), (9.0, True)) == [2.0, 2.0]


def test_a_score_never_overflows() -> None:
    assert scores((1.7e308, True), (-1.7e308, True), (-1.75e308, True)) == [1.7e308, -1.7e308, -1.75e308]


def test_all_are_started_first_and_nobody_is_promoted_who_might_not_be_among_the_best() -> None:
    taper = Taper(1, 4, 6, gamma=1.0, survivors=1)  # 1 2 3 4: three, two, one go on
    assert asked(taper, 6) == [StartTrial(trial, 1) for trial in range(6)]
    for trial, value in ((0, 5.0), (1, 4.0), (2, 3.0)):
        report(taper, trial, 1, value)
    assert taper.ask() is None  # three may yet be better than all of these
    report(taper, 3, 1, 6.0)
    assert asked(taper, 2) == [PromoteTrial(2, 2), None]
    report(taper, 4, 1, nan)
    assert asked(taper, 2) == [PromoteTrial(1, 2), None]
    report(taper, 5, 1, 4.5)
    assert asked(taper, 2) == [PromoteTrial(5, 2), None]
    report(taper, 1, 2, 4.0)
    report(taper, 5, 2, 1.0)
    assert asked(taper, 2) == [PromoteTrial(5, 3), None]


def test_the_lowest_rung_goes_first() -> None:
    taper = Taper(1, 4, 6, gamma=1.0, survivors=1)
    asked(taper, 6)
    for trial in range(4):
        report(taper, trial, 1, float(trial))
    assert taper.ask() == PromoteTrial(0, 2)
    report(taper, 0, 2, 0.0)
    report(taper, 4, 1, 9.0)
    report(taper, 5, 1, 9.0)
    assert asked(taper, 2) == [PromoteTrial(1, 2), PromoteTrial(2, 2)]


def test_places_that_diverged_trials_leave_empty_are_not_waited_for() -> None:
    taper = Taper(1, 4, 6, gamma=1.0, survivors=1)
    asked(taper, 6)
    for trial in range(4):
        report(taper, trial, 1, nan)
    taper.tell(TrialEnded(0.0, 4, "failed"))
    report(taper, 5, 1, 1.0)
    assert asked(taper, 2) == [PromoteTrial(5, 2), None]
    report(taper, 5, 2, 1.0)
    assert asked(taper, 2) == [PromoteTrial(5, 3), None]  # two may go on, but one is all there will ever be


def test_a_lost_trial_is_not_waited_for() -> None:
    taper = Taper(1, 2, 4, gamma=1.0, survivors=1)  # two of four go on
    asked(taper, 4)
    for trial in range(3):
        report(taper, trial, 1, float(trial))
    assert asked(taper, 2) == [PromoteTrial(0, 2), None]
    taper.tell(TrialEnded(0.0, 3, "lost"))
    assert asked(taper, 2) == [PromoteTrial(1, 2), None]


def test_where_fewer_could_start_quotas_are_those_of_fewer() -> None:
    taper = Taper(1, 2, 100, gamma=1.0, survivors=1)
    asked(taper, 4)
    for trial in range(4):
        report(taper, trial, 1, float(trial))
    taper.tell(Draining(0.0))
    assert asked(taper, 3) == [PromoteTrial(0, 2), PromoteTrial(1, 2), None]


def test_where_nobody_knows_how_many_there_will_be_nobody_waits() -> None:
    taper = Taper(1, 4, gamma=1.0, survivors=1)
    asked(taper, 2)
    report(taper, 0, 1, 5.0)
    report(taper, 1, 1, 4.0)
    assert asked(taper, 2) == [PromoteTrial(1, 2), StartTrial(2, 1)]
    report(taper, 1, 2, 4.0)
    report(taper, 2, 1, 3.0)  # one of three may go to 3 units: the highest rung goes first
    assert asked(taper, 3) == [PromoteTrial(1, 3), PromoteTrial(2, 2), StartTrial(3, 1)]


def test_by_name_it_knows_the_number_of_trials_or_does_without() -> None:
    settings = {"name": "taper", "min_resource": 1, "max_resource": 9, "eta": 3}
    assert isinstance(
        make_scheduler({**settings, "trials": 1, "gamma": 1, "step": 2, "survivors": 1}).ask(), StartTrial
    )
    known, unknown = make_scheduler({**settings, "trials": 2}), make_scheduler(settings)
    assert [known.ask() is None for _ in range(3)] == [False, False, True]
    assert [unknown.ask() is None for _ in range(3)] == [False, False, False]


def promoted(run: Any) -> set[tuple[int, int]]:
    return {(job.trial, job.end) for job in run.jobs if job.start}


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    trials=st.integers(1, 60),
    gamma=st.sampled_from([0.5, 1.0, 1.45]),
    workers=st.lists(st.integers(1, 64), min_size=2, max_size=4),
)
def test_who_is_promoted_does_not_depend_on_the_workers(
    seed: int, trials: int, gamma: float, workers: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(trials, 1)) + rng.uniform(0, 1, (trials, 1)) * np.arange(12, 0, -1)
    values += rng.normal(scale=0.3, size=values.shape)
    values[rng.random(values.shape) < rng.choice([0, 0.02])] = nan
    table = rw.Table(values, seconds=rng.uniform(0.1, 3.0, values.shape))
    runs = [rw.simulate(table, Taper(1, 12, trials, gamma=gamma), each) for each in (1, *workers)]
    assert all(promoted(run) == promoted(runs[0]) for run in runs)
    assert all(run.best == runs[0].best for run in runs)


def test_the_best_of_a_rung_in_the_end_are_those_that_left_it() -> None:
    rng = np.random.default_rng(7)
    values = rng.permutation(300).reshape(300, 1) + 10.0 / np.arange(1, 13)
    run = rw.simulate(rw.Table(values, seconds=rng.uniform(0.1, 3.0, values.shape)), Taper(1, 12, 300), workers=16)
    quotas = Shares.of(fine_ladder(1, 12, 1.5), 1.45, 2).quotas(300)
    for level, quota in zip((2, 3, 5, 8, 11, 12), quotas, strict=True):
        got_there = {trial for trial, end in promoted(run) if end == level}
        assert got_there == set(np.argsort(values[:, 0])[:quota].tolist())
        assert quota


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([0.25, 8.0]), shift=st.sampled_from([-3.0, 0.0, 16.0]))
def test_another_unit_of_the_metric_changes_nothing(seed: int, scale: float, shift: float) -> None:
    values = np.random.default_rng(seed).integers(0, 64, (40, 9)) / 4
    runs = [rw.simulate(rw.Table(each), Taper(1, 9, 40, gamma=0.8), 3) for each in (values, values * scale + shift)]
    assert runs[0].jobs == runs[1].jobs
    assert len(runs[0].jobs) > 60
