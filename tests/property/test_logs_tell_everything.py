"""What must hold of any log, and of any experiment that is replayed, interrupted or resumed from one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rungwise.core.commands import Launch, Pause
from rungwise.core.decisions import Finish, OpenRung, PromoteTrial, StartTrial
from rungwise.core.errors import ReplayError
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import BACKEND_EVENTS, Record
from rungwise.tuner.recovery import replay
from twins.cases import Case, cases
from twins.rungs import Entry, milestones, promotable_by_floor, promotable_by_quantile
from twins.runs import Experiment, Span, spans

SYNCHRONOUS = ["halving", "hyperband"]
NAMES = ["fifo", "asha", "stopping", "pasha", "stopping-pasha", "brackets", "median", *SYNCHRONOUS]
small = cases(trials=9, units=10)


def text(records: Sequence[Record]) -> list[str]:
    """Comparable where values are NaN."""
    return [repr(record) for record in records]


def check_capacity(records: Sequence[Record]) -> None:
    """No launch ever takes more slots than are free, and none launches a trial that is running."""
    capacity, running = 0, {}
    for record in records:
        match record:
            case CapacityChanged(_, capacity):
                pass
            case Launch(trial, _, _, _, slots):
                assert trial not in running
                running[trial] = slots
                assert sum(running.values()) <= capacity
            case TrialPaused(_, trial) | TrialEnded(_, trial):
                del running[trial]
            case _:
                pass


def check_promotions(records: Sequence[Record], case: Case) -> None:
    """By the rule of ASHA and PASHA: at the moment of each promotion the trial is among the best of its rung, and not
    yet promoted.
    """
    levels = milestones(case.low, case.high, case.eta)
    rungs: list[list[Entry]] = [[] for _ in levels]
    promoted: set[tuple[int, int]] = set()
    for record in records:
        match record:
            case TrialReported(_, trial, resource, value):
                for k, level in enumerate(levels):
                    if resource >= level and trial not in {entry.trial for entry in rungs[k]}:
                        rungs[k].append(Entry(trial, value))
            case PromoteTrial(trial, milestone):
                k = levels.index(milestone) - 1
                if case.rule == "floor":
                    best = promotable_by_floor(rungs[k], case.eta)
                else:
                    best = promotable_by_quantile(rungs[k], levels[k], levels[k + 1])
                assert trial in {entry.trial for entry in best}
                assert (k, trial) not in promoted
                promoted.add((k, trial))
            case _:
                pass


def check_spans(found: Sequence[Span]) -> None:
    """Every job goes on from its trial's last checkpoint."""
    for span in found:
        assert span.start == span.checkpoint


@pytest.mark.parametrize("name", NAMES)
@given(
    case=cases(),
    widest=st.integers(1, 3),
    changes=st.dictionaries(st.integers(0, 60), st.integers(1, 5), max_size=4),
)
def test_capacity_is_never_exceeded_even_as_it_changes(
    name: str, case: Case, widest: int, changes: dict[int, int]
) -> None:
    capped = {count: min(capacity, case.workers) for count, capacity in changes.items()}
    tuner, records = Experiment(name, case, widest).run(capped)
    check_capacity(records)
    check_spans(spans(records))
    assert isinstance(tuner.ledger.finish, Finish)
    assert tuner.ledger.running == tuner.ledger.used == 0


@pytest.mark.parametrize("name", ["asha", "pasha"])
@given(case=cases())
def test_a_promoted_trial_was_among_the_best_at_that_moment(name: str, case: Case) -> None:
    _, records = Experiment(name, case).run()
    check_promotions(records, case)


@given(case=cases(trials=25))
def test_pasha_trains_nobody_beyond_the_top_open_rung(case: Case) -> None:
    _, records = Experiment("pasha", case).run()
    levels = milestones(case.low, case.high, case.eta)
    cap = levels[min(1, len(levels) - 1)]
    for record in records:
        match record:
            case OpenRung(milestone):
                assert milestone == levels[levels.index(cap) + 1]
                cap = milestone
            case Launch():
                assert record.milestone <= cap
            case _:
                pass


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=cases(), widest=st.integers(1, 2))
def test_the_same_seed_gives_the_same_log(name: str, case: Case, widest: int) -> None:
    assume(widest <= case.workers)
    experiment = Experiment(name, case, widest)
    assert text(experiment.run()[1]) == text(experiment.run()[1])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=cases(), exhausted=st.none() | st.integers(0, 5))
def test_every_decision_is_reproduced_from_the_log(name: str, case: Case, exhausted: int | None) -> None:
    experiment = Experiment(name, case, exhausted_after=exhausted)
    before, records = experiment.run()
    after = experiment.tuner()
    assert replay(after, records) == []
    assert after.ledger.finish == before.ledger.finish
    assert repr(after.ledger) == repr(before.ledger)


def changed(record: Any) -> Any:
    match record:
        case Finish(reason):
            return Finish("space" if reason != "space" else "done")
        case OpenRung(milestone):
            return replace(record, milestone=milestone + 1)
        case _ if hasattr(record, "trial"):
            return replace(record, trial=record.trial + 1)
        case _:
            return replace(record, at=record.at + 1.0)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=cases(), where=st.integers(0, 10_000))
def test_a_changed_missing_or_foreign_record_is_told(name: str, case: Case, where: int) -> None:
    experiment = Experiment(name, case)
    records = experiment.run()[1]
    decided = [i for i, record in enumerate(records) if not isinstance(record, BACKEND_EVENTS)]
    i = decided[where % len(decided)]
    with pytest.raises(ReplayError, match=f"record {i + 1} "):
        replay(experiment.tuner(), [*records[:i], changed(records[i]), *records[i + 1 :]])
    with pytest.raises(ReplayError, match="record"):
        replay(experiment.tuner(), [*records[: i + 1], records[i], *records[i + 1 :]])
    if i + 1 < len(records):
        with pytest.raises(ReplayError, match="record"):
            replay(experiment.tuner(), [*records[:i], *records[i + 1 :]])


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=small, where=st.integers(0, 10_000), again=st.integers(0, 10_000))
def test_a_log_cut_after_any_record_goes_on_to_the_end(name: str, case: Case, where: int, again: int) -> None:
    """Whatever was running is trained again from its last checkpoint, and nothing else is; twice over."""
    experiment = Experiment(name, case)
    whole = experiment.run()[1]
    tuner, resumed = experiment.resume(whole[: where % (len(whole) + 1)])
    for _ in range(2):
        assert isinstance(tuner.ledger.finish, Finish)
        started = [record.trial for record in resumed if isinstance(record, StartTrial)]
        assert started == list(range(len(started)))
        if case.stop == "drain" and name not in SYNCHRONOUS:
            assert len(started) == len(case.values)
        check_capacity(resumed)
        if name in ("asha", "pasha"):
            check_promotions(resumed, case)
        check_spans(spans(resumed))
        assert replay(experiment.tuner(), resumed) == []
        tuner, resumed = experiment.resume(resumed[: again % (len(resumed) + 1)])


@settings(max_examples=50)
@given(case=small, where=st.integers(0, 10_000))
def test_resuming_trains_every_trial_of_fifo_to_the_end_all_the_same(case: Case, where: int) -> None:
    experiment = Experiment("fifo", replace(case, stop="drain"))
    uncut, whole = experiment.run()
    tuner, _ = experiment.resume(whole[: where % (len(whole) + 1)])
    assert tuner.ledger.finish == Finish("done")
    if uncut.ledger.incumbent is None:
        assert tuner.ledger.incumbent is None
    else:
        assert tuner.ledger.incumbent is not None
        assert tuner.ledger.incumbent.value == uncut.ledger.incumbent.value
    assert {entry.resource for entry in tuner.ledger.trials.values()} == {case.high}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=small, after=st.integers(0, 40))
def test_an_interrupt_pauses_everything_and_going_on_trains_no_unit_twice(name: str, case: Case, after: int) -> None:
    experiment = Experiment(name, case)
    tuner, records = experiment.run({after: 0})
    if tuner.ledger.finish is None:
        assert tuner.ledger.running == 0
        paused = {record.trial for record in records if isinstance(record, Pause)}
        ends = ("paused", "completed", "stopped")  # its next report may be what stops it
        assert all(tuner.ledger.trials[trial].status in ends for trial in paused)
        assert tuner.over
    resumed, whole = experiment.resume(records)
    assert isinstance(resumed.ledger.finish, Finish)
    assert whole[: len(records)] == records or text(whole[: len(records)]) == text(records)
    reports = [(record.trial, record.resource) for record in whole if isinstance(record, TrialReported)]
    assert len(set(reports)) == len(reports)
    last: dict[int, int] = {}
    for span in spans(whole):
        assert span.start == last.get(span.trial, 0)
        last[span.trial] = span.reached
    assert resumed.ledger.spent == sum(last.values())


@dataclass(frozen=True)
class Totals:
    """What a ledger counts, worked out from the records alone."""

    spent: int
    best: float | None
    now: float

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Totals":
        reports = [record for record in records if isinstance(record, TrialReported)]
        finite = [report.value for report in reports if isfinite(report.value)]
        return cls(len(reports), min(finite, default=None), max(r.at for r in records if isinstance(r, BACKEND_EVENTS)))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50)
@given(case=cases())
def test_the_ledger_counts_what_the_records_say(name: str, case: Case) -> None:
    tuner, records = Experiment(name, case).run()
    incumbent = tuner.ledger.incumbent
    assert Totals.of(records) == Totals(tuner.ledger.spent, incumbent.value if incumbent else None, tuner.ledger.now)
