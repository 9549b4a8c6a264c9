from math import nextafter
from types import SimpleNamespace

import pytest

from rungwise.allocation import Fixed
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import prepare
from rungwise.core.seed import Purpose, sequence
from rungwise.schedulers import ASHA
from rungwise.searchers import make
from rungwise.searchers.grid import GridSearch
from rungwise.searchers.random import BLOCK, RandomSearch
from rungwise.searchers.recorded import Recorded, Verified
from rungwise.space import parse
from rungwise.tuner.tuner import Tuner

HISTORY = SimpleNamespace(trials={})
SPACE = parse({"lr": (1e-4, 1.0, "log"), "optimizer": ["sgd", "adam"]})
SMALL = parse({"a": [1, 2], "n": (1, 3)})


def ask(searcher, trial):
    return searcher.suggest(HISTORY, StartTrial(trial, 1))


def refuse(words, spec="random", seed=0, **options):
    with pytest.raises(InputError, match=words) as caught:
        make(spec, SPACE, seed, **options)
    assert "\n" not in str(caught.value)


# --- random


def test_a_trial_gets_its_element_of_its_block():
    searcher = RandomSearch(SPACE, 3)
    for trial in (0, 1, BLOCK - 1, BLOCK, 5 * BLOCK + 2):
        block = SPACE.sample(sequence(3, Purpose.CONFIGURATION, trial // BLOCK), BLOCK)
        assert ask(searcher, trial) == block[trial % BLOCK]


def test_random_trials_differ_from_each_other_and_between_seeds():
    searcher, other = RandomSearch(SPACE, 0), RandomSearch(SPACE, 1)
    rates = [ask(searcher, trial)["lr"] for trial in range(3 * BLOCK)]
    assert len(set(rates)) == len(rates)
    assert not set(rates) & {ask(other, trial)["lr"] for trial in range(3 * BLOCK)}


def test_trials_far_apart_draw_each_block_once_and_only_few_are_kept():
    drawn = []

    def sample(seeds, count):
        drawn.append(seeds.spawn_key[-1])
        return SPACE.sample(seeds, count)

    searcher = RandomSearch(SimpleNamespace(sample=sample), 0)
    for trial in range(10 * BLOCK):
        ask(searcher, trial)
    assert drawn == list(range(10))
    ask(searcher, 9 * BLOCK)
    assert len(drawn) == 10
    ask(searcher, 0)
    assert drawn[10:] == [0]


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None, True])
def test_a_seed_must_be_a_whole_number(seed):
    refuse("seed is .* 0 or more", seed=seed)


# --- grid


def test_the_grid_comes_in_order_and_ends():
    searcher = make({"name": "grid", "points": 3}, SMALL, 0)
    assert [ask(searcher, trial) for trial in range(8)] == [*SMALL.grid(3), None, None]
    assert ask(searcher, 10_000) is None
    assert ask(searcher, 0) == {"a": 1, "n": 1}


def test_a_grid_is_enumerated_no_further_than_asked_for():
    taken = []

    def grid(points):
        for configuration in SMALL.grid(points):
            taken.append(configuration)
            yield configuration

    searcher = GridSearch(SimpleNamespace(grid=grid), 3)
    ask(searcher, 2)
    ask(searcher, 0)
    ask(searcher, 2)
    assert len(taken) == 3


def test_a_grid_needs_points():
    refuse("points of the searcher 'grid' is 0", {"name": "grid", "points": 0})


# --- given points


def test_given_points_come_first_and_complete():
    searcher = make("random", SPACE, 0, points=[{"optimizer": "adam"}, {"lr": 1}])
    assert [ask(searcher, trial) for trial in (0, 1)] == [
        {"lr": pytest.approx(0.01), "optimizer": "adam"},
        {"lr": 1.0, "optimizer": "sgd"},
    ]


def test_given_points_leave_the_random_configurations_of_later_trials_alone():
    plain, given = make("random", SPACE, 5), make("random", SPACE, 5, points=[{"lr": 1}, {"lr": 0.5}])
    assert [ask(given, trial) for trial in range(2, 80)] == [ask(plain, trial) for trial in range(2, 80)]
    assert ask(given, 0) != ask(plain, 0)


def test_given_points_leave_nothing_of_the_grid_out():
    searcher = make({"name": "grid", "points": 3}, SMALL, 0, points=[{"a": 2, "n": 2}])
    assert [ask(searcher, trial) for trial in range(8)] == [{"a": 2, "n": 2}, *SMALL.grid(3), None]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([{"lr": 0.1}, {"lr": 3}], "'lr' of given point 1 is 3"),
        ([{"rate": 0.1}], "given point 0 has the hyperparameter 'rate'"),
        ([3], "given point 0 is 3"),
        ({"lr": 0.1}, "must be a list"),
        ("points", "must be a list"),
        (3, "must be a list"),
    ],
)
def test_bad_points_are_refused_at_once(points, words):
    refuse(words, points=points)


# --- recorded


def test_what_was_rounded_otherwise_is_verified_as_it_was_recorded_and_nothing_else_is():
    then = make("random", SPACE, 3)
    drawn = ask(then, 0)
    rounded = {**drawn, "lr": nextafter(drawn["lr"], 1.0)}
    for recorded, answer in (
        (rounded, rounded),
        ({**drawn, "lr": drawn["lr"] * 1.001}, drawn),
        ({**drawn, "optimizer": "other"}, drawn),
        ({"lr": drawn["lr"]}, drawn),
    ):
        assert ask(Verified({0: recorded}, then), 0) == answer
    assert ask(Verified({}, then), 0) == drawn


def test_a_recorded_trial_keeps_its_configuration_and_others_go_on():
    then = make("random", SPACE, 0)
    searcher = Recorded({1: {"lr": 0.25, "optimizer": "sgd"}}, then)
    assert ask(searcher, 1) == {"lr": 0.25, "optimizer": "sgd"}
    assert [ask(searcher, trial) for trial in (0, 2)] == [ask(then, trial) for trial in (0, 2)]


# --- make


@pytest.mark.parametrize("spec", ["rand", "", "bohb", None, 3, object()])
def test_an_unknown_searcher_is_told_with_those_there_are(spec):
    refuse("'random', 'grid'", spec)


def test_a_near_miss_is_told():
    refuse("did you mean 'random'", "randon")


def test_a_searcher_of_the_users_own_passes():
    own = SimpleNamespace(suggest=lambda history, request: {"lr": 0.5, "optimizer": "sgd"})
    assert ask(make(own, SPACE, 0), 0) == {"lr": 0.5, "optimizer": "sgd"}
    searcher = make(own, SPACE, 0, points=[{"lr": 1}])
    assert [ask(searcher, trial)["lr"] for trial in (0, 1)] == [1.0, 0.5]


class Thoughtful:
    """A searcher of the user's own that can think ahead."""

    def __init__(self):
        self.seen = []

    def suggest(self, history, request):
        return {"lr": 0.5, "optimizer": "sgd"}

    def prepare(self, history):
        self.seen.append(history)


def test_who_can_think_ahead_is_let_to_through_all_that_stands_before_it():
    own = Thoughtful()
    prepare(Recorded({}, make(own, SPACE, 0, points=[{"lr": 0.25}])), HISTORY)
    assert own.seen == [HISTORY]
    prepare(make("random", SPACE, 0), HISTORY)  # and nothing is asked of those that cannot


def test_the_tuner_lets_its_searcher_think_ahead():
    own = Thoughtful()
    tuner = Tuner(ASHA(1, 9, 3), own, Fixed(1))
    tuner.prepare()
    assert own.seen == [tuner.ledger]
