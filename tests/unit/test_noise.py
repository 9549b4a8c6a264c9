"""Epsilon from noise, on curves small enough to work out by hand."""

from collections.abc import Mapping, Sequence
from math import inf, nan

import numpy as np
import pytest

from rungwise.schedulers.stability.noise import WIDE, Distances, Noise

Curve = Mapping[int, float]


def estimate(*curves: Curve | Sequence[float], second: int = 0, top: int = 9, percentile: float = 90) -> float:
    """Epsilon after all curves, the first trial's whole curve first; a sequence reports at every unit."""
    noise = Noise(percentile, second, top)
    for trial, curve in enumerate(curves):
        items = curve.items() if isinstance(curve, Mapping) else enumerate(curve, 1)
        for resource, value in items:
            noise.report(trial, resource, value)
    return noise.epsilon


def test_epsilon_is_nought_at_first_and_without_noise() -> None:
    assert estimate() == 0.0
    assert estimate([1.0, 1.0, 1.0], [2.0, 2.0, 2.0]) == 0.0


def test_one_crossing_is_no_noise() -> None:
    assert estimate([1.0, 3.0, 3.0], [2.0, 2.0, 2.0]) == 0.0


def test_two_crossings_are_noise_and_epsilon_is_the_distance_at_the_highest_common_resource() -> None:
    assert estimate([1.0, 3.0, 1.5], [2.0, 2.0, 2.0]) == 0.5
    assert estimate([1.0, 3.0, 1.5, 1.75], [2.0, 2.0, 2.0, 2.0]) == 0.25


def test_the_crossings_need_not_be_side_by_side() -> None:
    assert estimate([1.0, 1.0, 3.0, 3.0, 1.75], [2.0, 2.0, 2.0, 2.0, 2.0]) == 0.25


def test_a_tie_in_between_is_no_crossing() -> None:
    assert estimate([1.0, 2.0, 1.5], [2.0, 2.0, 2.0]) == 0.0
    assert estimate([1.0, 2.0, 3.0, 2.0, 1.5], [2.0] * 5) == 0.5


def test_a_tie_at_the_highest_common_resource_is_no_order_and_epsilon_keeps_its_last_value() -> None:
    assert estimate([1.0, 3.0, 1.5, 2.0], [2.0] * 4) == 0.5
    assert estimate([1.0, 3.0, 1.5, 2.0, 1.75], [2.0] * 5) == 0.25


def test_a_noisy_moment_before_the_window_was_never_an_estimate() -> None:
    """At 3, below the window, they criss-cross; at 4, the first report in the window, they tie."""
    assert estimate([1.0, 3.0, 1.5, 2.0], [2.0] * 4, second=3, top=4) == 0.0


def test_only_common_resources_are_compared() -> None:
    assert estimate({1: 1.0, 2: 3.0, 4: 1.5, 5: 0.0}, {1: 2.0, 2: 2.0, 3: 9.0, 4: 2.0}) == 0.5
    assert estimate({1: 1.0, 3: 3.0, 5: 1.0}, {2: 2.0, 4: 2.0, 6: 2.0}) == 0.0


def test_crossings_before_the_window_count_but_both_must_have_reported_in_it() -> None:
    one, other = [1.0, 3.0, 1.5, 1.0], [2.0, 2.0, 2.0, 2.0]
    assert estimate(one, other, second=3, top=9) == 1.0
    assert estimate(one, other[:3], second=3, top=9) == 0.0
    assert estimate(one, other, second=4, top=9) == 0.0


def test_reports_above_the_window_wait_until_it_moves() -> None:
    noise = Noise(90, 1, 3)
    for resource, value in ((1, 1.0), (2, 3.0), (3, 1.5), (5, 1.0)):
        noise.report(0, resource, value)
        noise.report(1, resource, 2.0)
    assert noise.epsilon == 0.5
    noise.move(3, 9)
    assert noise.epsilon == 1.0


def test_a_trial_that_jumped_over_the_window_joins_when_it_moves() -> None:
    noise = Noise(90, 3, 4)
    for resource, value in ((1, 1.0), (2, 3.0), (5, 1.5)):
        noise.report(0, resource, value)
        noise.report(1, resource, 2.0)
    assert noise.epsilon == 0.0
    noise.move(4, 9)
    assert noise.epsilon == 0.5


def test_a_window_nobody_has_reached_keeps_the_last_epsilon() -> None:
    noise = Noise(90, 0, 3)
    for resource, value in enumerate([1.0, 3.0, 1.5], 1):
        noise.report(0, resource, value)
        noise.report(1, resource, 2.0)
    noise.move(3, 9)
    assert noise.epsilon == 0.5
    noise.report(0, 4, 1.75)
    assert noise.epsilon == 0.5
    noise.report(1, 4, 2.0)
    assert noise.epsilon == 0.25


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_a_diverged_report_is_as_if_it_had_not_been(odd: float) -> None:
    assert estimate([1.0, 3.0, odd, 1.5], [2.0] * 4) == 0.5
    assert estimate([1.0, odd, 1.5], [2.0] * 3) == 0.0
    assert estimate([1.0, 3.0, 1.5, odd], [2.0] * 4) == 0.5


def test_epsilon_is_the_linear_percentile_over_all_noisy_pairs() -> None:
    curves = [[0.0, 0.0, 0.0], [1.0, -1.0, 1.0], [2.0, -2.0, 3.0], [9.0, 9.0, 9.0]]
    distances = [1.0, 3.0, 2.0]  # 0-1, 0-2, 1-2; the last trial crosses nobody
    for percentile in (0, 50, 90, 100):
        assert estimate(*curves, percentile=percentile) == pytest.approx(float(np.percentile(distances, percentile)))


def test_the_order_in_which_trials_report_does_not_matter() -> None:
    curves = np.random.default_rng(1).integers(0, 6, (12, 5)) / 4
    by_trial, by_resource = Noise(90, 0, 5), Noise(90, 0, 5)
    for trial in range(12):
        for resource in range(1, 6):
            by_trial.report(trial, resource, curves[trial, resource - 1])
    for resource in range(1, 6):
        for trial in reversed(range(12)):
            by_resource.report(trial, resource, curves[trial, resource - 1])
    assert by_trial.epsilon == by_resource.epsilon > 0


def test_many_trials_are_the_same_few_over_again() -> None:
    """Copies of two trials that criss-cross: every noisy distance is the same, however many there are."""
    copies = WIDE + 10
    noise = Noise(90, 0, 3)
    for trial in range(2 * copies):
        for resource, value in enumerate([1.0, 3.0, 1.5] if trial % 2 else [2.0, 2.0, 2.0], 1):
            noise.report(trial, resource, value)
    assert noise.epsilon == 0.5


def test_duplicates_are_removed_one_at_a_time() -> None:
    distances = Distances(100)
    distances.replace(((), [2.0, 2.0, 2.0, 1.0]))
    distances.replace(([2.0, 2.0], ()))
    assert distances.percentile() == 2.0
    distances.replace(([2.0], ()))
    assert distances.percentile() == 1.0


def test_an_emptied_multiset_keeps_its_last_percentile() -> None:
    distances = Distances(50)
    assert distances.percentile() == 0.0
    distances.replace(((), [1.0, 3.0]))
    distances.replace(([1.0, 3.0], ()))
    assert distances.percentile() == 2.0
    distances.replace(((), [7.0]))
    assert distances.percentile() == 7.0
