"""Trials of several slots on this machine: one process with all of them, or a rank for each."""

import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from commandline import handles_of, wait_until_gone

import rungwise as rw
from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining, Training
from rungwise.backends.local.jobs import Failed, Returned, Running, note
from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.objective import Objective
from rungwise.trial.current import trial_by_hand
from rungwise.trial.job import Job

TRAININGS = Path(__file__).parent / "trainings"
sys.path.insert(0, str(TRAININGS))

import training_ranks  # noqa: E402

needs_pidfd = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")


@pytest.fixture(autouse=True)
def watchdog() -> Iterator[None]:
    """Waiting for an event has no limit of its own."""

    def bark(*_: object) -> None:
        raise AssertionError("nothing happened for 30 s")

    former = signal.signal(signal.SIGALRM, bark)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


def function(name: str) -> Training:
    return FunctionTraining(getattr(training_ranks, name))


def script(name: str) -> Training:
    return ScriptTraining((sys.executable, str(TRAININGS / "training_ranks.py"), name), "json")


both = pytest.mark.parametrize("kind", [function, script])
Kind = Callable[[str], Training]


@contextmanager
def backend(tmp_path: Path, training: Training, **options: Any) -> Iterator[LocalBackend]:
    settings = {"workers": 2, "ranks": True, "grace": 0.2, **options}
    with LocalBackend(
        training, LocalSettings(**settings), objective=Objective("loss", "min"), max_resource=9,
        checkpoints=tmp_path / "kept",
    ) as made:  # fmt: skip
        yield made


def launch(tmp_path: Path, start: int = 0, milestone: int = 3, slots: int = 2, trial: int = 0, **more: Any) -> Launch:
    return Launch(trial, {"folder": str(tmp_path), **more}, start, milestone, slots, 7)


def run(stream: Iterator[BackendEvent], made: LocalBackend, command: Command) -> list[BackendEvent]:
    """The events of one job."""
    made.submit(command)
    heard = []
    for event in stream:
        heard.append(event)
        if isinstance(event, TrialPaused | TrialFailed | TrialEnded):
            break
    return heard


def events_of(made: LocalBackend) -> Iterator[BackendEvent]:
    stream = chain.from_iterable(made.events())
    next(stream)
    return stream


def facts(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines())  # type: ignore[misc]


@both
def test_every_slot_is_a_rank_that_knows_its_place_and_rank_0_reports(tmp_path: Path, kind: Kind) -> None:
    with backend(tmp_path, kind("told"), workers=3, gpus=("5", "3", "4")) as made:
        stream = events_of(made)
        [report, end] = run(stream, made, launch(tmp_path, slots=3))
        alone = run(stream, made, launch(tmp_path, slots=1, trial=1))
    assert isinstance(report, TrialReported)
    assert isinstance(end, TrialPaused)
    assert (end.resource, (tmp_path / "kept/trial-0/3/made").read_text()) == (3, "0")
    ranks = [facts(tmp_path / f"told-0-0-{rank}") for rank in range(3)]
    for rank, told in enumerate(ranks):
        assert (told["RANK"], told["LOCAL_RANK"], told["rank"]) == (str(rank),) * 3
        assert (told["WORLD_SIZE"], told["LOCAL_WORLD_SIZE"], told["world_size"], told["slots"]) == ("3",) * 4
        assert (told["MASTER_ADDR"], told["CUDA_VISIBLE_DEVICES"]) == ("127.0.0.1", "5,3,4")
        assert told["OMP_NUM_THREADS"] == str(max(1, len(os.sched_getaffinity(0)) // 3))
    assert len({told["MASTER_PORT"] for told in ranks}) == 1
    assert [type(event) for event in alone] == [TrialReported, TrialPaused]
    told = facts(tmp_path / "told-1-0-0")
    assert (told["RANK"], told["WORLD_SIZE"], told["slots"], len(told["CUDA_VISIBLE_DEVICES"])) == ("0", "1", "1", 1)
    assert (tmp_path / "kept/trial-0/output-rank-2.txt").read_text() == "rank 2 speaks\n"
    assert (tmp_path / "kept/trial-0/output.txt").read_text() == "rank 0 speaks\n"


def test_one_process_has_the_cores_and_devices_of_all_its_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.delenv("RANK", raising=False)
    with backend(tmp_path, function("told"), workers=3, ranks=False, gpus=("5", "3", "4")) as made:
        run(events_of(made), made, launch(tmp_path, slots=2))
    told = facts(tmp_path / "told-0-0-0")
    assert (told["slots"], told["world_size"], told["RANK"], told["OMP_NUM_THREADS"]) == ("2", "1", "None", "4")
    assert len(told["CUDA_VISIBLE_DEVICES"].split(",")) == 2
    assert not (tmp_path / "told-0-0-1").exists()


@both
def test_all_ranks_end_where_rank_0_does_and_go_on_from_its_checkpoint(tmp_path: Path, kind: Kind) -> None:
    with backend(tmp_path, kind("counted")) as made:
        stream = events_of(made)
        first = run(stream, made, launch(tmp_path, milestone=2))[-1]
        second = run(stream, made, launch(tmp_path, start=2, milestone=4))[-1]
    assert [(type(end), getattr(end, "resource", None)) for end in (first, second)] == [
        (TrialPaused, 2),
        (TrialPaused, 4),
    ]
    for rank in (0, 1):
        assert (tmp_path / f"counted-0-{rank}").read_text().split() == ["0:1", "0:2", "2:3", "2:4"]


@pytest.mark.parametrize(("kind", "command"), [(function, Pause), (script, Pause), (function, Halt)])
def test_a_pause_reaches_all_ranks_at_the_same_epoch_and_a_halt_ends_them(
    tmp_path: Path, kind: Kind, command: Any
) -> None:
    with backend(tmp_path, kind("counted"), grace=20.0) as made:
        stream = events_of(made)
        made.submit(launch(tmp_path, milestone=10**6, slow=True))
        next(stream)
        end = run(stream, made, command(0))[-1]
    if command is Pause:
        epochs = [(tmp_path / f"counted-0-{rank}").read_text().split() for rank in (0, 1)]
        assert epochs[0] == epochs[1]
        assert isinstance(end, TrialPaused)
        assert epochs[0][-1] == f"0:{end.resource}"
    else:
        assert isinstance(end, TrialEnded)
        assert end.reason == "stopped"


@needs_pidfd
@pytest.mark.parametrize(
    ("kind", "who", "how", "cause", "said"),
    [
        (function, 0, "kill", "signal", "killed by SIGKILL"),
        (function, 1, "kill", "signal", "killed by SIGKILL"),
        (function, 0, "raise", "exception", "broken heart of 0"),
        (function, 1, "raise", "exception", "broken heart of 1"),
        (function, 1, "exit", "exit", "exit code 5"),
        (script, 0, "kill", "signal", "killed by SIGKILL"),
        (script, 1, "raise", "exit", "broken heart of 1"),
    ],
)
def test_the_death_of_one_rank_fails_the_trial_and_ends_the_others(
    tmp_path: Path, kind: Kind, who: int, how: str, cause: str, said: str
) -> None:
    # Those that lost a rank to a signal are ended at once; else they may follow for a grace.
    with backend(tmp_path, kind("dying"), grace=20.0 if how == "kill" else 0.05, gpus=("0", "1")) as made:
        stream = events_of(made)
        end = run(stream, made, launch(tmp_path, how=how, who=who))[-1]
        assert isinstance(end, TrialFailed)
        assert end.cause == cause
        assert said in end.detail
        assert end.detail.startswith("rank 1: ") == (who == 1)
        wait_until_gone(handles_of({int(file.read_text()) for file in tmp_path.glob("pid-*")}))
        again = run(stream, made, launch(tmp_path, how=how, who=who, trial=1))[-1]
        assert isinstance(again, TrialFailed), "its slots and devices were free again"


def failed(cause: Any, detail: str) -> Failed:
    return Failed(cause, detail, -9 if cause in ("signal", "memory") else None)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        ([(0, failed("exception", "lost a peer")), (1, failed("signal", "killed"))], "killed"),
        ([(1, failed("exit", "exit code 1")), (0, failed("memory", "no memory"))], "no memory"),
        ([(1, failed("signal", "killed")), (0, failed("exception", "lost a peer"))], "killed"),
        ([(1, failed("signal", "first")), (0, failed("signal", "second"))], "first"),
        ([(1, failed("exception", "first")), (0, failed("exception", "second"))], "first"),
        ([(1, Returned()), (0, failed("exit", "exit code 1"))], "exit code 1"),
        ([(0, Returned()), (1, failed("signal", "killed"))], None),
        ([(1, Returned()), (0, Returned())], None),
    ],
)
def test_the_cause_is_that_of_the_rank_that_the_others_lost(
    tmp_path: Path, ends: list[tuple[int, Any]], told: str | None
) -> None:
    running = Running(Job(0, {}, 7, 2, 0, 3, 9), tmp_path, None, checkpoint=0, ranks=2, reported=1)
    for rank, outcome in ends:
        note(running, rank, outcome)
    assert (running.outcome.detail if isinstance(running.outcome, Failed) else None) == told


@needs_pidfd
def test_where_one_rank_cannot_be_started_none_is_left_and_everything_is_free_again(tmp_path: Path) -> None:
    (tmp_path / "kept/trial-0/output-rank-1.txt").mkdir(parents=True)
    with backend(tmp_path, function("dying"), grace=0.05, gpus=("0", "1")) as made:
        stream = events_of(made)
        [end] = run(stream, made, launch(tmp_path, who=-1, how="not"))
        assert isinstance(end, TrialFailed)
        assert end.detail.startswith("its process could not be started: ")
        wait_until_gone(handles_of({int(file.read_text()) for file in tmp_path.glob("pid-0")}))
        again = run(stream, made, launch(tmp_path, who=1, how="exit", trial=1))[-1]
    assert isinstance(again, TrialFailed)
    assert "exit code 5" in again.detail


def test_a_rank_that_somebody_kills_fails_the_trial_with_that_cause(tmp_path: Path) -> None:
    with backend(tmp_path, function("dying"), grace=20.0) as made:
        stream = events_of(made)
        made.submit(launch(tmp_path, who=-1, how="not"))
        next(stream)
        file = tmp_path / "pid-1"
        while not (file.exists() and file.read_text()):
            select.select([], [], [], 0.005)
        os.kill(int(file.read_text()), signal.SIGKILL)
        end = next(stream)
    assert isinstance(end, TrialFailed)
    assert end.cause == "signal"
    assert end.detail.startswith("rank 1: killed by SIGKILL, though not by the tuner")


@needs_pidfd
def test_when_rank_0_has_ended_well_the_others_are_ended_and_the_job_is_as_it_says(tmp_path: Path) -> None:
    with backend(tmp_path, function("clinging")) as made:
        end = run(events_of(made), made, launch(tmp_path))[-1]
    assert isinstance(end, TrialPaused)
    assert end.resource == 3
    wait_until_gone(handles_of({int(file.read_text()) for file in tmp_path.glob("pid-*")}))


@needs_pidfd
def test_a_trial_that_says_nothing_is_ended_with_all_its_ranks(tmp_path: Path) -> None:
    with backend(tmp_path, function("dying"), trial_timeout=0.3) as made:
        end = run(events_of(made), made, launch(tmp_path, who=-1, how="not"))[-1]
    assert isinstance(end, TrialFailed)
    assert (end.cause, end.detail.splitlines()[0]) == ("timeout", "killed, because it reported nothing for 0.3 seconds")
    wait_until_gone(handles_of({int(file.read_text()) for file in tmp_path.glob("pid-*")}))


PLAIN = """
echo "{\\"resource\\": 3, \\"loss\\": $RANK.5}"
echo "part $RANK of $WORLD_SIZE on $RUNGWISE_SLOTS" > "$RUNGWISE_SAVE/part-$RANK"
"""


def test_of_a_plain_command_rank_0s_lines_are_reports_and_all_may_leave_a_part_of_the_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rungwise"), "propagate", True)  # whatever a live view has made of it
    with backend(tmp_path, ScriptTraining(("/bin/sh", "-c", PLAIN), "env"), grace=20.0) as made:
        *reports, end = run(events_of(made), made, launch(tmp_path))
    assert [(event.resource, event.value) for event in reports if isinstance(event, TrialReported)] == [(3, 0.5)]
    assert isinstance(end, TrialPaused)
    kept = tmp_path / "kept/trial-0/3"
    assert [(kept / f"part-{rank}").read_text() for rank in (0, 1)] == ["part 0 of 2 on 2\n", "part 1 of 2 on 2\n"]
    assert '"loss": 1.5' in (tmp_path / "kept/trial-0/output-rank-1.txt").read_text()
    assert ["rank 1 of a trial reports as well as rank 0" in record.message for record in caplog.records] == [True]


SAVING = """
trap 'echo saved > "$RUNGWISE_SAVE/part-$RANK"; exit 0' TERM
[ $RANK = 0 ] && while [ ! -e "$RUNGWISE_HP_FOLDER/ready" ]; do sleep 0.01; done
: > "$RUNGWISE_HP_FOLDER/ready"
echo "{\\"resource\\": 1, \\"loss\\": 1}"
while :; do sleep 0.01; done
"""


def test_a_plain_command_is_paused_by_sigterm_to_all_ranks(tmp_path: Path) -> None:
    with backend(tmp_path, ScriptTraining(("/bin/sh", "-c", SAVING), "env"), grace=20.0) as made:
        stream = events_of(made)
        made.submit(launch(tmp_path, milestone=5))
        next(stream)
        end = run(stream, made, Pause(0))[-1]
    assert isinstance(end, TrialPaused), end
    assert end.resource == 1
    assert sorted(path.name for path in (tmp_path / "kept/trial-0/1").glob("part-*")) == ["part-0", "part-1"]


def test_by_hand_under_another_launcher_of_ranks_all_train_and_rank_0_prints(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    epochs = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        trial = trial_by_hand({"lr": 0.1}, 2)
        assert (trial.rank, trial.world_size) == (int(rank), 2)
        for epoch in trial.epochs():
            epochs.append(epoch)
            trial.report(epoch, loss=0.5)
    assert epochs == [1, 2, 1, 2]
    said = capfd.readouterr()
    assert (said.out.count("resource 1"), said.err.count("run by hand")) == (1, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"reuse_workers": True}, "reuse_workers keeps a process for the next job, but ranks find one another anew"),
        ({"gpus": ("0",), "per_gpu": 2}, "per_gpu is 2, but each rank of a trial needs a GPU of its own"),
    ],
)
def test_settings_that_ranks_cannot_run_with_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        LocalSettings(workers=2, ranks=True, **options)


def test_torch_distributed_finds_its_ranks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    with backend(tmp_path, function("averaged"), grace=20.0, preload=("torch.distributed",)) as made:
        *reports, end = run(events_of(made), made, launch(tmp_path, milestone=2))
    assert [event.value for event in reports if isinstance(event, TrialReported)] == [3.0, 3.0]
    assert isinstance(end, TrialPaused), end
    assert (end.trial, end.resource) == (0, 2)


def test_an_experiment_by_rung_is_suspended_when_its_ranks_die_resumes_and_replays(tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    with pytest.raises(rw.SuspendedError, match="1 trials in a row failed") as suspended:
        rw.tune(
            training_ranks.fragile, {"folder": [str(tmp_path)], "x": (0.0, 1.0)}, metric="loss", max_resource=4, eta=2,
            trials=6, workers=4, allocation="by-rung", scheduler="asha", store=store, name="wide", max_failures=1,
        )  # fmt: skip
    assert "rank 1: killed by SIGKILL" in str(suspended.value)
    (tmp_path / "mended").touch()
    done = rw.resume("wide", store=store)
    assert done.finish == "done"
    launches = [record for record in done.records() if isinstance(record, Launch)]
    assert {(launch.milestone, launch.slots) for launch in launches} == {(1, 1), (2, 2), (4, 4)}
    assert rw.replay("wide", store=store).missing == 0


def test_an_experiment_by_rung_runs_each_job_in_as_many_ranks_as_its_rung_has(tmp_path: Path) -> None:
    done = rw.tune(
        training_ranks.counted, {"folder": [str(tmp_path)], "x": (0.0, 1.0)}, metric="loss", max_resource=9, trials=4,
        workers=4, allocation={"name": "by-rung", "most": 4}, scheduler="asha", store=tmp_path / "runs.db", name="wide",
    )  # fmt: skip
    shares = {
        (record.milestone, record.slots) for record in done.records() if isinstance(record, Launch)
    }  # fmt: skip
    assert shares == {(1, 1), (3, 3)}
    promoted = next(entry.trial for entry in done.ledger.trials.values() if entry.resource == 3)
    for rank in range(3):
        assert (tmp_path / f"counted-{promoted}-{rank}").read_text().split()[-2:] == ["1:2", "1:3"]
    assert rw.replay("wide", store=tmp_path / "runs.db").missing == 0
