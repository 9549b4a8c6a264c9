"""How a job ends, what a slot is, and how a script is called: the local backend's rules without its processes."""

import signal
from pathlib import Path
from typing import Any

import pytest

from rungwise.backends.local.functions import pack
from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running, conclude
from rungwise.backends.local.scripts import arguments_for, check_script, environment_for, reported_by
from rungwise.backends.local.slots import Devices
from rungwise.backends.local.training import ScriptTraining
from rungwise.core.commands import Configuration
from rungwise.core.errors import ContractError, InputError
from rungwise.core.events import TrialEnded, TrialPaused
from rungwise.trial import Job, Trial

DIED = Failed("exit code 3", 3)
KILLED = Failed("killed", -signal.SIGKILL)
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
        (running(reported=2), DIED, TrialEnded(1.0, 4, "failed", "exit code 3")),
        (running(reported=3), DIED, TrialEnded(1.0, 4, "failed", "exit code 3")),
        (running(reported=3, cut=True), KILLED, PAUSED),
        (running(9, reported=10, cut=True), KILLED, COMPLETED),
        (running(reported=3), KILLED, TrialEnded(1.0, 4, "failed", "killed")),
        (running(asked="pause", terminated=True), Failed("", -signal.SIGTERM), PAUSED),
        (running(asked="pause", terminated=True), Failed("", 128 + signal.SIGTERM), PAUSED),
        (running(asked="pause", terminated=True), DIED, TrialEnded(1.0, 4, "failed", "exit code 3")),
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
    [(("0", "1"), 1, 3, "workers is 3"), (("0",), 0, 1, "per_gpu is 0"), (("0", "0"), 1, 1, "'0' twice")],
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
