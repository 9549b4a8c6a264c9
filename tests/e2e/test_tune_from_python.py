"""`rw.tune`, `rw.resume` and `rw.retrain` from Python programs, in processes of their own."""

import sys
from pathlib import Path
from shutil import copy

import pytest
from commandline import TRAININGS, Cli, lines, run, rungwise, sentence

import rungwise as rw

PROGRAM = """
import logging
import rungwise as rw
from training_functions import steady

if __name__ == "__main__":
    result = rw.tune(
        steady, {"lr": (1e-4, 1e-1, "log"), "width": (16, 512, "log"), "activation": ["relu", "tanh"]},
        metric="loss", mode="min", max_resource=9, scheduler="pasha", trials=9, workers=2, seed=0,
    )
    again = rw.Experiment.open(result.name)
    assert (again.best, again.trials, again.status) == (result.best, result.trials, "finished")
    retrained = rw.retrain(result.name)
    assert retrained.held and retrained.chosen.config == result.best.config
    print(result.name, result.best.trial, sorted(result.best.config), retrained.experiment.name)
"""


def test_the_example_of_the_design(tmp_path: Path, cli: Cli) -> None:
    copy(TRAININGS / "training_functions.py", tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run(tmp_path, sys.executable, "program.py")
    assert done.code == 0
    (advice,) = lines(done.err)
    assert advice.startswith("only 3 rungs (1 3 9 units)")
    best = cli("best", "training_functions-1", "--json").json()
    name, trial, *rest = done.out.split()
    assert (name, int(trial)) == ("training_functions-1", best["trial"])
    assert " ".join(rest) == "['activation', 'lr', 'width'] training_functions-1.retrain-1"
    # What Python began, the command line goes on with.
    assert rungwise(tmp_path, "retrain", name, "--json").json()["held"]


def test_a_script_without_a_guard_is_told_so_and_ends(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(
        "import rungwise as rw\n\n\ndef train(trial):\n    trial.report(1, loss=1.0)\n\n\n"
        "print('begun', flush=True)\n"
        "rw.tune(train, {'lr': (0.1, 1.0)}, metric='loss', max_resource=1, trials=2)\n"
    )
    done = run(tmp_path, sys.executable, "unguarded.py")
    assert done.code == 1
    assert 'put the call of tune under `if __name__ == "__main__":`' in lines(done.err)[-1]
    assert lines(done.err)[-1].startswith("rungwise.core.errors.InputError: ")
    assert done.err.count("Traceback") == 1
    assert done.out == "begun\n"
    assert not (tmp_path / "rungwise.db").exists()


def test_a_function_in_a_package_is_found_again_by_the_command_line(tmp_path: Path, cli: Cli) -> None:
    package = tmp_path / "some_package" / "inner"
    package.mkdir(parents=True)
    (package / "training.py").write_text("def train(trial):\n    trial.report(3, loss=trial.config['lr'])\n")
    (tmp_path / "program.py").write_text(
        "import rungwise as rw\nfrom some_package.inner.training import train\n\nif __name__ == '__main__':\n"
        "    rw.tune(train, {'lr': (0.1, 1.0)}, metric='loss', max_resource=3, trials=2)\n"
    )
    assert run(tmp_path, sys.executable, "program.py").code == 0
    done = cli("retrain", "training-1")
    assert (done.code, done.err) == (0, "")


class Training:
    """A training that is an object, and can be handed to another process, but not be named in a store."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __call__(self, trial: rw.Trial) -> None:
        """Report the best at once."""
        trial.report(3, loss=self.factor * trial.config["lr"])


def test_an_object_is_tuned_and_must_be_given_again(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(2.0)
    tuned = rw.tune(training, {"lr": (0.1, 1.0)}, metric="loss", max_resource=3, trials=2)
    assert tuned.name == "Training-1"
    assert tuned.best.value == 2.0 * tuned.best.config["lr"]
    assert rw.retrain(tuned.name, training).held
    assert "the training was the object 'Training', which a store cannot hold" in sentence(cli("retrain", tuned.name))
    with pytest.raises(rw.InputError, match="which a store cannot hold"):
        rw.retrain(tuned.name)


def test_warnings_come_by_logging(cli: Cli, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    from rungwise.api.training import load_function

    mixed = load_function(TRAININGS / "training_functions.py", "mixed")
    rw.tune(mixed, {"lr": (0.1, 1.0)}, metric="loss", max_resource=3, scheduler="fifo", trials=4)
    told = [record.getMessage() for record in caplog.records if record.name == "rungwise"]
    assert len(told) == 4, "two for the trial that died, and one for each that diverged, however often"
    assert told[0].startswith("trial 0 is tried again from 0: Traceback")
    assert told[1].startswith("trial 0 failed: Traceback")
    assert told[1].endswith("RuntimeError: no luck for 0")
    assert told[2:] == [
        "trial 1 reported loss = nan at 1: it counts as the worst",
        "trial 2 reported loss = inf at 1: it counts as the worst",
    ]
