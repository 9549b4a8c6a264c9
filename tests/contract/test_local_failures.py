"""Jobs that die, hang or are cut off, however they are run: each is told with its cause, and others go on."""

import os
import random
import signal

import pytest
from local_bench import Bench, Opener, Way, forked, only, program, script, warm

from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported


def failed(bench: Bench, trial: int = 0) -> TrialFailed:
    event = bench.until_over(trial)
    assert isinstance(event, TrialFailed)
    return event


def test_the_code_that_a_training_leaves_with_is_told(bench: Bench) -> None:
    bench.launch("exit")
    end = failed(bench)
    assert end.cause == "exit"
    assert "5" in end.detail


@only(forked, warm)
def test_memory_that_ran_out_in_the_training_is_told_apart(bench: Bench) -> None:
    bench.launch("memory")
    assert failed(bench).cause == "memory"


@only(forked, warm)
def test_a_process_that_slips_away_before_its_training_returned_has_failed(bench: Bench) -> None:
    bench.launch("slip")
    end = failed(bench)
    assert (end.cause, end.detail) == ("exit", "exit code 0 before the training returned")


@only(forked, warm, script)
def test_a_failure_tells_the_newest_checkpoint_and_the_trial_goes_on_from_there(opened: Opener, way: Way) -> None:
    bench = opened(every_units=2)
    bench.launch("third", milestone=5)
    end = failed(bench)
    assert (end.resource, end.cause) == (2, "exit" if way is script else "exception")
    bench.launch("count", start=end.resource, milestone=5)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=5)
    assert bench.reports() == [(1, 1), (2, 2), (3, 3), (3, 3), (4, 4), (5, 5)]


def test_whoever_says_nothing_for_too_long_is_killed(opened: Opener) -> None:
    bench = opened(trial_timeout=0.2, grace=1000.0)
    bench.launch("deaf")
    end = failed(bench)
    assert (end.resource, end.cause) == (0, "timeout")
    assert end.detail.startswith("killed, because it reported nothing for 0.2 seconds")


@only(forked, program)
def test_at_its_milestone_it_is_killed_but_has_not_failed(opened: Opener, way: Way) -> None:
    bench = opened(trial_timeout=0.5, grace=1000.0)
    bench.launch("last", milestone=3)
    # A slow start may have taken it before it reported.
    end = bench.until_over()
    assert end == (
        TrialPaused(end.at, 0, resource=0 if way is program else 3)
        if bench.reports()
        else TrialFailed(end.at, 0, 0, "timeout", "killed, because it reported nothing for 0.5 seconds")
    )


@only(forked, program)
def test_what_still_runs_some_time_after_an_interrupt_is_paused(opened: Opener, way: Way) -> None:
    bench = opened(every_units=1, grace=1000.0)
    bench.launch("deaf")
    bench.launch("last", trial=1, milestone=9)
    bench.until_reported(0)
    if not bench.reports(1):
        bench.until_reported(1)
    bench.backend.interrupt(within=1000.0)
    capacity = next(bench.floor.stream)
    assert (type(capacity), getattr(capacity, "slots", None)) == (CapacityChanged, 0)
    bench.backend.interrupt(within=0.01)
    bench.backend.interrupt(within=1000.0)  # it can only become shorter
    assert isinstance(next(bench.floor.stream), CapacityChanged)
    ends = [bench.until(lambda event: not isinstance(event, TrialReported)) for _ in range(2)]
    assert {(type(end), end.trial, getattr(end, "resource", None)) for end in ends} == {
        (TrialPaused, 0, 0),
        (TrialPaused, 1, 0 if way is program else 3),
    }


@only(forked, warm)
def test_killed_from_outside_at_any_moment_it_fails_and_the_next_job_runs(opened: Opener) -> None:
    bench = opened(every_units=1, grace=1000.0)
    draw = random.Random(7)
    for trial in range(6):
        bench.launch("steps", trial=trial, milestone=8)
        last = draw.randrange(1, 8)
        while True:
            event = bench.until(lambda event: True)
            if not isinstance(event, TrialReported):
                break
            if event.resource == last:
                os.kill(int(event.metrics["loss"]), signal.SIGKILL)
        # It may have come to its milestone, where it waits a moment, and to its end, before the signal came.
        assert isinstance(event, TrialFailed | TrialPaused)
        if isinstance(event, TrialFailed):
            assert event.cause == "signal"
            # A checkpoint above it has been saved, but not reported; some reports wait for the record of the last one.
            assert 0 < event.resource <= max(resource for resource, _ in bench.reports(trial))
            assert str(event.resource) in bench.kept(trial)
    bench.launch("early", trial=9)
    while isinstance(end := bench.until_over(9), TrialFailed):  # a warm process that is killed while it waits for work
        bench.launch("early", trial=9)
    assert isinstance(end, TrialEnded)


@only(forked, warm)
def test_a_group_that_is_killed_at_its_milestone_has_failed_there(opened: Opener) -> None:
    bench = opened(grace=1000.0)
    bench.launch("last", milestone=3)
    report = bench.until_reported()
    assert isinstance(report, TrialReported)
    os.killpg(int(report.metrics["loss"]), signal.SIGKILL)
    end = failed(bench)
    assert (end.resource, end.cause) == (3, "signal")
    bench.launch("last", start=3, milestone=3)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=3)


class Strict:
    """Has room for so many bytes for each trial."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.reserved: list[tuple[int, int | None]] = []
        self.refusals: list[tuple[int, int]] = []

    def reserve(self, trial: int, *, sparing: int | None = None) -> int | None:
        self.reserved.append((trial, sparing))
        return self.room

    def refused(self, trial: int, size: int) -> None:
        self.refusals.append((trial, size))


@only(forked, script, program)
def test_a_checkpoint_too_large_for_its_room_is_refused_and_the_report_stands(opened: Opener) -> None:
    keeper = Strict(4000)
    bench = opened(keeper=keeper)
    bench.launch("crowded", milestone=3)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=0)
    assert bench.reports() == [(3, 3)]
    assert bench.kept() == []
    ((trial, size),) = keeper.refusals
    assert (trial, 8000 <= size < 10_000) == (bench.first, True)
    assert keeper.reserved == [(bench.first, None)]


@only(forked)
def test_a_child_spares_its_parent_and_trains_from_scratch_where_there_is_no_room(opened: Opener) -> None:
    keeper = Strict(10_000)
    bench = opened(keeper=keeper)
    bench.launch("crowded", milestone=3)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=3)
    keeper.room = 4000
    bench.launch("count", trial=1, start=3, milestone=5, parent=0)
    assert bench.until_over(1) == TrialPaused(bench.seen[-1].at, 1, resource=5)
    assert bench.reports(1) == [(epoch, epoch) for epoch in range(1, 6)]
    assert keeper.reserved[-1] == (bench.first + 1, bench.first)
    assert [trial for trial, _ in keeper.refusals] == [bench.first + 1]


THREADS = {
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
}
OWN = {"TRIAL", "CONFIG", "START", "MILESTONE", "MAX_RESOURCE", "SEED", "SAVE", "SLOTS", "CHANNEL"}
HYPERPARAMETERS = {"HP_DO", "HP_RECORD", "HP_LR"}


def test_a_trials_environment_is_what_its_documentation_says(
    opened: Opener, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*THREADS, "CUDA_VISIBLE_DEVICES", "PYTHONUNBUFFERED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNGWISE_START", "of an outer tuner")
    monkeypatch.setenv("DELTA", "the tuner's")
    bench = opened(env={"GAMMA": "x=1\ny ü", "DELTA": "mine", "OMP_NUM_THREADS": "3"}, gpus=("5", "6"))
    before = {name: value for name, value in os.environ.items() if not name.startswith("RUNGWISE_")}
    bench.launch("environment")
    bench.until_over()
    pairs = bench.record.read_bytes().decode().split("\0")[:-1]
    found = dict(pair.split("=", 1) for pair in pairs)
    own = {f"RUNGWISE_{name}" for name in OWN | (HYPERPARAMETERS if way is program else set())} | {"PYTHONUNBUFFERED"}
    if way is script:
        own.remove("RUNGWISE_CHANNEL")  # taken out when the script asks for its trial
    if way in (forked, warm):
        own = set()
    for name in ("_", "PWD", "OLDPWD", "SHLVL"):  # the shell's own
        before.pop(name, None)
        found.pop(name, None)
    differing = {name for name in before.keys() | found.keys() if before.get(name) != found.get(name)}
    assert differing == THREADS | {"CUDA_VISIBLE_DEVICES", "GAMMA", "DELTA"} | own
    assert (found["GAMMA"], found["DELTA"], found["OMP_NUM_THREADS"]) == ("x=1\ny ü", "mine", "3")
    assert found["CUDA_VISIBLE_DEVICES"] in ("5", "6")


@only(script, program)
def test_nothing_of_the_configuration_is_lost_on_the_way(opened: Opener) -> None:
    bench = opened()
    strange = {"$(touch spoiled)": "a\nb; `rm -rf nowhere` 'q\" ü\t\\", "sp ace": "x=1 && false", "*": "{lr} %s"}
    bench.launch("count", **strange)
    assert bench.until_over() == TrialPaused(bench.seen[-1].at, 0, resource=3)
    assert bench.reports() == [(1, 1), (2, 2), (3, 3)]
    assert not list(bench.floor.folder.rglob("spoiled"))
