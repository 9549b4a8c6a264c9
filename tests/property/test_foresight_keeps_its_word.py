"""Whose checkpoints can be needed no more: never one that is needed after all, and every one that the rules give up."""

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.decisions import PromoteTrial, StartTrial
from rungwise.core.events import TrialEnded, TrialReported
from rungwise.core.records import Record
from rungwise.schedulers import ASHA, PBT
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay
from rungwise.tuner.tuner import Tuner
from twins.cases import Case, cases, make
from twins.foresight import Moment, Watched, ever_promoted
from twins.runs import Changing, Experiment, Kept, Rows, Widths

HURDLED = ["asha-hurdle", "pasha-hurdle", "stopping-pasha-hurdle"]
TWINNED = ["asha", "pasha", "gated", "stopping-pasha", "brackets", "halving", "hyperband", *HURDLED]
OTHERS = ["fifo", "stopping", "median", "taper", "taper-open"]
capacities = st.dictionaries(st.integers(0, 60), st.integers(1, 5), max_size=4)


def made(name: str, case: Case, *, known: bool) -> tuple[Any, Any]:
    fast, slow = make(name, case)
    if known and hasattr(fast, "expect"):
        fast.expect(len(case.values))
    return fast, slow


def tuner_of(scheduler: Any, case: Case, exhausted: int | None = None) -> Tuner:
    trials = len(case.values)
    rows = Rows(trials if exhausted is None else min(trials, exhausted))
    return Tuner(scheduler, rows, Widths(1), seed=1, trials=trials if exhausted is None else None, stop=case.stop)


def capped(case: Case, changes: dict[int, int]) -> dict[int, int]:
    return {count: min(capacity, case.workers) for count, capacity in changes.items()}


def watch(
    name: str, case: Case, *, known: bool, changes: dict[int, int] | None = None, exhausted: int | None = None
) -> list[Record]:
    """The records of an experiment whose scheduler is asked about everybody all the time."""
    fast, slow = made(name, case, known=known)
    watched = Watched(fast, len(case.values) if known else None, slow if name in TWINNED else None)
    log = Kept()
    backend = Experiment(name, case, gaps=True).backend()
    drive(tuner_of(watched, case, exhausted), Changing(backend, capped(case, changes or {})), log)
    return log.records


@pytest.mark.parametrize("name", [*TWINNED, *OTHERS])
@given(case=cases(ends=True), known=st.booleans(), changes=capacities, exhausted=st.none() | st.integers(0, 8))
@settings(max_examples=15)
def test_nobody_given_up_is_promoted_and_everybody_is_whom_the_rules_give_up(
    name: str, case: Case, known: bool, changes: dict[int, int], exhausted: int | None
) -> None:
    watch(name, case, known=known, changes=changes, exhausted=exhausted)


@given(
    case=cases(ends=True),
    size=st.integers(4, 9),
    interval=st.integers(1, 4),
    quantile=st.sampled_from([0.25, 0.34, 0.5]),
    changes=capacities,
    seed=st.integers(0, 1000),
)
@settings(max_examples=15)
def test_no_child_inherits_from_a_trial_that_was_given_up(
    case: Case, size: int, interval: int, quantile: float, changes: dict[int, int], seed: int
) -> None:
    """Here a child's curve is a row of its own, from where its parent stands."""
    watched = Watched(PBT(size, min(interval, case.high), case.high, quantile, seed=seed), None)
    backend = Experiment("pbt", case, gaps=True).backend()
    drive(tuner_of(watched, case), Changing(backend, capped(case, changes)), Kept())


@pytest.mark.parametrize("name", ["asha", "pasha", "gated", "taper", "stopping-pasha", "brackets", *HURDLED])
@given(case=cases(ends=True))
@settings(max_examples=15)
def test_decisions_do_not_depend_on_who_knows_or_asks(name: str, case: Case) -> None:
    asked = watch(name, case, known=True)
    log = Kept()
    drive(tuner_of(made(name, case, known=False)[0], case), Experiment(name, case, gaps=True).backend(), log)
    assert repr(asked) == repr(log.records)


@pytest.mark.parametrize("name", ["asha", "pasha", "gated", "taper", "stopping-pasha", "brackets", *HURDLED])
@given(case=cases(ends=True))
@settings(max_examples=15)
def test_who_asks_once_hears_what_who_asks_always_hears(name: str, case: Case) -> None:
    """After a replay nobody has asked yet."""
    case = replace(case, stop="drain")  # else a trial too many starts in the end
    always, once = (made(name, case, known=True)[0] for _ in range(2))
    log = Kept()
    drive(tuner_of(Watched(always, None), case), Experiment(name, case, gaps=True).backend(), log)
    replay(tuner_of(once, case), log.records)
    for trial in range(len(case.values) + 1):
        assert once.may_promote(trial) == always.may_promote(trial)


def value_at(rung: list[float], position: int) -> float:
    """A value that stands at this position of those there."""
    if position == len(rung):
        return rung[-1] + 1.0 if rung else 0.0
    return (rung[position] + rung[position - 1]) / 2 if position > 0 else rung[0] - 1.0


def walked(eta: int, trials: int, rungs: int, random: Random) -> Counter[bool]:
    """Train by ASHA at random until nothing is left to do; how often a waiting trial could be promoted, and not."""
    asha, moment = ASHA(1, eta**rungs, eta, max_trials=trials), Moment(eta, trials, ((),) * rungs)
    values: list[list[float]] = [[] for _ in range(rungs + 1)]
    counts: Counter[bool] = Counter()
    while True:
        asked = moment.asked()
        moves = [*sorted(moment.goes), *([] if asked is None else [None])]
        if not moves:
            return counts
        trial = random.choice(moves)
        if trial is None:
            assert asked is not None
            moment, promoted = asked
            request = asha.ask()
            assert isinstance(request, StartTrial) if promoted is None else isinstance(request, PromoteTrial)
        elif random.random() < 0.1:
            moment = moment.lost(trial)
            asha.tell(TrialEnded(0.0, trial, "lost"))
        else:
            rung, position = moment.ahead[trial], random.choice(moment.positions(trial))
            value = value_at(values[rung], position)
            values[rung].insert(position, value)
            moment = moment.reported(trial, position)
            asha.tell(TrialReported(0.0, trial, eta**rung, value, {}))
        waiting = set(range(len(moment.ahead))) - moment.goes - moment.dead
        promising = {trial for trial in waiting if asha.may_promote(trial)}
        assert promising == waiting & ever_promoted(moment)
        counts += Counter({True: len(promising), False: len(waiting - promising)})


@pytest.mark.parametrize(("eta", "trials", "rungs"), [(2, 3, 2), (3, 4, 1), (2, 4, 1), (2, 4, 2)])
def test_asha_knows_exactly_who_is_promoted_however_it_goes_on(eta: int, trials: int, rungs: int) -> None:
    """Against every continuation, tried one by one; jobs that pass no rung without pausing there."""
    counts: Counter[bool] = Counter()
    for seed in range(300):
        counts += walked(eta, trials, rungs, Random(seed))
    assert min(counts[True], counts[False]) > 500
