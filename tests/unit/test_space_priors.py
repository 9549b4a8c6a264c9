"""Priors of the short form and of ConfigSpace: what is drawn, what is refused, and that all else stays as it is."""

import json
import re
from math import exp, log

import ConfigSpace
import numpy as np
import pytest

from rungwise.core.errors import InputError
from rungwise.space import Space, parse
from rungwise.space.priors import width

COUNT = 2000
NORMALS = {
    "float": ({"range": [-1.0, 3.0]}, 0.5, 0.4),
    "log float": ({"range": [1e-5, 10.0], "log": True}, 0.01, 3),
    "whole": ({"range": [0, 1000]}, 300, 50),
    "log whole from 16 on": ({"range": [16, 4096], "log": True}, 256, 1.5),
    "log from a thousand on": ({"range": [1e3, 1e6], "log": True}, 3e4, 1.5),
}


def drawn(form, count=COUNT, seed=0):
    return parse(form).sample(np.random.SeedSequence(seed), count)


@pytest.mark.parametrize(("spec", "mean", "spread"), NORMALS.values(), ids=NORMALS.keys())
def test_two_draws_of_three_lie_within_a_spread_of_the_mean(spec, mean, spread):
    values = np.array([c["x"] for c in drawn({"x": {**spec, "prior": {"mean": mean, "spread": spread}}})])
    low, high = (mean / spread, mean * spread) if spec.get("log") else (mean - spread, mean + spread)
    assert 0.64 < np.mean((low <= values) & (values <= high)) < 0.73
    assert 0.46 < np.mean(values < mean) < 0.54
    assert spec["range"][0] <= values.min() <= values.max() <= spec["range"][1]


def test_a_mean_at_the_end_of_the_range_is_a_half_of_a_bell():
    values = np.array([c["x"] for c in drawn({"x": {"range": [0.0, 1.0], "prior": {"mean": 1, "spread": 0.1}}})])
    assert 0.64 < np.mean(values > 0.9) < 0.73


@pytest.mark.parametrize("log_scale", [False, True])
@pytest.mark.parametrize("bounds", [[1.0, 1000.0], [1, 1000]], ids=["float", "whole"])
def test_a_beta_prior_lies_over_the_range_on_its_scale(bounds, log_scale):
    form = {"x": {"range": bounds, "log": log_scale, "prior": {"alpha": 2, "beta": 5}}}
    values = np.array([c["x"] for c in drawn(form)])
    places = np.log(values) / log(1000) if log_scale else (values - 1) / 999
    assert 0.27 < places.mean() < 0.31  # 2 / 7
    assert 0.14 < places.std() < 0.18  # 0.16


@pytest.mark.parametrize("weights", [[1, 3, 0.5], {True: 3, "a": 1, 2.5: 0.5}])
def test_weights_say_how_likely_a_choice_is(weights):
    values = [c["o"] for c in drawn({"o": {"choices": ["a", True, 2.5], "weights": weights}})]
    for choice, weight in (("a", 1), (True, 3), (2.5, 0.5)):
        assert values.count(choice) / COUNT == pytest.approx(weight / 4.5, abs=0.04)


def test_defaults_are_the_priors_unless_others_are_given():
    form = {
        "lr": {"range": [1e-4, 1.0], "log": True, "prior": {"mean": 0.003, "spread": 3}},
        "n": {"range": [1, 9], "prior": {"mean": 2.6, "spread": 1}},
        "b": {"range": [0.0, 1.0], "prior": {"alpha": 2, "beta": 5}},
        "o": {"choices": ["a", "b"], "weights": [1, 2]},
        "own": {"range": [0.0, 1.0], "prior": {"mean": 0.1, "spread": 0.1}, "default": 0.75},
    }
    assert parse(form).default() == {"lr": 0.003, "n": 3, "b": 0.2, "o": "b", "own": 0.75}


def test_a_prior_stands_beside_a_condition_and_in_a_file(tmp_path):
    file = tmp_path / "space.yaml"
    file.write_text(
        "o: {choices: [sgd, adam], weights: {sgd: 1, adam: 3}}\n"
        "m: {range: [1e-3, 1.0], log: true, prior: {mean: 1e-2, spread: 2}, when: {o: sgd}}\n"
    )
    found = drawn(file)
    moments = [c["m"] for c in found if c["o"] == "sgd"]
    assert len(moments) == sum("m" in c for c in found)
    assert 0.2 < len(moments) / COUNT < 0.3
    assert 0.009 < np.median(moments) < 0.011


def test_json_and_configspace_hold_what_the_short_form_says():
    space = parse({"x": {"range": [16, 512], "log": True, "prior": {"mean": 64, "spread": 2}}})
    seeds = np.random.SeedSequence(3)
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert parse(space.configuration_space()).sample(seeds, 50) == again.sample(seeds, 50) == space.sample(seeds, 50)


def natives() -> ConfigSpace.ConfigurationSpace:
    normal, beta = ConfigSpace.Normal, ConfigSpace.Beta
    return ConfigSpace.ConfigurationSpace(
        [
            ConfigSpace.Float("normal", (0.0, 10.0), distribution=normal(8.0, 1.0)),
            ConfigSpace.Integer("steps", (0, 100), distribution=normal(80, 10)),
            ConfigSpace.Float("beta", (1e-4, 1.0), log=True, distribution=beta(2, 5)),
            ConfigSpace.Integer("layers", (1, 64), log=True, distribution=beta(2, 5)),
            ConfigSpace.Categorical("kind", ["a", "b"], weights=[0.2, 0.8]),
        ]
    )


@pytest.mark.parametrize("way", ["object", "json", "yaml"])
def test_what_configspace_wrote_is_drawn_as_it_says(way, tmp_path):
    native, source = natives(), tmp_path / f"space.{way}"
    if way != "object":
        getattr(native, f"to_{way}")(source)
    found = drawn(native if way == "object" else source)
    assert 7.8 < np.mean([c["normal"] for c in found]) < 8.1
    assert 78 < np.mean([c["steps"] for c in found]) < 82
    assert 1e-3 < np.median([c["beta"] for c in found]) < 1.4e-3
    assert np.median([c["layers"] for c in found]) in (2, 3, 4)
    assert 0.76 < np.mean([c["kind"] == "b" for c in found]) < 0.84


# --- what a prior leaves alone


def test_codes_come_from_the_range_and_grids_too():
    """Searchers that learn measure by these codes: equal steps are equal, wherever the prior has its mean."""
    space, even = parse(natives()), parse(natives()).evenly()
    compiled, evened = space._compile(), even._compile()  # by these draws and conditions are judged
    for name in space.names:
        for value in [c[name] for c in even.sample(np.random.SeedSequence(1), 20)]:
            assert compiled.domains[name].code(value) == evened.domains[name].code(value)
    assert list(space.grid(3)) == list(even.grid(3))


def test_evenly_takes_the_priors_away_and_nothing_else():
    form = {
        "lr": {"range": [1e-4, 1.0], "log": True, "prior": {"mean": 0.5, "spread": 1.2}},
        "n": {"range": [1, 5], "prior": {"alpha": 1, "beta": 9}},
        "o": {"choices": ["a", "b"], "weights": [1, 99]},
        "plain": {"range": [0.0, 1.0], "when": {"o": "a"}},
        "forbidden": [{"o": "a", "n": 3}],
    }
    space = parse(form)
    even = space.evenly()
    assert even.default() == space.default() == {"lr": 0.5, "n": 1, "o": "b"}
    found = even.sample(np.random.SeedSequence(0), COUNT)
    assert 0.45 < np.mean([c["lr"] < 1e-2 for c in found]) < 0.55
    assert 0.4 < np.mean([c["o"] == "a" for c in found]) < 0.5  # less what is forbidden
    assert all((c["o"] == "a") == ("plain" in c) and not (c["o"] == "a" and c["n"] == 3) for c in found)
    assert even.evenly() is even
    assert parse({"x": (0.0, 1.0)}).evenly().to_json() == parse({"x": (0.0, 1.0)}).to_json()


def test_the_size_is_that_of_the_range():
    assert parse({"n": {"range": [1, 9], "prior": {"mean": 2, "spread": 1}}, "o": ["a", "b"]}).size() == 18
    assert parse(natives()).size() is None


# --- bad input

LR = {"range": [1e-4, 1.0], "log": True}
BAD = {
    "no mapping": ({"x": {**LR, "prior": 0.01}}, r"the prior of hyperparameter 'x' is 0.01, but must be \{mean: …"),
    "empty": ({"x": {**LR, "prior": {}}}, r"is \{\}, but must be"),
    "half of it": ({"x": {**LR, "prior": {"mean": 0.1}}}, r"is \{'mean': 0.1\}, but must be \{mean: …, spread: …\}"),
    "mixed": ({"x": {**LR, "prior": {"mean": 0.1, "beta": 2}}}, "unknown key 'beta'; it may have mean and spread"),
    "unknown key": ({"x": {**LR, "prior": {"mean": 0.1, "spred": 3}}}, "unknown key 'spred', did you mean 'spread'"),
    "unknown keys": ({"x": {**LR, "prior": {"mu": 0.1}}}, "'mu'; it may have mean and spread and alpha and beta"),
    "mean outside": (
        {"x": {**LR, "prior": {"mean": 3, "spread": 3}}},
        "mean of the prior .*'x' is 3, .* from 0.0001 to 1.0",
    ),
    "mean as text": ({"x": {**LR, "prior": {"mean": "middle", "spread": 3}}}, "'mean' of the prior .*'middle'"),
    "spread of none": ({"x": {"range": [0.0, 1.0], "prior": {"mean": 0.5, "spread": 0}}}, "is 0, but of a prior must"),
    "spread below": ({"x": {"range": [0, 9], "prior": {"mean": 5, "spread": -1}}}, "is -1, .* from 9e-06 to 9"),
    "spread too wide": ({"x": {"range": [0, 9], "prior": {"mean": 5, "spread": 10}}}, "is 10, .* to 9"),
    "no factor": (
        {"x": {**LR, "prior": {"mean": 0.1, "spread": 0.5}}},
        "is 0.5, but on a log scale is a factor.*10000",
    ),
    "spread a NaN": ({"x": {**LR, "prior": {"mean": 0.1, "spread": float("nan")}}}, "nan.*finite"),
    "log from very far": (
        {"x": {"range": [1e17, 1e19], "log": True, "prior": {"mean": 1e18, "spread": 1.5}}},
        "ConfigSpace exactly enough.*other units",
    ),
    "alpha below 1": ({"x": {**LR, "prior": {"alpha": 0.5, "beta": 2}}}, "'alpha' of the prior .* is 0.5, .*from 1"),
    "beta too large": ({"x": {**LR, "prior": {"alpha": 1, "beta": 1e300}}}, "'beta' .* is 1e\\+300, .* 1000000"),
    "prior of choices": ({"x": {"choices": [1, 2], "prior": [1, 1]}}, "unknown key 'prior', .* weights"),
    "weights of a range": ({"x": {**LR, "weights": [1, 2]}}, "unknown key 'weights', .* prior"),
    "weights of an order": ({"x": {"choices": [1, 2], "ordered": True, "weights": [1, 2]}}, "ordered have none"),
    "too few weights": ({"x": {"choices": [1, 2], "weights": [1]}}, r"are \[1\], .* list of 2 numbers"),
    "weights as text": ({"x": {"choices": [1, 2], "weights": "even"}}, "are 'even', .* list of 2 numbers"),
    "a weight left out": ({"x": {"choices": ["a", "b"], "weights": {"a": 1}}}, "leave out 'b'"),
    "a weight for nothing": ({"x": {"choices": ["a", "b"], "weights": {"a": 1, "c": 2}}}, "is 'c', .* 'a', 'b'"),
    "a weight of 0": ({"x": {"choices": ["a", "b"], "weights": [1, 0]}}, "is 0, but must be above 0"),
    "endless weights": ({"x": {"choices": ["a", "b"], "weights": [1e308, 1e308]}}, "sum must be finite"),
}


@pytest.mark.parametrize(("form", "words"), BAD.values(), ids=BAD.keys())
def test_bad_priors_are_told_in_one_sentence(form, words):
    with pytest.raises(InputError, match=words) as caught:
        parse(form)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sigma", "lower", "log_scale"), [(0.0, 0.0, False), (-1.0, 0.0, False), (0.5, 0.5, True), (-2.0, 1.0, True)]
)
def test_a_normal_distribution_without_a_spread_is_refused_from_others_too(sigma, lower, log_scale):
    item = {"type": "normal_float", "name": "x", "mu": 1.0, "sigma": sigma, "lower": lower, "upper": 2.0}
    document = {"hyperparameters": [{**item, "log": log_scale}], "format_version": 0.4}
    with pytest.raises(InputError, match=re.escape(f"'x' has a normal distribution with sigma {sigma}")) as caught:
        parse(document)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("low", "high", "spread"), [(1e-13, 1.0, 1.001), (1e4, 1e9, 1.1), (2.0, 3.0, 1.0001)])
def test_configspace_reckons_with_the_spread_that_was_meant(low, high, spread):
    """On a log scale ConfigSpace takes ln(lower + sigma) for it: should it ever take another one, draws tell."""
    mean = exp((log(low) + log(high)) / 2)
    space = parse({"x": {"range": [low, high], "log": True, "prior": {"mean": mean, "spread": spread}}})
    assert width(space.to_json()["hyperparameters"][0]) == pytest.approx(log(spread) / log(high / low), rel=1e-3)
    values = np.log([c["x"] for c in space.sample(np.random.SeedSequence(0), COUNT)])
    assert values.std() == pytest.approx(log(spread), rel=0.1)
