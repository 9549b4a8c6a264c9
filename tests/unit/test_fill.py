"""Who gets idle slots, and why not: the policy alone, told of records by hand."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from types import FrameType

import pytest

from rungwise.allocation import ByRung, Fill, Fixed
from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.decisions import PromoteTrial, Resize
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling

LADDER = (9, 27, 81)
EVEN = Scaling(tuple((slots, 1 / slots) for slots in range(1, 9)))


def launch(trial: int, start: int = 27, milestone: int = 81, slots: int = 1) -> Launch:
    return Launch(trial, {}, start, milestone, slots, 0)


def reports(trial: int, start: int, count: int, unit: float = 1.0, at: float = 0.0) -> list[TrialReported]:
    """So many reports of a job that was launched at `at`, one after each unit."""
    return [TrialReported(at + unit * each, trial, start + each, 0.5, {}) for each in range(1, count + 1)]


def told(fill: Fill, *records: Record) -> Fill:
    for record in (CapacityChanged(0.0, 8), *records):
        fill.tell(record)
    return fill


def running(*trials: int, restart: float | None = 1.0, scaling: Scaling | None = EVEN, most: int | None = None) -> Fill:
    """Trials that have trained three units of 1, 2, 3… seconds each, towards 81 from 27."""
    fill = Fill(LADDER, None, most, scaling, restart)
    return told(
        fill, *(launch(trial) for trial in trials), *(r for trial in trials for r in reports(trial, 27, 3, trial + 1.0))
    )  # fmt: skip


def test_idle_slots_go_to_whoever_will_be_done_last() -> None:
    assert running(0, 1).widen([], 1) == [Resize(1, 2)]
    assert running(0, 3).widen([], 4) == [Resize(3, 5)], "with 5 slots it will be done as soon as the other one with 1"
    assert sorted(running(0, 1).widen([], 6), key=lambda each: each.trial) == [Resize(0, 3), Resize(1, 5)]


def test_nobody_gets_more_than_most_nor_more_than_is_known_to_be_faster() -> None:
    assert running(1, most=3).widen([], 7) == [Resize(1, 3)]
    assert running(1, scaling=Scaling(((1, 1.0), (2, 0.5)))).widen([], 7) == [Resize(1, 2)]
    assert running(1, scaling=Scaling(((1, 1.0), (2, 1.5), (4, 0.5)))).widen([], 7) == [Resize(1, 4)]
    assert running(1, scaling=Scaling(((1, 1.0), (2, 1.5)))).widen([], 7) == []


def test_a_restart_must_pay_and_by_a_tenth() -> None:
    """51 units of a second each are left, of which one passes before it pauses: 25 s on two slots."""
    assert running(0, restart=0.0).widen([], 1) == [Resize(0, 2)]
    assert running(0, restart=19.0).widen([], 1) == [Resize(0, 2)]
    assert running(0, restart=21.0).widen([], 1) == []


def test_what_does_not_pay_for_one_is_left_to_the_others() -> None:
    near = told(
        Fill(LADDER, None, None, EVEN, 10.0), launch(0), launch(1, 9, 27), *reports(0, 27, 3), *reports(1, 9, 3)
    )
    assert near.widen([], 3) == [Resize(0, 4)], "the other one has 14 s to go"


def test_nobody_is_paused_again_while_a_pause_is_under_way_and_its_slots_are_promised() -> None:
    fill = running(1)
    assert fill.widen([], 3) == [Resize(1, 4)]
    fill.tell(Pause(1))
    assert fill.widen([], 3) == []
    told(fill, launch(2), *reports(2, 27, 3, 2.0, 6.0))
    assert fill.widen([], 3) == []
    assert fill.widen([], 4) == [Resize(2, 2)]


def test_a_job_that_got_more_is_not_paused_for_the_same_gain() -> None:
    fill = told(Fill(LADDER, None, None, EVEN, 1.0), launch(0, slots=4), *reports(0, 27, 3))
    assert fill.widen([], 0) == []
    assert fill.widen([], 1) == [Resize(0, 5)], "from 12 s to 10 s and a restart is a tenth: of what is left now"
    late = told(Fill(LADDER, None, None, EVEN, 5.0), launch(0, slots=4), *reports(0, 27, 40))
    assert late.widen([], 1) == []


def test_what_is_launched_now_starts_with_idle_slots_for_nothing() -> None:
    fill = told(Fill(LADDER, None, None, EVEN, 1e9))
    assert fill.widen([launch(0)], 3) == [Resize(0, 4)]
    assert told(Fill(LADDER, None, None, Scaling(((1, 1.0),)), 0.0)).widen([launch(0)], 3) == []


def test_the_next_milestone_is_as_far_as_a_trial_surely_trains() -> None:
    """Where trials run on, a job goes for 81, but may be stopped at 27: 15 s, or 7 and a restart."""
    stopping = told(Fill(LADDER, None, None, EVEN, 10.0), launch(0, 0, 81), *reports(0, 0, 11))
    assert stopping.widen([], 1) == []
    news = [stopping.tell(each) for each in reports(0, 11, 17, at=11.0)]
    assert [place for place, look in enumerate(news, 12) if look] == [27], "it is to be looked at again on rung 27"
    assert stopping.widen([], 1) == [Resize(0, 2)]


def test_it_looks_again_when_a_unit_is_known() -> None:
    fill = Fill(LADDER, None, None, EVEN, 1.0)
    records: Sequence[Record] = (launch(0), *reports(0, 27, 4))
    assert [fill.tell(each) for each in records] == [False, False, True, False, False]


def test_idle_slots_come_on_top_of_what_another_policy_gives() -> None:
    fill = told(Fill(LADDER, ByRung(LADDER, 3, 3), None, EVEN, 1.0))
    assert [fill.slots(PromoteTrial(0, rung), 8) for rung in LADDER] == [1, 3, 3]
    assert fill.widen([launch(0, slots=3)], 2) == [Resize(0, 5)]


@pytest.mark.parametrize("gone", [Halt(0), Pause(0), TrialFailed(9.0, 0, 27, "exit", "1"), TrialRewound(9.0, 0, 9)])
def test_whoever_leaves_or_has_nothing_to_go_by_gets_nothing(gone: Record) -> None:
    fill = running(0)
    fill.tell(gone)
    assert fill.widen([], 4) == []


def test_without_figures_nobody_is_paused_before_the_run_has_shown_what_a_restart_takes() -> None:
    fill = running(0, restart=None)
    assert fill.widen([], 4) == []
    resumed = [launch(1, 9, 27), *reports(1, 9, 18, at=2.0), TrialPaused(21.5, 1, 27)]
    assert told(fill, *resumed).widen([], 4) == [Resize(0, 5)], "a start-up of 2 s + 3 units until now, and half a save"
    dear = told(running(0, restart=None), launch(1, 9, 27), *reports(1, 9, 18, at=90.0), TrialPaused(109.0, 1, 27))
    assert dear.widen([], 4) == []


def test_nobody_is_paused_where_a_pause_lost_what_was_trained() -> None:
    fill = told(running(0), launch(1, 0, 9), *reports(1, 0, 9), TrialPaused(9.0, 1, 0))
    assert fill.widen([], 4) == []


def test_what_a_crash_cut_off_is_no_sign_that_a_training_does_not_save() -> None:
    fill = running(0)
    for record in (launch(1, 0, 9), *reports(1, 0, 5), CapacityChanged(5.0, 0), TrialPaused(5.0, 1, 0)):
        fill.tell(record)
    fill.tell(CapacityChanged(5.0, 8))
    assert fill.widen([], 4) == [Resize(0, 5)]


def test_without_figures_nine_tenths_are_shared_until_trials_show_how_much() -> None:
    """Trial 1 was no faster on four slots: a training that ignores its ranks."""
    first = [launch(1, 3, 9), *reports(1, 3, 6), TrialPaused(6.0, 1, 9)]
    again = [launch(1, 9, 27, slots=4), *reports(1, 9, 18, at=6.0), TrialPaused(24.0, 1, 27)]
    assert told(Fill(LADDER), *first).widen([launch(0)], 1) == [Resize(0, 2)]
    third = [launch(1, 27, 81, slots=2), *reports(1, 27, 54, at=24.0), TrialEnded(78.0, 1, "completed")]
    vain = told(Fill(LADDER), *first, *again, *third)
    assert vain.widen([launch(0)], 1) == [Resize(0, 2)], "0.3 of the work is thought to be shared: 1.18 times as fast"
    more = [launch(2, 3, 9), *reports(2, 3, 6), TrialPaused(6.0, 2, 9), launch(2, 9, 27, slots=2), *reports(2, 9, 18)]
    assert told(vain, *more, TrialPaused(24.0, 2, 27), launch(2, 27, 81, slots=3), *reports(2, 27, 54),
                TrialEnded(78.0, 2, "completed")).widen([launch(0)], 1) == []  # fmt: skip


def calls(act: Callable[[], object]) -> int:
    """How many calls it comes to."""
    count = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_neither_a_report_nor_an_answer_costs_more_the_more_trials_there_were() -> None:
    costs = []
    for trials in (10, 500):
        fill = Fill(LADDER, None, None, EVEN, 1.0)
        for trial in range(1, trials):
            told(fill, launch(trial, 3, 9), *reports(trial, 3, 6), TrialPaused(6.0, trial, 9))
        told(fill, launch(0), *reports(0, 27, 3))
        (late,) = reports(0, 30, 1)
        costs.append((calls(partial(fill.tell, late)), calls(partial(fill.widen, [], 3))))
    assert costs[0] == costs[1]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Fill(LADDER, None, 0), "most is 0, but must be a whole number of 1 or more"),
        (lambda: Fill(LADDER, Fixed(2), 1), "most is 1, but a job has 2 slots already"),
        (lambda: Fill(LADDER, restart=-1.0), "restart is -1.0, but must be a finite number of 0 or more"),
        (lambda: Fill(LADDER, restart=float("nan")), "restart is nan"),
    ],
)
def test_numbers_out_of_range_are_refused(made: type[Fill], said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        made()
    assert "\n" not in str(error.value)
