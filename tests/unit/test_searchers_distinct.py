"""Random search that repeats nothing, what is left of a finite space, and who ends when nothing is."""

import random
from itertools import count, takewhile
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.allocation import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.schedulers import ASHA, FIFO
from rungwise.searchers import advice, distinct, finite, make, new_settings
from rungwise.searchers.finite import key_of, shuffled, untried
from rungwise.searchers.random import RandomSearch
from rungwise.searchers.recorded import Recorded
from rungwise.space import Space, parse
from rungwise.store import MemoryLog
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

HISTORY = SimpleNamespace(trials={}, milestones=())
ONCE = {"name": "random", "repeats": False}
FORMS: dict[str, tuple[dict[str, Any], int]] = {
    "one": ({"only": "one"}, 1),
    "choices": ({"a": ["x", "y", "z"], "b": [1, 2.5, False]}, 9),
    "ranges": ({"n": (1, 40), "m": (1, 30, "log")}, 1200),
    "conditions": (
        {"a": ["x", "y"], "n": {"range": [1, 4], "when": {"a": "y"}}, "forbidden": [{"a": "y", "n": 2}]},
        4,
    ),
    "few allowed": (
        {"a": {"range": [1, 30], "default": 30}, "b": (1, 30), "forbidden": [{"a": list(range(1, 30))}]},
        30,
    ),
    "a choice that hardly ever comes": ({"o": {"choices": ["a", "b"], "weights": [1, 1e-12]}, "n": (1, 3)}, 6),
    "a narrow prior": ({"n": {"range": [0, 199], "prior": {"mean": 50, "spread": 1}}}, 200),
}


def ask(searcher, trial, history=HISTORY):
    return searcher.suggest(history, StartTrial(trial, 1))


def exhaust(searcher):
    suggestions = (ask(searcher, trial) for trial in count())
    return list(takewhile(lambda found: found is not None, suggestions))


@pytest.mark.parametrize(("form", "size"), FORMS.values(), ids=FORMS.keys())
def test_every_configuration_comes_once_and_then_none(form, size):
    space = parse(form)
    searcher = make(ONCE, space, 5)
    found = exhaust(searcher)
    assert len({key_of(space, each) for each in found}) == len(found) == size
    assert all(space.check(each) == each and list(each) == list(space.check(each)) for each in found)
    assert ask(searcher, size + 100) is None


def test_the_ith_trial_gets_the_ith_distinct_draw():
    space = parse({"a": ["x", "y", "z"], "n": (1, 40)})
    plain = RandomSearch(space, 3)
    draws = [plain.draw(number) for number in range(300)]
    distinct_draws = [draw for place, draw in enumerate(draws) if draw not in draws[:place]]
    assert 100 < len(distinct_draws) < 120  # of 120: some came twice, some not at all
    searcher = make(ONCE, space, 3)
    assert [ask(searcher, trial) for trial in range(len(distinct_draws))] == distinct_draws


def test_what_a_trial_gets_depends_on_seed_and_number_alone():
    space = parse({"a": ["x", "y", "z"], "n": (1, 40)})
    want = exhaust(make(ONCE, space, 3))
    order = list(range(len(want)))
    random.Random(0).shuffle(order)
    shuffled_one, later = make(ONCE, parse({"n": (1, 40), "a": ["x", "y", "z"]}), 3), make(ONCE, space, 3)
    assert {trial: ask(shuffled_one, trial) for trial in order} == dict(enumerate(want))
    assert [ask(later, trial) for trial in range(90, len(want))] == want[90:]  # as after a resume
    assert exhaust(make(ONCE, space, 4)) != want


def test_the_rest_comes_in_an_order_of_its_own():
    space = parse({"n": {"range": [0, 199], "prior": {"mean": 50, "spread": 1}}})
    rest = [[each["n"] for each in exhaust(make(ONCE, space, seed))[20:]] for seed in range(2)]
    assert rest[0] != sorted(rest[0])
    assert rest[0] != rest[1]


def test_no_answer_is_shared():
    searcher = make(ONCE, parse({"a": ["x", "y"], "n": (1, 3)}), 0)
    for trial in range(6):
        first = ask(searcher, trial)
        again = dict(first)
        first.clear()
        assert ask(searcher, trial) == again


# --- given points

SMALL = parse({"a": ["x", "y", "z"], "n": (1, 4)})
GRID = list(SMALL.grid(4))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(GRID), max_size=14), st.integers(0, 3))
def test_given_points_do_not_come_again_and_leave_all_others_where_they_were(points, seed):
    plain, found = exhaust(make(ONCE, SMALL, seed)), exhaust(make(ONCE, SMALL, seed, points=points))
    assert found[: len(points)] == points
    rest = [key_of(SMALL, each) for each in found[len(points) :]]
    assert len(set(rest)) == len(rest)
    assert set(rest) == {key_of(SMALL, each) for each in GRID if each not in points}
    if len({key_of(SMALL, each) for each in points}) == len(points):
        moved = [trial for trial in range(len(points), 12) if found[trial] != plain[trial]]
        assert all(plain[trial] in points for trial in moved)


def test_points_given_twice_take_one_place():
    plain = exhaust(make(ONCE, SMALL, 1))
    found = exhaust(make(ONCE, SMALL, 1, points=[plain[0], plain[0], plain[0]]))
    assert found == [plain[0], plain[0], *plain]


# --- spaces without end, and too large to look through


def test_in_a_space_without_end_it_is_random_search():
    space = parse({"x": (0.0, 1.0), "a": ["x", "y"]})
    plain, once = make("random", space, 5), make(ONCE, space, 5, points=[{"x": 0.5}])
    assert [ask(once, trial) for trial in range(1, 70)] == [ask(plain, trial) for trial in range(1, 70)]


def test_a_large_space_is_drawn_from_and_never_walked():
    space = parse({"n": (1, 10**9)})
    searcher, plain = make(ONCE, space, 0), make("random", space, 0)
    assert [ask(searcher, trial) for trial in range(200)] == [ask(plain, trial) for trial in range(200)]


@pytest.fixture
def short_sighted(monkeypatch):
    """A searcher that looks through no more than ten configurations."""
    for module in (distinct, finite):
        monkeypatch.setattr(module, "LOOKED_THROUGH", 10)


@pytest.mark.usefixtures("short_sighted")
def test_a_space_too_large_to_look_through_never_ends():
    space = parse({"a": {"range": [1, 10], "default": 1}, "b": (1, 10), "forbidden": [{"a": list(range(2, 11))}]})
    searcher = make(ONCE, space, 0, points=[{"b": 3}])
    found = [ask(searcher, trial) for trial in range(60)]
    assert len({each["b"] for each in found[:10]}) == 10
    assert all(space.check(each) == each for each in found)
    assert found[20:] == [ask(make("random", space, 0), trial) for trial in range(20, 60)]
    assert untried(space, {("x",)}, lambda each: ("x",), np.random.SeedSequence(0)) is not None


@pytest.mark.usefixtures("short_sighted")
def test_of_a_wide_range_only_so_many_values_are_put_in_order():
    walked = list(shuffled(parse({"n": (1, 10**12)}), np.random.SeedSequence(0)))
    assert len({each["n"] for each in walked}) == len(walked) == 10


# --- what is left


def test_untried_configurations_come_in_a_random_order_until_none_is_left():
    space = parse({"a": (1, 50), "b": ["x", "y"], "forbidden": [{"a": 7, "b": "x"}]})
    tried, orders = set(), []

    def key(configuration):
        return key_of(space, configuration)

    for trial in range(99):
        found = untried(space, tried, key, np.random.SeedSequence(trial))
        assert space.check(found) == found
        tried.add(key(found))
        orders.append(found["a"])
    assert len(tried) == 99
    assert orders[:20] != sorted(orders[:20])
    assert untried(space, tried, key, np.random.SeedSequence(0)) is None
    endless = parse({"x": (0.0, 1.0)})
    assert untried(endless, set(), key, np.random.SeedSequence(0)) is not None


def run_out(searcher, space: Space, most: int) -> list[dict[str, Any]]:
    """What a searcher that learns suggests until there is nothing more; every trial has a value on the first rung."""
    ledger = Ledger((1, 3))
    for trial in range(most):
        found = ask(searcher, trial, ledger)
        if found is None:
            return [dict(entry.configuration) for entry in ledger.trials.values()]
        ledger.apply(Launch(trial, found, 0, 1, 1, 0))
        ledger.apply(TrialReported(1.0, trial, 1, float(sum(map(str(found).count, "15x"))), {}))
        ledger.apply(TrialPaused(1.0, trial, 1))
    raise AssertionError("it never ends")


@pytest.mark.parametrize("name", ["evolution", "kde"])
@pytest.mark.parametrize("form", ["choices", "conditions", "a choice that hardly ever comes"])
def test_a_searcher_that_learns_tries_everything_once_too(name, form):
    spec, size = FORMS[form]
    space = parse(spec)
    options = {"population": 3} if name == "evolution" else {}
    point = dict(next(space.grid(1)))
    made = make({**new_settings(name, repeats=False), **options}, space, 2, points=[point])
    found = run_out(made, space, size + 1)
    assert len({key_of(space, each) for each in found}) == len(found) == size
    assert found[0] == point


# --- settings


def test_settings_of_a_new_experiment_say_whether_there_are_repeats():
    assert new_settings("random", repeats=False) == {"name": "random", "repeats": False}
    assert new_settings({"name": "random", "repeats": True}, repeats=False) == {"name": "random", "repeats": True}
    assert new_settings({"name": "evolution", "population": 5}, repeats=True)["repeats"] is True
    assert new_settings({"name": "grid"}, repeats=False) == {"name": "grid"}


@pytest.mark.parametrize("settings", ["random", {"name": "random"}, {"name": "random", "repeats": True}])
def test_settings_that_do_not_say_so_repeat_as_ever(settings):
    searcher, plain = make(settings, SMALL, 0), RandomSearch(SMALL, 0)
    found = [ask(searcher, trial) for trial in range(40)]
    assert found == [ask(plain, trial) for trial in range(40)]


@pytest.mark.parametrize("wrong", [0, "no", None])
def test_repeats_is_true_or_false(wrong):
    with pytest.raises(InputError, match=f"repeats of the searcher 'random' is {wrong!r}, but must be true or false"):
        make({"name": "random", "repeats": wrong}, SMALL, 0)


def test_advice_where_there_are_fewer_configurations_than_trials():
    document = SMALL.to_json()
    for settings_ in (ONCE, {"name": "kde"}, {"name": "grid"}):
        assert "has 12 configurations, none of which is tried twice: at most 12 of 13" in advice.space_advice(
            settings_, document, 13
        )
    form, size = FORMS["conditions"]
    assert f"has {size} configurations" in advice.space_advice(ONCE, parse(form).to_json(), size + 1)
    assert "has 1 configuration, which is not" in advice.space_advice(ONCE, parse({"only": "one"}).to_json(), 2)
    for silent in (
        advice.space_advice(ONCE, document, 12),
        advice.space_advice(ONCE, document, None),
        advice.space_advice(ONCE, parse({"x": (0.0, 1.0)}).to_json(), 64),
        advice.space_advice({"name": "random"}, document, 64),
        advice.space_advice({"name": "custom"}, document, 64),
    ):
        assert silent is None


# --- whole experiments


def experiment(searcher, stop="drain", trials=64):
    return Tuner(ASHA(1, 9, 3), searcher, Fixed(1), trials=trials, stop=stop)


def curve(launch: Launch) -> Curve:
    units = range(launch.start + 1, launch.milestone + 1)
    return Curve(units, [len(str(launch.configuration)) + launch.trial / unit for unit in units], [1.0] * len(units))


def configurations(records) -> dict[int, Any]:
    return {record.trial: dict(record.configuration) for record in records if isinstance(record, Launch)}


@pytest.mark.parametrize("stop", ["drain", "instant"])
@pytest.mark.parametrize("settings", [ONCE, {"name": "evolution", "population": 3, "repeats": False}], ids=["r", "e"])
def test_an_exhausted_space_ends_the_experiment_which_replays_and_resumes(settings, stop):
    points = [GRID[4], GRID[9]]

    def fresh():
        return make(settings, SMALL, 7, points=points)

    log, tuner = MemoryLog(), experiment(fresh(), stop)
    drive(tuner, Simulator(curve, workers=3, max_resource=9), log)
    records = list(log.records())
    assert tuner.ledger.ended(64) == "space"
    found = configurations(records)
    assert [found[0], found[1]] == points
    assert len({key_of(SMALL, each) for each in found.values()}) == len(found) == 12
    assert replay(experiment(fresh(), stop), records) == []
    half = records[: len(records) // 2]
    resumed = experiment(Recorded(configurations(half), fresh()), stop)
    replay(resumed, half)
    assert {trial: dict(entry.configuration) for trial, entry in resumed.ledger.trials.items()} == {
        trial: found[trial] for trial in resumed.ledger.trials
    }


def test_the_scheduler_and_the_workers_make_no_difference():
    found = []
    for scheduler, workers in ((ASHA(1, 9, 3), 1), (ASHA(1, 9, 3), 5), (FIFO(9), 3)):
        log = MemoryLog()
        tuner = Tuner(scheduler, make(ONCE, SMALL, 7), Fixed(1), trials=64)
        drive(tuner, Simulator(curve, workers=workers, max_resource=9), log)
        found.append(configurations(log.records()))
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 12
