"""Rungs and brackets for a grid of resources and reduction factors, against whole numbers and fractions alone."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor
from typing import Any

import pytest

from rungwise.core.decisions import PromoteTrial, StartTrial
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.schedulers import ASHA, PASHA, Hyperband, StoppingASHA, SuccessiveHalving
from rungwise.schedulers.brackets import halving_sizes
from rungwise.schedulers.hyperband import hyperband_brackets
from rungwise.schedulers.rungs import ladder

ETAS = range(2, 7)
MAXIMA = (*range(1, 301), 1000, 1024, 4096, 3**10, 10**6)
MINIMA = (1, 2, 5, 10)


def rungs(low: int, high: int, eta: int) -> list[int]:
    """Every low·eta^k below high, then high. No power beyond the 64th is below any maximum here."""
    return [low * eta**k for k in range(64) if low * eta**k < high] + [high]


def brackets(levels: list[int], eta: int) -> list[tuple[int, list[int]]]:
    """The first rung and the sizes of each, s = S, …, 0 for S = rungs - 1."""
    top = len(levels) - 1
    found = []
    for s in range(top, -1, -1):
        trials = ceil(Fraction(top + 1, s + 1) * eta**s)
        found.append((top - s, [floor(Fraction(trials, eta**i)) for i in range(s + 1)]))
    return found


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("low", MINIMA)
def test_the_rungs_are_the_powers_below_the_maximum_and_the_maximum(low: int, eta: int) -> None:
    for high in MAXIMA:
        if low <= high:
            assert list(ladder(low, high, eta)) == rungs(low, high, eta)


@pytest.mark.parametrize("eta", ETAS)
def test_an_exact_power_is_one_rung_not_two_and_none_is_lost_beside_it(eta: int) -> None:
    for power in range(40):
        assert len(ladder(1, eta**power, eta)) == power + 1
        assert len(ladder(1, eta**power + 1, eta)) == power + 2
        if power > 1:
            assert len(ladder(1, eta**power - 1, eta)) == power + 1


@pytest.mark.parametrize(("eta", "power"), [(3, 5), (3, 10), (3, 13), (3, 15), (3, 17), (5, 3), (6, 3)])
def test_nothing_is_lost_where_logarithms_of_floats_are_off(eta: int, power: int) -> None:
    """log(243) / log(3) is 4.999…, which rounds down to a rung too few; log(125) / log(5) rounds up to one too many."""
    high = eta**power
    assert ladder(1, high, eta) == tuple(eta**k for k in range(power + 1))
    assert len(hyperband_brackets(ladder(1, high, eta), eta)) == power + 1


def test_the_brackets_of_243_are_six() -> None:
    assert [sizes[0] for _, sizes in hyperband_brackets(ladder(1, 243, 3), 3)] == [243, 98, 41, 18, 9, 6]


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("low", MINIMA)
def test_hyperbands_brackets_are_those_of_fractions(low: int, eta: int) -> None:
    for high in MAXIMA:
        if low <= high:
            levels = rungs(low, high, eta)
            found = [(rung, list(sizes)) for rung, sizes in hyperband_brackets(ladder(low, high, eta), eta)]
            assert found == brackets(levels, eta)


@pytest.mark.parametrize("eta", ETAS)
def test_every_bracket_shrinks_by_eta_and_sends_somebody_to_the_top(eta: int) -> None:
    for high in MAXIMA:
        found = hyperband_brackets(ladder(1, high, eta), eta)
        assert [rung for rung, _ in found] == list(range(len(found)))
        assert found[0][1][0] == eta ** (len(found) - 1)
        assert found[-1][1] == (len(found),)
        for rung, sizes in found:
            assert len(sizes) == len(found) - rung
            assert sizes[-1] >= 1
            assert all(lower // eta == upper for lower, upper in pairwise(sizes))


@pytest.mark.parametrize("eta", ETAS)
def test_halvings_rungs_are_floors_of_fractions_and_none_is_empty(eta: int) -> None:
    for trials in (*range(1, 301), 1000, 4096, 3**10, 10**6, 10**18):
        for count in (1, 2, 5, 20):
            exact = [floor(Fraction(trials, eta**i)) for i in range(count)]
            assert list(halving_sizes(trials, count, eta)) == [size for size in exact if size]


PUBLISHED = {
    (81, 3): [[81, 27, 9, 3, 1], [34, 11, 3, 1], [15, 5, 1], [8, 2], [5]],
    (27, 3): [[27, 9, 3, 1], [12, 4, 1], [6, 2], [4]],
    (16, 4): [[16, 4, 1], [6, 1], [3]],
    (256, 4): [[256, 64, 16, 4, 1], [80, 20, 5, 1], [27, 6, 1], [10, 2], [5]],
    (9, 3): [[9, 3, 1], [5, 1], [3]],
    (1, 3): [[1]],
}


@pytest.mark.parametrize(("high", "eta"), PUBLISHED)
def test_the_tables_of_the_papers_and_those_worked_out_by_hand(high: int, eta: int) -> None:
    """81 and 3: Li et al. 2018 by the ceiling of the whole product; truncated first, it would be 81, 27, 9, 6, 5."""
    found = hyperband_brackets(ladder(1, high, eta), eta)
    assert [list(sizes) for _, sizes in found] == PUBLISHED[high, eta]


SCHEDULERS: dict[str, Any] = {
    "asha": ASHA,
    "stopping": StoppingASHA,
    "pasha": PASHA,
    "hyperband": Hyperband,
    "halving": lambda low, high, eta: SuccessiveHalving(9, low, high, eta),
}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(("low", "high", "eta"), [(1, 243, 3), (1, 200, 3), (1, 125, 5), (5, 4096, 4), (7, 7, 2)])
def test_schedulers_have_those_rungs(name: str, low: int, high: int, eta: int) -> None:
    assert list(SCHEDULERS[name](low, high, eta).milestones) == rungs(low, high, eta)


def jobs(scheduler: Hyperband | SuccessiveHalving, rows: int = 2_000) -> Counter[tuple[int, bool]]:
    """How many jobs went to each milestone, one after another: (milestone, whether by promotion)."""
    counted: Counter[tuple[int, bool]] = Counter()
    for _ in range(rows):
        request = scheduler.ask()
        if request is None:
            return counted
        counted[request.milestone, isinstance(request, PromoteTrial)] += 1
        scheduler.tell(TrialReported(0.0, request.trial, request.milestone, float(request.trial * 7919 % 101), {}))
        scheduler.tell(TrialPaused(0.0, request.trial, request.milestone))
    pytest.fail("it does not end")


@pytest.mark.parametrize(("high", "eta"), [(81, 3), (27, 3), (243, 3), (16, 2), (20, 4), (125, 5), (2, 6), (1, 2)])
def test_a_whole_round_trains_what_the_table_says(high: int, eta: int) -> None:
    levels = rungs(1, high, eta)
    expected: Counter[tuple[int, bool]] = Counter()
    for rung, sizes in brackets(levels, eta):
        for k, size in enumerate(sizes):
            expected[levels[rung + k], k > 0] += size
    assert jobs(Hyperband(1, high, eta)) == expected


@pytest.mark.parametrize(
    ("trials", "high", "eta"), [(34, 27, 3), (81, 81, 3), (10, 100, 3), (2, 81, 3), (1, 9, 3), (100, 64, 4)]
)
def test_a_bracket_trains_what_the_table_says(trials: int, high: int, eta: int) -> None:
    sizes = [trials // eta**k for k in range(len(rungs(1, high, eta)))]
    expected = {(level, k > 0): size for k, (level, size) in enumerate(zip(rungs(1, high, eta), sizes, strict=True))}
    assert jobs(SuccessiveHalving(trials, 1, high, eta)) == {key: size for key, size in expected.items() if size}


def test_one_report_past_two_milestones_needs_no_promotion_to_the_second() -> None:
    """Gaps: the last to arrive in a rung is its best, and stands in the next one already; no job is left for it."""
    halving = SuccessiveHalving(4, 1, 4, 2)
    for trial in range(4):
        assert halving.ask() == StartTrial(trial, 1)
    for trial, value in enumerate([3.0, 2.0, 4.0, 1.0]):
        halving.tell(TrialReported(0.0, trial, 2, value, {}))
        halving.tell(TrialPaused(0.0, trial, 2))
    assert halving.ask() == PromoteTrial(3, 4)
    assert halving.ask() is None
