"""Random search that trusts a prior less and less (Mallik et al. 2023, section 4)."""

from types import SimpleNamespace

import numpy as np
import pytest

from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.searchers import make
from rungwise.searchers.random import RandomSearch
from rungwise.space import parse

HISTORY = SimpleNamespace(trials={})


def space_with(mean, spread=0.02):
    return parse({f"x{axis}": {"range": [0.0, 1.0], "prior": {"mean": mean, "spread": spread}} for axis in range(4)})


def suggestions(settings, space, count, seed=0):
    searcher = make(settings, space, seed)
    return [searcher.suggest(HISTORY, StartTrial(trial, 1)) for trial in range(count)]


def near(configuration, mean):
    return all(abs(value - mean) < 0.1 for value in configuration.values())


def test_the_share_of_the_prior_halves_every_so_many_trials():
    space = space_with(0.5)
    shares = np.mean(
        [
            [near(each, 0.5) for each in suggestions({"name": "random", "prior_decay": 40}, space, 160, seed)]
            for seed in range(40)
        ],
        axis=0,
    )
    for start in (0, 40, 80, 120):
        expected = np.mean(2.0 ** (-np.arange(start, start + 40) / 40))
        assert shares[start : start + 40].mean() == pytest.approx(expected, abs=0.05)
    assert shares[0] == 1.0


def test_what_is_not_from_the_prior_is_even_and_what_is_would_have_come_without_decay():
    space = space_with(0.9)
    plain, decaying = suggestions("random", space, 300), suggestions({"name": "random", "prior_decay": 5}, space, 300)
    same = [one == other for one, other in zip(plain, decaying, strict=True)]
    assert same[0]
    assert 3 <= sum(same) <= 12
    rest = np.array([list(each.values()) for each, kept in zip(decaying, same, strict=True) if not kept])
    assert np.quantile(rest, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.05)


def test_it_depends_on_seed_and_trial_alone():
    space, settings = space_with(0.3), {"name": "random", "prior_decay": 30}
    forward, backward = suggestions(settings, space, 150), make(settings, space_with(0.3), 0)
    told = SimpleNamespace(trials=dict.fromkeys(range(9)))
    assert [backward.suggest(told, StartTrial(trial, 9)) for trial in reversed(range(150))] == forward[::-1]
    assert suggestions(settings, space, 150, seed=1) != forward


def test_in_a_finite_space_nothing_comes_twice():
    space = parse({"n": {"range": [1, 20], "prior": {"mean": 5, "spread": 1}}, "o": ["a", "b"]})
    found = suggestions({"name": "random", "prior_decay": 10, "repeats": False}, space, 41)
    assert found[40] is None
    assert len({tuple(each.values()) for each in found[:40]}) == 40
    assert np.mean([abs(each["n"] - 5) <= 3 for each in found[:10]]) > np.mean(
        [abs(each["n"] - 5) <= 3 for each in found[:40]]
    )


# --- does it help? The value is the distance from an optimum.

OPTIMUM = 0.7


def best(configurations):
    return min(max(abs(value - OPTIMUM) for value in each.values()) for each in configurations)


def found_by(settings, mean, trials):
    return np.mean([best(suggestions(settings, space_with(mean, 0.1), trials, seed)) for seed in range(12)])


def test_a_good_prior_helps_and_a_bad_one_is_recovered_from():
    decaying = {"name": "random", "prior_decay": 16}
    even = np.mean([best(suggestions("random", space_with(0.5).evenly(), 128, seed)) for seed in range(12)])
    good, bad, stubborn = (
        found_by(settings, mean, 128) for settings, mean in ((decaying, 0.65), (decaying, 0.1), ("random", 0.1))
    )
    assert good < 0.7 * even
    assert bad < 1.25 * even
    assert stubborn > 2 * even


# --- bad input


def test_without_a_prior_there_is_nothing_to_trust():
    with pytest.raises(InputError, match="prior_decay is 20, but no hyperparameter of the search space has a prior"):
        make({"name": "random", "prior_decay": 20}, parse({"x": (0.0, 1.0)}), 0)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "20", True])
def test_the_decay_is_a_whole_number(wrong):
    with pytest.raises(InputError, match=r"prior_decay of the searcher 'random' is .*whole number of 1 or more"):
        make({"name": "random", "prior_decay": wrong}, space_with(0.5), 0)
    with pytest.raises(InputError, match=r"prior_decay is .*whole number of 1 or more"):
        RandomSearch(space_with(0.5), 0, prior_decay=wrong)
