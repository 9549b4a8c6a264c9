"""Simulated jobs of several slots: how long they take, what they cost, and bad input."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.allocation import ByRung, Fixed
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling

TABLE = rw.Table(np.random.default_rng(0).random((12, 9)), seconds=np.full((12, 9), 2.0))
PERFECT = {1: 1.0, 2: 0.5, 4: 0.25}


def decided(log: Any) -> list[tuple[int, int, int]]:
    return [(each.trial, each.start, each.milestone) for each in log if isinstance(each, Launch)]


def test_speeds_are_those_measured_and_straight_lines_between() -> None:
    scaling = Scaling.of({4: 10.0, 1: 20.0, 8: 40.0})
    assert [scaling.speed(slots) for slots in (1, 4, 8)] == [1.0, 2.0, 0.5], "more may be slower"
    assert scaling.speed(2) == pytest.approx(4 / 3)
    assert scaling.speed(6) == pytest.approx(1.25)
    assert scaling.speed(100) == 0.5, "beyond what was measured nobody knows more"
    assert scaling.scaled([2.0, 3.0], 4) == [1.0, 1.5]


def test_a_job_of_several_slots_takes_its_seconds_by_their_speed_and_costs_all_of_them() -> None:
    table = rw.Table([[0.5, 0.4]], seconds=[[3.0, 6.0]])
    fifo = rw.schedulers.FIFO(2)
    run = rw.simulate(table, fifo, workers=2, stop="drain", allocation=Fixed(2), scaling={1: 3.0, 2: 2.0})
    assert (run.time, run.slot_seconds) == (6.0, 12.0)
    plain = rw.simulate(table, rw.schedulers.FIFO(2), workers=2, stop="drain", allocation=Fixed(2))
    assert (plain.time, plain.slot_seconds) == (9.0, 18.0), "without a profile no faster than one slot"


@pytest.mark.parametrize("make", [rw.schedulers.ASHA, rw.schedulers.PASHA, rw.schedulers.StoppingASHA])
def test_with_perfect_scaling_half_as_many_trials_at_once_at_twice_the_speed_decide_the_same(make: Any) -> None:
    narrow = rw.simulate(TABLE, make(1, 9), workers=2, stop="drain")
    wide = rw.simulate(TABLE, make(1, 9), workers=4, stop="drain", allocation=Fixed(2), scaling=PERFECT)
    assert decided(wide.log) == decided(narrow.log)
    assert (wide.time, wide.slot_seconds) == (narrow.time / 2, narrow.slot_seconds)


def test_by_rung_gives_each_job_the_share_and_the_speed_of_its_rung() -> None:
    asha = rw.schedulers.ASHA(1, 9, 3)
    policy = ByRung(asha.milestones, 3, most=4)
    run = rw.simulate(TABLE, asha, workers=4, stop="drain", allocation=policy, scaling=PERFECT)
    slots = {(each.trial, each.milestone): each.slots for each in run.log if isinstance(each, Launch)}
    shares = {1: 1, 3: 3, 9: 4}
    assert {milestone for _, milestone in slots} == set(shares)
    assert all(share == shares[milestone] for (_, milestone), share in slots.items())
    for job in run.jobs:
        share = slots[job.trial, job.end]
        assert job.ended - job.began == pytest.approx(2.0 * (job.end - job.start) / share)


def test_by_rung_can_be_named_where_the_scheduler_is() -> None:
    named = rw.simulate(TABLE, "asha", workers=4, allocation={"name": "by-rung", "most": 4}, scaling=PERFECT)
    asha = rw.schedulers.ASHA(1, 9, 3)
    policy = ByRung(asha.milestones, 3, most=4)
    assert named.log == rw.simulate(TABLE, asha, workers=4, allocation=policy, scaling=PERFECT).log
    with pytest.raises(InputError, match="this scheduler lets trials run on"):
        rw.simulate(TABLE, "stopping-asha", workers=4, allocation="by-rung")


def test_a_simulation_by_rung_is_the_same_every_time() -> None:
    def log() -> list[Record]:
        asha = rw.schedulers.ASHA(1, 9, 3)
        policy = ByRung(asha.milestones, 3, most=3)
        return list(rw.simulate(TABLE, asha, workers=5, allocation=policy, scaling=PERFECT).log)

    assert log() == log()
    assert all(getattr(a, "at", 0.0) <= getattr(b, "at", 1e9) for a, b in pairwise(log()))


@pytest.mark.parametrize(
    ("scaling", "said"),
    [
        ({}, r"scaling names the slots \[\], but must rise from 1"),
        ({2: 0.5}, r"scaling names the slots \[2\], but must rise from 1"),
        ({1: 1.0, 2: 0.0}, "a unit takes 0.0 seconds on 2 slots, but it must be a finite number above 0"),
        ({1: 1.0, 2: float("nan")}, "a unit takes nan seconds on 2 slots"),
        ({1: 1.0, 2: "fast"}, "a unit takes 'fast' seconds on 2 slots"),
        ({1: 1.0, 0: 2.0}, "a number of slots in scaling is 0, but must be a whole number of 1 or more"),
        ({1: 1.0, 1.5: 2.0}, "a number of slots in scaling is 1.5"),
        (0.9, "scaling is 0.9, but must be seconds per unit by slots"),
    ],
)
def test_profiles_that_are_none_are_refused_in_one_sentence(scaling: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rw.simulate(TABLE, rw.schedulers.ASHA(1, 9), scaling=scaling)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"allocation": Fixed(5)}, r"gives a trial 5 slots, but there are 4 in all \(workers\)"),
        ({"allocation": 7}, "allocation is 7, but must be a policy such as rungwise.allocation.Fixed"),
        (
            {"allocation": "by-rung"},
            "goes by the eta of the scheduler, which an object does not tell: name the scheduler, or pass rungwise.al",
        ),
        ({"allocation": "wide"}, "allocation is 'wide', but must be one of fixed, by-rung, fill"),
        ({"allocation": {"name": "fill", "slots": 5}}, "slots is 5, but there are 4 in all"),
        ({"allocation": {"name": "fill", "slots": 2, "most": 1}}, "most is 1, but a job has 2 slots already"),
    ],
)
def test_shares_that_cannot_be_are_refused(options: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rw.simulate(TABLE, rw.schedulers.ASHA(1, 9), workers=4, **options)
