"""What becomes of a trial whose job died: tried again, given up, or the whole experiment suspended."""

from collections.abc import Mapping, Sequence
from typing import Any

from rungwise.allocation import Fixed
from rungwise.core.commands import Launch, Pause
from rungwise.core.decisions import FailTrial, Finish, PromoteTrial, StartTrial, Suspend
from rungwise.core.events import CapacityChanged, Cause, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.schedulers import ASHA, FIFO, StoppingASHA
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner


class Numbers:
    def suggest(self, history: Any, request: StartTrial) -> Mapping[str, int]:
        return {"x": request.trial}


def tuner(scheduler: Any, **options: Any) -> Tuner:
    return Tuner(scheduler, Numbers(), Fixed(1), **options)


def report(trial: int, resource: int, value: float = 1.0) -> TrialReported:
    return TrialReported(float(resource), trial, resource, value, {"loss": value})


def died(trial: int, resource: int = 0, detail: str = "boom", cause: Cause = "exception") -> TrialFailed:
    return TrialFailed(9.0, trial, resource, cause, detail)


def feed(loop: Tuner, *events: Any) -> list[Record]:
    return [record for event in events for record in loop.handle(event)]


def launches(records: Sequence[Record]) -> list[tuple[int, int, int]]:
    return [(each.trial, each.start, each.milestone) for each in records if isinstance(each, Launch)]


def test_a_trial_whose_job_died_goes_on_from_its_checkpoint_before_anything_new() -> None:
    loop = tuner(FIFO(9, max_trials=3), max_retries=2)
    feed(loop, CapacityChanged(0.0, 1), report(0, 1), report(0, 5))
    records = feed(loop, died(0, resource=4))
    assert records == [died(0, resource=4), Launch(0, {"x": 0}, 4, 9, 1, loop.ledger.trials[0].seed)]
    assert loop.ledger.trials[0].status == "running"


def test_it_is_given_up_after_so_many_retries_and_the_scheduler_hears_of_its_end() -> None:
    loop = tuner(ASHA(1, 9, 3), max_retries=2)
    feed(loop, CapacityChanged(0.0, 1), died(0, detail="one"), died(0, detail="two"))
    records = feed(loop, died(0, detail="three"))
    assert FailTrial(0) in records
    entry = loop.ledger.trials[0]
    assert (entry.status, entry.failures, entry.detail) == ("failed", 3, "three")
    assert launches(records) == [(1, 0, 1)]


def test_without_retries_the_first_death_is_the_end() -> None:
    loop = tuner(FIFO(9, max_trials=1))
    records = feed(loop, CapacityChanged(0.0, 1), died(0))
    assert records[-2:] == [FailTrial(0), Finish("done")]


def test_what_died_twice_at_the_same_place_in_the_same_way_is_not_tried_a_third_time() -> None:
    loop = tuner(FIFO(9, max_trials=1), max_retries=5)
    feed(loop, CapacityChanged(0.0, 1), report(0, 4), died(0, detail="Traceback 0x1\nValueError: no"), report(0, 4))
    assert FailTrial(0) in feed(loop, died(0, detail="Traceback 0x2\nValueError: no"))


def test_another_place_another_cause_or_another_message_is_tried_again() -> None:
    loop = tuner(FIFO(9, max_trials=1), max_retries=5)
    feed(loop, CapacityChanged(0.0, 1), report(0, 4), died(0))
    assert launches(feed(loop, report(0, 4), report(0, 5), died(0))) == [(0, 0, 9)]
    assert launches(feed(loop, report(0, 4), report(0, 5), died(0, cause="memory"))) == [(0, 0, 9)]
    assert launches(feed(loop, report(0, 4), report(0, 5), died(0, cause="memory", detail="bang"))) == [(0, 0, 9)]


def test_one_that_died_after_its_milestone_waits_for_its_promotion_like_any_other() -> None:
    loop = tuner(ASHA(1, 9, 3, max_trials=3), max_retries=2)
    feed(loop, CapacityChanged(0.0, 1), report(0, 1, 0.5))
    assert launches(feed(loop, died(0))) == [(1, 0, 1)]
    feed(loop, report(1, 1), TrialPaused(1.0, 1, 1), report(2, 1))
    assert launches(feed(loop, TrialPaused(1.0, 2, 1))) == [(0, 0, 3)]


def test_one_that_died_after_the_full_resource_runs_once_more_to_leave_its_checkpoint() -> None:
    loop = tuner(FIFO(3, max_trials=1), max_retries=1)
    feed(loop, CapacityChanged(0.0, 1), report(0, 3))
    assert launches(feed(loop, died(0, resource=2))) == [(0, 2, 3)]
    assert feed(loop, report(0, 3), TrialEnded(4.0, 0, "completed"))[-1] == Finish("done")


def test_a_job_that_died_while_it_was_told_to_stop_has_stopped() -> None:
    loop = tuner(StoppingASHA(1, 9, 2, max_trials=2), max_retries=2)
    feed(loop, CapacityChanged(0.0, 2), report(1, 1, 0.5), report(0, 1, 0.9))
    feed(loop, died(0))
    assert loop.ledger.trials[0].status == "stopped"


def test_too_many_failed_trials_in_a_row_suspend_the_experiment_and_resuming_goes_on() -> None:
    loop = tuner(FIFO(9), max_failures=2)
    records = feed(loop, CapacityChanged(0.0, 2), report(0, 1), died(1), died(2))
    assert records[-3:] == [FailTrial(2), Suspend(2, 1), Pause(0)]
    assert feed(loop, TrialPaused(9.0, 0, 1))[1:] == []
    assert loop.over
    assert loop.ledger.finish is None
    assert loop.ledger.suspended == Suspend(2, 1)
    again = feed(loop, CapacityChanged(9.0, 2))
    assert launches(again) == [(0, 1, 9), (3, 0, 9)]
    assert loop.ledger.suspended is None
    assert Suspend(2, 1) not in feed(loop, died(3))


def test_a_trial_that_comes_to_a_good_end_between_starts_the_count_anew() -> None:
    loop = tuner(FIFO(9), max_failures=2)
    feed(loop, CapacityChanged(0.0, 1), died(0), report(1, 9), TrialEnded(9.0, 1, "completed"))
    assert not any(isinstance(each, Suspend) for each in feed(loop, died(2)))
    assert Suspend(2, 2) in feed(loop, died(3))


def test_a_log_with_retries_replays() -> None:
    def fresh() -> Tuner:
        return tuner(ASHA(1, 9, 3, max_trials=4), max_retries=1, max_failures=3)

    loop = fresh()
    records = feed(
        loop, CapacityChanged(0.0, 2), died(0), report(1, 1), TrialPaused(1.0, 1, 1), report(0, 1), died(0, detail="x")
    )
    assert [each for each in records if isinstance(each, FailTrial | PromoteTrial)] == [FailTrial(0)]
    assert replay(fresh(), records) == []
