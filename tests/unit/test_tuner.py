"""The tuner, event by event: what is recorded, told, held and launched."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import pytest

from rungwise.allocation import Fixed
from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.decisions import Finish, OpenRung, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.errors import InputError, ReplayError
from rungwise.core.events import BackendEvent, CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.core.seed import training_seed
from rungwise.schedulers import ASHA, FIFO, StoppingASHA
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner


@dataclass
class Scripted:
    """Asks for what the script says, answers reports by `stops`, and remembers what it was told."""

    script: list[Request | None]
    stops: set[int] = field(default_factory=set)
    milestones: tuple[int, ...] = (1, 3, 9)
    told: list[Event] = field(default_factory=list)
    asked: int = 0

    def tell(self, event: Event) -> Sequence[StopTrial | OpenRung]:
        self.told.append(event)
        if isinstance(event, TrialReported) and event.trial in self.stops:
            return (StopTrial(event.trial),)
        return ()

    def ask(self) -> Request | None:
        self.asked += 1
        return self.script.pop(0) if self.script else None


@dataclass
class Points:
    """Trial i gets point i, while there are any."""

    last: float = inf
    seen: list[int] = field(default_factory=list)

    def suggest(self, history: Any, request: StartTrial) -> Mapping[str, int] | None:
        self.seen.append(len(history.trials))
        return {"x": request.trial} if request.trial < self.last else None


@dataclass
class Wide:
    """Some trials need more slots than one."""

    widths: Mapping[int, int]

    def slots(self, request: Request, capacity: int) -> int:
        return self.widths.get(request.trial, 1)


def tuner(scheduler: Any, allocation: Any = None, points: Points | None = None, **options: Any) -> Tuner:
    return Tuner(scheduler, points or Points(), allocation or Fixed(1), **options)


def scripted(*script: Request | None, **options: Any) -> Scripted:
    return Scripted(list(script), **options)


def report(trial: int, resource: int, value: float = 1.0, at: float = 1.0) -> TrialReported:
    return TrialReported(at, trial, resource, value, {"loss": value})


def launched(records: Sequence[Record]) -> list[int]:
    return [record.trial for record in records if isinstance(record, Launch)]


CAPACITY_2 = CapacityChanged(0.0, 2)


def test_an_event_is_recorded_before_decisions_and_those_before_their_commands() -> None:
    loop = tuner(scripted(StartTrial(0, 9), StartTrial(1, 9), stops={0}))
    first = loop.handle(CAPACITY_2)
    assert [type(record) for record in first] == [CapacityChanged, StartTrial, Launch, StartTrial, Launch]
    assert loop.handle(report(0, 1)) == [report(0, 1), StopTrial(0), Halt(0)]


def test_a_launch_carries_configuration_start_milestone_slots_and_the_trials_own_seed() -> None:
    loop = tuner(ASHA(1, 3, 2), Wide({0: 2}), seed=5)
    records = loop.handle(CapacityChanged(0.0, 3))
    assert records[2] == Launch(0, {"x": 0}, 0, 1, 2, training_seed(5, 0))
    assert records[4] == Launch(1, {"x": 1}, 0, 1, 1, training_seed(5, 1))


def test_a_promoted_trial_keeps_its_configuration_and_seed_and_starts_from_its_checkpoint() -> None:
    loop = tuner(scripted(StartTrial(0, 1), PromoteTrial(0, 3)))
    [_, _, first] = loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    [_, promotion, second] = loop.handle(TrialPaused(1.0, 0, 1))
    assert promotion == PromoteTrial(0, 3)
    assert second == Launch(0, first.configuration, 1, 3, 1, first.seed)  # type: ignore[union-attr]


def test_a_trial_without_a_checkpoint_starts_afresh() -> None:
    loop = tuner(scripted(StartTrial(0, 1), PromoteTrial(0, 3)))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    launch = loop.handle(TrialPaused(1.0, 0, 0))[-1]
    assert isinstance(launch, Launch)
    assert (launch.start, launch.milestone) == (0, 3)


def test_duplicate_reports_are_logged_but_not_told() -> None:
    scheduler = scripted(StartTrial(0, 1), PromoteTrial(0, 3))
    loop = tuner(scheduler)
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1, 5.0))
    loop.handle(TrialPaused(1.0, 0, 0))
    again = report(0, 1, 4.0, at=2.0)
    assert loop.handle(again) == [again]
    assert loop.handle(report(0, 2, 3.0, at=3.0)) != []
    told = [event for event in scheduler.told if isinstance(event, TrialReported)]
    assert told == [report(0, 1, 5.0), report(0, 2, 3.0, at=3.0)]
    assert loop.ledger.incumbent is not None
    assert loop.ledger.incumbent.value == 3.0  # the first record of a resource stands


def test_late_reports_are_logged_but_not_told() -> None:
    scheduler = scripted(StartTrial(0, 9), stops={0})
    loop = tuner(scheduler)
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    after_the_stop, after_the_end = report(0, 2, -9.0, at=2.0), report(0, 3, -9.0, at=4.0)
    assert loop.handle(after_the_stop) == [after_the_stop]
    loop.handle(TrialEnded(3.0, 0, "stopped"))
    assert loop.handle(after_the_end) == [after_the_end]
    assert [event for event in scheduler.told if isinstance(event, TrialReported)] == [report(0, 1)]
    assert loop.ledger.incumbent is not None
    assert loop.ledger.incumbent.value == 1.0


def test_a_nan_report_is_told_as_it_is_and_the_job_goes_on() -> None:
    loop = tuner(ASHA(2, 4, 2))
    loop.handle(CapacityChanged(0.0, 1))
    assert len(loop.handle(report(0, 1, nan))) == 1
    assert loop.ledger.trials[0].status == "running"
    assert loop.ledger.trials[0].diverged


def test_a_report_alone_launches_nothing() -> None:
    scheduler = scripted(StartTrial(0, 1), None)
    loop = tuner(scheduler)
    loop.handle(CAPACITY_2)
    scheduler.script = [PromoteTrial(0, 3)]
    assert loop.handle(report(0, 1)) == [report(0, 1)]
    assert launched(loop.handle(TrialPaused(1.0, 0, 1))) == [0]


def test_every_free_slot_asks_until_there_is_nothing_to_start() -> None:
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), None)
    loop = tuner(scheduler)
    assert launched(loop.handle(CapacityChanged(0.0, 4))) == [0, 1]
    assert scheduler.asked == 3


def test_a_request_that_needs_more_slots_than_are_free_is_held_and_not_overtaken() -> None:
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), StartTrial(2, 1), StartTrial(3, 1))
    loop = tuner(scheduler, Wide({1: 2}))
    first = loop.handle(CAPACITY_2)
    assert launched(first) == [0]
    assert StartTrial(1, 1) in first
    assert scheduler.asked == 2  # one slot is left, but it is kept
    loop.handle(report(0, 1))
    second = loop.handle(TrialPaused(1.0, 0, 1))
    assert launched(second) == [1]
    assert StartTrial(1, 1) not in second  # recorded once
    loop.handle(report(1, 1))
    assert launched(loop.handle(TrialPaused(2.0, 1, 1))) == [2, 3]


def test_a_narrow_request_held_behind_a_wide_one_waits_its_turn() -> None:
    """Trial 2 needs all three slots: trial 3 must not take those that are left while trial 1 runs."""
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), StartTrial(2, 1), StartTrial(3, 1))
    loop = tuner(scheduler, Wide({2: 3}))
    assert launched(loop.handle(CapacityChanged(0.0, 3))) == [0, 1]
    loop.handle(report(0, 1))
    assert launched(loop.handle(TrialPaused(1.0, 0, 1))) == []
    loop.handle(report(1, 1))
    assert launched(loop.handle(TrialPaused(2.0, 1, 1))) == [2]


def test_the_promotion_of_a_trial_that_is_still_saving_waits_for_its_pause() -> None:
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), None)
    loop = tuner(scheduler)
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(report(1, 1))
    held = loop.handle(TrialPaused(1.0, 1, 1))
    assert held == [TrialPaused(1.0, 1, 1), PromoteTrial(0, 3)]
    paused = loop.handle(TrialPaused(2.0, 0, 1))
    assert launched(paused) == [0]
    assert loop.ledger.trials[0].milestone == 3


def test_a_failure_while_its_promotion_is_held_voids_it() -> None:
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), StartTrial(2, 1), StartTrial(3, 1))
    loop = tuner(scheduler)
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(report(1, 1))
    assert launched(loop.handle(TrialPaused(1.0, 1, 1))) == []
    after = loop.handle(TrialEnded(2.0, 0, "failed", "the disk is full"))
    assert launched(after) == [2, 3]
    assert loop.ledger.trials[0].status == "failed"
    assert loop.ledger.trials[0].detail == "the disk is full"
    assert isinstance(scheduler.told[-1], TrialEnded)


def births(records: Sequence[Record]) -> list[tuple[int, int, int, int | None]]:
    """Trial, start, milestone and parent of every launch."""
    return [(each.trial, each.start, each.milestone, each.parent) for each in records if isinstance(each, Launch)]


def test_a_child_begins_at_its_parents_checkpoint_with_a_seed_of_its_own() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 3, parent=0), PromoteTrial(1, 9)), seed=5)
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    assert loop.handle(TrialPaused(1.0, 0, 1))[1:] == [
        StartTrial(1, 3, parent=0),
        Launch(1, {"x": 1}, 1, 3, 1, training_seed(5, 1), parent=0),
    ]
    loop.handle(report(1, 3))
    assert births(loop.handle(TrialPaused(2.0, 1, 3))) == [(1, 3, 9, None)], "by now the checkpoint is its own"


def test_a_child_of_a_parent_that_runs_takes_the_checkpoint_on_record() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), StartTrial(2, 3, parent=0)))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(report(0, 2))
    loop.handle(report(1, 1))
    assert births(loop.handle(TrialPaused(2.0, 1, 1))) == [(2, 1, 3, 0)]


def test_a_child_waits_while_its_parent_is_saving_and_goes_beyond_what_that_has_reached() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), StartTrial(2, 3, parent=0), None))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(report(0, 3))
    loop.handle(report(1, 1))
    assert loop.handle(TrialPaused(2.0, 1, 1))[1:] == [StartTrial(2, 3, parent=0)]
    assert births(loop.handle(TrialPaused(3.0, 0, 3))) == [(2, 3, 9, 0)]
    assert loop.ledger.trials[2].milestone == 9


def test_a_child_waits_for_no_parent_that_leaves_no_newer_checkpoint() -> None:
    """At the full resource nothing is saved: the one before is what there is."""
    loop = tuner(scripted(StartTrial(0, 3), StartTrial(1, 1), PromoteTrial(0, 9), StartTrial(2, 9, parent=0)))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 3))
    loop.handle(TrialPaused(1.0, 0, 3))
    loop.handle(report(0, 9))
    loop.handle(report(1, 1))
    assert births(loop.handle(TrialPaused(2.0, 1, 1))) == [(2, 3, 9, 0)]


def test_a_child_whose_parent_fails_to_save_takes_the_checkpoint_before() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), StartTrial(2, 3, parent=0), None))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(report(0, 3))
    loop.handle(report(1, 1))
    assert births(loop.handle(TrialPaused(2.0, 1, 1))) == []
    assert births(loop.handle(TrialEnded(3.0, 0, "failed", "the disk is full"))) == [(2, 1, 3, 0)]


@pytest.mark.parametrize(("left", "birth"), [(0, (1, 0, 3, 0)), (9, (1, 0, 3, 0)), (4, (1, 4, 9, 0))])
def test_a_child_starts_from_scratch_where_its_parent_left_nothing_to_add_to(
    left: int, birth: tuple[int, int, int, int]
) -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 3, parent=0)))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, max(1, left)))
    assert births(loop.handle(TrialPaused(1.0, 0, left))) == [birth]


def test_a_held_child_keeps_its_slot_and_its_configuration() -> None:
    script = (StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(0, 3), StartTrial(2, 3, parent=0), StartTrial(3, 1))
    loop = tuner(scripted(*script))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(report(0, 3))
    loop.handle(TrialEnded(2.0, 1, "failed"))
    later = loop.handle(TrialPaused(3.0, 0, 3))
    assert births(later) == [(2, 3, 9, 0), (3, 0, 1, None)]
    assert [each.configuration for each in later if isinstance(each, Launch)] == [{"x": 2}, {"x": 3}]


def test_an_interrupted_child_goes_on_from_what_it_inherited() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 3, parent=0)))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(CapacityChanged(2.0, 0))
    loop.handle(TrialPaused(3.0, 1, 1))
    assert births(loop.handle(CapacityChanged(4.0, 1))) == [(1, 1, 3, None)]


def test_a_parent_that_was_never_started_is_refused() -> None:
    with pytest.raises(InputError, match=r"StartTrial\(trial=0, milestone=3, parent=7\), whose parent is no trial"):
        tuner(scripted(StartTrial(0, 3, parent=7))).handle(CAPACITY_2)


def test_a_searcher_is_asked_for_a_child_with_the_parent_in_its_history() -> None:
    @dataclass
    class Heir:
        def suggest(self, history: Any, request: StartTrial) -> Mapping[str, int]:
            if request.parent is None:
                return {"x": 7}
            return {"x": 1 + history.trials[request.parent].configuration["x"]}

    loop = Tuner(scripted(StartTrial(0, 1), StartTrial(1, 3, parent=0)), Heir(), Fixed(1))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    loop.handle(TrialPaused(1.0, 0, 1))
    assert loop.ledger.trials[1].configuration == {"x": 8}


def test_an_interrupted_trial_goes_on_before_anything_new() -> None:
    scheduler = scripted(StartTrial(0, 9), StartTrial(1, 9), StartTrial(2, 9))
    loop = tuner(scheduler)
    loop.handle(CAPACITY_2)
    loop.handle(report(1, 4))
    assert loop.handle(CapacityChanged(1.0, 1)) == [CapacityChanged(1.0, 1), Pause(1)]
    assert launched(loop.handle(TrialPaused(2.0, 1, 4))) == []
    again = loop.handle(CAPACITY_2)
    assert [record for record in again if isinstance(record, Launch)] == [
        Launch(1, {"x": 1}, 4, 9, 1, training_seed(0, 1))
    ]
    assert not any(isinstance(record, PromoteTrial) for record in again)  # nobody decided anything
    assert scheduler.asked == 2


def test_a_trial_that_paused_at_its_milestone_waits_for_the_scheduler() -> None:
    loop = tuner(scripted(StartTrial(0, 3), None))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 3))
    assert launched(loop.handle(TrialPaused(1.0, 0, 3))) == []
    assert loop.ledger.trials[0].status == "paused"


def test_less_capacity_pauses_the_newest_trials_first_and_no_more_than_needed() -> None:
    loop = tuner(scripted(*(StartTrial(trial, 9) for trial in range(4))), Wide({3: 2}))
    loop.handle(CapacityChanged(0.0, 5))
    assert loop.handle(CapacityChanged(1.0, 3))[1:] == [Pause(3)]
    assert loop.handle(CapacityChanged(2.0, 2))[1:] == [Pause(2)]
    assert loop.handle(CapacityChanged(3.0, 2))[1:] == []  # they are leaving already


def test_no_capacity_pauses_everything_and_is_the_end_for_now() -> None:
    scheduler = scripted(StartTrial(0, 9), StartTrial(1, 9))
    loop = tuner(scheduler)
    loop.handle(CAPACITY_2)
    assert loop.handle(CapacityChanged(1.0, 0))[1:] == [Pause(1), Pause(0)]
    assert not loop.over
    loop.handle(TrialPaused(2.0, 0, 0))
    assert not loop.over
    loop.handle(TrialPaused(2.0, 1, 0))
    assert loop.over
    assert loop.ledger.finish is None


def test_more_capacity_is_filled_at_once() -> None:
    loop = tuner(scripted(*(StartTrial(trial, 9) for trial in range(4))))
    loop.handle(CapacityChanged(0.0, 1))
    assert launched(loop.handle(CapacityChanged(1.0, 3))) == [1, 2]


def test_with_nothing_left_to_do_the_experiment_is_done() -> None:
    loop = tuner(scripted(StartTrial(0, 9), None))
    loop.handle(CAPACITY_2)
    loop.handle(report(0, 9))
    assert loop.handle(TrialEnded(1.0, 0, "completed"))[-1] == Finish("done")
    assert loop.over


def test_what_is_held_gets_what_there_is_when_that_is_less_than_its_share() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1), PromoteTrial(1, 3)), Wide({1: 3}))
    loop.handle(CapacityChanged(0.0, 3))
    loop.handle(CapacityChanged(1.0, 2))
    loop.handle(report(0, 1))
    launch = loop.handle(TrialPaused(2.0, 0, 1))[-1]
    assert isinstance(launch, Launch)
    assert (launch.trial, launch.slots) == (1, 2)
    loop.handle(CapacityChanged(3.0, 3))
    loop.handle(report(1, 1))
    again = loop.handle(TrialPaused(4.0, 1, 1))[-1]
    assert isinstance(again, Launch)
    assert again.slots == 3, "the next job has its share again"


def test_without_capacity_what_is_held_stays_held() -> None:
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1)), Wide({1: 2}))
    loop.handle(CapacityChanged(0.0, 2))
    loop.handle(CapacityChanged(1.0, 0))
    assert loop.handle(TrialPaused(2.0, 0, 0)) == [TrialPaused(2.0, 0, 0)]
    assert loop.ledger.finish is None
    assert launched(loop.handle(CapacityChanged(3.0, 1))) == [1]


def test_instant_ends_when_one_trial_too_many_would_start_and_cuts_what_runs() -> None:
    loop = tuner(FIFO(9), trials=2, stop="instant")
    assert loop.handle(CapacityChanged(0.0, 3))[-3:] == [Finish("trials"), Halt(0), Halt(1)]
    assert not loop.over
    loop.handle(TrialEnded(1.0, 0, "stopped"))
    loop.handle(TrialEnded(1.0, 1, "completed"))  # it was done before the halt came
    assert loop.over
    assert {entry.status for entry in loop.ledger.trials.values()} == {"stopped"}


def test_drain_tells_the_scheduler_once_that_nothing_more_is_started() -> None:
    scheduler = scripted(StartTrial(0, 1), StartTrial(1, 1), None, None, PromoteTrial(0, 3), None)
    loop = tuner(scheduler, trials=2, stop="drain")
    loop.handle(CapacityChanged(0.0, 3))
    assert scheduler.told[-1] == Draining(0.0)
    loop.handle(report(0, 1))
    loop.handle(report(1, 1))
    loop.handle(TrialPaused(1.0, 1, 1))
    assert launched(loop.handle(TrialPaused(2.0, 0, 1))) == [0]
    assert sum(isinstance(event, Draining) for event in scheduler.told) == 1
    assert loop.ledger.finish is None


def test_an_exhausted_space_drains_and_promotions_go_on() -> None:
    loop = tuner(ASHA(1, 2, 2), points=Points(last=2))
    first = loop.handle(CapacityChanged(0.0, 3))
    assert first[-1] == Draining(0.0)
    assert launched(first) == [0, 1]
    loop.handle(report(0, 1, 2.0))
    loop.handle(TrialPaused(1.0, 0, 1))
    loop.handle(report(1, 1, 1.0))
    assert loop.handle(TrialPaused(1.0, 1, 1))[1] == PromoteTrial(1, 2)
    loop.handle(report(1, 2))
    assert loop.handle(TrialEnded(2.0, 1, "completed"))[-1] == Finish("done")
    assert list(loop.ledger.trials) == [0, 1]


def test_an_exhausted_space_ends_an_instant_experiment() -> None:
    loop = tuner(FIFO(3), points=Points(last=1), stop="instant")
    assert loop.handle(CAPACITY_2)[-2:] == [Finish("space"), Halt(0)]


@pytest.mark.parametrize("scheduler", [lambda: FIFO(3), lambda: ASHA(1, 3, 2), lambda: StoppingASHA(1, 3, 2)])
@pytest.mark.parametrize(("stop", "reason"), [("instant", "space"), ("drain", "done")])
def test_an_empty_space_ends_at_once(scheduler: Callable[[], Any], stop: Any, reason: Any) -> None:
    loop = tuner(scheduler(), points=Points(last=0), stop=stop)
    assert loop.handle(CAPACITY_2)[-1] == Finish(reason)
    assert loop.over


def test_after_the_finish_nothing_is_asked_or_launched() -> None:
    scheduler = scripted(StartTrial(0, 9), StartTrial(1, 9))
    loop = tuner(scheduler, trials=1, stop="instant")
    loop.handle(CAPACITY_2)
    asked = scheduler.asked
    for event in (report(0, 1), TrialEnded(1.0, 0, "stopped"), CapacityChanged(2.0, 4)):
        assert loop.handle(event) == [event]
    assert scheduler.asked == asked


def test_a_stopped_trial_that_pauses_instead_is_stopped_all_the_same() -> None:
    loop = tuner(scripted(StartTrial(0, 9), None, stops={0}))
    loop.handle(CapacityChanged(0.0, 1))
    loop.handle(report(0, 1))
    assert launched(loop.handle(TrialPaused(1.0, 0, 1))) == []
    assert loop.ledger.trials[0].status == "stopped"


def test_a_searcher_sees_every_trial_so_far() -> None:
    points = Points()
    loop = tuner(scripted(StartTrial(0, 1), StartTrial(1, 1), StartTrial(2, 1)), points=points)
    loop.handle(CapacityChanged(0.0, 3))
    assert points.seen == [0, 1, 2]


# The loop


@dataclass
class Story:
    """A backend that tells its events in groups, and writes down when it was given a command."""

    told: list[Sequence[BackendEvent]]
    diary: list[object] = field(default_factory=list)

    def submit(self, command: Command) -> None:
        self.diary.append(command)

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        yield from self.told


def test_records_are_logged_before_they_are_carried_out_and_seen_after() -> None:
    story = Story([(CapacityChanged(0.0, 1),), (report(0, 1),), (report(0, 2),)])

    class Diary:
        def append(self, records: Sequence[Record]) -> None:
            story.diary.append(("log", len(records)))

    drive(
        tuner(scripted(StartTrial(0, 9), stops={0})),
        story,
        Diary(),
        [lambda records: story.diary.append(("seen", len(records)))],
    )
    launch, halt = [each for each in story.diary if isinstance(each, Launch | Halt)]
    assert story.diary == [
        *[("log", 3), launch, ("seen", 3)],
        *[("log", 3), halt, ("seen", 3)],
        *[("log", 1), ("seen", 1)],  # late: nothing to carry out
    ]


def test_events_that_came_together_are_logged_together_before_anything_follows_from_them() -> None:
    story = Story([(CapacityChanged(0.0, 2),), (report(0, 1), report(1, 1), report(1, 2))])

    class Diary:
        def append(self, records: Sequence[Record]) -> None:
            story.diary.append(("log", [type(record) for record in records]))

    drive(
        tuner(scripted(StartTrial(0, 9), StartTrial(1, 9), stops={0})),
        story,
        Diary(),
        [lambda records: story.diary.append(("seen", len(records)))],
    )
    assert story.diary[-5:] == [
        ("log", [TrialReported, StopTrial, Halt, TrialReported, TrialReported]),
        Halt(0),
        *[("seen", 3), ("seen", 1), ("seen", 1)],
    ]


def test_the_loop_ends_when_the_experiment_is_over_whatever_the_backend_still_tells() -> None:
    end = TrialEnded(2.0, 0, "completed")
    story = Story([(CapacityChanged(0.0, 1),), (report(0, 9), end), (CapacityChanged(3.0, 5),)])
    log: list[Record] = []

    class Listed:
        def append(self, records: Sequence[Record]) -> None:
            log.extend(records)

    drive(tuner(FIFO(9, max_trials=1)), story, Listed())
    assert log[-2:] == [end, Finish("done")]


# Recovery


def half_way() -> tuple[list[Record], Callable[[], Tuner]]:
    """Two trials running; one of them has saved a checkpoint before."""

    def fresh() -> Tuner:
        return tuner(ASHA(1, 9, 2), seed=3)

    loop = fresh()
    records: list[Record] = []
    for event in (
        CAPACITY_2,
        *(report(0, 1, 1.0), TrialPaused(1.0, 0, 1)),
        *(report(1, 1, 2.0), TrialPaused(2.0, 1, 1)),
    ):
        records += loop.handle(event)
    return records, fresh


def test_replaying_leads_to_the_same_state() -> None:
    records, fresh = half_way()
    loop = fresh()
    assert replay(loop, records) == []
    assert {entry.trial: (entry.status, entry.checkpoint) for entry in loop.ledger.trials.values()} == {
        0: ("running", 1),
        1: ("paused", 1),
        2: ("running", 0),
    }


def test_orphans_are_paused_at_their_last_checkpoint() -> None:
    records, fresh = half_way()
    loop = fresh()
    replay(loop, records)
    loop.handle(CapacityChanged(5.0, 0))
    lost = orphans(loop, lambda entry: entry.checkpoint)
    assert lost == [TrialPaused(5.0, 0, 1), TrialPaused(5.0, 2, 0)]
    for event in lost:
        assert loop.handle(event) == [event]
    again = loop.handle(CAPACITY_2)
    assert [(record.trial, record.start) for record in again if isinstance(record, Launch)] == [(0, 1), (2, 0)]


def test_an_orphan_is_paused_where_its_checkpoint_is_found() -> None:
    records, fresh = half_way()
    loop = fresh()
    replay(loop, records)
    lost = orphans(loop, lambda entry: 3 + entry.trial)
    assert [(event.trial, event.resource) for event in lost if isinstance(event, TrialPaused)] == [(0, 3), (2, 5)]


def test_an_orphan_that_was_halted_is_stopped_and_one_at_the_full_resource_completed() -> None:
    loop = tuner(StoppingASHA(1, 9, 3), seed=3)
    for event in (CAPACITY_2, report(0, 1, 1.0), report(1, 1, 2.0), report(0, 9, 0.5)):
        loop.handle(event)
    assert orphans(loop, lambda entry: 0) == [
        TrialEnded(loop.ledger.now, 0, "completed"),
        TrialEnded(loop.ledger.now, 1, "stopped"),
    ]


def test_a_scheduler_that_was_used_before_is_refused() -> None:
    used = ASHA(1, 9, 3)
    used.ask()
    with pytest.raises(InputError, match="trial 1 where 0 is next: if it was used before, pass a fresh one"):
        tuner(used).handle(CAPACITY_2)
    spent = FIFO(1, max_trials=1)
    spent.ask()
    with pytest.raises(InputError, match="no trial to start: if it was used before"):
        tuner(spent).handle(CAPACITY_2)


@pytest.mark.parametrize("request_", [PromoteTrial(77, 3), "more"])
def test_a_request_that_is_none_is_refused(request_: Any) -> None:
    with pytest.raises(InputError, match=r"the scheduler asks for .*, which is neither"):
        tuner(Scripted([request_])).handle(CAPACITY_2)


def test_what_a_log_lacks_at_its_end_is_told() -> None:
    records, fresh = half_way()
    for lacking in range(1, 3):
        assert replay(fresh(), records[:-lacking]) == records[-lacking:]


def test_a_log_that_lacks_something_in_its_middle_is_not_the_experiments() -> None:
    records, fresh = half_way()
    with pytest.raises(ReplayError, match=r"the log lacks Launch\(trial=1.* before its record 5"):
        replay(fresh(), [*records[:4], *records[5:]])


def test_a_log_of_another_scheduler_is_told_with_both_decisions() -> None:
    records, _ = half_way()
    with pytest.raises(ReplayError) as error:
        replay(tuner(FIFO(9), seed=3), records)
    assert "record 2 " in str(error.value)
    assert "StartTrial(trial=0, milestone=1" in str(error.value)
    assert "StartTrial(trial=0, milestone=9" in str(error.value)


def test_a_log_with_another_seed_is_told() -> None:
    records, _ = half_way()
    with pytest.raises(ReplayError, match="record 3 "):
        replay(tuner(ASHA(1, 9, 2), seed=4), records)
