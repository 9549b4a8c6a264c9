"""`rungwise tune --transfer`: from an earlier experiment to a new one, which needs the earlier one no more."""

import os
from pathlib import Path
from shutil import copy

import pytest
from commandline import TRAININGS, Cli, Gate, sentence, under_way

import rungwise as rw
from rungwise.store import Store

FUNCTIONS = TRAININGS / "training_functions.py"
SPACE = "lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n"


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the store in which `digits` and `other` are finished."""
    copy(finished / "runs.db", tmp_path / "runs.db")
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path


def words(train: str = "steady", **changed: str | None) -> list[str]:
    given = {"space": "space.yaml", "metric": "loss", "max-resource": "9", "trials": "6", "store": "runs.db"}
    given |= {name.replace("_", "-"): value for name, value in changed.items()}  # type: ignore[misc]
    flags = [word for name, value in given.items() if value is not None for word in (f"--{name}", value)]
    return ["tune", f"{FUNCTIONS}:{train}", *flags]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")
def test_it_resumes_and_replays_when_the_earlier_one_is_gone(folder: Path, cli: Cli, gate: Gate) -> None:
    won = rw.Experiment.open("digits", folder / "runs.db").best.config
    command = words("gated", transfer="digits", searcher="kde", name="it")
    with under_way(folder, *command) as tuner:
        gate.let_pass(2)
        gate.waiting(3)
        tuner.interrupt()
        tuner.wait_for("pausing: ")
        gate.let_pass(1)
        assert tuner.done().code == 130
    with Store.open(folder / "runs.db") as store:
        store.discard("digits")
    gate.let_pass(100)
    assert cli("resume", "it", "--store", "runs.db").code == 0
    it = rw.Experiment.open("it", folder / "runs.db")
    assert it.trials[0]["config"] == won
    assert "hurdle" not in it.spec.scheduler
    assert (it.spec.past.winners, len(it.spec.past.trials)) == (1, 9)
    copy(folder / "runs.db", folder / "elsewhere.db")
    for store in ("runs.db", "elsewhere.db"):
        assert "it: identical, " in cli("replay", "it", "--store", store).out


def test_several_experiments_by_command_line_and_by_file(folder: Path, cli: Cli) -> None:
    pytest.importorskip("botorch", reason="the extra 'bo' is not installed")
    done = cli(*words(transfer="digits", searcher="gp", name="one"), "--transfer", "other", "--hurdle")
    assert done.code == 0, done
    one = rw.Experiment.open("one", "runs.db")
    assert [trial["config"] for trial in one.trials[:2]] == list(one.spec.points)
    assert (one.spec.scheduler["hurdle"], one.spec.past.experiments) == (2, ("digits", "other"))
    assert "of digits, other: 2 winners first" in cli("show", "one", "--store", "runs.db").out
    assert cli("show", "one", "--store", "runs.db", "--json").json()["past"] == {
        "experiments": ["digits", "other"],
        "winners": 2,
        "trials": len(one.spec.past.trials),
    }
    assert one.spec.past.trials
    assert "one: identical, " in cli("replay", "one", "--store", "runs.db").out
    text = f"train: '{FUNCTIONS}:steady'\nspace: space.yaml\nmetric: loss\nmax_resource: 9\ntrials: 4\nstore: runs.db\n"
    (folder / "experiment.yaml").write_text(text + "name: two\ntransfer: {from: [digits], winners: 3}\n")
    assert cli("tune", "experiment.yaml").code == 0
    two = rw.Experiment.open("two", "runs.db")
    assert len(two.spec.points) == two.spec.past.winners == 3
    assert "hurdle" not in two.spec.scheduler
    assert cli("replay", "two", "--store", "runs.db").code == 0
    assert cli("show", "digits", "--store", "runs.db", "--json").json()["past"] is None


BAD = {
    "a hurdle that nobody sets": (
        (*words(), "--hurdle"),
        "--hurdle is set by the winners of earlier experiments",
        SPACE,
    ),
    "an experiment that is absent": (words(transfer="digit"), "no experiment 'digit' in the store", SPACE),
    "the other direction": (words(transfer="digits", mode="max"), "'digits' has the mode 'min', but this", SPACE),
    "another space": (words(transfer="digits"), "'digits' searched 'lr', 'act', and none of these", "k: [1, 5]\n"),
    "nothing left": (words(transfer="digits"), "no configuration of the experiment 'digits' is in", "lr: [2.0, 3.0]\n"),
    "no store": (words(transfer="digits", store="none.db"), "there is no", SPACE),
    "an empty name": (words(transfer=""), "there is no experiment ''", SPACE),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_in_a_sentence_and_nothing_half_made(folder: Path, cli: Cli, case: str) -> None:
    arguments, said, space = BAD[case]
    (folder / "space.yaml").write_text(space)
    before = sorted(folder.iterdir())
    assert said in sentence(cli(*arguments))
    assert sorted(folder.iterdir()) == before
    assert {row["name"] for row in cli("list", "--store", "runs.db", "--json").json()} == {"digits", "other"}


def test_a_transfer_in_a_file_that_is_none(folder: Path, cli: Cli) -> None:
    text = f"train: '{FUNCTIONS}:steady'\nspace: space.yaml\nmetric: loss\nmax_resource: 9\nstore: runs.db\n"
    for given, said in (("3", "transfer is 3, but must be"), ("{from: digits, winer: 2}", "did you mean 'winners'?")):
        (folder / "experiment.yaml").write_text(f"{text}transfer: {given}\n")
        assert said in sentence(cli("tune", "experiment.yaml"))
