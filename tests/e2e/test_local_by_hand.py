"""A script that asks for its trial: by hand, and through programs between it and the tuner."""

import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from rungwise.backends.local import LocalBackend, LocalSettings, ScriptTraining
from rungwise.by_hand import current_trial
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialFailed, TrialReported
from rungwise.core.objective import Objective

SCRIPT = """
from rungwise.by_hand import current_trial
trial = current_trial({arguments})
assert trial.load() is None
for epoch in trial.epochs():
    acc = epoch * trial.config["lr"]
    trial.report(epoch, acc=acc, loss=float("nan"), save=lambda folder: (folder / "state").touch())
"""
SPACE = "lr: {range: [0.0, 1.0], default: 0.25}\n"


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the script that seems to run here."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["scripts/train.py"])
    monkeypatch.delenv("RUNGWISE_MAX_RESOURCE", raising=False)
    return folder


def test_by_hand_it_trains_once_with_the_defaults(scripts: Path) -> None:
    (scripts / "train.py").write_text(SCRIPT.format(arguments='{"lr": {"range": [0.0, 1.0], "default": 0.5}}, 2'))
    done = subprocess.run(
        [sys.executable, "scripts/train.py"], capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.stdout.splitlines() == ["resource 1  acc 0.5  loss nan", "resource 2  acc 1  loss nan"]
    assert len(done.stderr.splitlines()) == 1
    assert "by hand" in done.stderr
    assert "lr=0.5" in done.stderr


def test_the_space_and_the_resource_may_lie_beside_the_script(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (scripts / "experiment.yaml").write_text(f"max_resource: 2\nspace:\n  {SPACE}")
    trial = current_trial()
    assert (trial.config, trial.max_resource, trial.milestone) == ({"lr": 0.25}, 2, 2)

    (scripts / "space.yaml").write_text(SPACE.replace("0.25", "0.75"))
    monkeypatch.setenv("RUNGWISE_MAX_RESOURCE", "5")
    trial = current_trial()
    assert (trial.config, trial.max_resource) == ({"lr": 0.75}, 5)

    trial = current_trial(scripts / "space.yaml", 7)
    assert (trial.config, trial.max_resource) == ({"lr": 0.75}, 7)

    (scripts / "space.yaml").rename(scripts / "elsewhere.yaml")
    (scripts / "experiment.yaml").write_text("space: elsewhere.yaml")
    monkeypatch.delenv("RUNGWISE_MAX_RESOURCE")
    capsys.readouterr()
    trial = current_trial()
    assert (trial.config, trial.max_resource) == ({"lr": 0.75}, 1)
    assert "RUNGWISE_MAX_RESOURCE=27" in capsys.readouterr().err


def test_without_a_space_it_says_what_to_do(scripts: Path) -> None:
    with pytest.raises(InputError, match=r"runs by hand.* put a space.yaml into .*scripts"):
        current_trial()


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", True])
def test_the_resource_is_a_whole_positive_number(
    scripts: Path, monkeypatch: pytest.MonkeyPatch, value: str | bool
) -> None:  # fmt: skip
    with pytest.raises(InputError, match=f"max_resource is {value!r}"):
        current_trial({"lr": [0.5]}, value)  # type: ignore[arg-type]
    monkeypatch.setenv("RUNGWISE_MAX_RESOURCE", str(value))
    with pytest.raises(InputError, match=f"the variable RUNGWISE_MAX_RESOURCE is '{value}'"):
        current_trial({"lr": [0.5]})


def tuned(folder: Path, *command: str) -> tuple[list[float], TrialEnded | TrialFailed]:
    with LocalBackend(
        ScriptTraining(command, "json"), LocalSettings(workers=1), objective=Objective("acc", "max"), max_resource=2,
        checkpoints=folder / "checkpoints",
    ) as backend:  # fmt: skip
        backend.submit(Launch(0, {"lr": 0.125}, 0, 2, 1, 0))
        values = []
        for event in chain.from_iterable(backend.events()):
            if isinstance(event, TrialReported):
                values.append(event.metrics["acc"])
            if isinstance(event, TrialEnded | TrialFailed):
                return values, event
    raise AssertionError("the events have ended")


def test_in_the_tuner_it_is_the_tuners_trial_through_a_shell_too(tmp_path: Path, scripts: Path) -> None:
    script = scripts / "train.py"
    script.write_text('print(\'{"resource": 1, "acc": 7}\')\n' + SCRIPT.format(arguments='{"lr": [0.5]}, 50'))
    values, end = tuned(tmp_path, "/bin/sh", "-c", f"{sys.executable} {script}; exit $?")
    # The line came before the script asked for its trial: until then it is any program.
    assert values == [7, 0.125, 0.25]
    assert isinstance(end, TrialEnded)
    assert end.reason == "completed"


def test_a_program_between_that_closes_the_line_is_found_out(tmp_path: Path, scripts: Path) -> None:
    script = scripts / "train.py"
    script.write_text(SCRIPT.format(arguments='{"lr": [0.5]}'))
    between = scripts / "between.py"
    between.write_text(
        f"import subprocess, sys\nsys.exit(subprocess.run([sys.executable, {str(script)!r}]).returncode)\n"
    )
    values, end = tuned(tmp_path, str(between))
    assert values == []
    assert isinstance(end, TrialFailed)
    assert end.cause == "exit"
    assert "RUNGWISE_CHANNEL is" in end.detail
    assert "no open socket" in end.detail
