"""Simulated experiments small enough to work out by hand: the clock, the slots, what counts, and bad input."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.decisions import Finish, OpenRung, StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.schedulers import ASHA, FIFO, PASHA, PBT, StoppingASHA, ranking


def rising(trials: int, units: int) -> Any:
    """[trials, units]: the first trial is the best everywhere."""
    return np.arange(1.0, trials + 1)[:, None] + np.zeros(units)


def told(run: Any) -> list[tuple[int, int, int, float, float]]:
    return [(job.trial, job.start, job.end, job.began, job.ended) for job in run.jobs]


def test_one_worker_pays_for_one_unit_after_the_other() -> None:
    run = rw.simulate(rw.Table(rising(2, 3), seconds=[[1, 2, 4], [8, 16, 32]]), FIFO(3), workers=1)
    assert told(run) == [(0, 0, 3, 0.0, 7.0), (1, 0, 3, 7.0, 63.0)]
    assert (run.time, run.resource, run.max_resource) == (63.0, 6, 3)


def test_a_resumed_trial_pays_only_for_its_new_units() -> None:
    run = rw.simulate(rw.Table(rising(3, 3)), ASHA(1, 3, 3), workers=1, stop="drain")
    assert told(run) == [(0, 0, 1, 0.0, 1.0), (1, 0, 1, 1.0, 2.0), (2, 0, 1, 2.0, 3.0), (0, 1, 3, 3.0, 5.0)]
    assert run.resource == 5


def test_events_of_one_moment_are_taken_by_slot() -> None:
    """At 2 s both end; slot 0 takes trial 2 although slot 1 holds the shorter unit."""
    run = rw.simulate(rw.Table(rising(4, 2), seconds=[[1, 1], [2, 0], [5, 5], [7, 7]]), FIFO(2), workers=2)
    assert told(run)[:2] == [(0, 0, 2, 0.0, 2.0), (1, 0, 2, 0.0, 2.0)]
    launches = [record.trial for record in run.log if isinstance(record, Launch)]
    assert launches == [0, 1, 2, 3]


def test_a_slot_whose_job_ends_asks_before_the_next_event() -> None:
    """Slots 0 and 1 end at 1 s: slot 0 asks when rung 1 holds one entry, slot 1 when it holds two."""
    run = rw.simulate(rw.Table(rising(4, 2)), ASHA(1, 2, 2), workers=2, stop="drain")
    assert [(trial, start) for trial, start, *_ in told(run)] == [(0, 0), (1, 0), (2, 0), (0, 1), (3, 0), (1, 1)]
    asked = [record for record in run.log if isinstance(record, Launch)]
    assert [(launch.trial, launch.start) for launch in asked] == [(0, 0), (1, 0), (2, 0), (0, 1), (3, 0), (1, 1)]


def test_an_idle_slot_asks_after_every_event_lowest_first() -> None:
    """One trial, two slots: when its job ends, its own slot promotes it; nobody else has anything to do."""
    run = rw.simulate(rw.Table(rising(2, 4), seconds=[[1] * 4, [3] * 4]), ASHA(1, 4, 2), workers=3, stop="drain")
    assert told(run) == [(0, 0, 1, 0.0, 1.0), (1, 0, 1, 0.0, 3.0), (0, 1, 2, 3.0, 4.0)]


def test_instant_ends_when_one_trial_too_many_would_start() -> None:
    run = rw.simulate(rw.Table(rising(3, 4), seconds=[[1] * 4, [9] * 4, [2] * 4]), FIFO(2), workers=2)
    assert told(run) == [(0, 0, 2, 0.0, 2.0), (2, 0, 2, 2.0, 6.0), (1, 0, 0, 0.0, 6.0)]
    assert run.time == 6.0
    finish = run.log.index(Finish("trials"))
    assert run.log[finish + 1] == Halt(1)


def test_jobs_that_are_cut_come_last_by_slot_and_what_they_reported_counts() -> None:
    """At 5 s trial 4 would start in slot 2; trial 3 sits in slot 0 by then, trial 1 in slot 1."""
    seconds = [[1, 1, 0], [2, 2, 95], [1, 1, 3], [1, 98, 0]]
    values = [[5.0] * 3, [4.0] * 3, [3.0] * 3, [0.5, 0.1, 0.1]]
    run = rw.simulate(rw.Table(values, seconds=seconds), FIFO(3), workers=3)
    assert told(run) == [
        *[(0, 0, 3, 0.0, 2.0), (2, 0, 3, 0.0, 5.0)],
        *[(3, 0, 1, 2.0, 5.0), (1, 0, 2, 0.0, 5.0)],
    ]
    assert run.resource == 9
    assert (run.best.trial, run.best.value) == (3, 0.5)


def test_drain_starts_no_more_and_goes_on_until_nothing_is_promotable() -> None:
    run = rw.simulate(rw.Table(rising(4, 4)), ASHA(1, 4, 2), workers=4, stop="drain")
    assert told(run) == [
        *((trial, 0, 1, 0.0, 1.0) for trial in range(4)),
        *[(0, 1, 2, 1.0, 2.0), (1, 1, 2, 1.0, 2.0)],
        (0, 2, 4, 2.0, 4.0),
    ]
    assert run.log[-1] == Finish("done")
    assert [record.trial for record in run.log if isinstance(record, StartTrial)] == [0, 1, 2, 3]


def test_a_scheduler_with_its_own_limit_ends_when_it_has_nothing_more() -> None:
    run = rw.simulate(rw.Table(rising(9, 2)), FIFO(2, max_trials=3), workers=2)
    assert [trial for trial, *_ in told(run)] == [0, 1, 2]
    assert run.log[-1] == Finish("done")


def test_units_of_no_time_end_at_once() -> None:
    """Everything happens at 0 s, slot 0 first: trial 1 never gets a turn before one too many would start."""
    run = rw.simulate(rw.Table(rising(3, 2), seconds=0), FIFO(2), workers=2)
    assert told(run) == [(0, 0, 2, 0.0, 0.0), (2, 0, 2, 0.0, 0.0), (1, 0, 0, 0.0, 0.0)]


def test_a_job_ends_at_the_first_report_at_or_past_its_milestone() -> None:
    run = rw.simulate(rw.Table(rising(3, 9)), ASHA(1, 9, 3), workers=1, report_at=[2, 5, 9], stop="drain")
    assert told(run) == [(0, 0, 2, 0.0, 2.0), (1, 0, 2, 2.0, 4.0), (2, 0, 2, 4.0, 6.0), (0, 2, 5, 6.0, 9.0)]
    reports = [(record.trial, record.resource) for record in run.log if isinstance(record, TrialReported)]
    assert reports == [(0, 2), (1, 2), (2, 2), (0, 5)]


def test_a_job_whose_reports_end_before_its_milestone_is_completed_there() -> None:
    run = rw.simulate(rw.Table(rising(2, 9)), FIFO(9), workers=1, report_at=[2, 5])
    assert told(run) == [(0, 0, 5, 0.0, 5.0), (1, 0, 5, 5.0, 10.0)]
    assert [record.reason for record in run.log if isinstance(record, TrialEnded)] == ["completed", "completed"]


def test_a_trial_with_no_report_left_cannot_go_on() -> None:
    """Promoted from 3 to 9 with nothing to report after 5: it ends without costing anything more."""
    run = rw.simulate(rw.Table(rising(3, 9)), ASHA(3, 9, 3), workers=1, report_at=[5], stop="drain")
    assert told(run)[-1] == (0, 5, 5, 15.0, 15.0)
    assert run.max_resource == 5


def test_order_says_which_row_a_trial_gets() -> None:
    run = rw.simulate(rw.Table(rising(4, 1)), FIFO(1), workers=1, order=[2, 0])
    assert [record.value for record in run.log if isinstance(record, TrialReported)] == [3.0, 1.0]
    assert (run.best.trial, run.best.value) == (1, 1.0)


def test_the_winner_is_the_best_over_all_reports_the_earliest_if_tied() -> None:
    run = rw.simulate(rw.Table([[5, 1, 9], [1, 7, 8], [2, 3, 4]]), FIFO(3), workers=3, stop="drain")
    assert (run.best.trial, run.best.value) == (1, 1.0)  # at unit 1, before trial 0 had it at unit 2
    assert (run.best_in_top_rung.trial, run.best_in_top_rung.value) == (2, 4.0)
    assert run.top_rung == 3


def test_the_best_in_the_top_rung_is_offered_beside_the_winner() -> None:
    values = [[1.0, 1.0, 1.0], [0.9, 5.0, 5.0], [2.0, 2.0, 2.0]]
    run = rw.simulate(rw.Table(values), ASHA(1, 3, 3), workers=1, stop="drain")
    assert (run.best.trial, run.best.value) == (1, 0.9)
    assert (run.best_in_top_rung.trial, run.best_in_top_rung.value) == (1, 5.0)


def test_a_metric_that_is_better_larger_is_shown_as_it_is() -> None:
    run = rw.simulate(rw.Table([[0.5, 0.6], [0.9, 0.4]], mode="max"), FIFO(2), workers=1)
    assert (run.best.trial, run.best.value) == (1, 0.9)
    assert (run.best_in_top_rung.trial, run.best_in_top_rung.value) == (0, 0.6)
    assert [record.value for record in run.log if isinstance(record, TrialReported)] == [-0.5, -0.6, -0.9, -0.4]


@pytest.mark.parametrize("odd", [nan, inf, -inf, None])
def test_where_nothing_finite_is_reported_nobody_wins(odd: Any) -> None:
    run = rw.simulate(rw.Table([[odd, odd]] * 3), ASHA(1, 2, 2), workers=1, stop="drain")
    assert run.best.trial is None
    assert isnan(run.best.value)
    assert run.best_in_top_rung.trial is None
    assert (run.top_rung, run.max_resource, run.resource) == (1, 1, 3)


def test_a_job_that_reports_nan_runs_to_its_milestone() -> None:
    run = rw.simulate(rw.Table([[1.0, nan, 1.0, 1.0], [2.0] * 4]), ASHA(4, 4, 2), workers=1)
    assert told(run)[0] == (0, 0, 4, 0.0, 4.0)


def test_nothing_to_train_is_over_before_it_began() -> None:
    run = rw.simulate(rw.Table(rising(2, 2)), FIFO(2), order=[])
    assert (list(run.jobs), run.time, run.resource, run.max_resource, run.top_rung) == ([], 0.0, 0, 0, 0)
    assert (run.best.trial, run.best_in_top_rung.trial) == (None, None)


def test_stopping_frees_the_slot_at_once() -> None:
    run = rw.simulate(rw.Table(rising(2, 3)[::-1]), StoppingASHA(1, 3, 3), workers=2, stop="drain")
    assert told(run) == [(0, 0, 3, 0.0, 3.0), (1, 0, 3, 0.0, 3.0)]
    run = rw.simulate(rw.Table(rising(2, 3)), StoppingASHA(1, 3, 3), workers=2, stop="drain")
    assert told(run) == [(1, 0, 1, 0.0, 1.0), (0, 0, 3, 0.0, 3.0)]


def test_the_log_goes_to_the_callers_as_well() -> None:
    class Kept:
        def __init__(self) -> None:
            self.records: list[Record] = []

        def append(self, records: Sequence[Record]) -> None:
            self.records += records

    kept = Kept()
    run = rw.simulate(rw.Table(rising(20, 9)), PASHA(1, 9, 3, ranking=ranking.Direct()), log=kept)
    assert kept.records == list(run.log)
    assert isinstance(run.log[0], CapacityChanged)


def test_an_opening_is_in_the_log() -> None:
    values = rising(9, 9)
    values[:, 2:] = values[::-1, 2:]
    scheduler = PASHA(1, 9, 3, ranking=ranking.Direct())
    run = rw.simulate(rw.Table(values), scheduler, workers=1, stop="drain")
    assert [record.milestone for record in run.log if isinstance(record, OpenRung)] == [9]
    assert scheduler.cap == 9


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"workers": 0}, "workers is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"workers": True}, "workers is True"),
        ({"workers": 2.0}, "workers is 2.0"),
        ({"stop": "later"}, "stop is 'later'"),
        ({"stop": None}, "stop is None"),
        ({"order": [0, 4]}, "row 4, but the table has rows 0 to 3"),
        ({"order": [-1]}, "row -1"),
        ({"order": [1.5]}, "order holds 1.5"),
        ({"report_at": []}, "report_at is []"),
        ({"report_at": [0, 1]}, "report_at is [0, 1]"),
        ({"report_at": [1, 10]}, "report_at is [1, 10]"),
        ({"report_at": [2, 2]}, "report_at is [2, 2]"),
        ({"report_at": [3, 1]}, "report_at is [3, 1]"),
        ({"report_at": [1.5, 3]}, "report_at holds 1.5"),
        ({"report_at": ["1"]}, "report_at holds '1'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"scheduler": FIFO(10)}, "max_resource is 10, but the table holds 9 units"),
        ({"scheduler": ASHA(1, 81, 3)}, "max_resource is 81, but the table holds 9 units"),
    ],
)
def test_bad_input_is_told_in_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as error:
        rw.simulate(rw.Table(rising(4, 9)), **({"scheduler": FIFO(9)} | arguments))
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


# The backend itself


def simulator(workers: int = 2, after: float = 0.0, **options: Any) -> Simulator:
    def curve(launch: Launch) -> Curve:
        units = range(launch.start + 1, launch.milestone + 1)
        return Curve(units, [float(unit) for unit in units], [1.0] * len(units), after=after)

    return Simulator(curve, workers=workers, max_resource=9, **options)


def heard(backend: Simulator) -> list[BackendEvent]:
    return [event for (event,) in backend.events()]


def launch(trial: int, start: int = 0, milestone: int = 3, slots: int = 1) -> Launch:
    return Launch(trial, {}, start, milestone, slots, 0)


def test_its_first_event_is_its_capacity_and_it_ends_when_nothing_runs() -> None:
    assert heard(simulator(3)) == [CapacityChanged(0.0, 3)]


def test_its_clock_can_begin_where_another_ended() -> None:
    backend = simulator(start_at=40.0)
    backend.submit(launch(0, start=1, milestone=2))
    assert heard(backend) == [
        CapacityChanged(40.0, 2),
        TrialReported(41.0, 0, 2, 2.0, {}),
        TrialPaused(41.0, 0, 2),
    ]


def test_a_trial_at_the_full_resource_is_completed_and_any_other_paused() -> None:
    backend = simulator()
    backend.submit(launch(0, milestone=1))
    backend.submit(launch(1, start=8, milestone=9))
    ends = [event for (event,) in backend.events() if isinstance(event, TrialPaused | TrialEnded)]
    assert ends == [TrialPaused(1.0, 0, 1), TrialEnded(1.0, 1, "completed")]


def test_a_pause_takes_effect_at_the_next_report_and_saving_comes_after_it() -> None:
    backend = simulator(after=0.5)
    backend.submit(launch(0, milestone=9))
    seen = []
    for (event,) in backend.events():
        seen.append(event)
        if isinstance(event, TrialReported) and event.resource == 2:
            backend.submit(Pause(0))
    assert seen[-2:] == [TrialReported(3.0, 0, 3, 3.0, {}), TrialPaused(3.5, 0, 3)]


def test_a_job_that_is_to_pause_and_reports_its_milestone_pauses_as_it_would_have() -> None:
    backend = simulator(after=0.5)
    backend.submit(launch(0, start=4, milestone=5))
    backend.submit(launch(1, start=8, milestone=9))
    backend.submit(Pause(0))
    backend.submit(Pause(1))
    ends = [event for event in heard(backend) if isinstance(event, TrialPaused | TrialEnded)]
    assert ends == [TrialPaused(1.5, 0, 5), TrialEnded(1.5, 1, "completed")]


def test_cuts_of_one_moment_are_told_by_slot_each_once() -> None:
    backend = simulator(3)
    for trial in (5, 2, 9):
        backend.submit(launch(trial))
    for command in (Halt(2), Pause(9), Halt(9), Halt(5), Halt(7)):
        backend.submit(command)
    assert heard(backend)[1:] == [
        TrialEnded(0.0, 5, "stopped"),
        TrialEnded(0.0, 2, "stopped"),
        TrialEnded(0.0, 9, "stopped"),
    ]


def test_a_job_goes_to_the_slot_that_has_just_become_free_else_to_the_lowest() -> None:
    """Told apart by who comes first among reports of one moment."""
    backend = simulator(3)
    order = []
    events = backend.events()
    next(events)
    for trial in (0, 1, 2):
        backend.submit(launch(trial, milestone=1))
    for (event,) in events:
        if isinstance(event, TrialReported):
            order.append(event.trial)
        elif event.trial == 1:  # type: ignore[union-attr]
            backend.submit(launch(10, milestone=2))  # slot 1, although slot 0 is idle
        elif event.trial == 2:  # type: ignore[union-attr]
            backend.submit(launch(11, milestone=2))  # slot 2
            backend.submit(launch(12, milestone=2))  # slot 0
    assert order == [0, 1, 2, 12, 10, 11, 12, 10, 11]


def test_a_wide_job_takes_several_slots() -> None:
    backend = simulator(3)
    backend.submit(launch(0, slots=2, milestone=1))
    backend.submit(launch(1, slots=1, milestone=1))
    reports = [event.trial for (event,) in backend.events() if isinstance(event, TrialReported)]
    assert reports == [0, 1]


class Heirs(FIFO):
    """Every trial after the first goes on from it."""

    def ask(self) -> Any:
        start = super().ask()
        return None if start is None else replace(start, parent=0 if start.trial else None)


@pytest.mark.parametrize("scheduler", [PBT(4, 1, 3), Heirs(3)], ids=["pbt", "ones own"])
def test_a_table_has_no_curve_of_a_trial_that_inherits(scheduler: Any) -> None:
    with pytest.raises(InputError, match="a table has no curve of such a trial") as error:
        rw.simulate(rw.Table([[1.0, 1.0, 1.0]] * 4), scheduler)
    assert "\n" not in str(error.value)
