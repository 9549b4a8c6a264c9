"""Population based training by hand: who goes on, who is replaced, and by whose child."""

from collections.abc import Sequence
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from rungwise.core.decisions import PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, EndReason, TrialEnded, TrialPaused, TrialReported
from rungwise.core.seed import Purpose, sequence
from rungwise.schedulers import PBT
from rungwise.schedulers.named import make_scheduler


class Hand:
    """Tells a scheduler what trials do, one after another."""

    def __init__(self, scheduler: PBT, started: int = 0) -> None:
        self.scheduler = scheduler
        for _ in range(started):
            assert isinstance(scheduler.ask(), StartTrial)

    def report(self, trial: int, resource: int, value: float) -> list[StopTrial]:
        return list(self.scheduler.tell(TrialReported(0.0, trial, resource, value, {})))

    def pause(self, trial: int, resource: int = 10) -> None:
        assert not self.scheduler.tell(TrialPaused(0.0, trial, resource))

    def end(self, trial: int, reason: EndReason = "failed") -> None:
        assert not self.scheduler.tell(TrialEnded(0.0, trial, reason))

    def milestone(self, trial: int, resource: int, value: float) -> bool:
        """Whether a report at a milestone stops the trial; one that it does not stop pauses."""
        stopped = self.report(trial, resource, value)
        assert stopped in ([], [StopTrial(trial)])
        if stopped:
            self.end(trial, "stopped")
        else:
            self.pause(trial, resource)
        return bool(stopped)

    def ask(self) -> Request | None:
        return self.scheduler.ask()


def population(values: Sequence[float] = (), **options: Any) -> Hand:
    """Four trials, of which the first have reported these values at 10; milestones are 10, 20, 30, 35."""
    hand = Hand(PBT(4, 10, 35, **options), started=4)
    for trial, value in enumerate(values):
        assert not hand.milestone(trial, 10, value)
    return hand


@pytest.mark.parametrize(
    ("interval", "full", "milestones"),
    [(10, 35, (10, 20, 30, 35)), (10, 30, (10, 20, 30)), (1, 3, (1, 2, 3)), (7, 7, (7,)), (3, 4, (3, 4))],
)
def test_milestones_come_every_interval_and_at_the_end(interval: int, full: int, milestones: tuple[int, ...]) -> None:
    assert PBT(4, interval, full).milestones == milestones


def test_all_places_are_taken_before_any_goes_on_and_then_it_is_the_turn_of_the_least_trained() -> None:
    hand = Hand(PBT(4, 10, 35))
    assert hand.ask() == StartTrial(0, 10)
    assert not hand.milestone(0, 10, 1.0)
    assert [hand.ask() for _ in range(3)] == [StartTrial(trial, 10) for trial in (1, 2, 3)]
    assert hand.ask() == PromoteTrial(0, 20)
    assert hand.ask() is None
    assert not hand.milestone(0, 20, 0.5)
    assert not hand.milestone(2, 10, 0.7)
    assert not hand.milestone(1, 10, 0.6)
    assert [hand.ask() for _ in range(4)] == [PromoteTrial(2, 20), PromoteTrial(1, 20), PromoteTrial(0, 30), None]


def test_the_worst_quarter_is_replaced_by_a_child_of_the_best() -> None:
    hand = population([3.0, 1.0, 2.0])
    assert hand.milestone(3, 10, 4.0)
    assert [hand.ask() for _ in range(5)] == [
        StartTrial(4, 20, parent=1),
        *(PromoteTrial(trial, 20) for trial in (0, 1, 2)),
        None,
    ]


def test_only_the_worst_of_as_many_as_have_reported_is_replaced() -> None:
    hand = population([1.0, 2.0, 3.0])  # a quarter of two or three is nobody
    assert not hand.milestone(3, 10, 2.5)
    assert [hand.ask() for _ in range(4)] == [PromoteTrial(trial, 20) for trial in (0, 1, 2, 3)]
    assert not hand.milestone(0, 20, 2.8), "third of four"
    assert not hand.milestone(1, 20, 2.9), "still not the last: trial 2 is"
    assert hand.milestone(2, 20, 3.0)


def test_a_trial_that_is_no_worse_than_the_best_goes_on() -> None:
    hand = population([1.0, 1.0, 1.0])
    assert not hand.milestone(3, 10, 1.0)


def test_of_equal_values_the_earlier_ranks_first() -> None:
    hand = population([2.0, 1.0, 1.0])
    assert hand.milestone(3, 10, 2.0)
    assert hand.ask() == StartTrial(4, 20, parent=1)


def test_the_latest_value_counts_not_the_best() -> None:
    hand = population([1.0, 2.0, 3.0])
    assert not hand.milestone(3, 10, 2.5)
    hand.ask()
    assert hand.milestone(0, 20, 9.0)
    assert [hand.ask() for _ in range(4)] == [
        *(PromoteTrial(trial, 20) for trial in (1, 2, 3)),
        StartTrial(4, 20, 1),
    ], "places that are behind come first"


def test_reports_between_milestones_decide_nothing() -> None:
    hand = population([1.0, 2.0, 3.0])
    for resource in range(1, 10):
        assert not hand.report(3, resource, nan if resource % 2 else 99.0)
    assert not hand.milestone(3, 10, 2.5)


def test_a_job_ends_at_the_first_report_past_its_milestone_and_goes_for_the_next_above() -> None:
    hand = population([1.0, 2.0, 3.0])
    assert not hand.milestone(3, 23, 1.5)
    assert [hand.ask() for _ in range(4)] == [*(PromoteTrial(trial, 20) for trial in (0, 1, 2)), PromoteTrial(3, 30)]


def test_a_child_is_drawn_by_seed_and_number_from_the_best() -> None:
    def parents(seed: int) -> list[int | None]:
        hand = Hand(PBT(8, 10, 35, quantile=0.5, seed=seed), started=8)
        for trial in range(8):
            assert hand.milestone(trial, 10, float(trial)) == (trial in (1, 3, 5, 7)), "every other is among the worst"
        asked = [hand.ask() for _ in range(8)]
        return [request.parent for request in asked if isinstance(request, StartTrial)]

    chosen = parents(5)
    assert chosen == parents(5)
    assert len(chosen) == 4
    best = [0, 2, 4, 6]
    words = [int(sequence(5, Purpose.INHERITANCE, child).generate_state(1)[0]) for child in range(8, 12)]
    assert chosen == [best[word * 4 >> 32] for word in words]
    assert len({tuple(parents(seed)) for seed in range(10)}) > 3


def test_a_parent_that_runs_on_is_inherited_from_and_its_child_goes_for_its_milestone() -> None:
    hand = population([1.0, 2.0, 3.0])
    assert hand.ask() == PromoteTrial(0, 20)
    assert not hand.milestone(0, 20, 0.5)
    assert [hand.ask() for _ in range(3)] == [PromoteTrial(1, 20), PromoteTrial(2, 20), PromoteTrial(0, 30)]
    assert hand.milestone(3, 10, 4.0)
    assert hand.ask() == StartTrial(4, 30, parent=0)


def test_nobody_is_replaced_while_none_of_the_best_has_paused() -> None:
    hand = Hand(PBT(4, 10, 35), started=4)
    for trial in range(4):
        assert not hand.report(trial, 10, float(trial))
    hand.pause(0)
    assert not hand.report(3, 10, 9.0), "the ledger drops such a report; here it is no milestone either"
    assert hand.report(3, 20, 9.0) == [StopTrial(3)]


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_what_diverged_at_a_milestone_is_replaced_however_few_have_reported(value: float) -> None:
    hand = Hand(PBT(4, 10, 35), started=4)
    assert hand.milestone(0, 10, value)
    assert hand.ask() is None, "nobody can be a parent yet"
    for trial in (1, 2, 3):
        assert not hand.milestone(trial, 10, 1.0 + trial)
    assert hand.ask() == StartTrial(4, 20, parent=1), "before its parent goes on"
    assert hand.ask() == PromoteTrial(1, 20)


def test_a_failed_trial_is_replaced_and_its_place_ranks_last_until_then() -> None:
    hand = population([1.0, 2.0])
    hand.end(2)
    assert not hand.milestone(3, 10, 9.0), "the failed one is the worst quarter"
    assert hand.ask() == StartTrial(4, 20, parent=0), "a place that has passed nothing comes first"


def test_a_trial_that_fails_while_it_waits_never_goes_on() -> None:
    hand = population([1.0, 2.0, 3.0])
    hand.end(1)
    assert not hand.milestone(3, 10, 4.0)
    assert [hand.ask() for _ in range(5)] == [
        StartTrial(4, 20, 0),
        *(PromoteTrial(trial, 20) for trial in (0, 2, 3)),
        None,
    ]


def test_a_child_that_fails_at_once_leaves_its_place_empty() -> None:
    hand = population([1.0, 2.0, 3.0])
    assert hand.milestone(3, 10, 4.0)
    assert hand.ask() == StartTrial(4, 20, 0)
    hand.end(4)
    assert [hand.ask() for _ in range(4)] == [*(PromoteTrial(trial, 20) for trial in (0, 1, 2)), None]
    assert not hand.milestone(0, 20, 0.5)
    assert [hand.ask(), hand.ask()] == [PromoteTrial(0, 30), None]


def test_a_child_that_has_passed_a_milestone_is_replaced_like_anyone() -> None:
    hand = population([1.0, 2.0, 3.0])
    assert hand.milestone(3, 10, 4.0)
    first, *_ = [hand.ask() for _ in range(4)]
    assert first == StartTrial(4, 20, 0)
    assert not hand.milestone(4, 20, 0.9), "now the best"
    assert hand.ask() == PromoteTrial(4, 30)
    hand.end(4)
    assert hand.ask() == StartTrial(5, 20, parent=0), "which runs on from its checkpoint at 10"


def test_at_the_full_resource_nothing_is_decided_and_nobody_inherits() -> None:
    hand = Hand(PBT(4, 10, 20), started=4)
    assert not hand.milestone(0, 10, 1.0)
    assert hand.milestone(1, 10, nan)
    assert not hand.milestone(2, 10, 5.0)
    assert not hand.milestone(3, 10, 6.0)
    assert [hand.ask() for _ in range(5)] == [
        StartTrial(4, 20, 0),
        *(PromoteTrial(trial, 20) for trial in (0, 2, 3)),
        None,
    ]
    assert not hand.report(3, 20, nan)
    hand.end(3, "completed")
    assert not hand.report(0, 20, 0.5)
    hand.end(0, "completed")
    hand.end(2)
    assert hand.ask() is None, "the best is completed, its checkpoints are gone"
    assert not hand.report(4, 20, 0.5)
    hand.end(4, "completed")
    assert hand.ask() is None


def test_a_trial_that_ends_early_by_itself_gives_its_place_up_and_counts_with_its_last_value() -> None:
    hand = population([2.0, 3.0])
    hand.report(2, 7, 1.0)
    hand.end(2, "completed")
    assert not hand.milestone(3, 10, 4.0), "the best has ended, and leaves no checkpoint"
    assert [hand.ask() for _ in range(4)] == [*(PromoteTrial(trial, 20) for trial in (0, 1, 3)), None]


def test_a_lost_trial_is_replaced() -> None:
    hand = population([1.0, 2.0, 3.0])
    hand.end(3, "lost")
    assert hand.ask() == StartTrial(4, 20, parent=0)


def test_while_draining_members_go_on_and_only_what_diverged_is_stopped() -> None:
    hand = population([1.0, 2.0, 3.0])
    hand.scheduler.tell(Draining(0.0))
    hand.scheduler.tell(CapacityChanged(0.0, 4))
    assert not hand.milestone(3, 10, 4.0)
    assert [hand.ask() for _ in range(5)] == [*(PromoteTrial(trial, 20) for trial in range(4)), None]
    assert hand.milestone(3, 20, nan)
    assert hand.ask() is None


def test_no_more_than_max_trials_are_started_children_included() -> None:
    hand = population([1.0, 2.0, 3.0], max_trials=5)
    assert hand.milestone(3, 10, 4.0)
    first, *_ = [hand.ask() for _ in range(4)]
    assert first == StartTrial(4, 20, 0)
    assert not hand.milestone(4, 20, 9.0), "there is nobody left to replace it"
    assert hand.ask() == PromoteTrial(4, 30)


def test_an_interrupted_job_is_no_milestone() -> None:
    hand = population([1.0, 2.0, 3.0])
    hand.pause(3, 0)
    assert [hand.ask() for _ in range(4)] == [*(PromoteTrial(trial, 20) for trial in (0, 1, 2)), None]
    assert hand.milestone(3, 10, 4.0)


def test_a_training_that_never_works_ends() -> None:
    hand = Hand(PBT(4, 10, 35), started=4)
    for trial in range(4):
        hand.end(trial)
    assert hand.ask() is None


def test_a_report_of_a_trial_that_does_not_run_is_told() -> None:
    hand = population()
    with pytest.raises(InputError, match="trial 9 reported, but does not run"):
        hand.report(9, 10, 1.0)


def test_shares_are_those_that_were_meant() -> None:
    """0.29 · 100 is 28.999… in floats."""
    hand = Hand(PBT(100, 1, 3, quantile=0.29), started=100)
    for trial in range(71):
        assert not hand.milestone(trial, 1, 0.0)
    for trial in range(71, 99):
        hand.end(trial)
    assert hand.milestone(99, 1, 1.0), "before it rank 71, after it 28"
    assert PBT(100, 1, 3, quantile=0.01).milestones == PBT(3, 1, 3, quantile=1 / 3).milestones == (1, 2, 3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"trials": 0}, "trials is 0"),
        ({"trials": True}, "trials is True"),
        ({"trials": 3}, "the best 0.25 of 3 trials is nobody"),
        ({"quantile": 0.1, "trials": 9}, "the best 0.1 of 9 trials is nobody"),
        ({"interval": 0}, "interval is 0"),
        ({"interval": 1.0}, "interval is 1.0"),
        ({"interval": 36}, "interval is 36, above max_resource 35"),
        ({"max_resource": "35"}, "max_resource is '35'"),
        ({"quantile": 0}, "quantile is 0"),
        ({"quantile": 0.51}, "quantile is 0.51"),
        ({"quantile": nan}, "quantile is nan"),
        ({"quantile": "0.25"}, "quantile is '0.25'"),
        ({"quantile": True}, "quantile is True"),
        ({"max_trials": 0}, "max_trials is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_bad_arguments_are_told_in_one_sentence(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        PBT(**{"trials": 16, "interval": 10, "max_resource": 35, **arguments})
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_describe_one() -> None:
    resources = {"min_resource": 1, "max_resource": 81, "eta": 3}
    assert make_scheduler({"name": "pbt", "trials": 16, **resources}).milestones == (*range(9, 81, 9), 81)
    given = {"interval": np.int64(20), "quantile": 0.5, "seed": 3}
    assert make_scheduler({"name": "pbt", "trials": 2, **resources, **given}).milestones == (20, 40, 60, 80, 81)
    with pytest.raises(InputError, match="its options are: trials, interval, quantile, seed"):
        make_scheduler({"name": "pbt", "trials": 16, "perturb": 2, **resources})
