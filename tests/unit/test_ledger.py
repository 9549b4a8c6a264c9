"""The ledger: what a sequence of records says."""

from math import inf, nan
from typing import Any

import pytest

from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.decisions import Disagreement, Finish, OpenRung, PromoteTrial, StartTrial
from rungwise.core.events import CapacityChanged, Draining, TrialEnded, TrialPaused, TrialReported, TrialRewound
from rungwise.core.incumbent import Incumbent
from rungwise.core.ledger import Ledger


def launch(trial: int, start: int = 0, milestone: int = 9, slots: int = 1, parent: int | None = None) -> Launch:
    return Launch(trial, {"x": trial}, start, milestone, slots, 7, parent)


def report(trial: int, resource: int, value: float = 1.0, at: float = 1.0) -> TrialReported:
    return TrialReported(at, trial, resource, value, {})


def ledger(*records: Any, milestones: tuple[int, ...] = (1, 3, 9)) -> Ledger:
    book = Ledger(milestones)
    for record in records:
        book.apply(record)
    return book


def test_it_starts_empty() -> None:
    book = ledger()
    assert (book.trials, book.incumbent, book.finish, book.spent, book.running, book.used) == ({}, None, None, 0, 0, 0)
    assert [rung.milestone for rung in book.rungs] == [1, 3, 9]


def test_a_report_is_admitted_once() -> None:
    book = ledger(launch(0))
    assert book.apply(report(0, 1, 5.0))
    assert not book.apply(report(0, 1, 0.0))
    assert book.apply(report(0, 2, 4.0))
    assert not book.apply(report(0, 1, 0.0))
    assert book.incumbent == Incumbent(0, 2, 4.0)


@pytest.mark.parametrize(
    "end", [TrialPaused(1.0, 0, 1), TrialEnded(1.0, 0, "completed"), TrialEnded(1.0, 0, "failed"), Halt(0)]
)
def test_a_report_is_late_after_a_halt_or_the_end_of_its_job(end: Any) -> None:
    book = ledger(launch(0), report(0, 1, 5.0), end)
    assert not book.apply(report(0, 2, 0.0))
    assert book.incumbent == Incumbent(0, 1, 5.0)
    assert book.spent == 1


def test_a_report_after_being_asked_to_pause_still_counts() -> None:
    assert ledger(launch(0), Pause(0)).apply(report(0, 1))


def test_a_report_of_an_unknown_trial_is_not_admitted() -> None:
    assert not ledger().apply(report(3, 1))


def test_everything_but_such_a_report_is_admitted() -> None:
    book = ledger()
    for record in (
        CapacityChanged(0.0, 1), StartTrial(0, 1), launch(0), report(0, 1), TrialPaused(1.0, 0, 1), PromoteTrial(0, 3),
        launch(0, 1, 3), Pause(0), Halt(0), TrialEnded(2.0, 0, "stopped"), Draining(2.0), Finish("done"),
    ):  # fmt: skip
        assert book.apply(record)


def test_spent_counts_what_was_trained_again_but_not_what_was_kept() -> None:
    book = ledger(launch(0), report(0, 3), TrialPaused(1.0, 0, 3), launch(0, start=3), report(0, 4), report(0, 6))
    assert book.spent == 6
    book = ledger(launch(0), report(0, 3), TrialPaused(1.0, 0, 0), launch(0, start=0), report(0, 1), report(0, 4))
    assert book.spent == 3 + 4


def test_spent_counts_up_to_the_last_report() -> None:
    assert ledger(launch(0), report(0, 4), report(0, 9)).spent == 9
    assert ledger(launch(0), TrialEnded(1.0, 0, "failed")).spent == 0


def test_slots_and_jobs_are_counted_while_they_run() -> None:
    book = ledger(launch(0, slots=2), launch(1))
    assert (book.running, book.used) == (2, 3)
    book.apply(TrialPaused(1.0, 0, 0))
    assert (book.running, book.used) == (1, 1)
    book.apply(launch(0, slots=4))
    assert (book.running, book.used) == (2, 5)
    book.apply(TrialEnded(2.0, 0, "failed"))
    book.apply(TrialEnded(2.0, 1, "lost"))
    assert (book.running, book.used) == (0, 0)


@pytest.mark.parametrize("reason", ["completed", "stopped", "failed", "lost"])
def test_a_trial_ends_as_told(reason: Any) -> None:
    entry = ledger(launch(0), TrialEnded(1.0, 0, reason, "so it was")).trials[0]
    assert (entry.status, entry.detail, entry.ended) == (reason, "so it was", True)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (TrialEnded(1.0, 0, "completed"), "stopped"),
        (TrialEnded(1.0, 0, "stopped"), "stopped"),
        (TrialEnded(1.0, 0, "failed"), "failed"),
        (TrialPaused(1.0, 0, 1), "stopped"),
    ],
)
def test_a_halted_trial_is_stopped_unless_it_failed(end: Any, status: str) -> None:
    assert ledger(launch(0), Halt(0), end).trials[0].status == status


def test_a_paused_trial_can_go_on_from_its_checkpoint() -> None:
    entry = ledger(launch(0, milestone=3), report(0, 4), TrialPaused(1.0, 0, 4)).trials[0]
    assert (entry.status, entry.checkpoint, entry.reached, entry.ended) == ("paused", 4, True, False)
    entry = ledger(launch(0, milestone=3), report(0, 2), TrialPaused(1.0, 0, 2)).trials[0]
    assert (entry.checkpoint, entry.reached) == (2, False)


def test_the_incumbent_is_the_best_over_all_reports_the_earliest_if_tied() -> None:
    book = ledger(
        *(launch(0), launch(1)),
        *(report(0, 1, 3.0), report(1, 1, 2.0), report(0, 2, 2.0), report(1, 2, 9.0)),
    )
    assert book.incumbent == Incumbent(1, 1, 2.0)
    assert (book.trials[0].best, book.trials[0].best_resource) == (2.0, 2)
    assert (book.trials[1].best, book.trials[1].best_resource) == (2.0, 1)
    assert book.trials[1].value == 9.0


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_where_only_clean_trials_may_win_one_that_diverges_is_the_incumbent_no_more(odd: float) -> None:
    book = Ledger((1, 3, 9), winner="clean")
    told: list[Any] = []
    for record in (
        *(launch(0), launch(1), launch(2), report(0, 1, 3.0), report(1, 1, 2.0), report(2, 1, 2.0)),
        *(report(1, 2, odd), report(1, 3, 1.0), report(0, 2, 2.0)),
        *(report(2, 2, odd), report(0, 3, 2.0), report(0, 4, odd), report(2, 3, 0.5)),
    ):
        book.apply(record)
        told.append(book.incumbent)
    assert told[3:6] == [Incumbent(0, 1, 3.0), Incumbent(1, 1, 2.0), Incumbent(1, 1, 2.0)]
    assert told[6:9] == [Incumbent(2, 1, 2.0)] * 3  # the earliest clean one, though trial 1 has been better since
    assert told[9:11] == [Incumbent(0, 2, 2.0)] * 2
    assert told[11:] == [Incumbent(1, 3, 1.0), Incumbent(2, 3, 0.5)]  # nobody is clean: the best over all


def test_a_winner_that_is_replaced_by_a_worse_one_is_no_improvement() -> None:
    book = Ledger((1, 3, 9), winner="clean")
    for record in (
        launch(0),
        launch(1),
        report(0, 1, 3.0, at=1.0),
        report(1, 1, 2.0, at=2.0),
        report(1, 2, nan, at=3.0),
    ):
        book.apply(record)
    assert (book.incumbent, book.improved) == (Incumbent(0, 1, 3.0), (2.0, 2))
    book.apply(report(0, 2, 2.5, at=4.0))
    assert book.improved == (4.0, 4)


@pytest.mark.parametrize("odd", [nan, inf, -inf])
def test_a_diverged_value_is_never_the_best(odd: float) -> None:
    book = ledger(launch(0), report(0, 1, odd))
    assert book.incumbent is None
    assert book.trials[0].diverged
    assert (book.rungs[0].entries, book.rungs[0].best_trial) == (1, None)
    book.apply(report(0, 2, 5.0))
    assert book.incumbent == Incumbent(0, 2, 5.0)


def test_every_rung_passed_at_once_gets_the_value_and_the_first_one_stands() -> None:
    book = ledger(launch(0), launch(1), report(0, 2, 5.0), report(0, 4, 4.0), report(1, 5, 3.0), report(1, 6, 1.0))
    tallies = [(rung.entries, rung.best, rung.best_trial) for rung in book.rungs]
    assert tallies == [(2, 3.0, 1), (2, 3.0, 1), (0, inf, None)]
    assert book.trials[0].rung == 2


def test_the_best_of_a_rung_is_the_earliest_if_tied() -> None:
    book = ledger(launch(0), launch(1), report(1, 1, 2.0), report(0, 1, 2.0))
    assert book.rungs[0].best_trial == 1


def test_openings_capacity_time_and_the_finish_are_remembered() -> None:
    opening = OpenRung(9, Disagreement((1, 0), 0.5))
    book = ledger(CapacityChanged(0.5, 3), opening, launch(0), report(0, 1, at=4.0), Finish("trials"))
    assert (book.capacity, book.openings, book.now, book.finish) == (3, [opening], 4.0, Finish("trials"))


def test_the_best_in_the_top_rung_is_where_the_highest_finite_value_stands() -> None:
    book = ledger(launch(0), launch(1), report(0, 1, 5.0), report(1, 1, 4.0))
    assert book.best_in_top_rung == Incumbent(1, 1, 4.0)
    book.apply(report(1, 3, nan))
    assert book.best_in_top_rung == Incumbent(1, 1, 4.0)
    book.apply(report(0, 4, 6.0))
    assert book.best_in_top_rung == Incumbent(0, 3, 6.0)
    assert book.incumbent == Incumbent(1, 1, 4.0)
    assert ledger(launch(0), report(0, 1, inf)).best_in_top_rung is None


def test_a_child_begins_where_its_parents_checkpoint_is() -> None:
    book = ledger(launch(0), report(0, 4, 5.0), TrialPaused(1.0, 0, 4), launch(1, start=4, parent=0))
    child = book.trials[1]
    assert (child.parent, child.inherited, child.checkpoint, child.position, child.resource) == (0, 4, 4, 4, 4)
    assert (child.rung, child.reported, child.reached, child.best, child.best_resource) == (2, False, False, inf, 0)
    assert [rung.entries for rung in book.rungs] == [1, 1, 0], "what it has not trained it does not count for"
    assert book.spent == 4
    assert not book.apply(report(1, 4, 0.0)), "at 4 the parent has reported"
    assert book.apply(report(1, 5, 6.0))
    assert (child.reported, child.value, child.best, book.spent) == (True, 6.0, 6.0, 5)
    assert book.incumbent == Incumbent(0, 4, 5.0)
    book.apply(report(1, 9, 4.0))
    assert [rung.entries for rung in book.rungs] == [1, 1, 1]
    assert book.incumbent == Incumbent(1, 9, 4.0)


def test_a_child_of_a_parent_without_a_checkpoint_begins_at_nought() -> None:
    child = ledger(launch(0), TrialPaused(1.0, 0, 0), launch(1, parent=0)).trials[1]
    assert (child.parent, child.inherited, child.rung, child.reported) == (0, 0, 0, False)


def test_a_child_that_goes_on_later_is_a_trial_like_any_other() -> None:
    book = ledger(
        launch(0), report(0, 3), TrialPaused(1.0, 0, 3), launch(1, start=3, milestone=6, parent=0),
        report(1, 6), TrialPaused(2.0, 1, 6), launch(1, start=6),
    )  # fmt: skip
    child = book.trials[1]
    assert (child.position, child.checkpoint, child.inherited, child.parent) == (6, 6, 3, 0)
    assert ledger(launch(0)).trials[0].parent is None


def test_a_trial_that_was_rewound_pays_again_for_what_it_trains_again() -> None:
    ledger = Ledger((1, 3, 9))
    first = [launch(0, 0, 3), *(report(0, unit) for unit in (1, 2, 3)), TrialPaused(3.0, 0, 3)]
    second = [launch(0, 3, 9), TrialRewound(3.0, 0, 1), *(report(0, unit) for unit in (2, 3, 4))]
    for record in (*first, *second):
        ledger.apply(record)
    assert ledger.spent == 3 + 3
    assert ledger.trials[0].checkpoint == 1


def test_levels_are_the_values_on_entering_rungs() -> None:
    ledger = Ledger((1, 3, 9))
    for record in (launch(0), report(0, 1, 0.9), report(0, 2, 0.8), report(0, 4, 0.7), report(0, 5, 0.6)):
        ledger.apply(record)
    assert ledger.trials[0].levels == [0.9, 0.7]
    assert len(ledger.trials[0].entered) == 2
    assert ledger.trials[0].rung == 2
    ledger.apply(TrialPaused(5.0, 0, 5))
    ledger.apply(launch(1, 5, 9, parent=0))
    ledger.apply(report(1, 9, 0.5))
    assert (ledger.trials[1].levels, ledger.trials[1].rung) == ([0.5], 3)
