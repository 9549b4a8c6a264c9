"""PASHA by stopping: straight to the top open rung, a pause there, and on when the ladder has grown."""

from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise import schedulers
from rungwise.core.decisions import OpenRung, PromoteTrial, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.schedulers import ranking


class Told:
    """A scheduler, told of reports one after another."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def start(self, count: int) -> None:
        for _ in range(count):
            assert isinstance(self.scheduler.ask(), StartTrial)

    def report(self, trial: int, resource: int, value: float) -> list[Any]:
        return list(self.scheduler.tell(TrialReported(0.0, trial, resource, value, {})))


def test_a_trial_sets_out_for_the_top_open_rung_and_is_stopped_below_it() -> None:
    told = Told(schedulers.PASHA(1, 27, 3, by="stopping"))
    assert told.scheduler.ask() == StartTrial(0, 3)
    told.start(3)
    assert told.report(0, 1, 1.0) == []
    assert told.report(1, 1, 2.0) == [StopTrial(1)]
    assert told.report(2, 1, 1.0) == []  # tied with the best
    assert told.report(3, 1, 0.5) == []


def test_a_stable_ranking_leaves_the_paused_where_they_are() -> None:
    told = Told(schedulers.PASHA(1, 27, 3, by="stopping"))
    told.start(2)
    for trial, value in ((0, 2.0), (1, 1.0)):
        assert told.report(trial, 1, value) == []
        assert told.report(trial, 3, value) == []
    assert told.scheduler.cap == 3
    assert told.scheduler.ask() == StartTrial(2, 3)


def test_when_the_ladder_has_grown_the_best_of_the_paused_go_on_to_the_new_top() -> None:
    told = Told(schedulers.PASHA(1, 27, 3, ranking=ranking.Direct(), by="stopping"))
    told.start(2)
    told.report(0, 1, 2.0)
    told.report(1, 1, 1.0)
    assert told.report(0, 3, 1.0) == []
    (opened,) = told.report(1, 3, 2.0)
    assert isinstance(opened, OpenRung)
    assert opened.milestone == told.scheduler.cap == 9
    assert told.scheduler.ask() == PromoteTrial(0, 9)
    assert told.scheduler.ask() == StartTrial(2, 9)


@pytest.mark.parametrize("rule", ["floor", "quantile"])
@pytest.mark.parametrize("seed", range(5))
def test_it_trains_no_further_than_its_cap_and_ends_on_any_curves(rule: Any, seed: int) -> None:
    draw = np.random.default_rng(seed)
    values = draw.normal(0, 0.3, (80, 27)).cumsum(axis=1) + draw.normal(0, 1, (80, 1))
    scheduler = schedulers.PASHA(1, 27, 3, rule, by="stopping")
    run = rw.simulate(rw.Table(values), scheduler, stop="drain")
    assert run.max_resource <= scheduler.cap
    ended = {job.trial: job.end for job in run.jobs}
    assert set(ended.values()) <= {1, 3, 9, 27}
    assert len(ended) == 80


def test_at_the_full_resource_it_is_asha_by_stopping() -> None:
    table = rw.Table(np.random.default_rng(0).normal(size=(60, 3)))
    by_pasha = rw.simulate(table, schedulers.PASHA(1, 3, 3, by="stopping"))
    assert by_pasha.jobs == rw.simulate(table, schedulers.StoppingASHA(1, 3, 3)).jobs


def test_a_ranking_function_that_raises_is_told_by_name() -> None:
    class Broken:
        def __repr__(self) -> str:
            return "Broken()"

        def agree(self, lower: Any, upper: Any) -> bool:
            raise KeyError("boom")

    table = rw.Table(np.random.default_rng(0).normal(size=(30, 9)))
    for by in ("promotion", "stopping"):
        with pytest.raises(InputError, match=r"the ranking function Broken\(\) raised KeyError\('boom'\)"):
            rw.simulate(table, schedulers.PASHA(1, 9, 3, ranking=Broken(), by=by))


def test_by_what_is_checked() -> None:
    with pytest.raises(InputError, match="by is 'halting'"):
        schedulers.PASHA(by="halting")  # type: ignore[arg-type]
