"""What every allocation policy must do, and what the settings of one must be."""

from itertools import pairwise
from typing import Any

import pytest

from rungwise.allocation import OPTIONS, ByRung, Fill, Fixed, make_allocation
from rungwise.api.shares import allocation_settings, check_allocation
from rungwise.core.decisions import PromoteTrial, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import Allocation
from rungwise.schedulers import ASHA, FIFO, PASHA, PBT, AsyncHyperband, Hyperband, MedianStopping, StoppingASHA

LADDER = (1, 3, 9, 27, 81)
SETTINGS = [
    {"name": "fixed", "slots": 1},
    {"name": "fixed", "slots": 3},
    {"name": "by-rung", "slots": 1, "most": 8},
    {"name": "by-rung", "slots": 2, "most": 2},
    {"name": "fill", "slots": 2, "most": 4},
    {"name": "fill", "slots": 1, "most": 8, "scaling": [[1, 8.0], [2, 5.0]], "restart": 3.0},
]


@pytest.fixture(
    params=SETTINGS, ids=lambda each: "-".join(str(each[key]) for key in ("name", "slots", "most") if key in each)
)
def policy(request: pytest.FixtureRequest) -> tuple[Allocation, dict[str, Any]]:
    return make_allocation(request.param, LADDER, 3), request.param


def test_a_share_is_at_least_one_and_within_its_limit_whatever_the_capacity(policy: Any) -> None:
    allocation, settings = policy
    most = settings.get("most", settings["slots"])
    shares = [allocation.slots(PromoteTrial(5, rung), capacity) for rung in LADDER for capacity in (0, 1, 64)]
    assert all(settings["slots"] <= share <= most for share in shares)


def test_a_share_follows_from_the_request_alone(policy: Any) -> None:
    """So a job that is tried again gets what it had, and a log replays."""
    allocation, _ = policy
    for rung in LADDER:
        first = allocation.slots(PromoteTrial(5, rung), 8)
        assert [allocation.slots(PromoteTrial(trial, rung), 8) for trial in (0, 5, 5)] == [first] * 3
        assert allocation.slots(StartTrial(6, rung), 8) == first


def test_no_rung_has_a_smaller_share_than_the_one_below(policy: Any) -> None:
    allocation, _ = policy
    assert all(a <= b for a, b in pairwise(allocation.slots(PromoteTrial(0, rung), 64) for rung in LADDER))


def test_by_rung_multiplies_by_eta_up_to_its_limit() -> None:
    by_rung = ByRung(LADDER, eta=3, most=20, base=2)
    assert [by_rung.slots(PromoteTrial(0, rung), 99) for rung in LADDER] == [2, 6, 18, 20, 20]
    assert Fixed(2).slots(PromoteTrial(0, 81), 99) == 2


def test_there_is_a_case_of_every_policy() -> None:
    assert {each["name"] for each in SETTINGS} == set(OPTIONS)


@pytest.mark.parametrize(
    ("allocation", "slots", "settings"),
    [
        ("fixed", 3, {"name": "fixed", "slots": 3}),
        ({"name": "fixed"}, 1, {"name": "fixed", "slots": 1}),
        ("by-rung", 2, {"name": "by-rung", "slots": 2, "most": 4}),
        ({"name": "by-rung", "most": 3}, 1, {"name": "by-rung", "slots": 1, "most": 3}),
        ("fill", 2, {"name": "fill", "slots": 2, "most": 4}),
        (
            {"name": "fill", "scaling": {2: 5, 1: 8.0}, "restart": 3},
            1,
            {"name": "fill", "slots": 1, "most": 4, "scaling": [[1, 8.0], [2, 5]], "restart": 3.0},
        ),
    ],
)
def test_settings_are_complete(allocation: Any, slots: int, settings: dict[str, Any]) -> None:
    assert allocation_settings(allocation, slots, 4) == settings


@pytest.mark.parametrize(
    ("allocation", "slots", "said"),
    [
        ("wide", 1, "allocation is 'wide', but must be one of fixed, by-rung, fill, or such a name with options"),
        (7, 1, "allocation is 7, but must be one of"),
        ({"most": 2}, 1, "allocation is None, but must be one of"),
        ({"name": ["fixed"]}, 1, r"allocation is \['fixed'\], but must be one of"),
        ({"name": "fixed", "most": 2}, 1, "has the option 'most', which it does not know; its options are: none"),
        ({"name": "by-rung", "slots": 2}, 1, "the option 'slots', which is an argument of its own; its options are: m"),
        ("fixed", 5, "slots is 5, but there are 4 in all \\(workers\\): a trial cannot get more slots"),
        ("fixed", 0, "slots is 0, but must be a whole number of 1 or more"),
        ("fixed", "2", "slots is '2', but must be a whole number"),
        ({"name": "by-rung", "most": 5}, 1, "most is 5, but there are 4 in all"),
        ({"name": "by-rung", "most": True}, 1, "most is True, but must be a whole number"),
        ({"name": "fill", "restart": -1}, 1, "restart is -1, but must be a finite number of 0 or more"),
        ({"name": "fill", "scaling": {2: 5.0}}, 1, "must rise from 1"),
        ({"name": "fill", "scaling": 3}, 1, "scaling is 3, but must be seconds per unit by slots"),
        ({"name": "fill", "profile": "p.yaml"}, 1, "its options are: most, scaling, restart"),
    ],
)
def test_settings_that_are_wrong_are_refused_in_one_sentence(allocation: Any, slots: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        allocation_settings(allocation, slots, 4)
    assert "\n" not in str(error.value)


def test_a_limit_below_the_lowest_rungs_share_is_refused() -> None:
    with pytest.raises(InputError, match="most is 1, but a trial on the lowest rung has 2 slots already"):
        make_allocation(allocation_settings({"name": "by-rung", "most": 1}, 2, 4), LADDER, 3)


@pytest.mark.parametrize(
    ("scheduler", "fits"),
    [
        (ASHA(1, 9), True),
        (PASHA(1, 9), True),
        (Hyperband(1, 9), True),
        (AsyncHyperband(1, 9, within="pasha"), True),
        (StoppingASHA(1, 9), False),
        (PASHA(1, 9, by="stopping"), False),
        (AsyncHyperband(1, 9, within="stopping-asha"), False),
        (MedianStopping(9), False),
        (FIFO(9), False),
        (PBT(4, 3, 9), False),
    ],
    ids=lambda each: type(each).__name__ if not isinstance(each, bool) else str(each),
)
def test_by_rung_needs_trials_that_pause_at_rungs(scheduler: Any, fits: bool) -> None:
    check_allocation(Fixed(2), scheduler, 2)
    policy = ByRung(tuple(scheduler.milestones), 3, most=2)
    if fits:
        check_allocation(policy, scheduler, 2)
    else:
        with pytest.raises(InputError, match="this scheduler lets trials run on: take asha, pasha"):
            check_allocation(policy, scheduler, 2)


def test_what_fills_idle_slots_beside_shares_by_rung_needs_them_too() -> None:
    policy = Fill((1, 3, 9), ByRung((1, 3, 9), 3, most=2))
    check_allocation(policy, ASHA(1, 9), 2)
    check_allocation(Fill((1, 3, 9)), StoppingASHA(1, 9), 2)
    with pytest.raises(InputError, match="this scheduler lets trials run on: take asha, pasha"):
        check_allocation(policy, StoppingASHA(1, 9), 2)


@pytest.mark.parametrize("policy", [Fixed(3), ByRung((1, 3, 9), 3, most=4)])
def test_more_slots_than_there_are_are_refused(policy: Allocation) -> None:
    with pytest.raises(InputError, match=r"gives a trial [34] slots, but there are 2 in all \(workers\)"):
        check_allocation(policy, ASHA(1, 9), 2)
