"""What holds however a trial is run: as a function in a process of its own or a warm one, as a script, as a program."""

from math import inf, isnan

import pytest
from local_bench import MAX_RESOURCE, Bench, Opener, Way, forked, program, ray_warm, warm

from rungwise.checkpoints.folders import remove_checkpoints
from rungwise.core.errors import ContractError
from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound


def test_reports_arrive_in_order_and_a_trial_goes_on_from_its_checkpoint(bench: Bench) -> None:
    bench.launch("count", milestone=3)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=3)
    assert bench.kept() == ["3"]
    bench.launch("count", start=3, milestone=5)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=5)
    assert bench.kept() == ["3", "5"]  # the older one stays until somebody knows that the newer one is recorded
    bench.launch("count", start=5, milestone=MAX_RESOURCE)
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "completed")

    assert bench.reports() == [(epoch, epoch) for epoch in range(1, 10)]
    assert [int(line) for line in bench.record.read_text().split()] == list(range(1, 10))
    assert bench.kept() == ["5", "9"], "the full resource leaves a checkpoint too"
    first = bench.seen[0]
    assert isinstance(first, TrialReported)
    assert (first.value, dict(first.metrics)) == (-1.0, {"acc": 1.0, "loss": 0.5})
    stamps = [event.at for event in bench.seen]
    assert stamps == sorted(stamps)
    assert stamps[0] > 100.0


def test_a_checkpoint_that_is_gone_means_from_scratch(bench: Bench) -> None:
    bench.launch("count", start=3, milestone=5)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=5)
    assert [(event.trial, event.resource) for event in bench.seen if isinstance(event, TrialRewound)] == [(0, 0)]
    assert bench.reports() == [(epoch, epoch) for epoch in range(1, 6)]


def test_a_job_ends_at_the_first_report_at_or_after_its_milestone(bench: Bench) -> None:
    bench.launch("sparse", milestone=3)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=4)
    assert bench.reports() == [(2, 2), (4, 4)]


def test_a_trial_that_saves_nothing_starts_afresh(bench: Bench) -> None:
    bench.launch("unsaved")
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=0)


def test_a_child_goes_on_from_its_parents_checkpoint_as_from_its_own(bench: Bench) -> None:
    bench.launch("count", milestone=3)
    bench.until_over()
    bench.launch("count", trial=1, start=3, milestone=5, parent=0)
    assert bench.until_over(1) == TrialPaused(bench.seen[-1].at, 1, resource=5)
    assert bench.reports(1) == [(4, 4), (5, 5)]
    assert [int(line) for line in bench.record.read_text().split()] == [1, 2, 3, 4, 5]
    assert (bench.kept(0), bench.kept(1)) == (["3"], ["3", "5"])
    bench.launch("count", trial=1, start=5, milestone=7)
    assert bench.until_over(1) == TrialPaused(bench.seen[-1].at, 1, resource=7)


def test_what_becomes_of_the_parent_does_not_touch_the_child(bench: Bench) -> None:
    """The child has its checkpoint before the parent goes on, and keeps it when the parent's are removed."""
    bench.launch("count", milestone=3)
    bench.until_over()
    bench.launch("wait", trial=1, start=3, milestone=5, parent=0)
    assert "3" in bench.kept(1)
    bench.launch("count", start=3, milestone=MAX_RESOURCE)
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "completed")
    remove_checkpoints(bench.folder())
    assert (bench.kept(0), (bench.folder(1) / "3" / "epoch").read_text()) == ([], "3\n")
    bench.launch("count", trial=2, start=3, milestone=5, parent=1)
    assert bench.until_over(2) == TrialPaused(bench.seen[-1].at, 2, resource=5)
    assert bench.reports(2) == [(4, 4), (5, 5)]
    bench.halt(1)
    bench.until_over(1)


def test_a_parent_whose_job_failed_can_be_inherited_from(bench: Bench) -> None:
    bench.launch("count", milestone=3)
    bench.until_over()
    bench.launch("raise", start=3, milestone=5)
    failed = bench.until_over()
    assert isinstance(failed, TrialFailed)
    assert failed.resource == 3
    bench.launch("count", trial=1, start=3, milestone=5, parent=0)
    bench.launch("count", trial=2, milestone=3, parent=0)
    bench.until_over(1)
    assert (bench.kept(0), bench.kept(1)) == (["3"], ["3", "5"])
    if not bench.reports(2):
        bench.until_over(2)
    assert bench.reports(2)[0] == (1, 1), "there was nothing to inherit at 0"


def test_a_child_of_a_checkpoint_that_is_gone_trains_from_scratch(bench: Bench) -> None:
    bench.launch("count", trial=1, start=3, milestone=5, parent=0)
    assert bench.until_over(1) == TrialPaused(bench.seen[-1].at, 1, resource=5)
    assert [(event.trial, event.resource) for event in bench.seen if isinstance(event, TrialRewound)] == [(1, 0)]
    assert bench.reports(1) == [(epoch, epoch) for epoch in range(1, 6)]


def test_a_child_fails_alone_where_it_cannot_have_the_checkpoint(bench: Bench) -> None:
    bench.launch("count", milestone=3)
    bench.until_over()
    bench.folder(1).write_text("in the way")
    bench.launch("count", trial=1, start=3, milestone=5, parent=0)
    end = bench.until_over(1)
    assert isinstance(end, TrialFailed)
    assert (end.resource, end.cause) == (0, "checkpoint")
    assert f"the checkpoint of trial {bench.first} at 3 could not be taken over" in end.detail
    assert bench.kept(0) == ["3"]


def test_a_trial_may_end_early_by_itself(bench: Bench) -> None:
    bench.launch("early")
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "completed")


def test_a_trial_knows_the_facts_of_its_job(bench: Bench) -> None:
    bench.launch("facts")
    bench.until_over()
    assert bench.reports() == [(1, 7), (2, MAX_RESOURCE), (3, 3)]


def test_nan_and_infinities_are_values(bench: Bench) -> None:
    bench.launch("nan")
    bench.until_over()
    (_, first), second, third = bench.reports()
    assert isnan(first)
    assert (second, third) == ((2, inf), (3, -inf))


def test_what_a_trial_prints_is_in_its_output_file(bench: Bench) -> None:
    bench.launch("talk")
    bench.until_over()
    lines = (bench.folder() / "output.txt").read_text().splitlines()
    assert sorted(lines) == ["cried", "spoken", '{"note": 1}']


@pytest.mark.parametrize(
    ("how", "cause", "shown"), [("raise", "exception", "broken heart"), ("die", "signal", "SIGSEGV")]
)
def test_a_trial_that_dies_fails_alone(bench: Bench, way: Way, how: str, cause: str, shown: str) -> None:
    bench.launch("wait", trial=1)
    bench.until_reported(1)
    bench.launch(how)
    end = bench.until_over()
    assert isinstance(end, TrialFailed)
    assert (end.resource, end.cause) == (0, "exit" if how == "raise" and way not in (forked, warm, ray_warm) else cause)
    assert shown in end.detail
    assert len(end.detail.splitlines()) < 20
    assert bench.reports() == [(1, 1)]
    bench.pause(1)
    assert bench.until_over(1) == TrialPaused(bench.seen[-1].at, 1, resource=2)
    bench.launch("early", trial=2)
    assert bench.until_over(2) == TrialEnded(bench.seen[-1].at, 2, "completed")


def test_a_pause_lets_it_save_at_its_next_report(bench: Bench) -> None:
    bench.launch("wait", milestone=5)
    bench.until_reported()
    bench.pause()
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=2)
    assert bench.reports() == [(1, 1), (2, 2)]
    assert bench.kept() == ["2"]


def test_a_halt_ends_it_and_keeps_nothing(bench: Bench) -> None:
    bench.launch("wait", milestone=5)
    bench.until_reported()
    bench.halt()
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "stopped")
    assert bench.reports() == [(1, 1), (2, 2)], "a late report is a fact as well"
    assert bench.kept() == []


def test_whoever_does_not_hear_the_halt_is_killed_and_others_go_on(opened: Opener) -> None:
    bench = opened(grace=0.05)
    bench.launch("wait", trial=1)
    bench.until_reported(1)
    bench.launch("deaf")
    bench.until_reported()
    bench.halt()
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "stopped")
    bench.launch("early", trial=2)
    assert bench.until_over(2) == TrialEnded(bench.seen[-1].at, 2, "completed")


def test_whoever_goes_on_past_its_milestone_is_ended(opened: Opener, way: Way) -> None:
    bench = opened(grace=0.05)
    bench.launch("onward", milestone=3)
    # A program has to leave by itself for its checkpoint to count, because nobody else knows that it is whole.
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=0 if way is program else 3)


def test_commands_for_a_trial_that_does_not_run_do_nothing(bench: Bench) -> None:
    bench.pause(5)
    bench.halt(6)
    bench.launch("early")
    assert bench.until_over() == TrialEnded(bench.seen[-1].at, 0, "completed")


BREACHES = {
    "silent": "without reporting",
    "lacking": "lacks the metric 'acc'",
    "text": "'0.9'",
    "backwards": "after 2",
    "fraction": "1.5",
}


@pytest.mark.parametrize("how", ["silent", "lacking"])
def test_a_breach_is_the_experiments_until_one_job_has_ended_well(opened: Opener, how: str) -> None:
    bench = opened()
    bench.launch(how)
    with pytest.raises(ContractError, match=BREACHES[how]):
        bench.until_over()


def test_later_it_is_one_trials_failure(bench: Bench) -> None:
    bench.launch("early", trial=9)
    assert bench.until_over(9) == TrialEnded(bench.seen[-1].at, 9, "completed")
    for trial, (how, shown) in enumerate(BREACHES.items()):
        bench.launch(how, trial=trial)
        end = bench.until_over(trial)
        assert isinstance(end, TrialFailed)
        assert end.cause == "contract"
        assert shown in end.detail
        assert "\n" not in end.detail


def test_an_interrupt_comes_before_everything_else(bench: Bench) -> None:
    bench.launch("wait", milestone=5)
    bench.until_reported()
    bench.backend.interrupt()
    event = next(bench.floor.stream)
    assert isinstance(event, CapacityChanged)
    assert event.slots == 0
    bench.pause()
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=2)


def test_each_slot_has_its_share_of_the_cores_and_a_gpu_of_its_own(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)), raising=False)
    bench = opened(gpus=("4", "6"))
    bench.launch("threads", trial=0)
    bench.launch("threads", trial=1)
    for _ in range(2):
        bench.until(lambda event: isinstance(event, TrialPaused))
    assert {dict(bench.reports(trial))[1] for trial in (0, 1)} == {6}
    assert {dict(bench.reports(trial))[2] for trial in (0, 1)} == {4, 6}


def test_closing_ends_what_runs_and_may_be_done_twice(opened: Opener) -> None:
    bench = opened()
    bench.launch("deaf")
    bench.until_reported()
    bench.backend.close()
    bench.backend.close()
    bench.backend.interrupt()
