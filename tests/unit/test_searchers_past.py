"""A history with past trials in it: what a searcher that learns is shown."""

from collections.abc import Sequence
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.core.commands import Launch
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.past import Past, PastTrial
from rungwise.searchers.past import joined

values = st.lists(st.floats(-1e6, 1e6), max_size=12)
ranks = st.lists(st.none() | st.floats(0.0, 1.0), min_size=1, max_size=12)


def history(*rungs: Sequence[float]) -> Ledger:
    """Trial i has the i-th value of each of these rungs (1, 3 and 9 units), as far as there is one."""
    ledger = Ledger((1, 3, 9))
    for trial in range(max(map(len, rungs), default=0)):
        ledger.apply(Launch(trial, {"x": trial}, 0, 9, 1, 0))
        for unit, rung in zip((1, 3, 9), rungs, strict=False):
            if trial < len(rung):
                ledger.apply(TrialReported(1.0, trial, unit, rung[trial], {}))
        ledger.apply(TrialPaused(1.0, trial, 1))
    return ledger


def past(*trials: tuple[int, tuple[float | None, ...]], observations: int = 64) -> Past:
    found = tuple(PastTrial({"x": -1 - place}, rung, ranks) for place, (rung, ranks) in enumerate(trials))
    return Past(("one",), 0, observations, found)


def levels(ledger: Ledger, taken: Past) -> list[list[float]]:
    """Of the past trials that are shown, in the order in which they were taken over."""
    return [entry.levels for trial, entry in sorted(joined(ledger, taken).trials.items()) if trial < 0]


def test_past_trials_are_paused_under_negative_numbers_beside_the_others() -> None:
    ledger = history([0.5, 0.4])
    shown = joined(ledger, past((2, (0.0, 1.0)), (1, (0.5,))))
    assert shown.milestones == (1, 3, 9)
    assert list(shown.trials) == [-2, -1, 0, 1]
    assert all(shown.trials[trial] is entry for trial, entry in ledger.trials.items())
    first, second = shown.trials[-2], shown.trials[-1]
    assert (first.configuration, first.rung, first.resource, first.status) == ({"x": -1}, 2, 3, "paused")
    assert (second.configuration, second.rung, second.resource, second.status) == ({"x": -2}, 1, 1, "paused")


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ([], [0.0, 0.25, 1.0]),  # nothing is known of this experiment's scale
        ([7.0], [0.0, 0.25, 1.0]),
        ([7.0, nan], [0.0, 0.25, 1.0]),
        ([7.0, 9.0], [7.0, 7.5, 9.0]),
        ([9.0, inf, 5.0, 7.0], [5.0, 6.0, 9.0]),
    ],
)
def test_a_past_value_is_the_value_of_the_same_rank_here(own: list[float], shown: list[float]) -> None:
    assert levels(history(own), past((1, (0.0,)), (1, (0.25,)), (1, (1.0,)))) == [[each] for each in shown]


def test_each_rung_has_its_own_scale_and_what_diverged_has_diverged() -> None:
    ledger = history([4.0, 2.0], [1.0])
    assert levels(ledger, past((2, (0.5, 0.5)), (2, (1.0, None)))) == [[3.0, 0.5], [4.0, inf]]


def test_what_was_inherited_is_no_value() -> None:
    """A child of population based training has values on its last rungs only."""
    ledger = history([4.0, 2.0], [30.0, 10.0])
    shown = joined(ledger, past((2, (0.5,)))).trials[-1]
    assert (shown.rung, shown.levels) == (2, [20.0])


@pytest.mark.parametrize(("own", "left"), [(0, 3), (1, 3), (2, 2), (3, 1), (4, 0), (9, 0)])
def test_they_fade_the_least_promising_first(own: int, left: int) -> None:
    taken = past((2, (0.0, 0.0)), (1, (0.0,)), (1, (1.0,)), observations=4)
    ledger = history([1.0] * own)
    shown = joined(ledger, taken)
    assert sorted(trial for trial in shown.trials if trial < 0) == [-3, -2, -1][:left]
    assert (shown is ledger) == (left == 0)


def test_a_trial_that_has_not_come_to_the_lowest_rung_drives_nobody_out() -> None:
    ledger = Ledger((1, 3, 9))
    ledger.apply(Launch(0, {"x": 0}, 0, 9, 1, 0))
    assert len(joined(ledger, past((1, (0.0,)), observations=1)).trials) == 2


@given(own=values, ranked=ranks)
def test_the_order_is_kept_and_no_value_lies_beyond_those_that_there_are(own: list[float], ranked: Any) -> None:
    shown = [level for (level,) in levels(history(own), past(*((1, (rank,)) for rank in ranked)))]
    order = sorted(range(len(ranked)), key=lambda place: inf if ranked[place] is None else ranked[place])
    ordered = [shown[place] for place in order]
    assert ordered == pytest.approx(sorted(shown))
    finite = [level for level in shown if level < inf]
    assert len(finite) == sum(rank is not None for rank in ranked)
    if len(own) > 1:
        margin = 1e-9 * max(map(abs, own))
        assert all(min(own) - margin <= level <= max(own) + margin for level in finite)
