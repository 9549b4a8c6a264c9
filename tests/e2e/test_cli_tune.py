"""`rungwise tune`: scripts, functions, any program, whole experiments, and what becomes of trials that fail."""

import json
import sys
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from commandline import TRAININGS, Cli, lines, run, rungwise, sentence, trained

from rungwise.api.experiment import Experiment
from rungwise.core.commands import Halt
from rungwise.core.events import TrialReported

SPACE = "lr: {range: [1e-4, 1.0], log: true, default: 0.1}\nact: {choices: [relu, tanh]}\n"
FUNCTIONS = str(TRAININGS / "training_functions.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a space."""
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def shown(cli: Cli, name: str, store: str = "rungwise.db") -> Any:
    """What `show` tells about an experiment."""
    done = cli("show", name, "--store", store, "--json")
    assert done.code == 0
    return done.json()


def test_a_script_is_tuned_with_checkpoints_and_trains_once_by_hand(folder: Path, cli: Cli) -> None:
    copy(TRAININGS / "training_script.py", folder / "train.py")
    done = rungwise(
        folder, "tune", "train.py", "--space", "space.yaml", "--metric", "val_accuracy", "--mode", "max",
        "--max-resource", "27", "--trials", "6", "--workers", "2", "--scheduler", "asha",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    told = shown(cli, "train-1")
    best = max(told["trials"], key=lambda trial: trial["best"])
    assert told["best"]["trial"] == best["trial"]
    assert f"trial {best['trial']}" in done.out
    entries = [rung["entries"] for rung in told["ladder"]]
    assert entries[0] == 6
    assert entries[1] >= 2  # two workers: the order of arrival decides whether one more is promoted on the way
    # A promoted trial went on from its checkpoint, so that no unit of it was trained twice.
    assert trained(folder) == sorted(
        (trial["trial"], unit + 1) for trial in told["trials"] for unit in range(trial["resource"])
    )
    assert told["spent"] == len(trained(folder)) >= 6 + 2 * 2

    (folder / "trained").unlink()
    by_hand = run(folder, sys.executable, "train.py", RUNGWISE_MAX_RESOURCE="4")
    assert by_hand.code == 0
    assert trained(folder) == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert [f"{1 - 0.1 / unit:.6g}" for unit in (1, 2, 3, 4)] == [
        words[words.index("val_accuracy") + 1] for words in map(str.split, by_hand.out.splitlines())
    ]


PROGRAM = """#!/bin/sh
printf '%s\\n' "$@" > arguments
env | grep ^RUNGWISE_HP_ | sort > variables
cp "$RUNGWISE_CONFIG" config
echo 'an ordinary line'
echo '{"resource": 1, "loss": 0.25}'
"""


@pytest.mark.parametrize("how", ["appended", "placeholders", "env", "json"])
def test_any_program_is_tuned_and_gets_its_configuration(folder: Path, cli: Cli, how: str) -> None:
    (folder / "program").write_text(PROGRAM)
    (folder / "program").chmod(0o755)
    config_as, *words = {
        "appended": ["args"],
        "placeholders": ["args", "-r={lr}", "{act}", "{config}", "{other}"],
        "env": ["env"],
        "json": ["json"],
    }[how]
    done = cli(
        "tune", "--space", "space.yaml", "--metric", "loss", "--max-resource", "1", "--trials", "1",
        "--config-as", config_as, "--", "./program", *words,
    )  # fmt: skip
    assert done.code == 0, done
    config = shown(cli, "program-1")["best"]["config"]
    assert json.loads((folder / "config").read_text()) == config
    lr, act = str(config["lr"]), config["act"]
    arguments = (folder / "arguments").read_text().split()
    if how == "placeholders":
        file = folder / "rungwise.db-checkpoints/program-1/trial-0/config.json"
        assert arguments == [f"-r={lr}", act, str(file), "{other}"]
    else:
        assert arguments == (["--lr", lr, "--act", act] if how == "appended" else [])
    variables = (folder / "variables").read_text().split()
    assert variables == ([f"RUNGWISE_HP_ACT={act}", f"RUNGWISE_HP_LR={lr}"] if how == "env" else [])


WHOLE = """
train: beside.py:steady
space: {lr: {range: [1e-4, 1.0], log: true}}
metric: loss
mode: min
max-resource: 9
eta: 2
scheduler: {name: asha, rule: quantile}
searcher: {name: grid, points: 4}
points: [{lr: 0.5}]
trials: 3
workers: 2
seed: 7
unit: steps
name: whole
store: kept.db
"""


def test_a_whole_experiment_in_one_file_and_flags_that_override_it(folder: Path, cli: Cli) -> None:
    work = folder / "work"
    work.mkdir()
    copy(FUNCTIONS, folder / "beside.py")
    (folder / "experiment.yaml").write_text(WHOLE)
    done = rungwise(work, "tune", "../experiment.yaml")
    assert done.code == 0, done
    assert "steps" in done.out
    told = shown(cli, "whole", "kept.db")
    assert [rung["milestone"] for rung in told["ladder"]] == [1, 2, 4, 8, 9]
    assert told["counts"]["started"] == 3
    (first,) = (trial for trial in told["trials"] if trial["trial"] == 0)
    assert first["config"] == {"lr": 0.5}

    (folder / "experiment.yaml").write_text(WHOLE.replace("{lr: {range: [1e-4, 1.0], log: true}}", "space.yaml"))
    done = cli(
        "tune", "experiment.yaml", "--trials", "2", "--scheduler", "fifo", "--max-resource", "2",
        "--name", "other", "--store", "work/mine.db", "--json",
    )  # fmt: skip
    assert done.code == 0, done
    told = done.json()
    assert (told["name"], told["scheduler"], told["counts"]["started"], told["spent"]) == ("other", "fifo", 2, 4)
    assert set(told["best"]["config"]) == {"lr", "act"}
    assert (work / "mine.db").is_file()


def test_idle_slots_are_given_away_by_the_figures_of_a_profile(folder: Path, cli: Cli) -> None:
    profile = folder / "profiles" / "p.yaml"
    profile.parent.mkdir()
    profile.write_text("{seconds_per_unit: {1: 8.0, 2: 4.5}, startup: 2, save: 1}")
    common = ("--space", "space.yaml", "--metric", "loss", "--max-resource", "2", "--trials", "2", "--workers", "3")
    done = cli(
        "tune", f"{FUNCTIONS}:steady", *common, "--allocation", "fill,most=2,profile=profiles/p.yaml", "--name", "one"
    )
    assert done.code == 0, done
    expected = {"name": "fill", "slots": 1, "most": 2, "scaling": [[1, 8.0], [2, 4.5]], "restart": 3.0}
    assert Experiment.open("one", "rungwise.db").spec.allocation == expected
    (folder / "profiles" / "e.yaml").write_text(
        f"{{train: '{FUNCTIONS}:steady', space: ../space.yaml, metric: loss, max_resource: 2, trials: 2, workers: 3,"
        " name: two, store: ../rungwise.db, allocation: {name: fill, profile: p.yaml, restart: 1}}"
    )
    done = cli("tune", "profiles/e.yaml")
    assert done.code == 0, done
    assert Experiment.open("two", "rungwise.db").spec.allocation == {**expected, "most": 3, "restart": 1.0}
    for allocation, told in (
        ("fill,profile=nosuch.yaml", "nosuch.yaml is not there"),
        ("fixed,profile=profiles/p.yaml", "has the option 'profile', which it does not know"),
    ):
        done = cli("tune", f"{FUNCTIONS}:steady", *common, "--allocation", allocation, "--name", "three")
        assert done.code == 2
        assert told in sentence(done), done


@pytest.mark.parametrize("train", ["program", "./program", "[./program, '{lr}']"])
def test_a_program_named_in_an_experiments_file_lies_beside_it(folder: Path, cli: Cli, train: str) -> None:
    beside = folder / "beside"
    beside.mkdir()
    (beside / "program").write_text(PROGRAM)
    (beside / "program").chmod(0o755)
    (beside / "e.yaml").write_text(
        f"{{train: {train}, space: ../space.yaml, metric: loss, max_resource: 1, trials: 1, config_as: json}}"
    )
    done = cli("tune", "beside/e.yaml", "--json")
    assert done.code == 0, done
    lr = str(done.json()["best"]["config"]["lr"])
    assert (folder / "arguments").read_text().split() == ([lr] if "{lr}" in train else [])


def test_a_trial_that_raises_fails_alone_and_nan_is_no_error(finished: Path, cli: Cli) -> None:
    told = shown(cli, "other", str(finished / "runs.db"))
    assert told["state"] == "finished"
    assert {trial["trial"]: trial["status"] for trial in told["trials"]} == {
        number: "failed" if number % 4 == 0 else "paused" for number in range(8)
    }
    assert {failure["trial"]: failure["line"] for failure in told["failures"]} == {
        0: "RuntimeError: no luck for 0",
        4: "RuntimeError: no luck for 4",
    }
    assert told["diverged"] == [1, 2, 5, 6]
    assert told["best"]["trial"] in (3, 7)
    assert {trial["best"] for trial in told["trials"] if trial["diverged"]} == {None}, "ranked last, and null in JSON"


def test_what_failed_and_what_diverged_is_told_once(folder: Path, cli: Cli) -> None:
    words = ["--space", "space.yaml", "--metric", "loss", "--max-resource", "3", "--scheduler", "fifo", "--trials", "4"]
    done = cli("tune", f"{FUNCTIONS}:mixed", *words)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("trial 1 reported nan at 1") == 1
    assert done.out.count("trial 2 reported inf at 1") == 1
    assert "trial 0 failed 2 times: RuntimeError: no luck for 0" in done.out
    # The end of the traceback leads to the line.
    assert "training_functions.py" in done.out
    assert 'raise RuntimeError(f"no luck for {trial}")' in done.out

    as_json = cli("tune", f"{FUNCTIONS}:mixed", *words, "--json")
    assert as_json.code == 0
    assert as_json.json()["name"] == "training_functions-2"
    assert as_json.err.count("trial 1 reported loss = nan") == 1
    assert 'raise RuntimeError(f"no luck for {trial}")' in as_json.err


def test_if_all_trials_fail_it_says_why(folder: Path, cli: Cli) -> None:
    done = cli(
        "tune", f"{FUNCTIONS}:dying", "--space", "space.yaml", "--metric", "loss", "--max-resource", "3",
        "--trials", "2",
    )  # fmt: skip
    assert (done.code, done.err) == (1, "")
    assert "No winner" in done.out
    assert "RuntimeError: no luck for 0" in done.out
    best = cli("best", "training_functions-1")
    assert (best.code, best.out) == (1, "")
    assert best.err.startswith("rungwise: the experiment 'training_functions-1' has no winner")
    assert cli("retrain", "training_functions-1") == best


def test_reports_after_a_stop_are_logged_and_not_told(folder: Path, cli: Cli) -> None:
    done = cli(
        "tune", f"{FUNCTIONS}:deaf", "--space", "space.yaml", "--metric", "loss", "--max-resource", "9",
        "--scheduler", "stopping-asha", "--trials", "2",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    experiment = Experiment.open("training_functions-1")
    records = list(experiment.records())
    late = records[records.index(Halt(1)) :]
    assert any(isinstance(record, TrialReported) for record in late)
    assert [(trial["status"], trial["resource"]) for trial in experiment.trials] == [("completed", 9), ("stopped", 1)]


def test_the_next_command_can_be_copied_whatever_the_store_is_called(folder: Path, cli: Cli) -> None:
    done = cli(
        "tune", f"{FUNCTIONS}:steady", "--space", "space.yaml", "--metric", "loss", "--max-resource", "1",
        "--trials", "1", "--store", "two words.db",
    )  # fmt: skip
    assert lines(done.out)[-1] == "Next: rungwise retrain training_functions-1 --store 'two words.db'"


def test_a_key_that_is_unknown_in_an_experiments_file(folder: Path, cli: Cli) -> None:
    (folder / "e.yaml").write_text("{train: x.py, space: space.yaml, metric: loss, max_resource: 9, worker: 2}")
    said = sentence(cli("tune", "e.yaml"))
    assert said == "the experiment 'e.yaml' has the key 'worker', which tune does not know, did you mean 'workers'?"


def test_a_space_with_fewer_configurations_than_trials_is_told_at_once_and_at_the_end(folder: Path, cli: Cli) -> None:
    (folder / "space.yaml").write_text("act: [relu, tanh]\nlr: {choices: [0.1, 0.01], weights: [1, 9]}\n")
    words = ("--space", "space.yaml", "--metric", "loss", "--max-resource", "3", "--name", "small")
    done = cli("tune", f"{FUNCTIONS}:steady", *words)
    assert done.code == 0
    assert "the search space has 4 configurations, none of which is tried twice: at most 4 of 64 trials" in done.out
    assert "It ended because no configuration was left to try: the search space is exhausted." in done.out
    told = shown(cli, "small")
    assert (told["finish"], told["counts"]["started"]) == ("space", 4)
    assert len({json.dumps(trial["config"]) for trial in told["trials"]}) == 4
    assert Experiment.open("small", folder / "rungwise.db").finish == "space"
    assert cli("replay", "small").code == 0


def test_auto_is_settled_when_the_experiment_is_made_and_says_what_it_took(folder: Path, cli: Cli) -> None:
    asked = ("--space", "space.yaml", "--metric", "loss", "--max-resource", "27", "--trials", "17", "--workers", "2")
    done = cli("tune", f"{FUNCTIONS}:steady", *asked, "--scheduler", "auto", "--name", "mine")
    assert done.code == 0, done
    head, known, *_ = lines(done.out)
    assert head.startswith("mine: taper, lowest loss, 17 trials, 2 workers, rungs 1 2 3 5 8 11 17 26 27 units")
    assert known.strip() == (
        "auto took taper,gamma=1.2: 1.3x less training than asha on real tables (docs/how-to/choose-a-scheduler.md)"
    )
    spec = Experiment.open("mine").spec
    assert dict(spec.scheduler) == {
        "name": "taper", "gamma": 1.2, "trials": 17, "min_resource": 1, "max_resource": 27, "eta": 3,
    }  # fmt: skip
    text = cli("show", "mine").out
    assert "why taper" in text and spec.chosen in text
    assert shown(cli, "mine")["chosen"] == spec.chosen
    assert cli("replay", "mine").code == 0
    assert "auto" not in cli("resume", "mine").out, "what is over is not advised any more"

    (folder / "mine.yaml").write_text(
        f"train: {FUNCTIONS}:steady\nspace: space.yaml\nmetric: loss\nmax_resource: 27\ntrials: 12\n"
        "scheduler: {name: auto, diverges: true}\nlimits: {resource: 20}\n"
    )
    limited = cli("tune", "mine.yaml", "--name", "limited")
    assert "gated-pasha, lowest loss" in limited.out, "with a limit nobody knows how many trials there will be"
    assert dict(Experiment.open("limited").spec.scheduler)["name"] == "gated-pasha"


@pytest.mark.parametrize(
    ("scheduler", "told"),
    [
        ("auto,rule=floor", "the scheduler 'auto' has no option 'rule'"),
        ("auto,diverges=7", "diverges of the scheduler 'auto' is 7"),
        ("auto,", "where an option such as rule=quantile should stand"),
    ],
)
def test_what_auto_does_not_know_is_told_in_a_sentence(folder: Path, cli: Cli, scheduler: str, told: str) -> None:
    done = cli(
        "tune", f"{FUNCTIONS}:steady", "--space", "space.yaml", "--metric", "loss", "--max-resource", "27",
        "--scheduler", scheduler,
    )  # fmt: skip
    assert (done.code, done.out) == (2, "")
    assert told in sentence(done)
    assert not (folder / "rungwise.db").exists()


def test_options_of_a_scheduler_are_given_beside_its_name(folder: Path, cli: Cli) -> None:
    done = cli(
        "tune", f"{FUNCTIONS}:steady", "--space", "space.yaml", "--metric", "loss", "--max-resource", "9", "--trials",
        "4", "--scheduler", "pasha,ranking=fixed,ranking.epsilon=0.02", "--rule", "quantile", "--name", "mine",
    )  # fmt: skip
    assert done.code == 0, done
    scheduler = dict(Experiment.open("mine").spec.scheduler)
    assert scheduler["ranking"] == {"name": "fixed", "epsilon": 0.02}
    assert scheduler["rule"] == "quantile"
