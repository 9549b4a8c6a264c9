"""`rungwise replay`: a log implies every decision that it records, or the first that it does not is named."""

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copy

import pytest
from commandline import TRAININGS, Cli, sentence

import rungwise as rw

SPACE = {"lr": (1e-4, 1.0, "log"), "act": ["relu", "tanh"]}


def test_a_finished_log_is_identical(cli: Cli, finished: Path) -> None:
    for name in ("digits", "other"):
        done = cli("replay", name, "--store", finished / "runs.db")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"{name}: identical, ")
    told = cli("replay", "digits", "--store", finished / "runs.db", "--json").json()
    assert told["identical"] is True
    assert told["missing"] == 0
    assert told["records"] == len(list(rw.Experiment.open("digits", finished / "runs.db").records()))


def changed(store: Path, statement: str) -> None:
    with closing(sqlite3.connect(store)) as database:
        triggers = [name for (name,) in database.execute("select name from sqlite_master where type = 'trigger'")]
        for name in triggers:  # the log is append-only: whoever changes it has to mean it
            database.execute(f"drop trigger {name}")
        assert database.execute(statement).rowcount > 0
        database.commit()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update records set resource = 27 where kind = 'promote'", "PromoteTrial(trial="),
        ("update records set rest = replace(rest, 'relu', 'tanh') where kind = 'launch'", "Launch(trial="),
    ],
    ids=["a milestone", "a configuration"],
)
def test_the_first_record_that_differs_is_named(
    cli: Cli, finished: Path, tmp_path: Path, statement: str, told: str
) -> None:
    copy(finished / "runs.db", tmp_path / "runs.db")
    changed(tmp_path / "runs.db", statement)
    said = sentence(cli("replay", "digits", "--store", "runs.db"))
    assert "but replaying decides" in said
    assert told in said


def test_a_population_and_a_retraining_replay_too(cli: Cli) -> None:
    space = Path("space.yaml")
    space.write_text("lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n")
    common = ("--space", "space.yaml", "--metric", "loss", "--max-resource", "9", "--store", "runs.db")
    train = f"{TRAININGS / 'training_functions.py'}:steady"
    assert cli("tune", train, *common, "--scheduler", "pbt", "--trials", "4", "--name", "population").code == 0
    assert "identical" in cli("replay", "population", "--store", "runs.db").out
    assert cli("retrain", "population", "--store", "runs.db").code in (0, 1)
    assert "identical" in cli("replay", "population.retrain-1", "--store", "runs.db").out


def test_what_is_not_there(cli: Cli, finished: Path) -> None:
    assert "nosuch" in sentence(cli("replay", "nosuch", "--store", finished / "runs.db"))
