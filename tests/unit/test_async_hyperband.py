"""Asynchronous Hyperband: brackets side by side, each trial at home in one."""

from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise import schedulers
from rungwise.core.decisions import OpenRung, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.schedulers import ranking
from rungwise.schedulers.hyperband import hyperband_brackets
from rungwise.schedulers.named import make_scheduler


def noisy_table(rows: int = 60, units: int = 27, seed: int = 0) -> rw.Table:
    draw = np.random.default_rng(seed)
    return rw.Table(
        draw.normal(0, 0.3, (rows, units)) + draw.normal(0, 1, (rows, 1)), draw.uniform(0.5, 2, (rows, units))
    )


@pytest.mark.parametrize(
    ("within", "alone"),
    [
        ("asha", schedulers.ASHA),
        ("stopping-asha", schedulers.StoppingASHA),
        ("pasha", schedulers.PASHA),
        ("stopping-pasha", partial(schedulers.PASHA, by="stopping")),
    ],
    ids=["asha", "stopping-asha", "pasha", "stopping-pasha"],
)
@pytest.mark.parametrize("rule", ["floor", "quantile"])
def test_one_bracket_is_the_scheduler_within_it(within: Any, alone: Any, rule: Any) -> None:
    table = noisy_table()
    one = rw.simulate(table, schedulers.AsyncHyperband(1, 27, 3, rule, within=within, brackets=1))
    assert one.jobs == rw.simulate(table, alone(1, 27, 3, rule)).jobs


def starts(scheduler: Any, count: int) -> list[int]:
    """The milestones that the first trials set out for."""
    asked = [scheduler.ask() for _ in range(count)]
    assert all(isinstance(request, StartTrial) for request in asked)
    return [request.milestone for request in asked]


def test_round_robin_takes_the_brackets_in_turn() -> None:
    scheduler = schedulers.AsyncHyperband(1, 27, 3, choice="round-robin", brackets=3)
    assert starts(scheduler, 7) == [1, 3, 9, 1, 3, 9, 1]


def test_the_random_choice_is_keyed_by_seed_and_trial_and_weighs_as_hyperband_does() -> None:
    chosen = starts(schedulers.AsyncHyperband(1, 81, 3, seed=7), 4000)
    assert chosen == starts(schedulers.AsyncHyperband(1, 81, 3, seed=7), 4000)
    assert chosen != starts(schedulers.AsyncHyperband(1, 81, 3, seed=8), 4000)
    sizes = [sizes[0] for _, sizes in hyperband_brackets((1, 3, 9, 27, 81), 3)]
    counted = Counter(chosen)
    for milestone, size in zip((1, 3, 9, 27, 81), sizes, strict=True):
        expected = 4000 * size / sum(sizes)
        assert abs(counted[milestone] - expected) < 5 * expected**0.5


def test_brackets_know_nothing_of_each_other() -> None:
    """Nine good trials in one bracket do not stand in the way of bad ones in another."""
    scheduler = schedulers.AsyncHyperband(1, 9, 3, choice="round-robin", brackets=2)
    for trial in range(6):
        assert scheduler.ask() == StartTrial(trial, 1 if trial % 2 == 0 else 3)
    for trial in range(6):
        scheduler.tell(TrialReported(1.0, trial, 1 if trial % 2 == 0 else 3, float(trial % 2), {}))
    asked = [scheduler.ask(), scheduler.ask()]
    assert [(request.trial, request.milestone) for request in asked if request] == [(0, 3), (1, 9)]


def test_pasha_with_several_brackets_grows_each_of_them_by_its_own_need() -> None:
    """The public PASHA ended in an IndexError here (facts, 1.4)."""
    scheduler = schedulers.AsyncHyperband(1, 27, 3, within="pasha", ranking=ranking.Direct(), choice="round-robin")
    run = rw.simulate(noisy_table(), scheduler, stop="drain")
    caps = [bracket.cap for bracket in scheduler.brackets if isinstance(bracket, schedulers.PASHA)]
    assert len(caps) == 4
    assert caps[2:] == [27, 27]  # two rungs, and one: nothing to grow
    openings = [record.milestone for record in run.log if isinstance(record, OpenRung)]
    grown = sum({3: 0, 9: 1, 27: 2}[caps[0]] for _ in range(1)) + {9: 0, 27: 1}[caps[1]]
    assert len(openings) == grown > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"within": "hyperband"}, "within is 'hyperband'"),
        ({"choice": "first"}, "choice is 'first'"),
        ({"brackets": 0}, "brackets is 0"),
        ({"brackets": 4}, "brackets is 4"),
        ({"brackets": True}, "brackets is True"),
        ({"seed": -1}, "seed is -1"),
        ({"ranking": "direct"}, "ranks nothing"),
        ({"within": "pasha", "ranking": "direkt"}, "ranking is 'direkt'"),
        ({"rule": "ceil"}, "rule is 'ceil'"),
    ],
    ids=str,
)
def test_bad_options_are_told_in_one_sentence(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_scheduler({"name": "async-hyperband", "min_resource": 1, "max_resource": 9, "eta": 3, **options})
