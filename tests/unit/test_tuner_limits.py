"""When an experiment ends early: time, resource, cost, a target, patience; at once or by draining."""

from collections.abc import Mapping
from typing import Any

import pytest

from rungwise.allocation import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Halt, Launch, Wake
from rungwise.core.decisions import Finish, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, TimePassed, TrialPaused, TrialReported
from rungwise.core.limits import Limits
from rungwise.core.records import Record
from rungwise.schedulers import ASHA, FIFO
from rungwise.store import MemoryLog
from rungwise.tuner.limits import cost
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner


class Numbers:
    def suggest(self, history: Any, request: StartTrial) -> Mapping[str, int]:
        return {"x": request.trial}


def tuner(scheduler: Any, limits: Limits, **options: Any) -> Tuner:
    return Tuner(scheduler, Numbers(), Fixed(1), limits=limits, **options)


def run(limits: Limits, scheduler: Any = None, workers: int = 2) -> tuple[list[Record], Tuner]:
    """An experiment whose units take a second each; trial i reports 1 / (i + units)."""

    def curve(launch: Launch) -> Curve:
        units = range(launch.start + 1, launch.milestone + 1)
        return Curve(units, [1 / (launch.trial + unit) for unit in units], [1.0] * len(units))

    log = MemoryLog()
    loop = tuner(scheduler or FIFO(9), limits, trials=20)
    drive(loop, Simulator(curve, workers=workers, max_resource=9), log)
    records = list(log.records())
    again = tuner(type(loop._scheduler)(9) if scheduler is None else ASHA(1, 9, 3), limits, trials=20)
    assert replay(again, records) == []  # a limit is a decision like any other
    return records, loop


def test_time_ends_it_even_if_nothing_is_reported_then() -> None:
    records, loop = run(Limits(time=3.5))
    assert records[1] == Wake(3.5)
    assert records[-6:-2] == [TimePassed(3.5), Finish("time"), Halt(0), Halt(1)]
    assert loop.ledger.now == 3.5


def test_resource_ends_it_at_the_report_that_reaches_it() -> None:
    records, loop = run(Limits(resource=5))
    assert Finish("resource") in records
    assert loop.ledger.spent == 5


@pytest.mark.parametrize(
    ("limits", "spent", "seconds"),
    [
        (Limits(cost=3.0, price_per_unit=0.5), 6, 3.0),
        (Limits(cost=7.0, price_per_hour=3600.0), 6, 3.5),  # two slots, a second costs 2
        (Limits(cost=6.0, price_per_unit=1.0, price_per_hour=3600.0), 3, 2.0),
    ],
)
def test_cost_counts_units_and_slot_hours(limits: Limits, spent: int, seconds: float) -> None:
    _, loop = run(limits)
    assert cost(limits, loop.ledger) >= limits.cost  # type: ignore[operator]
    assert loop.ledger.now == seconds
    assert loop.ledger.spent == spent


def test_a_target_ends_it_at_the_first_value_that_is_as_good() -> None:
    records, loop = run(Limits(target=0.2))
    assert Finish("target") in records
    assert loop.ledger.incumbent is not None
    assert loop.ledger.incumbent.value == 0.2


def test_patience_in_units_and_in_seconds() -> None:
    _, loop = run(Limits(patience_resource=4), workers=1)
    assert loop.ledger.spent == 9 + 4  # trial 1 is no better than trial 0 had become
    records, loop = run(Limits(patience_time=4.5), workers=1)
    assert (loop.ledger.now, loop.ledger.spent) == (13.5, 9 + 4)
    assert Finish("patience") in records


def test_patience_in_seconds_is_looked_at_again_when_there_was_something_better_meanwhile() -> None:
    loop = tuner(FIFO(9), Limits(patience_time=10.0))
    assert loop.handle(CapacityChanged(0.0, 1))[1] == Wake(10.0)
    loop.handle(TrialReported(4.0, 0, 1, 0.5, {}))
    assert loop.handle(TimePassed(10.0)) == [TimePassed(10.0), Wake(14.0)]
    assert loop.handle(TimePassed(14.0))[1] == Finish("patience")


def test_draining_starts_nothing_more_and_goes_on_until_nothing_can_be_promoted() -> None:
    records, loop = run(Limits(resource=6, then="drain"), ASHA(1, 9, 3))
    place = next(i for i, each in enumerate(records) if isinstance(each, Draining))
    assert not any(isinstance(each, StartTrial) for each in records[place:])
    assert records[-1] == Finish("resource")
    assert loop.ledger.spent > 6


def test_an_experiment_that_goes_on_is_woken_at_what_is_left_of_its_time() -> None:
    loop = tuner(ASHA(1, 9, 3), Limits(time=50.0))
    for event in (CapacityChanged(0.0, 1), TrialReported(20.0, 0, 1, 0.5, {}), CapacityChanged(20.0, 0)):
        loop.handle(event)
    loop.handle(TrialPaused(20.0, 0, 1))
    assert loop.handle(CapacityChanged(20.0, 1))[1] == Wake(50.0)


def test_a_cost_by_the_hour_is_approached_in_steps_that_do_not_shrink_for_ever() -> None:
    loop = tuner(FIFO(9, max_trials=1), Limits(cost=1.0, price_per_hour=3600.0))
    wake = loop.handle(CapacityChanged(0.0, 4))[1]  # three of the four slots stay idle
    looks = 0
    while isinstance(wake, Wake):
        looks += 1
        answer = loop.handle(TimePassed(wake.at))
        wake = answer[1]
    assert answer[1] == Finish("cost")
    assert looks <= 4


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"time": 0}, "time is 0"),
        ({"resource": -3}, "resource is -3"),
        ({"cost": 5.0}, "without a price"),
        ({"cost": 5.0, "price_per_unit": -1.0}, "price_per_unit is -1"),
        ({"target": float("nan")}, "target is nan"),
        ({"patience_time": float("inf")}, "patience_time is inf"),
        ({"then": "later"}, "'later'"),
    ],
)
def test_limits_out_of_range_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        Limits(**wrong)


def test_limits_survive_json() -> None:
    limits = Limits(time=3.0, cost=1.0, price_per_unit=2.0, target=-0.5, patience_resource=4, then="drain")
    assert Limits.from_json(limits.to_json()) == limits
