"""How a job ends, what a slot is, and how a script is called: the local backend's rules without its processes."""

import os
import signal
import socket
from math import inf
from pathlib import Path
from typing import Any

import pytest

from rungwise.backends.local.causes import outcome_of
from rungwise.backends.local.child import Child
from rungwise.backends.local.functions import pack
from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running, conclude
from rungwise.backends.local.memory import OomKills
from rungwise.backends.local.patience import Patience
from rungwise.backends.local.scripts import DRAFTED, arguments_for, check_script, environment_for, reported_by
from rungwise.backends.local.settings import LocalSettings
from rungwise.backends.local.slots import Devices
from rungwise.backends.local.training import ScriptTraining
from rungwise.core.commands import Configuration
from rungwise.core.errors import ContractError, InputError
from rungwise.core.events import TrialEnded, TrialFailed, TrialPaused
from rungwise.trial import Job, Trial
from rungwise.trial.channel import Channel

DIED = Failed("exit", "exit code 3", 3)
KILLED = Failed("signal", "killed", -signal.SIGKILL)
TERMED = Failed("signal", "", -signal.SIGTERM)
LATE = Failed("timeout", "quiet", -signal.SIGKILL)
LOST = Failed("lost", "gone")
PAUSED = TrialPaused(1.0, 4, 2)
COMPLETED = TrialEnded(1.0, 4, "completed")
STOPPED = TrialEnded(1.0, 4, "stopped")


def running(milestone: int = 3, reported: int = 0, **state: object) -> Running:
    job = Job(4, {}, 0, 1, 2, milestone, 9, "acc")
    made = Running(job, Path("nowhere"), None, checkpoint=2, reported=reported)
    for name, value in state.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("job", "outcome", "event"),
    [
        (running(reported=3), Returned(), PAUSED),
        (running(reported=4), Returned(), PAUSED),
        (running(9, reported=9), Returned(), COMPLETED),
        (running(reported=2), Returned(), COMPLETED),
        (running(reported=1, asked="pause"), Returned(), PAUSED),
        (running(asked="pause"), Returned(), PAUSED),
        (running(9, reported=9, asked="pause"), Returned(), COMPLETED),
        (running(asked="halt"), Returned(), STOPPED),
        (running(reported=3, asked="halt"), DIED, STOPPED),
        (running(asked="halt", breach="broken"), DIED, STOPPED),
        (running(reported=2), DIED, TrialFailed(1.0, 4, 2, "exit", "exit code 3")),
        (running(reported=3), DIED, TrialFailed(1.0, 4, 2, "exit", "exit code 3")),
        (running(reported=3, cut=True), KILLED, PAUSED),
        (running(9, reported=10, cut=True), KILLED, COMPLETED),
        (running(reported=3), KILLED, TrialFailed(1.0, 4, 2, "signal", "killed")),
        (running(asked="pause", terminated=True), TERMED, PAUSED),
        (running(asked="pause", terminated=True), Failed("exit", "", 128 + signal.SIGTERM), PAUSED),
        (running(reported=2, cut=True, late=True), LATE, TrialFailed(1.0, 4, 2, "timeout", "quiet")),
        (running(reported=3, cut=True, late=True), LATE, PAUSED),
        (running(9, reported=9, cut=True, late=True), LATE, COMPLETED),
        (running(asked="pause", cut=True), KILLED, PAUSED),
        (running(reported=3, checkpoint=3), KILLED, TrialFailed(1.0, 4, 3, "signal", "killed")),
        (running(checkpoint=0), LOST, TrialFailed(1.0, 4, 0, "lost", "gone")),
        (running(asked="halt"), LOST, STOPPED),
        (running(asked="pause", terminated=True), DIED, TrialFailed(1.0, 4, 2, "exit", "exit code 3")),
    ],
)
def test_how_a_job_ends(job: Running, outcome: Outcome, event: object) -> None:
    assert conclude(job, outcome, 1.0) == event


def test_breaches_are_told_as_such() -> None:
    broken = conclude(running(breach="a rule"), DIED, 1.0)
    assert isinstance(broken, ContractError)
    assert str(broken) == "a rule"
    assert conclude(running(reported=3, breach="forgiven"), Returned(), 1.0) == PAUSED
    silent = conclude(running(), Returned(), 1.0)
    assert isinstance(silent, ContractError)
    assert "trial 4 returned without reporting" in str(silent)


@pytest.mark.parametrize(
    ("job", "status", "oom", "cause"),
    [
        (running(), -signal.SIGKILL, True, "memory"),
        (running(), 128 + signal.SIGKILL, True, "memory"),  # a shell's program
        (running(), -signal.SIGKILL, False, "signal"),
        (running(), -signal.SIGKILL, None, "signal"),
        (running(cut=True), -signal.SIGKILL, True, "signal"),
        (running(), -signal.SIGSEGV, False, "signal"),
        (running(), 128 + signal.SIGKILL, False, "exit"),
        (running(), 1, False, "exit"),
        (running(), 0, False, "exit"),
        (running(cut=True, late=True), -signal.SIGKILL, True, "timeout"),
    ],
)
def test_what_an_exit_status_tells(job: Running, status: int, oom: bool | None, cause: str) -> None:
    outcome = outcome_of(job, status, oom, 60.0)
    assert isinstance(outcome, Failed)
    assert (outcome.cause, outcome.status) == (cause, status)
    assert "memory meanwhile" in outcome.detail or cause != "memory"


def test_a_script_that_leaves_with_0_has_returned(tmp_path: Path) -> None:
    job = running()
    job.draft = tmp_path
    assert outcome_of(job, 0, False, None) == Returned()


@pytest.mark.skipif(not Path("/proc/vmstat").exists(), reason="only Linux counts kills for want of memory")
def test_the_kernels_count_is_read() -> None:
    kills = OomKills()
    assert kills.now() >= 0
    assert kills.lately() >= 0


def test_a_kill_for_want_of_memory_is_one_that_the_kernel_counted_since(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OomKills, "now", lambda _: 3)
    kills = OomKills()
    assert [kills.since(before, -signal.SIGKILL) for before in (2, 3, -1)] == [True, False, None]
    assert [kills.since(2, status) for status in (0, 1, -signal.SIGTERM)] == [False] * 3
    assert kills.since(2, 128 + signal.SIGKILL)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock of what is tested here: its only entry."""
    clock = [1000.0]
    monkeypatch.setattr("rungwise.backends.local.patience.time.monotonic", lambda: clock[0])
    return clock


def test_patience_ends_after_a_grace_and_after_silence(clock: list[float]) -> None:
    patience = Patience(grace=2.0, timeout=60.0)
    job = running(heard=990.0)
    assert patience.ends(job) == 1050.0
    patience.give(job)
    patience.give(job, 100)  # it has been given already
    assert patience.ends(job) == 1002.0
    assert patience.lose(job, foreign=False) is None
    clock[0] = 1002.0
    assert patience.lose(job, foreign=False) == signal.SIGKILL
    assert (job.cut, job.late, patience.ends(job)) == (True, False, inf)
    quiet = running(heard=942.0)
    assert patience.lose(quiet, foreign=True) == signal.SIGKILL
    assert (quiet.cut, quiet.late) == (True, True)
    assert Patience(grace=2.0).ends(running()) == inf


def test_a_foreign_script_is_asked_before_it_is_killed_and_spared_once_while_it_saves(
    clock: list[float], tmp_path: Path
) -> None:
    patience = Patience(grace=2.0)
    job = running(draft=tmp_path)
    (tmp_path / "model").touch()
    patience.give(job)
    clock[0] = 1002.0
    assert patience.lose(job, foreign=True) is None
    assert patience.ends(job) == 1062.0
    clock[0] = 1062.0
    assert patience.lose(job, foreign=True) == signal.SIGTERM
    clock[0] = 1064.0
    assert patience.lose(job, foreign=True) == signal.SIGKILL


def test_at_the_last_moment_whoever_runs_is_paused(clock: list[float]) -> None:
    patience = Patience(grace=2.0, timeout=60.0, last=1000.0)
    job, halted = running(heard=1000.0), running(heard=1000.0, asked="halt")
    assert patience.lose(job, foreign=True) == patience.lose(halted, foreign=False) == signal.SIGKILL
    assert (job.asked, halted.asked, job.late) == ("pause", "halt", False)


def test_time_in_which_nobody_listened_does_not_count(clock: list[float]) -> None:
    patience = Patience(grace=2.0, timeout=60.0)
    before, since, ending = running(heard=900.0), running(heard=999.0), running(heard=900.0, deadline=950.0)
    patience.excuse([before, since, ending], 95.0)
    assert (before.heard, since.heard, ending.deadline) == (995.0, 1000.0, 1002.0)
    patience.excuse([before], 0.5)
    assert before.heard == 995.0


def test_settings_out_of_range_are_refused() -> None:
    refused: dict[str, dict[str, Any]] = {
        "workers is 0": {"workers": 0},
        "trial_timeout is 0": {"trial_timeout": 0},
        "trial_timeout is nan": {"trial_timeout": float("nan")},
        "units between two checkpoints is 1.5": {"every_units": 1.5},
        "units between two checkpoints is -1": {"every_units": -1},
        "seconds between two checkpoints is inf": {"every_seconds": inf},
        "a variable called ''": {"env": {"": "x"}},
        "a variable called 'A=B'": {"env": {"A=B": "x"}},
        r"a variable called 'A\\x00'": {"env": {"A\0": "x"}},
        "env sets RUNGWISE_SEED": {"env": {"RUNGWISE_SEED": "1"}},
        "env sets 'A' to 1": {"env": {"A": 1}},
        r"env sets A to 'a\\x00'": {"env": {"A": "a\0"}},
    }
    for said, settings in refused.items():
        with pytest.raises(InputError, match=said):
            LocalSettings(**{"workers": 1, **settings})
    assert LocalSettings(workers=1, env={"A": "", "rungwise_b": "ü\n="}).trial_timeout is None


def test_a_device_never_carries_more_than_asked_for() -> None:
    devices = Devices(("0", "1"), 2, workers=4)
    first, second, wide = devices.take(1), devices.take(1), devices.take(2)
    assert sorted([*first, *second]) == ["0", "1"]
    assert sorted(wide) == ["0", "1"]
    assert devices.environment(wide) == {"CUDA_VISIBLE_DEVICES": "0,1"}
    with pytest.raises(ValueError, match="only 0 places"):
        devices.take(1)
    devices.give_back(second)
    assert devices.take(1) == second
    devices.give_back(wide)
    with pytest.raises(ValueError, match="only 2 places"):
        devices.take(3)
    assert sorted(devices.take(2)) == ["0", "1"]


def test_without_gpus_the_variable_is_left_alone() -> None:
    devices = Devices((), 1, workers=100)
    assert devices.take(3) == ()
    assert devices.environment(()) == {}


@pytest.mark.parametrize(
    ("gpus", "per_gpu", "workers", "said"),
    [
        (("0", "1"), 1, 3, "workers is 3"),
        (("0",), 0, 1, "per_gpu is 0"),
        (("0", "0"), 1, 1, "'0' twice"),
        ((), 2, 1, "per_gpu is 2"),
    ],
)
def test_slots_that_are_not_there_are_refused(gpus: tuple[str, ...], per_gpu: int, workers: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Devices(gpus, per_gpu, workers)


def test_a_configuration_goes_where_the_command_wants_it() -> None:
    config: Configuration = {"lr": 0.1, "kind": "a b", "on": False}
    file = Path("/x/config.json")
    assert arguments_for(("run",), "args", config, file) == ["run", "--lr", "0.1", "--kind", "a b", "--on", "false"]
    assert arguments_for(("run", "{lr}/{kind}"), "args", config, file) == ["run", "0.1/a b"]
    assert arguments_for(("run", "{config}"), "args", config, file) == ["run", "/x/config.json"]
    assert arguments_for(("awk", "{print}"), "env", config, file) == ["awk", "{print}"]
    assert arguments_for(("awk", "{print}"), "json", config, file) == ["awk", "{print}"]


def test_a_script_is_told_of_its_job(tmp_path: Path) -> None:
    job = Job(4, {"lr": 0.1, "a-b": True}, 7, 1, 3, 9, 27)
    told = environment_for(job, "env", tmp_path, tmp_path / "c.json", tmp_path / "draft")
    assert told["RUNGWISE_HP_LR"] == "0.1"
    assert told["RUNGWISE_HP_A_B"] == "true"
    assert told["RUNGWISE_LOAD"] == str(tmp_path / "3")
    numbers = {name: told[f"RUNGWISE_{name}"] for name in ("TRIAL", "START", "MILESTONE", "MAX_RESOURCE", "SEED")}
    assert numbers == {"TRIAL": "4", "START": "3", "MILESTONE": "9", "MAX_RESOURCE": "27", "SEED": "7"}
    fresh = environment_for(Job(4, {"lr": 1}, 7, 1, 0, 9, 27), "args", tmp_path, tmp_path / "c.json", tmp_path)
    assert not {"RUNGWISE_LOAD", "RUNGWISE_HP_LR"} & fresh.keys()


@pytest.mark.parametrize(
    ("line", "report"),
    [(b'{"resource": 3, "acc": NaN}', True), (b'  {"acc": 1, "resource": 1}', True), (b'{"acc": 1}', False),
     (b'epoch 3 {"resource": 3}', False), (b'{"resource": 3', False), (b'["resource"]', False), (b"", False),
     (b'{"resource":' + b"[" * 100_000, False), (b'{"resource": "\xff"}', False)],
)  # fmt: skip
def test_a_report_is_a_line_with_an_object_that_has_a_resource(line: bytes, report: bool) -> None:
    assert (reported_by(line) is not None) is report


def test_a_script_must_be_there_and_be_runnable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    plain = tmp_path / "plain"
    plain.write_text("#!/bin/sh\n")
    refused = {
        ("train.py", "--x"): r"train\.py is not there",
        ("./absent",): "absent is not there",
        ("no-such-program-anywhere",): "not there: it is neither on PATH",
        ("plain",): r"write \./plain",
        ("./plain",): "not executable: chmod",
        (): "the command is empty",
    }
    for command, said in refused.items():
        with pytest.raises(InputError, match=said):
            check_script(ScriptTraining(command))
    with pytest.raises(InputError, match="config_as"):
        check_script(ScriptTraining(("sh",), "file"))  # type: ignore[arg-type]
    (tmp_path / "train.py").touch()
    assert check_script(ScriptTraining(("train.py", "--x")))[1:] == (str(tmp_path / "train.py"), "--x")
    plain.chmod(0o755)
    assert check_script(ScriptTraining(("./plain",))) == (str(tmp_path / "plain"),)
    assert check_script(ScriptTraining(("sh", "-c", "x")))[1:] == ("-c", "x")


class Callable:
    """An object that trains, and holds something."""

    def __init__(self, holds: object) -> None:
        self.holds = holds

    def __call__(self, trial: Trial) -> None: ...

    def method(self, trial: Trial) -> None: ...


def test_functions_that_no_other_process_can_import_are_refused() -> None:
    def inner(trial: Trial) -> None: ...

    refused: dict[Any, str] = {
        inner: "'.*inner' is defined inside another function",
        (lambda trial: None): "is a lambda",
        Callable(inner): "cannot be handed to another process",
        Callable(inner).method: "cannot be handed to another process",
    }
    for function, said in refused.items():
        with pytest.raises(InputError, match=said):
            pack(function, ())
    with pytest.raises(InputError, match="must be a function"):
        pack("train", ())  # type: ignore[arg-type]
    assert pack(Callable(1), ())["module"] == pack(Callable(1).method, ())["module"] == pack(Callable, ())["module"]


def test_that_a_script_has_ended_is_told_behind_its_last_report(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    ours, theirs = socket.socketpair()
    with theirs, (tmp_path / "output.txt").open("w+b") as output:
        child = Child(1, Channel(ours), output, 1, (), True, printed=reading, connected=False)
        os.write(writing, b'hello\n{"resource": 1, "loss": 2}\n{"resource": 2, "loss": 1}')
        assert child.read_printed() == [{"resource": 1, "loss": 2}]
        os.write(writing, DRAFTED + b"\n")
        assert child.read_printed() == [{"resource": 2, "loss": 1}, {"drafted": True}]
        os.write(writing, DRAFTED + b"\n")
        os.close(writing)
        assert child.read_to_end() == [{"drafted": True}]
        child.close()
    assert (tmp_path / "output.txt").read_text() == "hello\n", "the mark is not part of what it printed"
