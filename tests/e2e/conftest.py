"""What the end-to-end tests share."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import TRAININGS, Cli, Done, Gate, rungwise

from rungwise.cli.main import run


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line in this process, in the test's folder: it says what one of its own would say, only sooner."""
    logger = logging.getLogger("rungwise")
    before = logger.handlers[:], logger.propagate
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])

    def call(*arguments: str | Path, **env: str) -> Done:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Done(code, *capfd.readouterr())

    yield call
    logger.handlers[:], logger.propagate = before


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate for the training `gated`, in the test's folder."""
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store `runs.db` holds the finished experiments `digits` and `other`; not to be changed.

    One worker: what was recorded is then enough to answer for the same scheduler, whatever the machine was doing.
    """
    folder = tmp_path_factory.mktemp("finished")
    (folder / "space.yaml").write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    for name, function, trials in (("digits", "steady", "9"), ("other", "mixed", "8")):
        done = rungwise(
            folder, "tune", f"{TRAININGS / 'training_functions.py'}:{function}", "--space", "space.yaml",
            "--metric", "loss", "--max-resource", "27", "--trials", trials, "--workers", "1", "--unit", "epochs",
            "--store", "runs.db", "--name", name,
        )  # fmt: skip
        assert done.code == 0, done
    return folder
