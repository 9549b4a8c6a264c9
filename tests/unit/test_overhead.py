"""What jobs cost besides their units: start-up, loading and saving, on however many slots."""

from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.allocation import Fixed
from rungwise.backends.overhead import Overhead
from rungwise.core.errors import InputError

OVERHEAD = Overhead(startup=5.0, load=2.0, save=1.0)


def test_a_job_pays_its_start_up_before_the_first_unit_and_its_checkpoint_at_the_milestone() -> None:
    table = rw.Table([[0.5, 0.4]], seconds=[[3.0, 6.0]])
    run = rw.simulate(table, rw.schedulers.FIFO(2), workers=1, stop="drain", overhead=OVERHEAD)
    reports = [each.at for each in run.log if type(each).__name__ == "TrialReported"]
    assert reports == [8.0, 15.0]
    assert (run.time, run.slot_seconds) == (15.0, 15.0)


def test_more_slots_make_units_faster_and_nothing_else() -> None:
    table = rw.Table([[0.5, 0.4]], seconds=[[4.0, 6.0]])
    run = rw.simulate(
        table, rw.schedulers.FIFO(2), workers=2, stop="drain", allocation=Fixed(2), scaling={1: 2.0, 2: 1.0},
        overhead=OVERHEAD,
    )  # fmt: skip
    assert run.time == 5.0 + 2.0 + 3.0 + 1.0


def test_only_a_job_that_goes_on_loads_a_checkpoint() -> None:
    table = rw.Table(np.linspace(1, 0, 27).reshape(3, 9), seconds=2.0)
    plain = rw.simulate(table, rw.schedulers.ASHA(1, 9, 3), workers=1, stop="drain")
    costly = rw.simulate(table, rw.schedulers.ASHA(1, 9, 3), workers=1, stop="drain", overhead=OVERHEAD)
    went_on = sum(job.start > 0 for job in plain.jobs)
    assert went_on > 0
    assert [(job.trial, job.end) for job in costly.jobs] == [(job.trial, job.end) for job in plain.jobs]
    assert costly.time == plain.time + 6.0 * len(plain.jobs) + 2.0 * went_on


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "2s", True])
def test_seconds_are_finite_and_not_below_0(value: Any) -> None:
    with pytest.raises(InputError, match=r"save is .*, but must be a finite number of seconds, 0 or more"):
        Overhead(save=value)
