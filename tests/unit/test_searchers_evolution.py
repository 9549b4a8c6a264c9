"""Regularised evolution: who is a parent, what becomes of the child, and that nothing but the log decides it."""

from collections.abc import Sequence
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.searchers.evolution import EvolutionSearch
from rungwise.searchers.random import RandomSearch
from rungwise.space import parse

FORM = {
    "lr": (1e-4, 1.0, "log"),
    "layers": (1, 5),
    "size": {"choices": [16, 32, 64], "ordered": True},
    "optimizer": ["sgd", "adam", "lamb"],
    "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
    "name": "net",
    "forbidden": [{"optimizer": "adam", "layers": 5}],
}
SPACE = parse(FORM)


def history(values: Sequence[Sequence[float]], configurations: Sequence[Configuration] | None = None) -> Ledger:
    """Trials with values on the rungs 1, 3, 9."""
    ledger = Ledger((1, 3, 9))
    for trial, levels in enumerate(values):
        configuration = configurations[trial] if configurations else random_search(trial)
        ledger.apply(Launch(trial, configuration, 0, 9, 1, 0))
        for milestone, value in zip((1, 3, 9), levels, strict=False):
            ledger.apply(TrialReported(1.0, trial, milestone, value, {}))
        ledger.apply(TrialPaused(1.0, trial, 1))
    return ledger


def random_search(trial: int) -> dict[str, Any]:
    found = RandomSearch(SPACE, 3).suggest(Ledger(()), StartTrial(trial, 1))
    assert found is not None
    return dict(found)


def suggest(past: Ledger, trial: int, **options: Any) -> dict[str, Any]:
    found = EvolutionSearch(SPACE, 3, **{"population": 4, "tournament": 4, **options}).suggest(
        past, StartTrial(trial, 1)
    )
    assert found is not None
    return dict(found)


def differences(one: Configuration, other: Configuration) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}


def test_until_the_population_is_complete_it_is_random_search() -> None:
    past = history([[0.5], [0.4], [nan], [inf], []])
    assert suggest(past, 5) == random_search(5)
    assert suggest(history([[0.5], [0.4], [0.3], [0.2]]), 4) != random_search(4)


def test_the_child_is_the_best_member_with_one_hyperparameter_changed() -> None:
    past = history([[0.5], [0.1], [0.3], [0.2]])
    for trial in range(4, 40):
        changed = differences(suggest(past, trial), past.trials[1].configuration)
        assert len(changed - {"momentum"}) == (0 if changed == {"momentum"} else 1)


def test_who_has_passed_more_rungs_is_better() -> None:
    past = history([[0.5, 0.45], [0.1], [0.3], [0.2]])
    assert all(
        len(differences(suggest(past, t), past.trials[0].configuration) - {"momentum"}) <= 1 for t in range(4, 12)
    )


def test_the_old_die_however_good() -> None:
    past = history([[0.0], [0.5], [0.1], [0.3], [0.2]])
    for trial in range(5, 12):
        assert len(differences(suggest(past, trial), past.trials[2].configuration) - {"momentum"}) <= 1


def test_the_same_history_gives_the_same_child_in_any_order_of_asking() -> None:
    past = history([[0.5], [0.1], [0.3], [0.2]])
    searcher = EvolutionSearch(SPACE, 3, population=4)
    forward = [searcher.suggest(past, StartTrial(trial, 1)) for trial in range(4, 20)]
    again = EvolutionSearch(parse(FORM), 3, population=4)
    assert [again.suggest(past, StartTrial(trial, 1)) for trial in reversed(range(4, 20))] == forward[::-1]


@settings(max_examples=40)
@given(st.lists(st.sampled_from([0.1, 0.5, nan, inf, -inf, 1e300]), min_size=4, max_size=12), st.integers(0, 50))
def test_every_child_belongs_to_the_space_and_is_new(values: list[float], seed: int) -> None:
    past = history([[value] for value in values])
    found = EvolutionSearch(SPACE, seed, population=3).suggest(past, StartTrial(len(values), 1))
    assert found is not None
    assert SPACE.check(found) == found
    if sum(-1e301 < value < 1e301 for value in values) >= 3:
        assert all(found != entry.configuration for entry in past.trials.values())


@pytest.mark.parametrize("form", [{"only": "one"}, {"only": ["a"]}, {"two": ["a", "b"]}])
def test_where_nothing_new_is_left_it_is_random_search(form: dict[str, Any]) -> None:
    space = parse(form)
    configurations = [*space.grid(1)] * 4
    found = EvolutionSearch(space, 0, population=2).suggest(history([[0.1]] * 4, configurations[:4]), StartTrial(4, 1))
    assert found == RandomSearch(space, 0).suggest(Ledger(()), StartTrial(4, 1))


def test_wide_spaces_and_many_choices() -> None:
    space = parse({**{f"x{i}": (0.0, 1.0) for i in range(200)}, "many": [f"c{i}" for i in range(1000)]})
    configurations = [RandomSearch(space, 1).suggest(Ledger(()), StartTrial(t, 1)) for t in range(4)]
    past = history([[0.1]] * 4, [each for each in configurations if each is not None])
    found = EvolutionSearch(space, 0, population=4).suggest(past, StartTrial(4, 1))
    assert found is not None
    assert min(len(differences(found, entry.configuration)) for entry in past.trials.values()) == 1


@pytest.mark.parametrize("wrong", [{"population": 1}, {"population": 2.5}, {"tournament": 0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="of the searcher 'evolution'"):
        EvolutionSearch(SPACE, 0, **wrong)
