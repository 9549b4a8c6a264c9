"""Whole simulated experiments, job by job, against the slow twins."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.core.decisions import OpenRung
from rungwise.core.events import TrialReported
from rungwise.schedulers import ranking
from twins import rankings
from twins.cases import Case, cases, make
from twins.gated import SlowGated
from twins.progressing import SlowAsyncHyperband, SlowStoppingPASHA
from twins.runs import Experiment, jobs
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


NAMES = ["fifo", "asha", "stopping", "pasha", "stopping-pasha", "halving", "hyperband", "brackets", "median"]
OUR_OWN = ["gated", "taper", "taper-open"]
HURDLED = ["asha-hurdle", "stopping-hurdle", "pasha-hurdle", "stopping-pasha-hurdle"]


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
    found, expected = case.fast(fast), case.slow(slow)
    if isinstance(slow, SlowGated):
        expected.unclean = slow.diverged
        assert fast.gate == slow.levels[slow.gate]
    assert_same(found, expected, slow.levels)
    if isinstance(slow, SlowStoppingPASHA):
        assert fast.cap == slow.cap
        assert fast.epsilon == pytest.approx(slow.noise.epsilon, abs=1e-9)
    if isinstance(slow, SlowPASHA):
        assert fast.cap == slow.cap
        if slow.stable is None:
            assert fast.epsilon == pytest.approx(slow.noise.epsilon, abs=1e-9)


@pytest.mark.parametrize("name", ["fifo", "asha", "stopping", "halving"])
@given(case=cases())
def test_a_run_equals_its_slow_twin(name: str, case: Case) -> None:
    check(case, *make(name, case))


@pytest.mark.parametrize("name", ["halving", "hyperband", "median", "stopping-pasha", "brackets"])
@given(case=cases(trials=60))
def test_a_longer_run_equals_its_slow_twin(name: str, case: Case) -> None:
    check(case, *make(name, case))


@pytest.mark.parametrize("name", NAMES)
@given(case=cases(trials=20, ends=True))
def test_a_run_whose_trials_fail_equals_its_slow_twin(name: str, case: Case) -> None:
    """Some also get lost, or end before their time; while they train, or while they save their checkpoint."""
    check_failing(name, case)


@pytest.mark.parametrize("name", OUR_OWN)
@settings(max_examples=60)
@given(case=cases(trials=30))
def test_a_run_of_our_own_equals_its_slow_twin(name: str, case: Case) -> None:
    check(case, *make(name, case))


@pytest.mark.parametrize("name", OUR_OWN)
@settings(max_examples=40)
@given(case=cases(trials=30, ends=True))
def test_a_run_of_our_own_whose_trials_fail_equals_its_slow_twin(name: str, case: Case) -> None:
    check_failing(name, case)


@settings(max_examples=40)
@given(case=cases(trials=40))
def test_a_gate_that_lets_through_what_every_rung_does_or_is_at_the_top_is_asha(case: Case) -> None:
    case = replace(case, rule="floor")
    ends, eta = (case.low, case.high), case.eta
    wide = case.fast(rw.schedulers.GatedPASHA(*ends, eta, width=eta, scouts=eta))
    assert wide.jobs == case.fast(rw.schedulers.ASHA(*ends, eta)).jobs
    two = case.fast(rw.schedulers.GatedPASHA(*ends, max(2, case.high)))  # a ladder of two rungs
    assert two.jobs == case.fast(rw.schedulers.ASHA(*ends, max(2, case.high))).jobs


@pytest.mark.parametrize("name", HURDLED)
@settings(max_examples=25)
@given(case=cases(trials=20, ends=True))
def test_a_run_with_a_hurdle_whose_trials_fail_equals_its_slow_twin(name: str, case: Case) -> None:
    check_failing(name, case)


def check_failing(name: str, case: Case) -> None:
    _, slow = make(name, case)
    expected = case.slow(slow)
    tuner, records = Experiment(name, case, gaps=True).run()
    assert jobs(records) == expected.jobs
    reports = [(each.trial, each.resource) for each in records if isinstance(each, TrialReported)]
    assert reports == [(trial, resource) for trial, resource, _ in expected.reports]
    assert tuner.ledger.now == expected.time
    opened = [each.milestone for each in records if isinstance(each, OpenRung)]
    match slow:
        case SlowPASHA():
            assert opened == slow.levels[2 : slow.asha.open]
        case SlowGated():
            assert opened == slow.moves
        case SlowStoppingPASHA():
            assert opened == slow.levels[2 : slow.open]
        case SlowAsyncHyperband():
            grown = [each for each in slow.within if isinstance(each, SlowPASHA | SlowStoppingPASHA)]
            assert sorted(opened) == sorted(level for each in grown for level in each.levels[2:] if level <= each.cap)
        case _:
            assert opened == []


@pytest.mark.parametrize("name", HURDLED)
@settings(max_examples=50)
@given(case=cases(trials=30))
def test_a_run_with_a_hurdle_equals_its_slow_twin(name: str, case: Case) -> None:
    check(case, *make(name, case))


@pytest.mark.parametrize("name", HURDLED)
@settings(max_examples=30)
@given(case=cases())
def test_where_every_trial_leads_all_follow_the_usual_rule(name: str, case: Case) -> None:
    everybody = replace(case, count=3, values=case.values[:4], seconds=case.seconds[:4])
    usual = make(name.removesuffix("-hurdle"), everybody)[0]
    assert everybody.fast(make(name, everybody)[0]).jobs == everybody.fast(usual).jobs


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


@pytest.mark.parametrize("name", ["asha", "stopping", "pasha", "hyperband", "median"])
@settings(max_examples=40)
@given(case=cases())
def test_maximising_the_negated_table_gives_the_same_jobs(name: str, case: Case) -> None:
    smaller = case.fast(make(name, case)[0])
    table = rw.Table(-case.values, seconds=case.seconds, mode="max")
    larger = rw.simulate(table, make(name, case)[0], workers=case.workers, stop=case.stop, report_at=case.report_at)
    assert larger.jobs == smaller.jobs
    assert larger.best.trial == smaller.best.trial
    assert larger.best.value == -smaller.best.value or larger.best.trial is None


@pytest.mark.parametrize("name", ["fifo", "asha", "stopping", "pasha", "hyperband", "median"])
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
