"""GatedPASHA: who passes the gate, why it moves, and that it is ASHA once it is at the top."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rungwise as rw
from rungwise.core.decisions import Disagreement, Divergence, OpenRung, PromoteTrial, StartTrial
from rungwise.core.events import TrialEnded, TrialReported
from rungwise.schedulers import ASHA, GatedPASHA
from rungwise.schedulers.stability.gate import Scouts

Told = tuple[OpenRung, ...]


def started(trials: int, **options: Any) -> GatedPASHA:
    gated = GatedPASHA(1, 27, 3, trials, **options)
    for _ in range(trials):
        gated.ask()
    return gated


def report(gated: GatedPASHA, trial: int, resource: int, value: float) -> Told:
    return gated.tell(TrialReported(0.0, trial, resource, value, {}))


def promotions(gated: GatedPASHA) -> list[Any]:
    found = []
    while (request := gated.ask()) is not None:
        found.append(request)
    return found


def test_of_those_at_the_gate_only_a_few_go_on() -> None:
    gated = started(40)
    for trial in range(5):
        report(gated, trial, 3, float(trial))
    assert promotions(gated) == []  # five, where a third would be one
    report(gated, 5, 3, 5.0)
    assert promotions(gated) == [PromoteTrial(0, 9)]
    for trial in range(6, 17):
        report(gated, trial, 3, float(trial))
    assert promotions(gated) == []  # 17, where a third would be five
    report(gated, 17, 3, 17.0)
    assert promotions(gated) == [PromoteTrial(1, 9)]  # two of 18
    assert gated.gate == 3


def test_below_and_above_the_gate_a_third_goes_on() -> None:
    gated = started(40)
    for trial in range(3):
        report(gated, trial, 1, float(trial))
    assert promotions(gated) == [PromoteTrial(0, 3)]
    for trial in range(3, 30):
        assert report(gated, trial, 3, float(trial)) == ()
    assert [each.trial for each in promotions(gated) if each.milestone == 9] == [3, 4, 5]
    for trial in (3, 4, 5):
        assert report(gated, trial, 9, float(trial)) == ()
    assert PromoteTrial(3, 27) in promotions(gated)


def scouting(values: list[float], **options: Any) -> GatedPASHA:
    """So many trials stand on 3 units; the best of them are on the way to 9."""
    gated = started(len(values), **options)
    for trial, value in enumerate(values):
        assert report(gated, trial, 3, value) == ()
    promotions(gated)
    return gated


NINE = [float(value) for value in range(9)]
EASY = {"width": 3, "scouts": 3}
"""A gate that lets three of nine pass."""


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_a_scout_that_diverged_opens_everything(odd: float) -> None:
    gated = scouting(NINE)
    assert report(gated, 0, 9, odd) == (OpenRung(27, Divergence(0, 9, None)),)
    assert gated.gate == 27


def test_what_a_scout_reported_on_the_way_counts_too() -> None:
    gated = scouting(NINE)
    assert report(gated, 0, 7, nan) == ()
    assert report(gated, 0, 9, 0.0) == (OpenRung(27, Divergence(0, 9, None)),)


@pytest.mark.parametrize(("value", "moves"), [(4.0, False), (4.5, True)])
def test_a_scout_that_falls_behind_the_median_opens_everything(value: float, moves: bool) -> None:
    """Of nine the median is 4; of ten it is the upper one of two, 5."""
    told = report(scouting(NINE), 0, 9, value)
    assert told == ((OpenRung(27, Divergence(0, 9, 4.0)),) if moves else ())
    assert report(scouting([*NINE, 9.0]), 0, 9, 5.0) == ()


def test_failures_count_in_the_median_and_are_no_divergence() -> None:
    gated = scouting(NINE, **EASY)
    assert gated.tell(TrialEnded(0.0, 0, "failed")) == ()
    assert gated.gate == 3
    for failures, median in ((0, 2.0), (2, 3.0)):
        gated = started(12)
        for trial in range(12):
            report(gated, trial, 1, float(trial))
        assert [each.trial for each in promotions(gated)] == [0, 1, 2, 3]
        for trial in range(4):
            report(gated, 11 - trial, 3, float(trial))
        for trial in range(failures):
            gated.tell(TrialEnded(0.0, trial, "failed"))  # on the way to 3 units
        assert report(gated, 11, 9, 9.0) == (OpenRung(27, Divergence(11, 9, median)),)


def test_a_crossing_raises_the_gate_by_one_rung_and_says_why() -> None:
    gated = scouting(NINE, **EASY)
    assert report(gated, 0, 9, 3.0) == ()
    assert report(gated, 1, 9, 2.0) == ()  # two are too few to compare
    assert report(gated, 2, 9, 2.5) == (OpenRung(9, Disagreement((1, 0), 0.1 * 4.0, 9)),)
    assert gated.gate == 9


@pytest.mark.parametrize(("leader", "moves"), [(3.0, False), (2.625, False), (2.5, False), (2.25, True)])
def test_differences_within_phi_of_the_spread_pass(leader: float, moves: bool) -> None:
    """The spread is 4, an eighth of it 0.5; and equal minima are no crossing."""
    gated = scouting(NINE, **EASY, phi=0.125)
    report(gated, 0, 9, 3.0)
    report(gated, 1, 9, leader)
    assert bool(report(gated, 2, 9, 3.5)) is moves


def test_the_favourites_are_a_third_rounded_up_the_earlier_arrival_first() -> None:
    gated = scouting([0.0] * 3 + [4.0] * 9, width=3, scouts=3)
    report(gated, 2, 9, 1.0)
    report(gated, 0, 9, 0.5)
    told = report(gated, 1, 9, 1.0)  # all were alike on 3 units, and trial 2 was first here
    assert told == (OpenRung(9, Disagreement((0, 2), 0.4, 9)),)
    gated = scouting([0.0] * 3 + [4.0] * 9, width=3, scouts=3)
    report(gated, 2, 9, 1.0)
    report(gated, 0, 9, 0.5)
    report(gated, 3, 9, 0.5)
    assert gated.gate == 9


def test_with_an_infinite_median_any_difference_is_a_crossing() -> None:
    values = [*NINE[:4], *[nan] * 5]
    gated = scouting(values, **EASY)
    report(gated, 0, 9, 3.0)
    report(gated, 1, 9, 2.99)
    assert report(gated, 2, 9, 1e9) == (OpenRung(9, Disagreement((1, 0), 0.0, 9)),)


def test_a_risen_gate_lets_a_third_pass_where_it_was_and_few_where_it_is() -> None:
    gated = scouting([float(value) for value in range(18)], width=9, scouts=3)
    assert gated.gate == 3
    for trial, value in ((0, 3.0), (1, 2.0)):
        assert report(gated, trial, 9, value) == ()
    for trial in range(2, 8):
        report(gated, trial, 9, 2.5)
    assert gated.gate == 9
    later = promotions(gated)
    assert [each.trial for each in later if each.milestone == 27] == [1]  # of eight: not two


def test_who_might_have_passed_a_rung_waits_when_the_gate_comes_to_it() -> None:
    gated = scouting([float(value) for value in range(54)], phi=0.01, width=9, scouts=7)
    for trial, value in enumerate((1.0, 1.1, 1.2, 1.3, 1.4)):
        assert report(gated, trial, 9, value) == ()
    assert report(gated, 5, 9, 0.5) == (OpenRung(9, Disagreement((5, 0), 0.27, 9)),)
    assert not any(each.milestone == 27 for each in promotions(gated))  # a third would be two of six


@settings(max_examples=60)
@given(
    st.integers(2, 4),
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=40),
)
def test_scouts_know_who_leads_and_who_leads_the_favourites(eta: int, values: list[tuple[int, int]]) -> None:
    scouts = Scouts(eta)
    for count, (below, here) in enumerate(values, 1):
        scouts.add(100 + count, below, here)
        so_far = [(100 + number, *each) for number, each in enumerate(values[:count], 1)]
        favourites = sorted(so_far, key=lambda each: each[1])[: -(-count // eta)]
        assert scouts.leader == min(so_far, key=lambda each: each[2])[::2]
        trial, value = scouts.favourite
        assert value == min(each[2] for each in favourites)
        assert (trial, value) in [each[::2] for each in favourites]
        assert len(scouts) == count


def test_asha_from_the_start_on_one_or_two_rungs() -> None:
    for low, high in ((9, 9), (3, 9)):
        gated = GatedPASHA(low, high, 3)
        assert gated.gate == high
        assert gated.ask() == StartTrial(0, low)


def test_the_winner_never_diverged_as_long_as_there_is_such_a_trial() -> None:
    table = rw.Table([[3.0, 1.0, nan], [2.0, 2.0, 2.0], [4.0, 4.0, 4.0]])
    run = rw.simulate(table, GatedPASHA(3, 3, 3), workers=1)
    assert (run.best.trial, run.best.value) == (1, 2.0)
    assert rw.simulate(table, ASHA(3, 3, 3), workers=1).best.trial == 0
    spoilt = rw.Table([[3.0, 1.0, nan], [2.0, inf, 2.0]])
    assert rw.simulate(spoilt, GatedPASHA(3, 3, 3), workers=1).best.trial == 0
