"""Milestones, and who is among the best of a rung."""

from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.errors import InputError
from rungwise.schedulers.best import Best, quota, quotas
from rungwise.schedulers.rungs import Ladder, Rung, ladder


@pytest.mark.parametrize(
    ("low", "high", "eta", "milestones"),
    [
        (1, 200, 3, (1, 3, 9, 27, 81, 200)),
        (1, 243, 3, (1, 3, 9, 27, 81, 243)),  # log(243) / log(3) is 4.999…
        (1, 9, 3, (1, 3, 9)),
        (1, 10, 3, (1, 3, 9, 10)),
        (2, 3, 4, (2, 3)),
        (5, 5, 3, (5,)),
        (7, 100, 2, (7, 14, 28, 56, 100)),
        (1, 10**18, 10, tuple(10**k for k in range(19))),
    ],
)
def test_milestones_are_the_lowest_times_powers_of_eta_and_then_the_highest(
    low: int, high: int, eta: int, milestones: tuple[int, ...]
) -> None:
    assert ladder(low, high, eta) == milestones


@given(low=st.integers(1, 50), more=st.integers(0, 500), eta=st.integers(2, 7))
def test_milestones_rise_by_eta_from_the_lowest_to_the_highest(low: int, more: int, eta: int) -> None:
    milestones = ladder(low, low + more, eta)
    assert milestones[0] == low
    assert milestones[-1] == low + more
    steps = list(pairwise(milestones))
    assert all(above == below * eta for below, above in steps[:-1])
    assert all(below < above <= below * eta for below, above in steps[-1:])


def test_whole_numbers_of_numpy_become_plain_ones() -> None:
    milestones = ladder(np.int64(1), np.int32(9), np.uint8(3))  # type: ignore[arg-type]
    assert milestones == (1, 3, 9)
    assert {type(milestone) for milestone in milestones} == {int}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((10, 9, 3), "min_resource is 10, above max_resource 9"),
        ((0, 9, 3), "min_resource is 0,"),
        ((-1, 9, 3), "min_resource is -1,"),
        ((1, 0, 3), "max_resource is 0,"),
        ((1, 9, 1), "eta is 1,"),
        ((1, 9, 2.5), "eta is 2.5,"),
        ((1, 9, 3.0), "eta is 3.0,"),
        ((1, 9, True), "eta is True,"),
        ((True, 9, 3), "min_resource is True,"),
        ((1.0, 9, 3), "min_resource is 1.0,"),
        ((1, 81.5, 3), "max_resource is 81.5,"),
        ((1, "81", 3), "max_resource is '81',"),
        ((1, None, 3), "max_resource is None,"),
    ],
)
def test_a_ladder_that_cannot_rise_is_told_with_its_value(arguments: tuple[int, int, int], told: str) -> None:
    with pytest.raises(InputError) as error:
        ladder(*arguments)
    assert told in str(error.value)


def test_the_floor_rule_lets_the_best_n_over_eta_go_on() -> None:
    allowed = quota("floor", 3, (1, 3, 9), 0)
    assert [allowed(n) for n in range(10)] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_the_quantile_rule_needs_two_entries_and_looks_at_the_ratio_of_the_rungs() -> None:
    assert [quota("quantile", 3, (1, 3, 9), 0)(n) for n in range(9)] == [0, 0, 1, 1, 2, 2, 2, 3, 3]
    to_the_top = quota("quantile", 3, (27, 81, 200), 1)
    assert [to_the_top(n) for n in (1, 2, 3, 4, 201)] == [0, 1, 1, 2, 82]  # 81 / 200, not 1 / 3


@given(n=st.integers(2, 300), low=st.integers(1, 90), more=st.integers(1, 200))
def test_the_quantile_rule_is_exact_where_floats_are_not(n: int, low: int, more: int) -> None:
    """Among n different values, those at or below the linear quantile are the lowest floor((n - 1)·q) + 1."""
    high = low + more
    allowed = quota("quantile", 2, (low, high), 0)(n)
    assert (allowed - 1) * high <= (n - 1) * low < allowed * high


@settings(max_examples=200)
@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, inf]), max_size=40),
    eta=st.integers(2, 4),
    rule=st.sampled_from(["floor", "quantile"]),
)
def test_the_threshold_is_the_worst_of_the_best(values: list[float], eta: int, rule: str) -> None:
    allowed = quota(rule, eta, (1, eta), 0)  # type: ignore[arg-type]
    best = Best(allowed)
    for arrival, value in enumerate(values):
        assert best.add(value) == arrival
        ranked = sorted((value, arrival) for arrival, value in enumerate(values[: arrival + 1]))
        inside = ranked[: allowed(arrival + 1)]
        assert best.threshold == (inside[-1] if inside else (-inf, -1))


@given(
    values=st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, inf]), max_size=40),
    shares=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=6),
)
def test_another_quota_admits_others_at_once(values: list[float], shares: list[tuple[int, int]]) -> None:
    best = Best(lambda n: n // 2)
    for arrival, value in enumerate(values):
        best.add(value)
        step, more = shares[arrival % len(shares)]
        best.admit(lambda n, step=step, more=more: n // step + more)  # type: ignore[misc]
        ranked = sorted((value, arrival) for arrival, value in enumerate(values[: arrival + 1]))
        inside = ranked[: (arrival + 1) // step + more]
        assert best.threshold == (inside[-1] if inside else (-inf, -1))


def floor_rung(eta: int = 2) -> Rung:
    return Rung(lambda n: n // eta, ties=False)


def promoted(rung: Rung) -> int | None:
    found = rung.promote()
    return None if found is None else found[0]


def test_of_equal_values_the_earlier_arrival_goes_first() -> None:
    rung = floor_rung()
    for trial in (7, 3, 5, 1):
        rung.enter(trial, 1.0, waits=True)
    assert [promoted(rung), promoted(rung), promoted(rung)] == [7, 3, None]


def test_the_quantile_rule_promotes_every_tie_at_the_quantile() -> None:
    rung = Rung(quota("quantile", 3, (1, 3), 0), ties=True)
    for trial in range(4):
        rung.enter(trial, 1.0, waits=True)
    assert [promoted(rung) for _ in range(5)] == [0, 1, 2, 3, None]


@pytest.mark.parametrize("worst", [nan, inf, -inf])
def test_a_diverged_trial_counts_but_is_never_promoted(worst: float) -> None:
    rung = floor_rung()
    rung.enter(0, worst, waits=True)
    rung.enter(1, worst, waits=True)
    assert promoted(rung) is None
    rung.enter(2, 5.0, waits=True)
    assert rung.size == 3
    assert promoted(rung) == 2  # one of three, the diverged ones counted
    rung.enter(3, worst, waits=True)
    assert promoted(rung) is None  # two of four, but the second is a diverged one


def test_a_trial_withdrawn_is_not_promoted_but_still_counts() -> None:
    rung = floor_rung()
    for trial, value in enumerate([1.0, 2.0, 3.0, 4.0]):
        rung.enter(trial, value, waits=True)
    rung.withdraw(0)
    assert [promoted(rung), promoted(rung)] == [1, None]


def test_a_report_enters_every_rung_that_it_passes_and_the_trial_waits_in_the_highest() -> None:
    rungs = Ladder((1, 3, 9, 27), quotas("floor", 2, (1, 3, 9, 27)), open_rungs=4)
    rungs.start(0)
    rungs.start(1)
    assert list(rungs.report(0, 4, 1.0)) == [0, 1]
    assert list(rungs.report(0, 5, 0.5)) == []
    assert [rung.size for rung in rungs.rungs] == [1, 1, 0, 0]
    assert list(rungs.report(1, 10, 2.0)) == [0, 1, 2]
    assert [rung.size for rung in rungs.rungs] == [2, 2, 1, 0]
    assert rungs.promote() == (0, 9)
    assert rungs.promote() is None


def test_the_first_value_at_or_past_a_milestone_stands() -> None:
    rungs = Ladder((1, 3), quotas("floor", 2, (1, 3)), open_rungs=2)
    for trial in (0, 1):
        rungs.start(trial)
    rungs.report(0, 2, 5.0)
    rungs.report(0, 2, 0.0)
    rungs.report(1, 1, 4.0)
    assert rungs.promote() == (1, 3)


def test_a_report_of_a_trial_that_was_never_started_is_told() -> None:
    rungs = Ladder((1, 3), quotas("floor", 2, (1, 3)), open_rungs=2)
    with pytest.raises(InputError, match="trial 4 reported, but was never started"):
        rungs.report(4, 1, 1.0)


@pytest.mark.parametrize(("reason", "entries"), [("failed", 1), ("completed", 1), ("lost", 0), ("stopped", 0)])
def test_only_a_failure_or_an_early_end_counts_in_the_rung_ahead(reason: str, entries: int) -> None:
    rungs = Ladder((2, 6), quotas("floor", 2, (2, 6)), open_rungs=2)
    rungs.start(0)
    rungs.report(0, 1, 1.0)
    rungs.end(0, reason)
    assert rungs.rungs[0].size == entries
    assert rungs.promote() is None


def test_an_early_end_ranks_by_its_last_value() -> None:
    rungs = Ladder((2, 6), quotas("floor", 2, (2, 6)), open_rungs=2)
    for trial, value in ((0, 1.0), (1, 3.0)):
        rungs.start(trial)
        rungs.report(trial, 1 + trial, value)
    rungs.end(0, "completed")
    assert rungs.promote() is None  # trial 0 is the best of two, and cannot go on
    rungs.start(2)
    rungs.report(2, 2, 4.0)
    rungs.start(3)
    rungs.report(3, 2, 5.0)
    assert rungs.promote() == (1, 6)


def test_a_trial_that_ends_where_it_waits_is_withdrawn() -> None:
    rungs = Ladder((1, 3), quotas("floor", 2, (1, 3)), open_rungs=2)
    for trial, value in ((0, 1.0), (1, 2.0)):
        rungs.start(trial)
        rungs.report(trial, 1, value)
    rungs.end(0, "failed")
    assert rungs.rungs[0].size == 2
    assert rungs.promote() is None


def test_only_open_rungs_promote_and_the_highest_is_looked_at_first() -> None:
    rungs = Ladder((1, 2, 4, 8), quotas("floor", 2, (1, 2, 4, 8)), open_rungs=2)
    for trial in range(4):
        rungs.start(trial)
        rungs.report(trial, 2, float(trial))
    assert rungs.promote() is None  # all four stand in the top open rung
    rungs.open = 3
    for trial in (4, 5, 6, 7, 8, 9):
        rungs.start(trial)
        rungs.report(trial, 1, float(trial) - 10)
    assert [rungs.promote() for _ in range(3)] == [(0, 4), (1, 4), (4, 2)]
