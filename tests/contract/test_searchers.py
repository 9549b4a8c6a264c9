"""What every searcher must do, whichever it is."""

import json
import random
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from ConfigSpace import Configuration

from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import Searcher
from rungwise.searchers import make
from rungwise.searchers.recorded import Recorded
from rungwise.space import Space, parse

HISTORY = SimpleNamespace(trials={})
TRIALS = 40
FORM = {
    "lr": (1e-4, 1.0, "log"),
    "layers": (1, 5),
    "optimizer": ["sgd", "adam"],
    "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
    "nesterov": {"choices": [True, False], "when": {"optimizer": "sgd"}},
    "name": "net",
    "forbidden": [{"optimizer": "adam", "layers": 5}],
}
POINTS = [{"optimizer": "adam", "lr": 1}, {"layers": np.int64(2)}]


def recorded(space: Space, seed: int) -> Searcher:
    return Recorded({trial: space.check({"layers": 1 + trial % 4}) for trial in range(5)}, make("random", space, seed))


SEARCHERS: dict[str, Callable[[Space, int], Searcher]] = {
    "random": lambda space, seed: make("random", space, seed),
    "grid": lambda space, seed: make({"name": "grid", "points": 3}, space, seed),
    "points, random": lambda space, seed: make("random", space, seed, points=POINTS),
    "points, grid": lambda space, seed: make({"name": "grid", "points": 3}, space, seed, points=POINTS),
    "recorded": recorded,
}


@pytest.fixture(scope="module")
def space() -> Space:
    return parse(FORM)


@pytest.fixture(params=SEARCHERS.values(), ids=SEARCHERS.keys())
def build(request) -> Callable[[Space, int], Searcher]:
    return request.param


def ask(searcher: Searcher, trial: int):
    return searcher.suggest(HISTORY, StartTrial(trial, 1))


def test_the_same_seed_suggests_the_same_in_any_order_of_asking(build, space):
    forward, backward, shuffled = build(space, 7), build(parse(FORM), 7), build(space, 7)
    order = list(range(TRIALS))
    want = {trial: ask(forward, trial) for trial in order}
    assert {trial: ask(backward, trial) for trial in reversed(order)} == want
    random.Random(1).shuffle(order)
    assert {trial: ask(shuffled, trial) for trial in order} == want


def test_a_later_trial_can_be_asked_first_as_after_a_resume(build, space):
    whole = build(space, 7)
    want = [ask(whole, trial) for trial in range(TRIALS)][-1]
    assert ask(build(space, 7), TRIALS - 1) == want


def test_asking_twice_answers_the_same_and_no_answer_is_shared(build, space):
    searcher = build(space, 7)
    for trial in range(TRIALS):
        first = ask(searcher, trial)
        second = ask(searcher, trial)
        assert first == second
        first.clear()
        assert ask(searcher, trial) == second


def test_suggestions_are_legal_in_configspaces_own_eyes(build, space):
    native = space.configuration_space()
    searcher = build(space, 7)
    for trial in range(TRIALS):
        configuration = ask(searcher, trial)
        Configuration(native, values=configuration).check_valid_configuration()
        assert list(configuration) == [name for name in space.names if name in configuration]


def test_suggestions_are_plain_data(build, space):
    searcher = build(space, 7)
    for trial in range(TRIALS):
        configuration = ask(searcher, trial)
        assert type(configuration) is dict
        assert {type(value) for value in configuration.values()} <= {str, int, float, bool}
        assert json.loads(json.dumps(configuration)) == configuration


def test_the_history_makes_no_difference(build, space):
    searcher, other = build(space, 7), build(space, 7)
    for trial in range(TRIALS):
        told = SimpleNamespace(trials=dict.fromkeys(range(trial), "anything"))
        assert searcher.suggest(told, StartTrial(trial, 1)) == other.suggest(HISTORY, StartTrial(trial, 81))


def test_no_global_randomness_is_touched(build, space):
    before = random.getstate(), np.random.get_state()
    searcher = build(space, 7)
    for trial in range(TRIALS):
        ask(searcher, trial)
    after = random.getstate(), np.random.get_state()
    assert before[0] == after[0]
    assert all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True))
