import pickle
from itertools import islice, product

import ConfigSpace
import numpy as np
import pytest

from rungwise.core.errors import InputError
from rungwise.space import parse

FORM = {
    "lr": (1e-4, 1.0, "log"),
    "layers": (1, 5),
    "optimizer": ["sgd", "adam"],
    "momentum": {"range": [0.0, 0.9], "when": {"optimizer": "sgd"}},
}


def seeds(*key):
    return np.random.SeedSequence(0, spawn_key=key)


def test_the_same_seed_draws_the_same_and_another_seed_others():
    space = parse(FORM)
    assert space.sample(seeds(1), 50) == parse(FORM).sample(seeds(1), 50)
    assert space.sample(seeds(1), 50) != space.sample(seeds(2), 50)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 300])
def test_as_many_are_drawn_as_were_asked_for(count):
    assert len(parse(FORM).sample(seeds(0), count)) == count
    assert len(parse({"a": [1, 2, 3], "forbidden": [{"a": [2, 3]}]}).sample(seeds(0), count)) == count


def test_a_condition_on_two_parents_waits_for_the_deeper_ones_own():
    """`d` hangs on `a` and on `c`, which itself may be inactive: ConfigSpace 1.2.2 draws such a `d` without its `c`."""
    form = {
        "a": [0, 1],
        "b": {"choices": [0, 1], "when": {"a": 1}},
        "c": {"choices": [0, 1], "when": {"b": 1}},
        "d": {"range": [0.0, 1.0], "when": {"a": 1, "c": 1}},
    }
    space = parse(form)
    native = space.configuration_space()
    drawn = space.sample(seeds(0), 400)
    for configuration in drawn:
        assert ("d" in configuration) == (configuration.get("c") == 1)
        ConfigSpace.Configuration(native, values=configuration).check_valid_configuration()
    assert 20 < sum("d" in c for c in drawn) < 80


def test_a_condition_on_a_log_integer_holds_for_every_draw():
    """The codes that ConfigSpace 1.2.2 draws for 251 and 505 here differ from their own in the last bit."""
    form = {"n": (1, 1000, "log"), "m": {"range": [0.0, 1.0], "when": {"n": [251, 505]}}}
    drawn = parse(form).sample(seeds(0), 20_000)
    assert any("m" in c for c in drawn)
    assert all(("m" in c) == (c["n"] in (251, 505)) for c in drawn)


def test_a_range_whose_bounds_are_no_short_decimals_keeps_its_bounds():
    space = parse({"x": (1 / 3, 2 / 3)})
    assert all(1 / 3 - 1e-13 <= c["x"] <= 2 / 3 for c in space.sample(seeds(0), 500))
    native = space.configuration_space()
    for x in (1 / 3, 2 / 3):
        assert native["x"].legal_value(space.check({"x": x})["x"])


def test_draws_keep_to_bounds_that_configspace_rounds_outwards():
    low, high = 461169.5625, 461169.5625000011
    space = parse({"x": (low, high)})
    assert space.configuration_space()["x"].lower < low
    assert all(low <= c["x"] <= high for c in space.sample(seeds(0), 2000))
    assert [c["x"] for c in space.grid(2)] == [low, pytest.approx(high, rel=1e-15)]
    (largest,) = {c["n"] for c in parse({"n": (1, 277_833_336_872_778, "log")}).grid(2)} - {1}
    assert largest == 277_833_336_872_778


def test_size_counts_what_is_finite():
    assert parse({"a": [1, 2, 3], "n": (1, 10), "c": 5}).size() == 30
    assert parse({"a": [1, 2, 3], "x": (0.0, 1.0)}).size() is None


def test_a_space_can_be_sent_to_another_process():
    space = parse(FORM)
    drawn = space.sample(seeds(0), 5)
    assert pickle.loads(pickle.dumps(space)).sample(seeds(0), 5) == drawn


# --- grid


def test_a_grid_is_even_on_the_ranges_own_scale_and_reaches_both_bounds():
    assert [c["lr"] for c in parse({"lr": (1e-4, 1.0, "log")}).grid(5)] == [1e-4, 1e-3, 1e-2, 1e-1, 1.0]
    assert [c["x"] for c in parse({"x": (0.0, 0.9)}).grid(4)] == [0.0, 0.3, 0.6, 0.9]
    assert [c["x"] for c in parse({"x": (0.0, 1.0)}).grid(1)] == [0.5]
    thirds = parse({"x": (0.3333333333333, 0.6666666666667)})
    assert [c["x"] for c in thirds.grid(2)] == [0.3333333333333, 0.6666666666667]


def test_whole_numbers_come_once_each():
    assert [c["n"] for c in parse({"n": (1, 3)}).grid(10)] == [1, 2, 3]
    assert [c["n"] for c in parse({"n": (1, 9)}).grid(3)] == [1, 5, 9]


def test_a_grid_has_every_choice_and_the_last_hyperparameter_changes_fastest():
    grid = list(parse({"z": ["x", "y"], "a": [True, False], "c": 3}).grid(2))
    assert grid == [{"z": z, "a": a, "c": 3} for z, a in product(["x", "y"], [True, False])]
    assert [type(v) for v in grid[0].values()] == [str, bool, int]


def test_an_inactive_hyperparameter_adds_nothing_to_a_grid():
    form = {"m": {"range": [0.0, 1.0], "when": {"o": "sgd"}}, "o": ["adam", "sgd"], "n": (1, 2)}
    assert list(parse(form).grid(2)) == [
        {"o": "adam", "n": 1}, {"o": "adam", "n": 2},
        {"m": 0.0, "o": "sgd", "n": 1}, {"m": 0.0, "o": "sgd", "n": 2},
        {"m": 1.0, "o": "sgd", "n": 1}, {"m": 1.0, "o": "sgd", "n": 2},
    ]  # fmt: skip


def test_forbidden_combinations_are_left_out_of_a_grid():
    form = {"o": ["sgd", "adam"], "n": (1, 3), "forbidden": [{"o": "adam", "n": [1, 3]}]}
    assert [(c["o"], c["n"]) for c in parse(form).grid(3)] == [("sgd", 1), ("sgd", 2), ("sgd", 3), ("adam", 2)]


def test_a_huge_grid_is_not_built_ahead():
    grid = parse({f"x{i}": (0.0, 1.0) for i in range(12)}).grid(100)
    assert len(list(islice(grid, 3))) == 3


@pytest.mark.parametrize("points", [0, -1, 1.5, True, "3"])
def test_a_grid_needs_points(points):
    with pytest.raises(InputError, match=r"points of a grid is .* 1 or more"):
        parse(FORM).grid(points)


# --- check


def test_a_given_point_is_completed_and_put_in_order():
    space = parse(FORM)
    assert space.check({"layers": 2, "lr": 0.5}) == {"lr": 0.5, "layers": 2, "optimizer": "sgd", "momentum": 0.45}
    assert list(space.check({"optimizer": "adam", "lr": 1})) == ["lr", "layers", "optimizer"]


def test_a_given_points_values_become_pythons_own():
    got = parse(FORM).check({"lr": 1, "layers": 2.0, "optimizer": np.str_("sgd"), "momentum": "1e-1"})
    assert got == {"lr": 1.0, "layers": 2, "optimizer": "sgd", "momentum": 0.1}
    assert [type(v) for v in got.values()] == [float, int, str, float]


def test_what_was_drawn_passes_unchanged():
    space = parse(FORM)
    for configuration in space.sample(seeds(0), 100):
        assert space.check(configuration) == configuration


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"lr": 2}, "'lr' of the given point is 2, but must be a number from 0.0001 to 1.0"),
        ({"lr": float("nan")}, "'lr' of the given point is nan"),
        ({"lr": 10**400}, "must be a number from"),
        ({"layers": "1e999"}, "'layers'.*finite"),
        ({"lr": "fast"}, "'fast'.*a number from"),
        ({"layers": 2.5}, "'layers'.*2.5.*whole number from 1 to 5"),
        ({"layers": True}, "'layers'.*True.*whole number"),
        ({"optimizer": "sgdm"}, "'optimizer'.*'sgdm'.*one of 'sgd', 'adam'"),
        ({"optimizer": None}, "None.*one of 'sgd', 'adam'"),
        ({"optimizer": "adam", "momentum": 0.5}, "'momentum' the value 0.5, but it is inactive: optimizer == 'sgd'"),
        ({"learning_rate": 0.1}, "'learning_rate', which is not in the search space"),
        ({"layer": 1}, "did you mean 'layers'"),
        ([0.1, 2], "must be a mapping"),
    ],
)
def test_a_bad_point_is_told_in_one_sentence(point, words):
    with pytest.raises(InputError, match=words):
        parse(FORM).check(point)


def test_a_forbidden_point_is_refused():
    space = parse({"o": ["sgd", "adam"], "n": (1, 3), "forbidden": [{"o": "adam", "n": 2}]})
    assert space.check({"o": "adam", "n": 3}) == {"o": "adam", "n": 3}
    with pytest.raises(InputError, match=r"forbidden.*o='adam', n=2"):
        space.check({"o": "adam"})
