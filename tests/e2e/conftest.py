"""What the end-to-end tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import TRAININGS, Gate, rungwise


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate for the training `gated`, in the test's folder."""
    made = Gate(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose store `runs.db` holds the finished experiments `digits` and `other`; not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "space.yaml").write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    for name, function, trials in (("digits", "steady", "9"), ("other", "mixed", "8")):
        done = rungwise(
            folder, "tune", f"{TRAININGS / 'training_functions.py'}:{function}", "--space", "space.yaml",
            "--metric", "loss", "--max-resource", "27", "--trials", trials, "--workers", "2", "--unit", "epochs",
            "--store", "runs.db", "--name", name,
        )  # fmt: skip
        assert done.code == 0, done
    return folder
