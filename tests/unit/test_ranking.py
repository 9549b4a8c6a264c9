"""Ranking functions on rungs small enough to work out by hand. Values are minimised."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from rungwise.core.errors import InputError
from rungwise.schedulers import ranking
from rungwise.schedulers.ranking import ARRR, RBO, RRR, Auto, Direct, Fixed, MeanDistance, MedianDistance, Sigma

ALL = [Direct(), Fixed(0.1), Sigma(1), MeanDistance(), MedianDistance(), RBO(), RRR(), ARRR()]
SAME = ([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4])
TURNED = ([1.0, 2.0, 3.0, 4.0], [0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("function", ALL)
def test_the_same_order_agrees(function: Any) -> None:
    assert function.agree(*SAME) is True


@pytest.mark.parametrize("function", [*ALL[:5], RBO(0.5, 0.5), ARRR(0.5, 0.05)])
def test_the_order_turned_over_disagrees(function: Any) -> None:
    assert function.agree(*TURNED) is False


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("values", [[], [1.0]])
def test_fewer_than_two_trials_always_agree(function: Any, values: list[float]) -> None:
    assert function.agree(values, values) is True


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_diverged_and_missing_trials_are_left_out(function: Any, odd: float) -> None:
    assert function.agree([1.0, 2.0, odd, 3.0], [0.1, 0.2, -9.0, 0.3]) is True
    assert function.agree([1.0, 2.0, -9.0, 3.0], [0.1, 0.2, odd, 0.3]) is True
    assert function.agree([odd, 1.0], [0.0, odd]) is True


@pytest.mark.parametrize("function", ALL)
def test_ties_agree_whatever_the_other_rung_says(function: Any) -> None:
    assert function.agree([1.0, 1.0, 1.0], [0.3, 0.1, 0.2]) is True
    assert function.agree([0.3, 0.1, 0.2], [1.0, 1.0, 1.0]) is True


@pytest.mark.parametrize("function", ALL)
def test_where_trials_stand_in_the_arrays_does_not_matter(function: Any) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        lower, upper = rng.integers(1, 9, (2, 6)) / 4
        order = rng.permutation(6)
        assert function.agree(lower, upper) is function.agree(lower[order], upper[order])


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    ("lower", "upper", "told"),
    [([1.0, 2.0], [1.0], r"\(2,\) and \(1,\)"), ([[1.0, 2.0]], [[1.0, 2.0]], r"\(1, 2\)")],
)
def test_arrays_that_are_not_aligned_are_told_with_both_shapes(
    function: Any, lower: Any, upper: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        function.agree(lower, upper)


def test_a_fixed_epsilon_is_inclusive() -> None:
    lower, upper = [1.0, 1.25], [2.0, 1.0]
    assert Fixed(0.25).agree(lower, upper) is True
    assert Fixed(0.24).agree(lower, upper) is False


def test_a_group_is_about_lower_values_not_about_positions() -> None:
    """The last trial comes first, three positions up, but all lie within epsilon."""
    assert Fixed(0.375).agree([1.0, 1.125, 1.25, 1.375], [2.0, 3.0, 4.0, 1.0]) is True
    assert Fixed(0.375).agree([1.0, 1.125, 1.25, 1.5], [2.0, 3.0, 4.0, 1.0]) is False


def test_sigma_is_the_population_deviation_of_the_lower_rung() -> None:
    lower, upper = [1.0, 2.0, 3.0], [2.0, 1.0, 3.0]
    assert np.std(lower) == pytest.approx(0.816, abs=1e-3)
    assert Sigma(1.0).agree(lower, upper) is False
    assert Sigma(1.3).agree(lower, upper) is True


def test_mean_and_median_distances_are_over_all_pairs() -> None:
    lower = np.array([1.0, 2.0, 6.0])
    assert MeanDistance().tolerance(lower) == pytest.approx(10 / 3)
    assert MedianDistance().tolerance(lower) == pytest.approx(4.0)
    swapped = [1.0, 7.0, 6.0]  # the second and third, 4 apart
    assert MeanDistance().agree(lower, swapped) is False
    assert MedianDistance().agree(lower, swapped) is True


def test_rbo_weighs_the_first_positions_most() -> None:
    first_swapped = ([1.0, 2.0, 3.0], [2.0, 1.0, 3.0])  # overlaps 0, 1, 1
    last_swapped = ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])  # overlaps 1, 1/2, 1
    assert RBO(0.5, 0.4).agree(*first_swapped) is False  # 1/4 + 1/8
    assert RBO(0.5, 0.375).agree(*first_swapped) is True
    assert RBO(0.5, 0.75).agree(*last_swapped) is True  # 1/2 + 1/8 + 1/8
    assert RBO(1.0, 0.66).agree(*first_swapped) is True  # the plain mean
    assert RBO(1.0, 0.67).agree(*first_swapped) is False


def test_regret_is_what_following_the_lower_rung_costs_in_the_upper() -> None:
    lower, upper = [1.0, 2.0], [1.2, 1.0]  # the lower rung's first is 20 % worse, its second 1/6 better
    assert RRR(1.0, 0.017).agree(lower, upper) is True  # (0.2 - 1/6) / 2
    assert RRR(1.0, 0.016).agree(lower, upper) is False
    assert ARRR(1.0, 0.184).agree(lower, upper) is True  # (0.2 + 1/6) / 2
    assert ARRR(1.0, 0.183).agree(lower, upper) is False
    assert RRR(0.0, 0.2).agree(lower, upper) is True  # the first position alone
    assert RRR(0.0, 0.19).agree(lower, upper) is False


def test_regret_of_nothing_is_nothing_even_at_nought() -> None:
    assert RRR(0.5, 0.0).agree([1.0, 2.0], [0.0, 0.0]) is True
    assert ARRR(0.5, 1e9).agree([1.0, 2.0], [0.5, 0.0]) is False


def test_auto_estimates_and_does_not_judge() -> None:
    assert Auto().percentile == 90.0
    assert not hasattr(Auto(), "agree")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Fixed(-0.1), "epsilon is -0.1"),
        (lambda: Fixed(nan), "epsilon is nan"),
        (lambda: Fixed("0.1"), "epsilon is '0.1'"),  # type: ignore[arg-type]
        (lambda: Auto(101), "percentile is 101"),
        (lambda: Auto(-1), "percentile is -1"),
        (lambda: Auto(True), "percentile is True"),
        (lambda: Sigma(-1), "k is -1"),
        (lambda: RBO(1.1, 0.5), "p is 1.1"),
        (lambda: RBO(0.5, 1.5), "threshold is 1.5"),
        (lambda: RRR(-0.5, 0.05), "p is -0.5"),
        (lambda: RRR(0.5, -0.05), "threshold is -0.05"),
        (lambda: ARRR(2, 0.05), "p is 2"),
        (lambda: ARRR(0.5, None), "threshold is None"),  # type: ignore[arg-type]
    ],
)
def test_a_number_out_of_range_is_told_with_its_value(make: Any, told: str) -> None:
    with pytest.raises(InputError) as error:
        make()
    assert told in str(error.value)
    assert "rungwise.schedulers.ranking" in str(error.value)


def test_every_soft_ranking_is_one() -> None:
    soft = [function for function in ALL if isinstance(function, ranking.SoftRanking)]
    assert [type(function) for function in soft] == [Direct, Fixed, Sigma, MeanDistance, MedianDistance]
