"""A keyed sample of pairs: the same again, of a bounded size, and close to the exact estimate."""

import numpy as np
import pytest

from rungwise.schedulers.stability import noise
from rungwise.schedulers.stability.noise import Noise
from rungwise.schedulers.stability.sampled import EXACT, SampledPairs


def curves(trials: int, units: int, seed: int) -> np.ndarray:
    """Trials of different quality whose reports are noisy: many pairs criss-cross."""
    draw = np.random.default_rng(seed)
    return draw.normal(0, 1, (trials, 1)) + draw.normal(0, 0.5, (trials, units))


def epsilon(values: np.ndarray) -> float:
    estimated = Noise(90, 0, values.shape[1])
    for trial, row in enumerate(values):
        for unit, value in enumerate(row, 1):
            estimated.report(trial, unit, float(value))
    return estimated.epsilon


def distances(values: np.ndarray) -> np.ndarray:
    """The distances of all noisy pairs, by the rule, over whole arrays."""
    found = []
    for later in range(1, len(values)):
        sign = np.sign(values[later] - values[:later])
        last = sign[:, -1:]
        reversed_at = np.where(sign == -last, np.arange(values.shape[1]), -1).max(axis=1)
        first_same = np.where(sign == last, np.arange(values.shape[1]), values.shape[1]).min(axis=1)
        found.append(np.abs(values[later, -1] - values[:later, -1])[first_same < reversed_at])
    return np.concatenate(found)


@pytest.mark.parametrize("trials", [EXACT - 1, EXACT])
def test_up_to_its_size_the_estimate_is_exact(trials: int) -> None:
    values = curves(trials, 5, 1)
    assert epsilon(values) == pytest.approx(float(np.percentile(distances(values), 90)))


@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.parametrize("trials", [EXACT + 1, 700, 1100])
def test_beyond_it_the_level_is_off_by_no_more_than_the_stated_error(trials: int, seed: int) -> None:
    values = curves(trials, 5, seed)
    every = distances(values)
    level = float((every <= epsilon(values)).mean() * 100)
    sampled = 16_000 * len(every) / (trials * (trials - 1) / 2)  # the noisy ones of the smallest sample
    assert abs(level - 90) < 4 * 30 / sampled**0.5


def test_the_same_reports_lead_to_the_same_estimate() -> None:
    values = curves(EXACT + 50, 4, 5)
    assert epsilon(values) == epsilon(values)


def test_the_sample_stays_within_its_bounds_and_pairs_are_drawn_evenly() -> None:
    pairs = SampledPairs()
    for member in range(3000):
        pairs.thin()
        assert pairs.enter() == member
        if member >= EXACT and member % 250 == 0:
            count = sum(map(len, pairs._partners)) / 2
            assert 14_000 < count < 36_000
    degrees = np.array([len(partners) for partners in pairs._partners])
    thirds = [part.mean() for part in np.split(degrees, 3)]
    assert max(thirds) < 1.2 * min(thirds)  # early trials count as much as late ones


def test_dropping_pairs_takes_their_distances_away() -> None:
    pairs = SampledPairs()
    draw = np.random.default_rng(0)
    told: list[float] = []
    for member in range(800):
        for distance in pairs.thin():
            told.remove(distance)
        pairs.enter()
        for resource in range(1, 5):
            removed, added = pairs.meet(member, resource, float(draw.normal()))
            for distance in removed:
                told.remove(distance)
            told += added
    assert sorted(told) == sorted(pairs.noisy())


def test_arrays_give_way_to_the_sample_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that grows past the exact size keeps an epsilon of about the same level."""
    monkeypatch.setattr(noise, "WIDE", 8)
    values = curves(EXACT + 40, 4, 7)
    before, after = epsilon(values[:EXACT]), epsilon(values)
    assert after == pytest.approx(before, rel=0.1)
