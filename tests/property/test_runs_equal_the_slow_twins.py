"""Whole simulated experiments, job by job, against the slow twins."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.schedulers import ranking
from twins import rankings
from twins.cases import Case, cases, make
from twins.schedulers import Slow, SlowPASHA
from twins.simulator import SlowRun

RANKINGS = [
    (ranking.Direct(), rankings.direct),
    (ranking.Fixed(0.25), rankings.fixed(0.25)),
    (ranking.Fixed(0.0), rankings.fixed(0.0)),
    (ranking.Sigma(1.5), rankings.sigma(1.5)),
    (ranking.MeanDistance(), rankings.mean),
    (ranking.MedianDistance(), rankings.median),
    (ranking.RBO(0.5, 0.5), rankings.rbo(0.5, 0.5)),
    (ranking.RBO(1.0, 0.7), rankings.rbo(1.0, 0.7)),
    (ranking.RRR(0.5, 0.05), rankings.rrr(0.5, 0.05)),
    (ranking.ARRR(0.9, 0.1), rankings.arrr(0.9, 0.1)),
]


def assert_same(fast: Any, slow: SlowRun, levels: list[int]) -> None:
    assert [(job.trial, job.start, job.end, job.began, job.ended) for job in fast.jobs] == slow.jobs
    assert fast.time == slow.time
    assert fast.resource == slow.resource
    assert fast.max_resource == slow.max_resource
    if slow.winner is None:
        assert fast.best.trial is None
        assert np.isnan(fast.best.value)
    else:
        assert (fast.best.trial, fast.best.value) == slow.winner
    assert (fast.top_rung, fast.best_in_top_rung.trial) == slow.winner_in_top_rung(levels)


def check(case: Case, fast: Any, slow: Slow) -> None:
    assert_same(case.fast(fast), case.slow(slow), slow.levels)
    if isinstance(slow, SlowPASHA):
        assert fast.cap == slow.cap
        if slow.stable is None:
            assert fast.epsilon == pytest.approx(slow.noise.epsilon, abs=1e-9)


@pytest.mark.parametrize("name", ["fifo", "asha", "stopping"])
@given(case=cases())
def test_a_run_equals_its_slow_twin(name: str, case: Case) -> None:
    check(case, *make(name, case))


@settings(max_examples=200)
@given(case=cases())
def test_pasha_with_epsilon_from_noise_equals_its_slow_twin(case: Case) -> None:
    check(case, *make("pasha", case))


@given(case=cases(trials=25, units=13), percentile=st.sampled_from([0.0, 37.5, 50.0, 100.0]))
def test_pasha_with_another_percentile_equals_its_slow_twin(case: Case, percentile: float) -> None:
    ladder = (case.low, case.high, case.eta, case.rule)
    fast = rw.schedulers.PASHA(*ladder, ranking=ranking.Auto(percentile))
    check(case, fast, SlowPASHA(*ladder, percentile=percentile))


@given(case=cases(), kind=st.sampled_from(RANKINGS))
def test_pasha_with_another_ranking_equals_its_slow_twin(case: Case, kind: Any) -> None:
    ladder = (case.low, case.high, case.eta, case.rule)
    if isinstance(kind[0], ranking.RRR | ranking.ARRR):
        case.values[case.values == 0] = 0.125  # a regret is relative to the best value, which must not be 0
    check(case, rw.schedulers.PASHA(*ladder, ranking=kind[0]), SlowPASHA(*ladder, stable=kind[1]))


@pytest.mark.parametrize("name", ["asha", "stopping", "pasha"])
@settings(max_examples=40)
@given(case=cases())
def test_maximising_the_negated_table_gives_the_same_jobs(name: str, case: Case) -> None:
    smaller = case.fast(make(name, case)[0])
    table = rw.Table(-case.values, seconds=case.seconds, mode="max")
    larger = rw.simulate(table, make(name, case)[0], workers=case.workers, stop=case.stop, report_at=case.report_at)
    assert larger.jobs == smaller.jobs
    assert larger.best.trial == smaller.best.trial
    assert larger.best.value == -smaller.best.value or larger.best.trial is None


@pytest.mark.parametrize("name", ["fifo", "asha", "stopping", "pasha"])
@settings(max_examples=40)
@given(case=cases())
def test_an_order_of_rows_is_the_table_in_that_order(name: str, case: Case) -> None:
    order = np.random.default_rng(len(case.values)).permutation(len(case.values)).tolist()
    table = rw.Table(case.values, seconds=case.seconds)
    ordered = rw.simulate(
        table, make(name, case)[0], workers=case.workers, order=order, stop=case.stop, report_at=case.report_at
    )
    moved = rw.Table(case.values[order], seconds=case.seconds[order])
    plain = rw.simulate(moved, make(name, case)[0], workers=case.workers, stop=case.stop, report_at=case.report_at)
    assert ordered.jobs == plain.jobs
    assert ordered.best.trial == plain.best.trial
