"""Epsilon: pairs as loops and as arrays, the multiset of distances and the whole estimate, against the slow twin."""

from collections.abc import Iterator
from math import nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.schedulers.stability import noise
from rungwise.schedulers.stability.noise import Distances, Noise
from rungwise.schedulers.stability.pairs import ArrayPairs, LoopPairs
from twins.noise import SlowNoise, noisy_distances

seeds = st.integers(0, 2**32 - 1)
Report = tuple[int, int, float]


def reports(seed: int, trials: int, top: int, levels: int, skipped: float = 0.0, odd: float = 0.0) -> Iterator[Report]:
    """Reports of many trials in a random order, rising for each; some resources are skipped, some values diverge."""
    rng = np.random.default_rng(seed)
    ahead = {trial: [unit for unit in range(1, top + 1) if rng.random() >= skipped] for trial in range(trials)}
    for trial in list(ahead):
        del ahead[trial][int(rng.integers(0, top + 1)) :]
    while any(ahead.values()):
        trial = int(rng.choice([trial for trial, units in ahead.items() if units]))
        value = float(rng.choice([nan, np.inf, -np.inf])) if rng.random() < odd else float(rng.integers(levels)) / 4
        yield trial, ahead[trial].pop(0), value


def deep(found: Any) -> list[float]:
    return sorted(float(each) for each in found)


@given(seed=seeds, trials=st.integers(2, 8), top=st.integers(1, 15), levels=st.sampled_from([2, 3, 10]))
def test_loops_arrays_and_all_curves_find_the_same_pairs(seed: int, trials: int, top: int, levels: int) -> None:
    loop, arrays = LoopPairs(), ArrayPairs()
    members: dict[int, int] = {}
    curves: dict[int, dict[int, float]] = {}
    for trial, resource, value in reports(seed, trials, top, levels, skipped=0.3):
        if trial not in members:
            members[trial] = loop.enter()
            assert arrays.enter() == members[trial]
        removed, added = loop.meet(members[trial], resource, value)
        removed_too, added_too = arrays.meet(members[trial], resource, value)
        assert (deep(removed), deep(added)) == (deep(removed_too), deep(added_too))
        curves.setdefault(trial, {})[resource] = value
        expected = sorted(noisy_distances(curves, 0, top))
        assert deep(loop.noisy()) == deep(arrays.noisy()) == expected


def test_arrays_grow_beyond_128_members_and_8_resources() -> None:
    loop, arrays = LoopPairs(), ArrayPairs()
    rng = np.random.default_rng(5)
    members = 150
    for member in range(members):
        assert loop.enter() == arrays.enter() == member
    curves: dict[int, dict[int, float]] = {member: {} for member in range(members)}
    for resource in range(1, 11):
        for member in rng.permutation(members):
            value = float(rng.integers(40)) / 4
            curves[member][resource] = value
            removed, added = loop.meet(member, resource, value)
            removed_too, added_too = arrays.meet(member, resource, value)
            assert (deep(removed), deep(added)) == (deep(removed_too), deep(added_too))
    expected = sorted(noisy_distances(curves, 0, 10))
    assert len(expected) > 1000
    assert deep(loop.noisy()) == deep(arrays.noisy()) == expected


def test_members_that_enter_while_arrays_grow_meet_all_before_them() -> None:
    loop, arrays = LoopPairs(), ArrayPairs()
    rng = np.random.default_rng(6)
    for member in range(140):
        assert loop.enter() == arrays.enter() == member
        for resource in (1, 2, 4, 8):
            value = float(rng.integers(6)) / 4
            assert [deep(each) for each in loop.meet(member, resource, value)] == [
                deep(each) for each in arrays.meet(member, resource, value)
            ]
    assert deep(loop.noisy()) == deep(arrays.noisy()) != []


@given(
    steps=st.lists(
        st.tuples(st.lists(st.integers(0, 5), max_size=4), st.lists(st.integers(0, 50), max_size=4)), max_size=30
    ),
    percentile=st.sampled_from([0.0, 10.0, 50.0, 90.0, 100.0]),
    asked=st.booleans(),
)
def test_a_percentile_of_what_is_there_and_of_the_last_ones_when_nothing_is(
    steps: list[tuple[list[int], list[int]]], percentile: float, asked: bool
) -> None:
    distances, expected = Distances(percentile), 0.0
    held: list[float] = []
    for add, remove in steps:
        gone = [held.pop(i % len(held)) for i in remove if held]
        fresh = [each / 4 for each in add]
        held += fresh
        distances.replace((gone, fresh))
        expected = float(np.percentile(held, percentile)) if held else expected
        if asked:
            assert distances.percentile() == pytest.approx(expected, abs=1e-12)
    assert distances.percentile() == pytest.approx(expected, abs=1e-12)


def test_what_is_added_and_removed_at_once_was_never_there() -> None:
    distances = Distances(90)
    distances.replace(((), [1.0]))
    distances.replace(([1.0], ()))
    distances.replace(((), [5.0, 5.0]), ([5.0], ()), ([5.0], ()))
    assert distances.percentile() == 1.0


@given(seed=seeds, trials=st.integers(2, 8), top=st.integers(2, 15), levels=st.sampled_from([2, 3, 10, 1000]))
def test_many_reports_at_once_end_where_one_after_another_does(seed: int, trials: int, top: int, levels: int) -> None:
    together, apart = ArrayPairs(), ArrayPairs()
    rng = np.random.default_rng(seed)
    members: dict[int, int] = {}
    told: list[float] = []
    batch: list[Report] = []
    for trial, resource, value in [*reports(seed, trials, top, levels, skipped=0.3), (-1, 0, 0.0)]:
        if batch and (trial != batch[0][0] or rng.random() < 0.2):
            member = members[batch[0][0]]
            for _, at, each in batch:
                apart.meet(member, at, each)
            removed, added = together.meet_all(member, [at for _, at, _ in batch], [each for _, _, each in batch])
            for distance in removed:
                told.remove(distance)
            told += added
            assert deep(together.noisy()) == deep(apart.noisy()) == deep(told)
            batch = []
        if trial >= 0 and trial not in members:
            members[trial] = together.enter()
            assert apart.enter() == members[trial]
        batch.append((trial, resource, value))


@settings(max_examples=60)
@pytest.mark.parametrize(("wide", "long"), [(2, 99), (4, 99), (64, 99), (4, 0), (8, 4), (16, 0)])
@given(
    seed=seeds,
    trials=st.integers(2, 10),
    levels=st.sampled_from([2, 3, 10, 1000, 10**9]),
    window=st.tuples(st.integers(0, 6), st.integers(1, 6)),
    moves=st.integers(0, 3),
    asked=st.booleans(),
)
def test_the_estimate_on_every_report_equals_the_slow_twins(
    wide: int, long: int, seed: int, trials: int, levels: int, window: tuple[int, int], moves: int, asked: bool
) -> None:
    """Whether epsilon is asked for on every report or only at the end, and wherever loops give way to arrays."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "WIDE", wide)
        patch.setattr(noise, "LONG", long)
        patch.setattr(noise, "MANY", 2)
        second, top = window[0], window[0] + window[1]
        fast, slow = Noise(90, second, top), SlowNoise(90, second, top)
        stream = list(reports(seed, trials, 16, levels, skipped=0.3, odd=0.05))
        for i, (trial, resource, value) in enumerate(stream):
            fast.report(trial, resource, value)
            slow.report(trial, resource, value)
            if moves and (i + 1) % (len(stream) // (moves + 1) + 1) == 0:
                second, top = top, top + window[1]
                fast.move(second, top)
                slow.move(second, top)
            if asked:
                assert fast.epsilon == pytest.approx(slow.epsilon, abs=1e-12, rel=1e-12)
        assert fast.epsilon == pytest.approx(slow.epsilon, abs=1e-12, rel=1e-12)


def test_epsilon_is_the_same_across_the_switch_from_loops_to_arrays() -> None:
    fast, slow = Noise(90, 2, 6), SlowNoise(90, 2, 6)
    checked = 0
    for i, (trial, resource, value) in enumerate(reports(11, trials=190, top=6, levels=50, odd=0.02)):
        fast.report(trial, resource, value)
        slow.curves.setdefault(trial, {})
        if np.isfinite(value):
            slow.curves[trial][resource] = value
        if i % 60 == 0:
            slow.estimate()
            assert fast.epsilon == pytest.approx(slow.epsilon, abs=1e-12, rel=1e-12)
            checked += fast.epsilon > 0
    assert sum(any(resource > 2 for resource in curve) for curve in slow.curves.values()) >= noise.WIDE
    slow.estimate()
    assert fast.epsilon == pytest.approx(slow.epsilon, abs=1e-12, rel=1e-12)
    assert checked > 3
