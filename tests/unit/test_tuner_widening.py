"""What the tuner does with an elastic allocation: idle slots only, once each, and every change in the log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

import rungwise as rw
from rungwise.core.commands import Configuration, Launch, Pause
from rungwise.core.decisions import PromoteTrial, Request, Resize, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, CapacityChanged, TrialFailed, TrialPaused, TrialReported
from rungwise.core.protocols import History, Scheduler
from rungwise.core.records import Record
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner

Wish = Callable[[Sequence[Launch], int], Sequence[Resize]]


@dataclass
class Wishing:
    """Asks for what it is told to, once; `asked` are the launches and the idle slots that it was shown."""

    wishes: list[Wish] = field(default_factory=list)
    width: int = 1
    look: bool = False
    asked: list[tuple[list[int], int]] = field(default_factory=list)

    def slots(self, request: Request, capacity: int) -> int:
        return self.width

    def tell(self, record: Record) -> bool:
        return self.look

    def widen(self, launches: Sequence[Launch], idle: int) -> Sequence[Resize]:
        self.asked.append(([each.trial for each in launches], idle))
        return self.wishes.pop(0)(launches, idle) if self.wishes else ()


class Anything:
    def suggest(self, history: History, request: StartTrial) -> Configuration:
        return {"x": request.trial}


def tuner(policy: Wishing, scheduler: Scheduler | None = None, trials: int = 1) -> Tuner:
    made = rw.schedulers.FIFO(9) if scheduler is None else scheduler
    return Tuner(made, Anything(), policy, trials=trials, max_retries=1)


def wish(*resizes: Resize) -> Wish:
    return lambda launches, idle: resizes


def report(trial: int, resource: int) -> TrialReported:
    return TrialReported(float(resource), trial, resource, float(trial), {})


def launches(records: Sequence[Record]) -> list[tuple[int, int, int]]:
    """(trial, start, slots) of the jobs launched."""
    return [(each.trial, each.start, each.slots) for each in records if isinstance(each, Launch)]


def test_a_running_trial_pauses_and_goes_on_from_there_with_what_is_free() -> None:
    nothing = wish()
    policy = Wishing([wish(Resize(0, 4)), lambda ready, idle: [Resize(ready[0].trial, 1 + idle)]], look=True)
    loop = tuner(policy)
    policy.wishes.insert(0, nothing)
    assert launches(loop.handle(CapacityChanged(0.0, 4))) == [(0, 0, 1)]
    assert loop.handle(report(0, 1)) == [report(0, 1), Resize(0, 4), Pause(0)]
    assert launches(loop.handle(TrialPaused(2.0, 0, 2))) == [(0, 2, 4)]
    assert policy.asked == [([], 3), ([], 3), ([0], 3)]
    assert loop.ledger.used == 4


def test_a_promotion_starts_with_idle_slots_without_a_change_of_share() -> None:
    policy = Wishing([wish(), wish(), wish(Resize(0, 2))])
    loop = tuner(policy, rw.schedulers.ASHA(1, 9), trials=3)
    loop.handle(CapacityChanged(0.0, 3))
    for trial in (0, 1):
        loop.handle(report(trial, 1))
        loop.handle(TrialPaused(1.0, trial, 1))
    loop.handle(report(2, 1))
    records = loop.handle(TrialPaused(1.0, 2, 1))
    assert records[1:3] == [PromoteTrial(0, 3), Launch(0, {"x": 0}, 1, 3, 2, loop.ledger.trials[0].seed)]
    assert policy.asked[-1] == ([0], 2)


def test_nothing_is_given_away_while_a_request_waits_for_its_share() -> None:
    policy = Wishing(width=2)
    loop = tuner(policy, trials=2)
    assert launches(loop.handle(CapacityChanged(0.0, 3))) == [(0, 0, 2)]
    assert loop.handle(report(0, 1)) == [report(0, 1)]
    assert policy.asked == []


def test_a_job_that_dies_on_its_way_to_more_slots_goes_on_from_its_checkpoint() -> None:
    policy = Wishing([wish(Resize(0, 2)), wish(Resize(0, 2))])
    loop = tuner(policy)
    records = loop.handle(CapacityChanged(0.0, 2))
    assert launches(records) == [(0, 0, 1)]
    assert records[-2:] == [Resize(0, 2), Pause(0)]
    assert launches(loop.handle(TrialFailed(1.0, 0, 0, "exit", "1"))) == [(0, 0, 2)]


def test_a_shrinking_capacity_comes_first() -> None:
    policy = Wishing([wish(Resize(0, 4)), wish(), wish()])
    loop = tuner(policy)
    loop.handle(CapacityChanged(0.0, 4))
    assert loop.handle(CapacityChanged(1.0, 1)) == [CapacityChanged(1.0, 1)]
    assert launches(loop.handle(TrialPaused(2.0, 0, 3))) == [(0, 3, 1)]
    assert launches(loop.handle(CapacityChanged(3.0, 4))) == []


def test_a_log_with_changes_of_share_replays() -> None:
    def policy() -> Wishing:
        return Wishing([wish(), wish(Resize(0, 3)), wish(), wish(Resize(0, 3))], look=True)

    events: list[BackendEvent] = [CapacityChanged(0.0, 3), report(0, 1), report(0, 2), TrialPaused(2.0, 0, 2)]
    loop = tuner(policy())
    records = [record for event in events for record in loop.handle(event)]
    assert launches(records) == [(0, 0, 1), (0, 2, 3)]
    assert replay(tuner(policy()), records) == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Resize(7, 2), "only a trial that runs"),
        (Resize(0, 1), "only a trial that runs, and was not told to leave, can get more slots"),
    ],
)
def test_a_change_of_share_that_is_none_is_refused(asked: Resize, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        tuner(Wishing([wish(asked)])).handle(CapacityChanged(0.0, 4))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("slots", [5, 0])
def test_a_launch_gets_no_more_than_is_idle_and_no_less_than_it_asked_for(slots: int) -> None:
    loop = tuner(Wishing([wish(), wish(Resize(0, slots))]))
    loop.handle(CapacityChanged(0.0, 4))
    with pytest.raises(InputError, match="can have 1 slots or more, of those that are idle"):
        loop.handle(TrialPaused(2.0, 0, 2))
