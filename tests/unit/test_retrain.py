"""How far a retrained winner may fall, and which configurations are candidates."""

from math import nan

import pytest

from rungwise.api.retrain import _ranked, tolerance
from rungwise.core.commands import Launch
from rungwise.core.decisions import Disagreement, Divergence, OpenRung
from rungwise.core.events import TrialReported
from rungwise.core.ledger import Ledger


def ledger(*curves: tuple[int, dict[int, float]]) -> Ledger:
    """Trial i has the configuration {"x": curves[i][0]} and reports curves[i][1]."""
    made = Ledger((1, 3, 9))
    for trial, (x, curve) in enumerate(curves):
        made.apply(Launch(trial, {"x": x}, 0, 9, 1, 0))
        for resource, value in curve.items():
            made.apply(TrialReported(0.0, trial, resource, value, {}))
    return made


def test_the_gap_is_taken_among_the_trials_that_climbed_highest() -> None:
    low = [(number, {1: 9.0}) for number in range(20)]
    high = [(20, {9: 0.0}), (21, {9: 0.5}), (22, {9: 1.0})]
    assert tolerance(ledger(*low, *high)) == pytest.approx(0.2 * 0.5)


def test_the_gap_needs_three_trials_where_there_are_three() -> None:
    assert tolerance(ledger((0, {9: 0.0}), (1, {9: 0.2}), (2, {3: 1.0}), (3, {1: 9.0}))) == pytest.approx(0.2 * 0.2)
    assert tolerance(ledger((0, {9: 0.0}))) == 0.0


def test_the_noise_that_was_measured_is_always_allowed() -> None:
    made = ledger((0, {9: 0.0}), (1, {9: 0.0}), (2, {9: 0.0}))
    made.apply(OpenRung(9, Disagreement((0, 1), 0.25)))
    assert tolerance(made) == 0.25


def test_a_gate_that_rose_for_a_divergence_measured_no_noise() -> None:
    made = ledger((0, {9: 0.0}), (1, {9: 0.0}), (2, {9: 0.0}))
    made.apply(OpenRung(9, Divergence(0, 9, 0.25)))
    assert tolerance(made) == 0.0


def test_where_only_clean_trials_may_win_those_that_diverged_come_last() -> None:
    made = ledger((0, {1: 0.3}), (1, {1: 0.1, 3: nan}), (2, {1: 0.2}))
    assert [entry.trial for entry in _ranked(made)] == [1, 2, 0]
    made.winner = "clean"
    assert [entry.trial for entry in _ranked(made)] == [2, 0, 1]


def test_a_configuration_is_a_candidate_once() -> None:
    made = ledger((7, {1: 0.3}), (5, {1: 0.1}), (7, {1: 0.2}), (5, {1: 0.1}))
    assert [entry.trial for entry in _ranked(made)] == [1, 2]
