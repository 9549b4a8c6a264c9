"""What a child gets: its parent's configuration, moved a little, always legal, always the same for the same child."""

from types import SimpleNamespace
from typing import Any

import ConfigSpace
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_space_properties import forms, parsed

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.searchers import make
from rungwise.searchers.perturb import FACTORS, RESAMPLED, Perturbed, perturbed
from rungwise.space import Space, parse

MANY = 400


def children(form: dict[str, Any], parent: Configuration, count: int = MANY, seed: int = 0) -> list[Configuration]:
    space = parse(form)
    return [perturbed(space, parent, seed, child) for child in range(count)]


def shares(values: list[object], *wanted: object) -> list[float]:
    """How many of the values each of the wanted ones is."""
    return [sum(value == each for value in values) / len(values) for each in wanted]


@st.composite
def families(draw: Any) -> tuple[Space, Configuration]:
    """A space, some of its choices ordered, and a configuration of it."""
    form = draw(forms())
    for spec in form.values():
        if isinstance(spec, dict) and "choices" in spec:
            spec["ordered"] = draw(st.booleans())
    space = parsed(form)
    return space, dict(make("random", space, draw(st.integers(0, 99))).suggest(NOBODY, StartTrial(0, 1)) or {})


NOBODY = SimpleNamespace(trials={})


@given(families(), st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_child_is_in_the_space(family: tuple[Space, Configuration], seed: int, child: int) -> None:
    space, parent = family
    found = perturbed(space, parent, seed, child)
    ConfigSpace.Configuration(space.configuration_space(), values=dict(found)).check_valid_configuration()
    assert space.check(found) == found
    assert list(found) == [name for name in space.names if name in found]
    assert {type(value) for value in found.values()} <= {str, int, float, bool}
    assert found == perturbed(space, parent, seed, child)


def test_numbers_are_scaled_by_a_fifth_up_or_down_and_a_quarter_is_drawn_afresh() -> None:
    values = [child["x"] for child in children({"x": (1.0, 1000.0)}, {"x": 100.0})]
    down, up = shares(values, 100.0 * FACTORS[0], 100.0 * FACTORS[1])
    assert abs(down - 0.375) < 0.1
    assert abs(up - 0.375) < 0.1
    assert abs(1 - down - up - RESAMPLED) < 0.1
    assert len(set(values)) > MANY * RESAMPLED / 2


@pytest.mark.parametrize(("at", "kept"), [(1.0, [1.0, 1.2]), (1000.0, [800.0, 1000.0])], ids=["low", "high"])
@pytest.mark.parametrize("log", [False, True], ids=["linear", "log"])
def test_numbers_stay_in_their_range(at: float, kept: list[float], log: bool) -> None:
    values = [float(child["x"]) for child in children({"x": {"range": [1.0, 1000.0], "log": log}}, {"x": at})]
    assert all(1.0 <= value <= 1000.0 for value in values)
    assert min(shares(list(values), *kept)) > 0.2


@pytest.mark.parametrize(
    ("bounds", "at", "moved"),
    [((1, 100), 50, (40, 60)), ((1, 100), 1, (1, 2)), ((1, 100), 2, (1, 3)), ((0, 9), 0, (0, 1)), ((1, 4), 4, (3, 4)),
     ((-9, 9), 0, (-1, 1)), ((-9, 9), -5, (-4, -6))],
    ids=str,
)  # fmt: skip
def test_whole_numbers_move_by_one_at_least(bounds: tuple[int, int], at: int, moved: tuple[int, int]) -> None:
    values = [child["n"] for child in children({"n": bounds}, {"n": at})]
    assert all(type(value) is int for value in values)
    assert all(bounds[0] <= int(value) <= bounds[1] for value in values)
    assert min(shares(list(values), *moved)) > 0.25


def test_ordered_values_go_to_a_neighbour_and_choices_are_drawn() -> None:
    sizes = {"size": {"choices": [8, 16, 32, 64, 128], "ordered": True}}
    middle = shares([child["size"] for child in children(sizes, {"size": 32})], 8, 16, 32, 64, 128)
    assert middle[1] > 0.3 < middle[3]
    assert middle[0] + middle[2] + middle[4] < 0.3
    (neighbour,) = shares([child["size"] for child in children(sizes, {"size": 8})], 16)
    assert neighbour > 0.7, "at an end there is only one"
    drawn = shares([child["act"] for child in children({"act": ["a", "b", "c", "d"]}, {"act": "a"})], *"abcd")
    assert all(abs(share - 0.25) < 0.08 for share in drawn)


def test_one_of_a_kind_stays() -> None:
    form = {"only": ["one"], "fixed": 3, "ordered": {"choices": [7], "ordered": True}}
    parent: Configuration = {"only": "one", "fixed": 3, "ordered": 7}
    assert all(child == parent for child in children(form, parent, 20))


def test_conditions_follow_what_was_chosen() -> None:
    form = {"optimizer": ["sgd", "adam"], "momentum": {"range": [0.5, 0.9], "when": {"optimizer": "sgd"}}}
    found = children(form, {"optimizer": "adam"}) + children(form, {"optimizer": "sgd", "momentum": 0.75})
    assert {("momentum" in child) == (child["optimizer"] == "sgd") for child in found} == {True}
    inherited = [child for child in found[MANY:] if child.get("momentum") in (0.75 * FACTORS[0], 0.75 * FACTORS[1])]
    assert len(inherited) > MANY / 5
    assert all(0.5 <= float(child["momentum"]) <= 0.9 for child in found[:MANY] if "momentum" in child)


def test_what_is_forbidden_is_never_proposed() -> None:
    form = {"a": [2, 1, 3], "b": [1, 2, 3], "forbidden": [{"a": 1, "b": [1, 2]}, {"a": [2, 3], "b": 3}]}
    found = children(form, {"a": 1, "b": 3})
    assert not any((child["a"] == 1) != (child["b"] == 3) for child in found)


def test_where_nothing_near_is_allowed_the_child_is_drawn_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    space = parse({"a": [3, 1, 2], "forbidden": [{"a": 1}, {"a": 2}]})
    assert perturbed(space, {"a": 1}, 0, 5) == {"a": 3}
    monkeypatch.setattr("rungwise.searchers.perturb.TRIES", 0)
    assert perturbed(space, {"a": 1}, 0, 5) == {"a": 3}


def test_children_differ_by_seed_and_number_alone() -> None:
    form, parent = {"x": (0.0, 1.0), "n": (1, 99)}, {"x": 0.5, "n": 50}
    found = children(form, parent, 50)
    assert found == children(form, parent, 50)
    assert found != children(form, parent, 50, seed=1)
    assert len({tuple(child.items()) for child in found}) > 10


def test_a_searcher_of_ones_own_may_give_what_the_space_does_not_know() -> None:
    parent: Configuration = {"x": "not a number", "note": "kept"}
    for child in children({"x": (0.0, 1.0)}, parent, 20):
        assert 0.0 <= float(child["x"]) <= 1.0
        assert child["note"] == "kept"


@pytest.mark.parametrize("name", ["random", "grid", "points"])
def test_any_searcher_serves_parents_and_children(name: str) -> None:
    space = parse({"x": (1.0, 9.0), "act": ["a", "b"]})
    points = [{"x": 4.0}] if name == "points" else []
    searcher = make("grid" if name == "grid" else "random", space, 3, points=points)
    history = SimpleNamespace(trials={0: SimpleNamespace(configuration={"x": 4.0, "act": "a"})})
    child = searcher.suggest(history, StartTrial(17, 9, parent=0))
    assert child == perturbed(space, {"x": 4.0, "act": "a"}, 3, 17)
    assert searcher.suggest(history, StartTrial(1, 9)) == make(
        "grid" if name == "grid" else "random", space, 3, points=points
    ).suggest(NOBODY, StartTrial(1, 9))


def test_an_exhausted_searcher_still_has_children() -> None:
    space = parse({"act": ["a", "b"]})
    searcher = make("grid", space, 0)
    history = SimpleNamespace(trials={0: SimpleNamespace(configuration={"act": "a"})})
    assert searcher.suggest(history, StartTrial(9, 1)) is None
    assert searcher.suggest(history, StartTrial(9, 1, parent=0)) is not None


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_a_seed_must_be_a_whole_number(seed: Any) -> None:
    with pytest.raises(InputError, match="seed is"):
        Perturbed(SimpleNamespace(suggest=None), parse({"x": (1, 2)}), seed)  # type: ignore[arg-type]
