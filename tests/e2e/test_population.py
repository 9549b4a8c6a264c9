"""Population based training on real trainings: what a child learned before it was born, its parent had learned."""

import json
import sys
from collections import Counter
from collections.abc import Mapping
from math import isnan
from pathlib import Path

import pytest
from commandline import Done, run, rungwise, sentence

import rungwise as rw
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import TrialReported

# The model is the history of its own training: a pair [trial, rate] for every unit. The higher the rates, the better.
TRAINING = """
import json
import os
import signal
from pathlib import Path

import rungwise as rw

SPACE = {"rate": (0.01, 1.0, "log"), "kind": ["a", "b"]}


def train(trial):
    model = []
    if (folder := trial.load()) is not None:
        model = json.loads((folder / "model").read_text())
    assert len(model) == trial.start, (model, trial.start)
    for unit in trial.epochs():
        model.append([trial.id, trial.config["rate"]])
        with Path("trained").open("a") as file:
            file.write(f"{trial.id} {unit}\\n")
        Path(f"model-{trial.id}").write_text(json.dumps(model))
        if trial.id >= 4 and HOW and not Path("died").exists():
            Path("died").touch()
            os.kill(int(os.environ["TUNER"]), getattr(signal, HOW))
        if HOW == "SIGKILL" and Path("died").exists() and not Path("resumed").exists():
            signal.pause()  # it dies with the tuner
        loss = -sum(rate for _, rate in model)
        trial.report(unit, loss=loss, save=lambda folder: (folder / "model").write_text(json.dumps(model)))
"""

PROGRAM = """
import os
import signal
import sys

import rungwise as rw
from training import SPACE, train

if __name__ == "__main__":
    os.environ["TUNER"] = str(os.getpid())
    if "unborn" in sys.argv:
        import rungwise.backends.local.backend as backend

        backend.inherit = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    rw.tune(
        train, SPACE, metric="loss", max_resource=12, scheduler={"name": "pbt", "trials": 4, "interval": 2}, workers=2,
        seed=3, name="it", reuse_workers="warm" in sys.argv,
    )
"""

SCRIPT = "from training import SPACE, train\nimport rungwise as rw\n\ntrain(rw.current_trial(SPACE))\n"


def prepare(folder: Path, how: str = "") -> None:
    (folder / "training.py").write_text(TRAINING.replace("HOW", repr(how)))
    (folder / "program.py").write_text(PROGRAM)


def models(folder: Path) -> dict[int, list[tuple[int, float]]]:
    """The history of every trial's training."""
    found = {int(path.name.split("-")[1]): json.loads(path.read_text()) for path in folder.glob("model-*")}
    return {trial: [(by, rate) for by, rate in model] for trial, model in found.items()}


def check_inheritance(folder: Path, experiment: rw.Experiment) -> Mapping[int, int]:
    """Every child's training begins with its parent's, and goes on by its own configuration; children and parents."""
    born = [record for record in experiment.records() if isinstance(record, Launch) and record.parent is not None]
    trained = models(folder)
    for launch in born:
        assert launch.parent is not None
        model, configuration = trained[launch.trial], experiment.ledger.trials[launch.trial].configuration
        assert launch.start > 0
        assert model[: launch.start] == trained[launch.parent][: launch.start]
        assert set(model[launch.start :]) == {(launch.trial, configuration["rate"])}
    return {launch.trial: launch.parent for launch in born if launch.parent is not None}


def check_end(folder: Path, experiment: rw.Experiment) -> None:
    """Four trials got to the end, one a place, the others were stopped; the winner is the best of all models."""
    assert experiment.status == "finished"
    assert Counter(trial["status"] for trial in experiment.trials)["completed"] == 4
    assert check_inheritance(folder, experiment)
    assert experiment.best.value == min(-sum(rate for _, rate in model) for model in models(folder).values())
    kept = [model.parent for model in (folder / "rungwise.db-checkpoints" / "it").rglob("model")]
    assert kept == [experiment.checkpoint]


@pytest.mark.parametrize("how", ["forked", "warm"])
def test_a_population_of_functions(tmp_path: Path, how: str) -> None:
    prepare(tmp_path)
    done = run(tmp_path, sys.executable, "program.py", how)
    assert (done.code, done.err) == (0, "")
    check_end(tmp_path, rw.Experiment.open("it", tmp_path / "rungwise.db"))
    trained = (tmp_path / "trained").read_text().split("\n")
    assert len(trained) == len(set(trained)), "no unit is trained twice"


def test_a_population_of_scripts_from_the_command_line(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "space.yaml").write_text("rate: {range: [0.01, 1.0], log: true}\nkind: [a, b]\n")
    done = rungwise(
        tmp_path, "tune", "script.py", "--space", "space.yaml", "--metric", "loss", "--max-resource", "12",
        "--scheduler", "pbt", "--trials", "4", "--workers", "2", "--name", "it",
    )  # fmt: skip
    assert done.code == 0, done.err
    experiment = rw.Experiment.open("it", tmp_path / "rungwise.db")
    assert experiment.spec.trials is None, "children come on top of the population"
    assert experiment.spec.scheduler["trials"] == 4
    assert experiment.spec.milestones == (2, 4, 6, 8, 10, 12)
    check_end(tmp_path, experiment)
    again = rungwise(tmp_path, "resume", "it", "--json")
    assert again.json()["state"] == "finished"
    retrained = rungwise(tmp_path, "retrain", "it", "--json")
    assert retrained.json()["candidates"][0]["config"] == experiment.best.config
    assert len(models(tmp_path)[0]) == 12


def resumed(folder: Path, died: Done) -> rw.Experiment:
    (folder / "resumed").touch()
    done = rungwise(folder, "resume", "it", "--json")
    assert (done.code, done.err) == (0, ""), (died, done)
    experiment = rw.Experiment.open("it", folder / "rungwise.db")
    check_end(folder, experiment)
    replayed = rungwise(folder, "resume", "it", "--json")
    assert replayed.json() == done.json()
    return experiment


def test_a_tuner_that_is_killed_while_a_child_trains_its_first_unit(tmp_path: Path) -> None:
    prepare(tmp_path, "SIGKILL")
    died = run(tmp_path, sys.executable, "program.py")
    assert died.code == -9
    check_unborn(tmp_path)
    resumed(tmp_path, died)


def test_a_tuner_that_is_killed_before_a_child_has_its_inheritance(tmp_path: Path) -> None:
    """The log says that the child was launched, but its checkpoint is not there: it gets it on the way back."""
    prepare(tmp_path)
    died = run(tmp_path, sys.executable, "program.py", "unborn")
    assert died.code == -9
    child = check_unborn(tmp_path)
    assert not (tmp_path / "rungwise.db-checkpoints" / "it" / f"trial-{child}").exists()
    resumed(tmp_path, died)


def check_unborn(folder: Path) -> int:
    """What is shown of a child that has reported nothing; its number."""
    experiment = rw.Experiment.open("it", folder / "rungwise.db")
    launched = {record.trial: record for record in experiment.records() if isinstance(record, Launch)}
    reported = {record.trial for record in experiment.records() if isinstance(record, TrialReported)}
    (child,) = set(launched) - reported
    launch = launched[child]
    (row,) = (trial for trial in experiment.trials if trial["trial"] == child)
    assert isnan(row["value"])
    assert isnan(row["best"])
    assert (row["resource"], row["parent"]) == (launch.start, launch.parent)
    shown = rungwise(folder, "show", "it", "--json").json()
    (told,) = (trial for trial in shown["trials"] if trial["trial"] == child)
    assert (told["best"], told["resource"], told["best_resource"]) == (None, launch.start, 0)
    assert told["parent"] == launch.parent
    assert sum(rung["entries"] for rung in shown["ladder"]) <= sum(len(model) for model in models(folder).values())
    assert rungwise(folder, "show", "it").code == 0
    return child


def test_a_population_that_is_interrupted_trains_nothing_twice(tmp_path: Path) -> None:
    prepare(tmp_path, "SIGINT")
    died = run(tmp_path, sys.executable, "program.py")
    assert died.code != 0
    assert "rungwise resume it" in died.err
    started = [
        each for each in rw.Experiment.open("it", tmp_path / "rungwise.db").records() if isinstance(each, StartTrial)
    ]
    experiment = resumed(tmp_path, died)
    assert len(experiment.ledger.trials) >= len(started)
    trained = (tmp_path / "trained").read_text().split("\n")
    assert len(trained) == len(set(trained))


def test_a_population_too_small_to_replace_anybody_is_refused(tmp_path: Path) -> None:
    prepare(tmp_path)
    (tmp_path / "space.yaml").write_text("rate: {range: [0.01, 1.0]}\n")
    done = rungwise(
        tmp_path, "tune", "training.py:train", "--space", "space.yaml", "--metric", "loss", "--max-resource", "12",
        "--scheduler", "pbt", "--trials", "3",
    )  # fmt: skip
    assert "the best 0.25 of 3 trials is nobody" in sentence(done)
    assert not (tmp_path / "rungwise.db").exists()
