"""Hurdles, by hand: what the first trials set for all others."""

from math import inf, nan
from typing import Any

import pytest

from rungwise.core.decisions import PromoteTrial, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import ASHA, PASHA, StoppingASHA
from rungwise.schedulers.named import OPTIONS, make_scheduler


def reported(scheduler: Any, trial: int, resource: int, value: float) -> Any:
    told = scheduler.tell(TrialReported(0.0, trial, resource, value, {}))
    scheduler.tell(TrialPaused(0.0, trial, resource))
    return told


def arrived(values: list[float], **options: Any) -> ASHA:
    """ASHA with eta 2, after its first trials have reported these values at the lowest rung."""
    asha = ASHA(1, 4, 2, **{"max_trials": len(values), **options})
    for trial in range(len(values)):
        asha.start(trial)
    for trial, value in enumerate(values):
        reported(asha, trial, 1, value)
    return asha


def promoted(asha: ASHA) -> list[int]:
    found = []
    while (promotion := asha.promote()) is not None:
        found.append(promotion.trial)
    return found


@pytest.mark.parametrize(
    ("values", "hurdle", "expected"),
    [
        ([3.0, 4.0, 1.0, 2.0, 5.0, 6.0], None, [2, 3, 0]),
        ([3.0, 4.0, 1.0, 2.0, 5.0, 6.0], 2, [2, 3, 0]),  # both are better than the hurdle of 3
        ([1.0, 9.0, 2.0, 3.0, 5.0, 6.0], 1, [0]),  # two more are among the best three, and do not clear 1
        ([1.0, 9.0, 1.0, 3.0, 5.0, 6.0], 1, [0, 2]),  # no worse is good enough
        ([1.0, 3.0, 2.0, 4.0, 5.0, 6.0], 2, [0, 1]),  # a leader behind one that is held back follows the usual rule
        ([1.0, 9.0, 2.0, 3.0, 5.0, 6.0], 2, [0]),  # but gets no further than the usual rule lets it
        ([nan, 9.0, 2.0, 3.0, 5.0, 6.0], 1, [2, 3, 4]),  # a leader without a finite value sets no hurdle
        ([-inf, 2.5, 2.0, 3.0, 5.0, 6.0], 2, [2, 1]),
    ],
)
def test_who_is_promoted(values: list[float], hurdle: int | None, expected: list[int]) -> None:
    assert promoted(arrived(values, hurdle=hurdle)) == expected


def test_a_hurdle_falls_and_whoever_is_above_it_then_is_held_back_for_good() -> None:
    asha = ASHA(1, 4, 2, max_trials=6, hurdle=2)
    for trial in range(6):
        asha.start(trial)
    for trial, value in ((0, 5.0), (2, 3.0), (3, 4.0)):
        reported(asha, trial, 1, value)
    assert asha.ask() == PromoteTrial(2, 2)
    assert asha.may_promote(3)
    reported(asha, 1, 1, 2.0)
    assert not asha.may_promote(3)
    for trial in (4, 5):
        reported(asha, trial, 1, 9.0)
    assert promoted(asha) == [1]  # of six entries the best three may go on: 2, 3 and 4


def test_every_rung_has_a_hurdle_of_its_own_and_without_a_leader_there_is_none() -> None:
    asha = arrived([1.0, 0.5, 0.6, 7.0, 8.0, 9.0], hurdle=1)
    assert promoted(asha) == [1, 2, 0]
    reported(asha, 1, 2, 3.0)
    reported(asha, 2, 2, 4.0)
    assert asha.promote() == PromoteTrial(1, 4)  # the leader is not there yet
    reported(asha, 0, 2, 2.0)
    asha.start(6)
    reported(asha, 6, 2, 2.5)
    assert promoted(asha) == [0]


def test_a_leader_that_ends_early_sets_the_hurdle_with_its_last_value() -> None:
    asha = ASHA(2, 4, 2, max_trials=4, hurdle=1)
    for trial in range(4):
        asha.start(trial)
    asha.tell(TrialReported(0.0, 0, 1, 1.0, {}))
    asha.tell(TrialEnded(0.0, 0, "completed"))
    for trial, value in ((1, 2.0), (2, 3.0), (3, 4.0)):
        reported(asha, trial, 2, value)
    assert promoted(asha) == []


@pytest.mark.parametrize(("hurdle", "stopped"), [(None, [1, 2]), (1, [1, 2, 3])])
def test_by_stopping_whoever_does_not_clear_it_is_stopped(hurdle: int | None, stopped: list[int]) -> None:
    stopping = StoppingASHA(1, 4, 2, hurdle=hurdle)
    found = []
    for trial, value in enumerate([2.0, 5.0, 6.0, 2.25, 2.0, 1.0]):
        assert stopping.ask() == StartTrial(trial, 4)
        if reported(stopping, trial, 1, value) == (StopTrial(trial),):
            found.append(trial)
    assert found == stopped


@pytest.mark.parametrize("hurdle", [0, -1, 1.0, True, "2"])
@pytest.mark.parametrize("scheduler", [ASHA, StoppingASHA, PASHA])
def test_a_hurdle_is_a_whole_number_of_trials(scheduler: Any, hurdle: Any) -> None:
    with pytest.raises(InputError, match=r"hurdle is .* whole number of 1 or more, or None for no hurdle"):
        scheduler(hurdle=hurdle)


def test_by_name_four_schedulers_have_one() -> None:
    resources = {"min_resource": 1, "max_resource": 9, "eta": 3}
    having = {name for name, options in OPTIONS.items() if "hurdle" in options}
    assert having == {"asha", "stopping-asha", "pasha", "stopping-pasha"}
    for name in having:
        with pytest.raises(InputError, match="hurdle is 0"):
            make_scheduler({"name": name, **resources, "hurdle": 0})
        make_scheduler({"name": name, **resources, "hurdle": 3})
    with pytest.raises(InputError, match="'hyperband' has no option 'hurdle'"):
        make_scheduler({"name": "hyperband", **resources, "hurdle": 3})
