import subprocess
import sys

import numpy as np
import pytest

from rungwise.core.errors import InputError
from rungwise.space import Space, parse

ONE = {"a": (0.0, 1.0)}


def draw(form, count=64, seed=0):
    return parse(form).sample(np.random.SeedSequence(seed), count)


def test_two_whole_numbers_make_an_integer_and_any_float_a_float():
    drawn = draw({"layers": {"range": [1, 5]}, "rate": {"range": [1, 5.0]}})
    assert {type(c["layers"]) for c in drawn} == {int}
    assert {c["layers"] for c in drawn} == {1, 2, 3, 4, 5}
    assert {type(c["rate"]) for c in drawn} == {float}


def test_the_short_forms_of_python_mean_the_same_as_the_long_ones():
    short = parse({"lr": (1e-4, 1.0, "log"), "layers": (1, 5), "optimizer": ["sgd", "adam"]})
    long = parse(
        {
            "lr": {"range": [1e-4, 1.0], "log": True},
            "layers": {"range": [1, 5]},
            "optimizer": {"choices": ["sgd", "adam"]},
        }
    )
    assert short == long


def test_a_log_range_is_drawn_evenly_in_log_space():
    below = sum(c["lr"] < 1e-2 for c in draw({"lr": (1e-4, 1.0, "log")}, 2000))
    assert 900 < below < 1100


def test_a_scalar_is_a_constant():
    form = {"a": 3, "b": "x", "c": True, "d": 0.5, "lr": (0.0, 1.0)}
    for configuration in draw(form, 3):
        constants = {name: configuration[name] for name in "abcd"}
        assert constants == {"a": 3, "b": "x", "c": True, "d": 0.5}
        assert [type(value) for value in constants.values()] == [int, str, bool, float]


@pytest.mark.parametrize(
    "choices", [[True, False], [1, 2, 3], [1, 2.5], ["a", "b"], [True, "a", 3, 2.5], [0.1, 0.2], [1, "1"], [7]]
)
@pytest.mark.parametrize("ordered", [False, True])
def test_choices_come_back_as_they_were_written(choices, ordered):
    drawn = draw({"c": {"choices": choices, "ordered": ordered}})
    assert {(type(c["c"]), c["c"]) for c in drawn} == {(type(choice), choice) for choice in choices}


def test_numpy_scalars_become_pythons_own():
    space = parse({"w": (np.int64(1), np.int64(3)), "c": [np.str_("a"), np.bool_(True)], "lr": (np.float64(0.1), 1.0)})
    assert {type(v) for c in space.sample(np.random.SeedSequence(0), 20) for v in c.values()} <= {int, str, bool, float}


def test_configurations_keep_the_order_in_which_the_space_was_written():
    space = parse({"z": (0.0, 1.0), "m": {"range": [0.0, 1.0], "when": {"b": "x"}}, "b": ["x", "y"], "a": (1, 5)})
    assert space.names == ("z", "m", "b", "a")
    for configuration in space.sample(np.random.SeedSequence(0), 20):
        assert list(configuration) == [name for name in space.names if name in configuration]


def test_a_condition_on_one_value_on_a_list_and_on_several_parents():
    form = {
        "optimizer": ["sgd", "rmsprop", "adam"],
        "nesterov": {"choices": [True, False], "when": {"optimizer": "sgd"}},
        "momentum": {"range": [0.0, 0.99], "when": {"optimizer": ["sgd", "rmsprop"]}},
        "decay": {"range": [0.0, 1.0], "when": {"optimizer": "sgd", "nesterov": True}},
    }
    drawn = draw(form, 300)
    for c in drawn:
        assert ("nesterov" in c) == (c["optimizer"] == "sgd")
        assert ("momentum" in c) == (c["optimizer"] in ("sgd", "rmsprop"))
        assert ("decay" in c) == (c["optimizer"] == "sgd" and c["nesterov"] is True)
    assert any("decay" in c for c in drawn)


def test_defaults_are_those_given_or_else_configspaces():
    space = parse(
        {
            "lr": {"range": [1e-4, 1.0], "log": True},
            "third": {"range": [0, 1.0], "default": 1 / 3},
            "layers": {"range": [1, 5], "default": 4.0},
            "optimizer": {"choices": ["sgd", "adam"], "default": "adam"},
            "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
            "act": ["relu", "tanh"],
        }
    )
    assert space.default() == {
        "lr": pytest.approx(1e-2), "third": 1 / 3, "layers": 4, "optimizer": "adam", "act": "relu"
    }  # fmt: skip
    assert type(space.default()["layers"]) is int


def test_forbidden_combinations_never_come():
    form = {
        "optimizer": ["sgd", "adam"],
        "batch": [16, 32, 64],
        "lr": (0.0, 1.0),
        "forbidden": [{"optimizer": "adam", "batch": [16, 32]}, {"batch": 64}],
    }
    assert {(c["optimizer"], c["batch"]) for c in draw(form, 200)} == {("sgd", 16), ("sgd", 32)}


def test_a_hyperparameter_may_be_called_forbidden():
    assert parse({"forbidden": ["a", "b"]}).names == ("forbidden",)
    assert parse({"forbidden": {"choices": ["a", "b"]}}).names == ("forbidden",)
    assert parse({"a": (0, 1), "forbidden": []}).names == ("a",)


def test_text_spelled_as_a_float_is_a_number():
    space = parse({"lr": {"range": ["1e-4", "1E+0"], "default": "1e-2"}, "eps": ["1e-8", "1e-3"], "c": "2.5e3"})
    assert space.default() == {"lr": 0.01, "eps": 1e-8, "c": 2500.0}


@pytest.mark.parametrize("text", ["0.1", "e5", "1e", "ace1", "1e4x", "v1e-4", "1e-4 "])
def test_other_text_among_choices_stays_text(text):
    assert parse({"c": [text]}).default() == {"c": text}


def test_a_space_parses_to_itself():
    space = parse(ONE)
    assert parse(space) is space
    assert isinstance(space, Space)


def test_a_short_form_is_checked_without_importing_configspace():
    code = (
        "import sys\nfrom rungwise.space import parse\nspace = parse({'lr': (1e-4, 1.0, 'log'), 'o': ['a', 'b'],"
        " 'm': {'range': [0, 1], 'when': {'o': 'a'}}})\nspace.to_json()\n"
        "assert not {'ConfigSpace', 'numpy', 'yaml'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


BAD = {
    "empty": ({}, "empty"),
    "only clauses": ({"forbidden": []}, "empty"),
    "low above high": ({"lr": (1.0, 0.5)}, r"'lr' is \[1.0, 0.5\].*low bound"),
    "low equals high": ({"lr": {"range": [3, 3]}}, r"'lr' is \[3, 3\].*below"),
    "log from zero": ({"lr": (0.0, 1.0, "log")}, r"'lr' is \[0.0, 1.0\] on a log scale.*above 0"),
    "a range as a list": ({"lr": ["1e-4", 0.1, "log"]}, r"'lr'.*three choices.*log: true"),
    "log below zero": ({"w": {"range": [-2, 5], "log": True}}, r"'w'.*log scale.*above 0"),
    "log from too little": ({"lr": (1e-20, 1.0, "log")}, "1e-13"),
    "default above": (
        {"lr": {"range": [0.0, 1.0], "default": 2}},
        "default of hyperparameter 'lr' is 2.*from 0.0 to 1.0",
    ),
    "default of another type": ({"w": {"range": [1, 5], "default": 2.5}}, "'w' is 2.5.*whole number from 1 to 5"),
    "default a bool": ({"w": {"range": [0, 5], "default": True}}, "True.*whole number"),
    "default not a choice": ({"o": {"choices": ["a", "b"], "default": "c"}}, "'o' is 'c'.*one of 'a', 'b'"),
    "default 1 for True": ({"o": {"choices": [True, False], "default": 1}}, "is 1.*one of True, False"),
    "no choices": ({"o": []}, "choices of hyperparameter 'o' are empty"),
    "choices twice": ({"o": ["a", "b", "a"]}, "'o' hold 'a' twice"),
    "equal choices": ({"o": [1, True]}, "1 and True, which count as equal"),
    "a set of choices": ({"o": {"choices": {"a", "b"}}}, "must be a list"),
    "a list as choice": ({"o": [["a"], ["b"]]}, "must be a str, int, float or bool"),
    "null as choice": ({"o": [None, "l2"]}, "None.*must be a str, int, float or bool"),
    "NaN as choice": ({"o": [float("nan")]}, "nan.*finite"),
    "NaN as bound": ({"lr": (0.0, float("nan"))}, "nan.*finite"),
    "infinity as bound": ({"lr": (0.0, float("inf"))}, "inf.*finite"),
    "infinity spelled": ({"lr": (0.0, "1e999")}, "finite"),
    "a bool as bound": ({"lr": {"range": [False, 1]}}, "False.*must be a number"),
    "text as bound": ({"lr": {"range": ["low", 1]}}, "'low'.*must be a number"),
    "three bounds": ({"lr": {"range": [1, 2, 3]}}, r"\[1, 2, 3\].*two numbers"),
    "a number as range": ({"lr": {"range": 3}}, "is 3.*two numbers"),
    "three in a tuple": ({"lr": (1, 2, 3)}, r"\(1, 2, 3\).*'log'"),
    "one in a tuple": ({"lr": (1,)}, "low, high"),
    "huge integers": ({"n": (0, 2**60)}, "9007199254740992"),
    "huge floats": ({"n": (0.0, 1e300)}, "1e\\+290"),
    "unknown key": ({"lr": {"rang": [0, 1]}}, "'lr' has the unknown key 'rang', did you mean 'range'"),
    "unknown key of choices": ({"o": {"choices": ["a"], "log": True}}, "'o' has the unknown key 'log'"),
    "range and choices": ({"lr": {"range": [0, 1], "choices": [1]}}, "both 'range' and 'choices'"),
    "neither": ({"lr": {"log": True}}, "must have 'range' or 'choices'"),
    "log not a bool": ({"lr": {"range": [1, 2], "log": "yes"}}, "'log' of hyperparameter 'lr' is 'yes'"),
    "None": ({"lr": None}, "'lr' is None"),
    "an object": ({"lr": object()}, "'lr' is <object"),
    "a name that is no text": ({True: [1, 2]}, "named True"),
    "an empty name": ({"": [1, 2]}, "named ''"),
    "condition on nothing": ({"m": {"range": [0, 1], "when": {}}}, "'when' of hyperparameter 'm'"),
    "condition not a mapping": ({"m": {"range": [0, 1], "when": "sgd"}}, "'when' of hyperparameter 'm' is 'sgd'"),
    "condition on the absent": (
        {"optimizer": ["a"], "m": {"range": [0, 1], "when": {"optimiser": "a"}}},
        "'optimiser', which is not in the search space, did you mean 'optimizer'",
    ),
    "condition on itself": ({"m": {"range": [0, 1], "when": {"m": 1}}}, "'m' itself"),
    "condition on no value": ({"o": ["a"], "m": {"range": [0, 1], "when": {"o": []}}}, "no value for 'o'"),
    "condition on an illegal value": (
        {"o": ["a"], "m": {"range": [0, 1], "when": {"o": "b"}}},
        "'o'.*'m' is 'b'.*must be 'a'",
    ),
    "condition out of range": ({"n": (1, 5), "m": {"range": [0, 1], "when": {"n": 6}}}, "is 6.*from 1 to 5"),
    "circular conditions": (
        {
            "a": {"choices": [1, 2], "when": {"c": 1}},
            "b": {"choices": [1, 2], "when": {"a": 1}},
            "c": {"choices": [1, 2], "when": {"b": 1}},
        },
        "round in a circle",
    ),
    "clause and choice mixed": ({"a": [1, 2], "forbidden": [{"a": 1}, 2]}, "'forbidden' mixes"),
    "one clause unlisted": ({"a": [1, 2], "forbidden": {"a": 1}}, "list of mappings"),
    "empty clause": ({"a": [1, 2], "forbidden": [{}]}, "clause of the search space is empty"),
    "clause on the absent": ({"a": [1, 2], "forbidden": [{"b": 1}]}, "'b', which is not in the search space"),
    "clause on an illegal value": ({"a": [1, 2], "forbidden": [{"a": 3}]}, "is 3.*one of 1, 2"),
    "contradictory": ({"a": [1, 2], "b": ["x", "y"], "forbidden": [{"a": 1}, {"a": 2}]}, "contradictory"),
    "default forbidden": (
        {"a": [1, 2], "forbidden": [{"a": 1}]},
        r"default configuration .* a=1, is forbidden.*\{'a': 2\}",
    ),
    "a number": (3, "is 3 .int.*must be a mapping"),
    "no path": ("space.txt", "'space.txt'.*path of a .yaml"),
}


@pytest.mark.parametrize(("form", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_told_in_one_sentence(form, words):
    with pytest.raises(InputError, match=words) as caught:
        parse(form)
    assert "\n" not in str(caught.value)


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(InputError) as caught:
        parse({"a": {"range": list(range(10_000))}})
    assert len(str(caught.value)) < 300
