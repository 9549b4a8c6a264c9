"""Ranking functions on two rungs, against lists of groups and sums over positions."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.schedulers import ranking
from rungwise.schedulers.stability.agreement import Pair
from twins import rankings

values = st.lists(
    st.tuples(st.sampled_from([0.25, 0.5, 0.75, 1.0, 2.0, 9.5]), st.sampled_from([0.25, 0.5, 0.75, 1.0, 2.0, 9.5])),
    min_size=2,
    max_size=9,
)
PS = st.sampled_from([0.0, 0.3, 0.5, 0.9, 1.0])


@st.composite
def kinds(draw: Any) -> tuple[Any, rankings.Stable]:
    p, threshold, k = draw(PS), draw(st.sampled_from([0.0, 0.05, 0.33, 0.6])), draw(st.sampled_from([0.0, 0.7, 2.0]))
    choices: list[tuple[Any, rankings.Stable]] = [
        (ranking.Direct(), rankings.direct),
        (ranking.Fixed(k), rankings.fixed(k)),
        (ranking.Sigma(k), rankings.sigma(k)),
        (ranking.MeanDistance(), rankings.mean),
        (ranking.MedianDistance(), rankings.median),
        (ranking.RBO(p, threshold), rankings.rbo(p, threshold)),
        (ranking.RRR(p, threshold), rankings.rrr(p, threshold)),
        (ranking.ARRR(p, threshold), rankings.arrr(p, threshold)),
    ]
    chosen: int = draw(st.integers(0, len(choices) - 1))
    return choices[chosen]


@settings(max_examples=400)
@given(pairs=values, kind=kinds())
def test_agree_equals_its_slow_twin(pairs: list[tuple[float, float]], kind: tuple[Any, rankings.Stable]) -> None:
    lower, upper = [low for low, _ in pairs], [up for _, up in pairs]
    assert kind[0].agree(lower, upper) is bool(kind[1](dict(enumerate(lower)), dict(enumerate(upper))))


@settings(max_examples=300)
@given(pairs=values, kind=kinds(), seed=st.integers(0, 99))
def test_a_pair_of_rungs_grown_trial_by_trial_agrees_as_whole_arrays_do(
    pairs: list[tuple[float, float]], kind: tuple[Any, rankings.Stable], seed: int
) -> None:
    pair = Pair()
    for trial in np.random.default_rng(seed).permutation(len(pairs)):
        pair.insert(int(trial), *pairs[trial])
    lower, upper = [low for low, _ in pairs], [up for _, up in pairs]
    assert (pair.disagreement(kind[0], None) is None) is kind[0].agree(lower, upper)


@settings(max_examples=200)
@given(pairs=values, epsilon=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_a_disagreement_names_two_trials_further_apart_than_epsilon(
    pairs: list[tuple[float, float]], epsilon: float
) -> None:
    pair = Pair()
    for trial, (low, up) in enumerate(pairs):
        pair.insert(trial, low, up)
    lower = {trial: low for trial, (low, _) in enumerate(pairs)}
    upper = {trial: up for trial, (_, up) in enumerate(pairs)}
    found = pair.disagreement(ranking.Auto(), epsilon)
    assert (found is None) is rankings.soft(lower, upper, epsilon)
    if found is not None:
        assert found.epsilon == epsilon
        assert found.pair is not None
        above, below = found.pair
        worst = max(
            abs(lower[a] - lower[b])
            for a, b in zip(rankings.ranked(upper, lower), rankings.ranked(lower, upper), strict=True)
        )
        assert abs(lower[above] - lower[below]) == pytest.approx(worst)


@given(pairs=values, kind=kinds(), seed=st.integers(0, 99))
def test_diverged_and_missing_trials_are_left_out(
    pairs: list[tuple[float, float]], kind: tuple[Any, rankings.Stable], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    lower, upper = np.array([low for low, _ in pairs]), np.array([up for _, up in pairs])
    odd = rng.choice([np.nan, np.inf, -np.inf], 3)
    places = rng.integers(0, len(pairs) + 1, 3)
    with_odd_lower = np.insert(lower, places, odd)
    with_upper = np.insert(upper, places, 1.0)
    assert kind[0].agree(with_odd_lower, with_upper) is kind[0].agree(lower, upper)
    assert kind[0].agree(np.insert(lower, places, 1.0), np.insert(upper, places, odd)) is kind[0].agree(lower, upper)
