"""What every scheduler must do, whoever uses it: the tuner, the simulator, or somebody by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from rungwise import schedulers
from rungwise.core.decisions import OpenRung, PromoteTrial, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers import ranking

Make = Callable[..., Any]


def fifo(max_resource: int = 9, max_trials: int | None = None) -> Any:
    return schedulers.FIFO(max_resource, max_trials=max_trials)


def median(max_resource: int = 9, max_trials: int | None = None) -> Any:
    return schedulers.MedianStopping(max_resource, min_trials=3, max_trials=max_trials)


def population(max_resource: int = 9, max_trials: int | None = None) -> Any:
    return schedulers.PBT(trials=30, interval=4, max_resource=max_resource, max_trials=max_trials)


def taper(max_resource: int = 9, max_trials: int | None = None, min_resource: int = 1) -> Any:
    return schedulers.Taper(min_resource, max_resource, max_trials, gamma=1.0, survivors=1)


def on_a_ladder(scheduler: Make, **options: Any) -> Make:
    def make(max_resource: int = 9, max_trials: int | None = None, min_resource: int = 1) -> Any:
        return scheduler(min_resource=min_resource, max_resource=max_resource, eta=3, max_trials=max_trials, **options)

    return make


PROMOTING: dict[str, Make] = {
    "asha-floor": on_a_ladder(schedulers.ASHA, rule="floor"),
    "asha-quantile": on_a_ladder(schedulers.ASHA, rule="quantile"),
    "pasha-auto": on_a_ladder(schedulers.PASHA),
    "pasha-quantile": on_a_ladder(schedulers.PASHA, rule="quantile", ranking=ranking.Auto(75)),
    "pasha-direct": on_a_ladder(schedulers.PASHA, ranking=ranking.Direct()),
    "pasha-fixed": on_a_ladder(schedulers.PASHA, ranking=ranking.Fixed(0.1)),
    "pasha-sigma": on_a_ladder(schedulers.PASHA, ranking=ranking.Sigma(2)),
    "pasha-mean": on_a_ladder(schedulers.PASHA, ranking=ranking.MeanDistance()),
    "pasha-median": on_a_ladder(schedulers.PASHA, ranking=ranking.MedianDistance()),
    "pasha-rbo": on_a_ladder(schedulers.PASHA, ranking=ranking.RBO(1.0, 0.5)),
    "pasha-rrr": on_a_ladder(schedulers.PASHA, ranking=ranking.RRR(1.0, 0.05)),
    "pasha-arrr": on_a_ladder(schedulers.PASHA, ranking=ranking.ARRR(1.0, 0.05)),
    "gated": on_a_ladder(schedulers.GatedPASHA),
    "gated-narrow": on_a_ladder(schedulers.GatedPASHA, phi=0, width=20, scouts=3),
}
STOPPING: dict[str, Make] = {
    "stopping-floor": on_a_ladder(schedulers.StoppingASHA, rule="floor"),
    "stopping-quantile": on_a_ladder(schedulers.StoppingASHA, rule="quantile"),
}
PROGRESSING: dict[str, Make] = {
    "stopping-pasha": on_a_ladder(schedulers.PASHA, by="stopping"),
    "stopping-pasha-direct": on_a_ladder(schedulers.PASHA, by="stopping", rule="quantile", ranking=ranking.Direct()),
}
BRACKETED: dict[str, Make] = {
    "async-hyperband": on_a_ladder(schedulers.AsyncHyperband),
    "async-hyperband-stopping": on_a_ladder(schedulers.AsyncHyperband, within="stopping-asha", choice="round-robin"),
    "async-hyperband-pasha": on_a_ladder(schedulers.AsyncHyperband, within="pasha", choice="round-robin"),
    "async-hyperband-stopping-pasha": on_a_ladder(schedulers.AsyncHyperband, within="stopping-pasha", seed=3),
}
SYNCHRONOUS: dict[str, Make] = {
    "halving": on_a_ladder(schedulers.SuccessiveHalving, trials=30),
    "hyperband": on_a_ladder(schedulers.Hyperband, rounds=30),
}
TAPERING: dict[str, Make] = {"taper": taper}
POPULATIONS: dict[str, Make] = {"pbt": population}
ASYNCHRONOUS: dict[str, Make] = {
    "fifo": fifo, "median": median, **PROMOTING, **TAPERING, **STOPPING, **PROGRESSING, **BRACKETED,
}  # fmt: skip
ALL = {**ASYNCHRONOUS, **SYNCHRONOUS, **POPULATIONS}
LADDERS = {**PROMOTING, **TAPERING, **STOPPING, **PROGRESSING, **BRACKETED, **SYNCHRONOUS}


def each(makers: Mapping[str, Make]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", makers.values(), ids=makers.keys())


@dataclass
class Hand:
    """Runs jobs one at a time, as somebody at a prompt would."""

    scheduler: Any
    resource: dict[int, int]
    now: float = 0.0

    @classmethod
    def of(cls, scheduler: Any) -> "Hand":
        return cls(scheduler, {})

    def report(self, trial: int, resource: int, value: float) -> Any:
        self.now += 1.0
        self.resource[trial] = resource
        return self.scheduler.tell(TrialReported(self.now, trial, resource, value, {"loss": value}))

    def end(self, trial: int, reason: Any) -> Any:
        return self.scheduler.tell(TrialEnded(self.now, trial, reason))

    def job(self, value_of: Callable[[int, int], float]) -> Any:
        """Ask and train until the job ends; the request."""
        request = self.scheduler.ask()
        if request is None:
            return None
        trial, stopped = request.trial, False
        while self.resource.get(trial, 0) < request.milestone and not stopped:
            resource = self.resource.get(trial, 0) + 1
            stopped = StopTrial(trial) in self.report(trial, resource, value_of(trial, resource))
        if stopped:
            self.end(trial, "stopped")
        elif self.resource[trial] == self.scheduler.milestones[-1]:
            self.end(trial, "completed")
        else:
            self.scheduler.tell(TrialPaused(self.now, trial, self.resource[trial]))
        return request


def by_trial(trial: int, resource: int) -> float:
    """Never crossing; a later trial is worse."""
    return trial + 1 / resource


def crossing(trial: int, resource: int) -> float:
    """Curves that cross all the time."""
    return (trial * 37 + resource * 53) % 11 + 1 / resource


@each(ALL)
def test_milestones_are_rising_whole_numbers_up_to_the_maximum(make: Make) -> None:
    milestones = make(max_resource=20).milestones
    assert isinstance(milestones, tuple)
    assert all(type(milestone) is int for milestone in milestones)
    assert list(milestones) == sorted(set(milestones))
    assert milestones[-1] == 20


@each(ALL)
def test_milestones_are_plain_numbers_even_if_numpys_were_given(make: Make) -> None:
    scheduler = make(max_resource=np.int64(9), max_trials=np.int64(2))
    assert all(type(milestone) is int for milestone in scheduler.milestones)
    assert type(scheduler.ask().milestone) is int
    assert scheduler.ask() is not None
    assert scheduler.ask() is None


@each(ALL)
def test_trials_are_numbered_from_nought_and_start_towards_a_milestone(make: Make) -> None:
    scheduler = make()
    requests = [scheduler.ask() for _ in range(5)]
    assert [request.trial for request in requests] == [0, 1, 2, 3, 4]
    for request in requests:
        assert isinstance(request, StartTrial)
        assert request.milestone in scheduler.milestones
        assert request.parent is None


@each(ALL)
@pytest.mark.parametrize("curve", [by_trial, crossing])
def test_a_whole_experiment_by_hand_ends_when_the_trials_are_used_up(make: Make, curve: Any) -> None:
    hand = Hand.of(make(max_resource=27, max_trials=30))
    requests = []
    while (request := hand.job(curve)) is not None:
        requests.append(request)
        assert len(requests) < 200
    starts = [request.trial for request in requests if isinstance(request, StartTrial)]
    assert starts == list(range(30))
    assert hand.scheduler.ask() is None
    assert hand.resource[0] == max(hand.resource.values()) or curve is crossing or make in BRACKETED.values()


@each(ASYNCHRONOUS)
def test_without_a_limit_there_is_always_something_to_do(make: Make) -> None:
    hand = Hand.of(make())
    for _ in range(50):
        assert hand.job(crossing) is not None


@each(ALL)
def test_nothing_is_started_beyond_max_trials_even_while_all_are_running(make: Make) -> None:
    scheduler = make(max_trials=3)
    assert [scheduler.ask() is None for _ in range(5)] == [False, False, False, True, True]


@each(ALL)
def test_draining_closes_starts(make: Make) -> None:
    scheduler = make()
    assert isinstance(scheduler.ask(), StartTrial)
    assert not scheduler.tell(Draining(1.0))
    assert scheduler.ask() is None
    assert not scheduler.tell(Draining(2.0))
    assert scheduler.ask() is None


@each(PROMOTING)
def test_promotions_go_on_while_draining(make: Make) -> None:
    hand = Hand.of(make())
    requests = [hand.scheduler.ask() for _ in range(9)]
    assert all(isinstance(request, StartTrial) for request in requests)
    hand.scheduler.tell(Draining(0.0))
    for trial in range(9):
        hand.report(trial, 1, by_trial(trial, 1))
        hand.scheduler.tell(TrialPaused(hand.now, trial, 1))
    first = hand.job(by_trial)
    assert first == PromoteTrial(0, 3)
    rest = []
    while (request := hand.job(by_trial)) is not None:
        rest.append(request)
    assert {request.trial for request in rest} >= {1, 2}
    assert all(isinstance(request, PromoteTrial) for request in rest)


@each(ALL)
def test_a_change_of_capacity_decides_nothing(make: Make) -> None:
    scheduler = make()
    assert not scheduler.tell(CapacityChanged(0.0, 4))
    assert not scheduler.tell(CapacityChanged(1.0, 0))
    assert scheduler.ask() == make().ask()


@each(PROMOTING)
def test_the_pause_may_come_before_or_after_the_next_request(make: Make) -> None:
    """The report at the milestone is what counts; the tuner waits for the checkpoint."""
    prompt, late = Hand.of(make()), Hand.of(make())
    answers: list[list[Any]] = [[], []]
    for hand, requests, at_once in ((prompt, answers[0], True), (late, answers[1], False)):
        for _ in range(12):
            requests.append(hand.scheduler.ask())
            request = requests[-1]
            told = hand.report(request.trial, request.milestone, by_trial(request.trial, request.milestone))
            assert not told
            if at_once:
                hand.scheduler.tell(TrialPaused(hand.now, request.trial, request.milestone))
    assert answers[0] == answers[1]
    assert any(isinstance(request, PromoteTrial) for request in answers[0])


@each(LADDERS)
@pytest.mark.parametrize("worst", [nan, inf, -inf])
def test_a_diverged_trial_is_never_promoted(make: Make, worst: float) -> None:
    hand = Hand.of(make(max_resource=27))
    promoted = set()
    for _ in range(60):
        request = hand.job(lambda trial, resource: worst if trial % 2 else by_trial(trial, resource))
        if isinstance(request, PromoteTrial):
            promoted.add(request.trial % 2)
    assert 1 not in promoted
    assert max(hand.resource.values()) > 1


@each({**PROMOTING, **TAPERING, **STOPPING, **PROGRESSING})
def test_a_diverged_trial_runs_to_its_milestone_and_no_further(make: Make) -> None:
    hand = Hand.of(make(min_resource=2, max_trials=20))
    while hand.job(lambda trial, resource: nan) is not None:
        pass
    assert set(hand.resource.values()) == {2}
    assert len(hand.resource) == 20


@each(PROMOTING)
def test_a_failed_trial_counts_as_the_last_of_its_rung(make: Make) -> None:
    """Two of three failed: a third of the rung may still go on, and it is the one that is left."""
    hand = Hand.of(make())
    for _ in range(3):
        hand.scheduler.ask()
    hand.end(0, "failed")
    hand.end(1, "failed")
    hand.report(2, 1, 5.0)
    assert hand.scheduler.ask() == PromoteTrial(2, 3)


@each(PROMOTING)
def test_a_trial_that_failed_is_never_promoted(make: Make) -> None:
    hand = Hand.of(make(max_trials=9))
    for _ in range(9):
        hand.scheduler.ask()
    for trial in range(9):
        hand.report(trial, 1, by_trial(trial, 1))
    hand.end(0, "failed")  # while it saved its checkpoint
    requests = [hand.scheduler.ask() for _ in range(6)]
    assert PromoteTrial(1, 3) in requests
    assert 0 not in {request.trial for request in requests if request is not None}


@each({**STOPPING, **PROGRESSING})
def test_a_failure_counts_as_the_last_of_the_rung_it_was_on_the_way_to(make: Make) -> None:
    """With four failures counted, more of those that follow are among the best."""
    going_on = []
    for failures in (0, 4):
        hand = Hand.of(make())
        for _ in range(8):
            hand.scheduler.ask()
        for trial in range(failures):
            hand.end(trial, "failed")
        going_on.append([trial for trial in range(4, 8) if not hand.report(trial, 1, float(trial))])
    assert going_on[0] == [4]
    assert going_on[1][:2] == [4, 5]


@each({**STOPPING, **PROGRESSING})
def test_a_trial_that_is_stopped_ends_and_a_better_one_goes_on(make: Make) -> None:
    hand = Hand.of(make())
    for _ in range(2):
        hand.scheduler.ask()
    assert not hand.report(0, 1, 1.0)
    assert list(hand.report(1, 1, 2.0)) == [StopTrial(1)]
    assert not hand.end(1, "stopped")
    assert not hand.report(0, 2, 5.0)


@each(ALL)
@pytest.mark.parametrize("reason", ["completed", "stopped", "failed", "lost"])
def test_a_trial_may_end_at_any_moment_for_any_reason(make: Make, reason: str) -> None:
    hand = Hand.of(make())
    for _ in range(4):
        hand.scheduler.ask()
    assert not hand.end(0, reason)  # before its first report
    hand.report(1, 1, 1.0)
    assert not hand.end(1, reason)
    hand.report(2, 9, 1.0)
    assert not hand.end(2, reason)
    request = hand.scheduler.ask()
    assert request is not None
    assert request.trial not in (0, 1, 2)


@each(ALL)
def test_the_same_events_lead_to_the_same_decisions(make: Make) -> None:
    first, second = Hand.of(make(max_resource=27)), Hand.of(make(max_resource=27))
    assert [first.job(crossing) for _ in range(60)] == [second.job(crossing) for _ in range(60)]


@each(ALL)
def test_reports_need_not_come_at_every_unit_nor_hit_a_milestone(make: Make) -> None:
    hand = Hand.of(make(max_resource=27, max_trials=12))
    for _ in range(100):
        request = hand.scheduler.ask()
        if request is None:
            break
        trial, stopped = request.trial, False
        while hand.resource.get(trial, 0) < request.milestone and not stopped:
            resource = hand.resource.get(trial, 0) + 4
            stopped = bool(
                [told for told in hand.report(trial, resource, by_trial(trial, resource)) if told == StopTrial(trial)]
            )
        if stopped or hand.resource[trial] >= 27:
            hand.end(trial, "stopped" if stopped else "completed")
    assert hand.scheduler.ask() is None
    assert len(hand.resource) == 12


@each(LADDERS)
def test_one_rung_is_enough(make: Make) -> None:
    """With min = max nothing is promoted, nothing stopped."""
    hand = Hand.of(make(min_resource=9, max_resource=9, max_trials=5))
    assert hand.scheduler.milestones == (9,)
    requests = [hand.job(crossing) for _ in range(5)]
    assert requests == [StartTrial(trial, 9) for trial in range(5)]
    assert set(hand.resource.values()) == {9}
    assert hand.scheduler.ask() is None


def test_the_ledger_not_the_scheduler_sorts_out_reports() -> None:
    """Told of a trial that it never asked for, a scheduler that keeps rungs says so."""
    for make in {**PROMOTING, **TAPERING, **PROGRESSING, **SYNCHRONOUS}.values():
        for max_trials in (None, 9):
            with pytest.raises(InputError, match="trial 3 reported, but was never started"):
                make(max_trials=max_trials).tell(TrialReported(0.0, 3, 1, 1.0, {}))


CLASSES = {"ASHA": schedulers.ASHA, "StoppingASHA": schedulers.StoppingASHA, "PASHA": schedulers.PASHA}


@pytest.mark.parametrize("scheduler", CLASSES.values(), ids=CLASSES.keys())
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"min_resource": 10, "max_resource": 9}, ["10", "max_resource 9"]),
        ({"min_resource": 0}, ["min_resource is 0"]),
        ({"min_resource": -3}, ["min_resource is -3"]),
        ({"min_resource": True}, ["min_resource is True"]),
        ({"min_resource": 1.5}, ["min_resource is 1.5"]),
        ({"max_resource": 0, "min_resource": 1}, ["max_resource is 0"]),
        ({"max_resource": 81.0}, ["max_resource is 81.0"]),
        ({"max_resource": "81"}, ["max_resource is '81'"]),
        ({"eta": 1}, ["eta is 1"]),
        ({"eta": 2.5}, ["eta is 2.5"]),
        ({"eta": 3.0}, ["eta is 3.0"]),
        ({"eta": 0}, ["eta is 0"]),
        ({"eta": True}, ["eta is True"]),
        ({"max_trials": 0}, ["max_trials is 0"]),
        ({"max_trials": -1}, ["max_trials is -1"]),
        ({"max_trials": 2.0}, ["max_trials is 2.0"]),
        ({"max_trials": True}, ["max_trials is True"]),
        ({"rule": "ceil"}, ["rule is 'ceil'", "'floor' or 'quantile'"]),
        ({"rule": None}, ["rule is None"]),
        ({"rule": "ceil", "min_resource": 9, "max_resource": 9}, ["rule is 'ceil'"]),
    ],
    ids=str,
)
def test_bad_arguments_are_told_in_one_sentence(scheduler: Any, arguments: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(InputError) as error:
        scheduler(**arguments)
    sentence = str(error.value)
    assert all(each in sentence for each in told), sentence
    assert "\n" not in sentence


GATED, TAPER = schedulers.GatedPASHA, schedulers.Taper


@pytest.mark.parametrize(
    ("scheduler", "arguments", "told"),
    [
        (GATED, {"min_resource": 10, "max_resource": 9}, "min_resource is 10, above max_resource 9"),
        (GATED, {"eta": 1}, "eta is 1,"),
        (GATED, {"max_trials": 0}, "max_trials is 0,"),
        (GATED, {"phi": -0.1}, "phi is -0.1, but must be a finite number of 0 or more"),
        (GATED, {"phi": nan}, "phi is nan"),
        (GATED, {"phi": True}, "phi is True"),
        (GATED, {"phi": "0.1"}, "phi is '0.1'"),
        (GATED, {"eta": 4, "width": 3}, "width is 3, but must be a whole number of 4 or more"),
        (GATED, {"scouts": 2}, "scouts is 2, but must be a whole number of 3 or more"),
        (GATED, {"scouts": 6.0}, "scouts is 6.0"),
        (TAPER, {"min_resource": 10, "max_resource": 9}, "min_resource is 10, above max_resource 9"),
        (TAPER, {"min_resource": 0}, "min_resource is 0,"),
        (TAPER, {"max_resource": 9.0}, "max_resource is 9.0,"),
        (TAPER, {"max_trials": 0}, "max_trials is 0,"),
        (TAPER, {"max_trials": 2.5}, "max_trials is 2.5,"),
        (TAPER, {"gamma": 0}, "gamma is 0, but must be a finite number above 0"),
        (TAPER, {"gamma": inf}, "gamma is inf"),
        (TAPER, {"step": 1}, "step is 1, but must be a finite number of 1.05 or more"),
        (TAPER, {"step": "2"}, "step is '2'"),
        (TAPER, {"survivors": 0}, "survivors is 0, but must be a whole number of 1 or more"),
    ],
    ids=str,
)
def test_bad_arguments_of_our_own_are_told_in_one_sentence(
    scheduler: Any, arguments: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as error:
        scheduler(**arguments)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("resource", [0, -1, 1.0, True, "9", None])
def test_fifo_needs_a_whole_positive_resource(resource: Any) -> None:
    with pytest.raises(InputError, match="resource is"):
        schedulers.FIFO(resource)


@pytest.mark.parametrize("max_trials", [0, -1, 1.0, True, "9"])
def test_fifo_needs_a_whole_positive_number_of_trials(max_trials: Any) -> None:
    with pytest.raises(InputError, match="max_trials is"):
        schedulers.FIFO(9, max_trials)


@pytest.mark.parametrize("given", ["auto", 0.1, ranking.Auto, ranking.Direct])
def test_pasha_needs_a_ranking_function(given: Any) -> None:
    with pytest.raises(InputError, match="ranking is"):
        schedulers.PASHA(ranking=given)


def test_pasha_takes_a_ranking_function_of_ones_own() -> None:
    class Never:
        def agree(self, lower: Any, upper: Any) -> bool:
            assert len(lower) == len(upper) >= 2
            return False

    hand = Hand.of(schedulers.PASHA(max_resource=27, ranking=Never()))
    openings = []
    for _ in range(9):
        hand.scheduler.ask()
    for trial in range(9):
        openings += hand.report(trial, 3, by_trial(trial, 3))
    assert [opening.milestone for opening in openings] == [9]
    assert isinstance(openings[0], OpenRung)
    assert openings[0].reason.pair is None
    assert hand.scheduler.cap == 9


def test_every_public_scheduler_is_in_this_suite() -> None:
    covered = {type(make()).__name__ for make in ALL.values()}
    assert covered == set(schedulers.__all__) - {"ranking"}
