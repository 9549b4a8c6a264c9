"""Bad input: one clear sentence that names the value and the rule, exit code 2, and nothing half-made in the store.

The same from Python: a class of `rungwise.core.errors`.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from commandline import TRAININGS, Cli, rungwise, sentence

import rungwise as rw

FUNCTIONS = TRAININGS / "training_functions.py"
BREACHES = TRAININGS / "training_breaches.py"
STEADY = f"{FUNCTIONS}:steady"
SPACE = "lr: {range: [1e-4, 1.0], log: true}\nact: {choices: [relu, tanh]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a space, and files that are no good."""
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "plain.txt").write_text("nothing that could be run, or be a store\n" * 100)
    (tmp_path / "dir").mkdir()
    return tmp_path


def refused(cli: Cli, folder: Path, *arguments: str) -> str:
    """The one sentence that refuses a command; no experiment and no checkpoint is left behind."""
    before = sorted(path for path in folder.rglob("*") if path.name != "runs.db")
    said = sentence(cli(*arguments))
    assert sorted(path for path in folder.rglob("*") if path.name != "runs.db") == before
    if (folder / "runs.db").exists():
        assert cli("list", "--store", "runs.db", "--json").json() == []
    return said


def words(train: str = STEADY, **changed: str | None) -> list[str]:
    """A command line that is right but for what is changed (None: left out)."""
    given = {"space": "space.yaml", "metric": "loss", "max-resource": "9", "trials": "3", "store": "runs.db"}
    given |= {name.replace("_", "-"): value for name, value in changed.items()}  # type: ignore[misc]
    return ["tune", *(word for name, value in given.items() if value is not None for word in (f"--{name}", value)),
            "--", *train.split()]  # fmt: skip


ARGUMENTS: dict[str, tuple[list[str], str]] = {
    "min above max": (words(min_resource="10"), "min_resource is 10, above max_resource 9"),
    "no resource": (words(max_resource="0"), "max_resource is 0, but must be a whole number of 1 or more"),
    "eta 1": (words(eta="1"), "eta is 1, but must be a whole number of 2 or more"),
    "eta 2.5": (words(eta="2.5"), "'--eta': '2.5' is not a valid integer"),
    "no workers": (words(workers="0"), "workers is 0, but must be a whole number of 1 or more"),
    "more slots than there are": (words(slots="3", workers="2"), "slots is 3, but there are 2 in all (workers)"),
    "no such allocation": (words(allocation="wide"), "allocation is 'wide', but must be one of fixed, by-rung"),
    "a limit beyond all": (words(allocation="by-rung,most=4", workers="2"), "most is 4, but there are 2 in all"),
    "no trials": (words(trials="0"), "trials is 0, but must be a whole number of 1 or more"),
    "a negative seed": (words(seed="-1"), "seed is -1"),
    "no metric": (words(metric=None), "metric is missing: give it"),
    "an empty metric": (words(metric=""), "metric is ''"),
    "no space": (words(space=None), "space is missing: give it"),
    "no training": (words(train=""), "train is missing: give it"),
    "an unknown mode": (words(mode="up"), "'up' is not one of 'min', 'max'"),
    "an unknown scheduler": (
        words(scheduler="pash"),
        "scheduler is 'pash', but must be one of asha, async-hyperband, fifo",
    ),
    "a scheduler that is not for tuning": (words(scheduler="retraining"), "scheduler is 'retraining', but must be one"),
    "a scheduler of one's own by name": (words(scheduler="custom"), "scheduler is 'custom', but must be one of"),
    "an option that a scheduler lacks": (words(scheduler="fifo", rule="floor"), "'fifo' has no option 'rule'"),
    "an unknown searcher": (words(searcher="oracle"), "searcher is 'oracle', but must be one of"),
    "fewer than no GPUs": (words(gpus="-1"), "gpus is -1, but must be"),
    "too few GPUs": (words(gpus="1", workers="2"), "workers is 2, but the GPUs that are named"),
    "a module to preload that is absent": (words(preload="no_such"), "preload names the module 'no_such'"),
    "a name with a blank": (words(name="a b"), "the name 'a b' is not allowed"),
    "a space that is absent": (words(space="none.yaml"), "none.yaml is not there"),
    "a space that is no file": (words(space="dir"), "the search space is 'dir'"),
    "a script that is absent": (words("none.py"), "the script none.py is not there"),
    "a program that is absent": (words("./none"), "the program ./none is not there"),
    "a program nowhere on PATH": (words("no_such_program"), "the program no_such_program is not there"),
    "a program that is not executable": (words("./plain.txt"), "./plain.txt is not executable: chmod +x"),
    "a file of functions that is absent": (words("none.py:train"), "'none.py' is not a file"),
    "a function that is absent": (words(f"{FUNCTIONS}:none"), "holds no function 'none'"),
    "a function that is none": (words(f"{BREACHES}:number"), "holds no function 'number'"),
    "an experiment that is absent": (words("none.yaml"), "none.yaml is not there, but an experiment must be"),
    "a store that is a folder": (words(store="dir"), "is a folder, but must be a file"),
    "a store that is something else": (words(store="plain.txt"), "plain.txt is not a Rungwise store"),
    "a store in no folder": (words(store="none/runs.db"), "there is no folder"),
    "an option that is unknown": (words(wrong="1"), "No such option '--wrong'"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(folder: Path, cli: Cli, case: str) -> None:
    arguments, said = ARGUMENTS[case]
    assert said in refused(cli, folder, *arguments)
    assert not (folder / "runs.db").exists()


SPACES = {
    "nothing": ("", "is empty, but a search space must be a mapping"),
    "no hyperparameter": ("{}", "the search space is empty"),
    "a list": ("[1, 2]", "is a list, but a search space must be a mapping"),
    "no YAML": ("lr: [", "is not YAML that can be read"),
    "a range upside down": ("lr: {range: [1.0, 0.1]}", "the range of hyperparameter 'lr' is [1.0, 0.1]"),
    "a default outside its range": ("lr: {range: [0.1, 1.0], default: 2.0}", "default of hyperparameter 'lr' is 2.0"),
    "a default among no choices": (
        "act: {choices: [relu], default: tanh}",
        "default of hyperparameter 'act' is 'tanh'",
    ),
    "a contradiction": ("{k: {choices: [1, 2]}, forbidden: [{k: 1}, {k: 2}]}", "the search space is contradictory"),
    "a default that is forbidden": ("{k: {choices: [1, 2]}, forbidden: [{k: 1}]}", "is forbidden by its clauses"),
    "a condition on nothing": ("k: {choices: [1, 2], when: {l: 1}}", "names 'l', which is not in the search space"),
    "a circle": ("{a: {choices: [1, 2], when: {b: 1}}, b: {choices: [1, 2], when: {a: 1}}}", "round in a circle"),
    "a misspelt key": ("lr: {rang: [0.1, 1.0]}", "unknown key 'rang', did you mean 'range'?"),
}


@pytest.mark.parametrize("case", SPACES)
def test_spaces(folder: Path, cli: Cli, case: str) -> None:
    text, said = SPACES[case]
    (folder / "space.yaml").write_text(text)
    refusal = refused(cli, folder, *words())
    assert refusal.startswith("space.yaml")
    assert said in refusal
    assert not (folder / "runs.db").exists()


GOOD = {"train": f"'{STEADY}'", "space": "space.yaml", "metric": "loss", "max_resource": "9", "store": "runs.db"}
FILES = {
    "an unknown key": ("worker", "2", "has the key 'worker', which tune does not know, did you mean 'workers'?"),
    "eta 1": ("eta", "1", "eta is 1, but must be a whole number of 2 or more"),
    "eta 2.5": ("eta", "2.5", "eta is 2.5, but must be a whole number of 2 or more"),
    "eta as text": ("eta", "'3'", "eta is '3', but must be a whole number"),
    "half a resource": ("max_resource", "9.5", "max_resource is 9.5, but must be a whole number"),
    "workers in words": ("workers", "two", "workers is 'two', but must be a whole number"),
    "a fraction of trials": ("trials", "2.5", "trials is 2.5, but must be a whole number"),
    "a number for a metric": ("metric", "3", "metric is 3, but must name"),
    "a number for a mode": ("mode", "3", "mode is 3, but must be 'min' or 'max'"),
    "a number for a scheduler": ("scheduler", "3", "scheduler is 3, but must be one of"),
    "a scheduler's unknown option": ("scheduler", "{name: asha, rul: floor}", "'asha' has no option 'rul'"),
    "resources among a scheduler's": ("scheduler", "{name: asha, eta: 4}", "eta, which is an argument of its own"),
    "an interval beyond the end": ("scheduler", "{name: pbt, interval: 10}", "interval is 10, above max_resource 9"),
    "more than half to replace": (
        "scheduler",
        "{name: pbt, quantile: 2}",
        "quantile is 2, but must be a number above 0",
    ),
    "a population of text": ("scheduler", "{name: pbt, trials: many}", "trials is 'many', but must be a whole number"),
    "a ranking without its number": ("scheduler", "{name: pasha, ranking: fixed}", "'fixed' needs epsilon"),
    "a list for a ranking": ("scheduler", "{name: pasha, ranking: [auto]}", "ranking is ['auto'], but must be one of"),
    "a number for a ranking": ("scheduler", "{name: pasha, ranking: 5}", "ranking is 5, but must be one of auto"),
    "nothing for a ranking": ("scheduler", "{name: pasha, ranking: null}", "ranking is None, but must be one of auto"),
    "a ranking without a name": ("scheduler", "{name: pasha, ranking: {k: 2}}", "ranking is None, but must be one of"),
    "nothing for a searcher": ("searcher", "null", "the searcher is None, but must be one of 'random', 'grid'"),
    "points for random search": (
        "searcher",
        "{name: random, points: 3}",
        "the searcher 'random' has no option 'points'",
    ),
    "half a point for a grid": ("searcher", "{name: grid, points: 0.5}", "points of the searcher 'grid' is 0.5"),
    "a number for a searcher": ("searcher", "3", "the searcher is 3, but must be one of"),
    "a searcher without a name": ("searcher", "{points: 3}", "the searcher is None, but must be one of"),
    "a number for points": ("points", "3", "points is 3, but must be a list of configurations"),
    "numbers for points": ("points", "[3]", "points is [3], but must be a list of configurations"),
    "a point outside the space": ("points", "[{lr: 7}]", "'lr' of given point 0 is 7"),
    "text for preload": ("preload", "json", "preload is 'json', but must be a list"),
    "half a GPU": ("gpus", "0.5", "gpus is 0.5, but must be"),
    "GPUs as text": ("gpus", "'0,1'", "gpus is '0,1', but must be"),
    "no trial on a GPU": ("per_gpu", "0", "per_gpu is 0, but must be"),
    "no flag for warm workers": ("reuse_workers", "please", "reuse_workers is 'please', but must be true or false"),
    "a number for a unit": ("unit", "3", "unit is 3, but must be text"),
    "a number for a name": ("name", "3", "name is 3, but must be text"),
    "a number for a store": ("store", "3", "store is 3, but must be the path of a file"),
    "an unknown way to hand over": ("config_as", "stdin", "config_as is 'stdin', but must be"),
    "a number for a training": ("train", "3", "train is 3, but must be a function"),
    "no training": ("train", "", "train is None, but must be a function"),
    "a number for a space": ("space", "3", "the search space is 3"),
    "an empty command": ("train", "[]", "train is [], but must be"),
    "a stop of another kind": ("stop", "soon", "stop is 'soon', but must be 'instant' or 'drain'"),
}


@pytest.mark.parametrize("case", FILES)
def test_whole_experiments(folder: Path, cli: Cli, case: str) -> None:
    key, value, said = FILES[case]
    text = "".join(f"{name}: {given}\n" for name, given in {**GOOD, key: value}.items())
    (folder / "experiment.yaml").write_text(text)
    assert said in refused(cli, folder, "tune", "experiment.yaml")
    assert not (folder / "runs.db").exists()


@pytest.mark.parametrize("scheduler", ["[asha]", "5", "null"])
def test_a_rule_for_what_is_no_scheduler(folder: Path, cli: Cli, scheduler: str) -> None:
    text = "".join(f"{name}: {given}\n" for name, given in {**GOOD, "scheduler": scheduler}.items())
    (folder / "experiment.yaml").write_text(text)
    told = refused(cli, folder, "tune", "experiment.yaml", "--rule", "floor")
    assert ", but must be one of asha, async-hyperband, fifo" in told


RULES = {
    "unknown_metric": "lacks the metric 'loss' that the experiment tunes for; it holds 'accuracy'",
    "no_metric": "the report at resource 1 holds no metric",
    "text": "the metric 'loss' is '0.5', but it must be one number",
    "long_text": "(a str of length 10,000,000), but it must be one number",
    "long_list": "(a list of length 1,250,000), but it must be one number",
    "backwards": "the resource 1 after 2, but within a job resources must grow",
    "twice": "the resource 1 after 1, but within a job resources must grow",
    "fraction": "the resource 0.5, but it must be a whole number of at least 1",
    "silent": "returned without reporting anything",
}
IMPORTS = {
    "unnamed": "the training function is a lambda",
    "nested": "is defined inside another function",
    "unpicklable": "cannot be handed to another process (TypeError: cannot pickle",
}


@pytest.mark.parametrize("function", [*RULES, *IMPORTS])
def test_trainings_that_break_their_contract(folder: Path, cli: Cli, function: str) -> None:
    said = refused(cli, folder, *words(f"{BREACHES}:{function}"))
    assert {**RULES, **IMPORTS}[function] in said
    assert len(said) < 400, "what is too long to show is shortened"
    assert (folder / "runs.db").exists() == (function in RULES), "made when the first trial started, and empty again"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"resource": 1, "accuracy": 0.5}', "lacks the metric 'loss'"),
        ('{"resource": 1, "loss": "0.5"}', "the metric 'loss' is '0.5', but it must be one number"),
        ('{"resource": 0, "loss": 0.5}', "the resource 0, but it must be a whole number of at least 1"),
        ('{"resource": 2, "loss": 1}\\n{"resource": 1, "loss": 1}', "the resource 1 after 2"),
        ("nothing of the kind", "returned without reporting anything"),
    ],
)
def test_programs_that_break_their_contract(folder: Path, cli: Cli, line: str, said: str) -> None:
    (folder / "program").write_text(f"#!/bin/sh\nprintf '{line}\\n'\n")
    (folder / "program").chmod(0o755)
    assert said in refused(cli, folder, *words("./program", min_resource="3"))


def test_a_store_that_is_locked(folder: Path, cli: Cli) -> None:
    assert cli(*words(name="it", trials="1")).code == 0
    before = cli("list", "--store", "runs.db")
    with closing(sqlite3.connect(folder / "runs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = sentence(cli(*words(name="other", trials="1")))
    assert str(folder / "runs.db") in said
    assert "locked" in said
    assert cli("list", "--store", "runs.db") == before
    assert [path.name for path in (folder / "runs.db-checkpoints").iterdir()] == ["it"]


def test_names_that_are_taken_or_absent(finished: Path, cli: Cli) -> None:
    store = str(finished / "runs.db")
    before = cli("list", "--store", store, "--json").json()
    command = words(name="digits", store=store, space=str(finished / "space.yaml"))
    assert "experiment 'digits' is in the store" in sentence(cli(*command))
    for verb in ("show", "best", "resume", "retrain"):
        assert "there is no experiment 'digit' in the store" in sentence(cli(verb, "digit", "--store", store))
        assert "did you mean 'digits'?" in sentence(cli(verb, "digit", "--store", store))
    assert cli("list", "--store", store, "--json").json() == before


@pytest.mark.parametrize("verb", [["list"], ["show", "it"], ["best", "it"], ["resume", "it"], ["retrain", "it"]])
def test_stores_that_are_none(folder: Path, cli: Cli, verb: list[str]) -> None:
    for store, said in (
        ("none.db", "there is no store"),
        ("dir", "is a folder"),
        ("plain.txt", "not a Rungwise store"),
    ):
        assert said in refused(cli, folder, *verb, "--store", store)


def test_numbers_out_of_range_for_other_commands(finished: Path, cli: Cli) -> None:
    store = str(finished / "runs.db")
    assert "top is 0" in sentence(cli("retrain", "digits", "--top", "0", "--store", store))
    assert "seed is -1" in sentence(cli("retrain", "digits", "--seed", "-1", "--store", store))
    assert "-1 is not in the range" in sentence(cli("show", "digits", "--trials", "-1", "--store", store))
    assert [row["name"] for row in cli("list", "--store", store, "--json").json()] == ["digits", "other"]


def test_a_process_of_its_own_says_the_same(folder: Path) -> None:
    for arguments in (words(workers="0"), words(f"{BREACHES}:text"), ["no-command"]):
        assert sentence(rungwise(folder, *arguments))


def steady(trial: rw.Trial) -> None:
    """Be a training that is right."""
    trial.report(1, loss=1.0)


def tuned(train: Any = steady, space: Any = None, **changed: Any) -> rw.Experiment:
    """Tune rightly but for what is changed."""
    given = {"metric": "loss", "max_resource": 9, "trials": 3, "store": "runs.db", **changed}
    return rw.tune(train, {"lr": (0.1, 1.0)} if space is None else space, **given)


def breach(name: str) -> Callable[..., object]:
    """A training of `training_breaches.py`."""
    from rungwise.api.training import load_function

    return load_function(BREACHES, name)


API: dict[str, tuple[type[rw.RungwiseError], Callable[[], object], str]] = {
    "min above max": (rw.InputError, lambda: tuned(min_resource=10), "min_resource is 10, above max_resource 9"),
    "eta 1": (rw.InputError, lambda: tuned(eta=1), "eta is 1"),
    "eta 2.5": (rw.InputError, lambda: tuned(eta=2.5), "eta is 2.5"),
    "no workers": (rw.InputError, lambda: tuned(workers=0), "workers is 0"),
    "an empty space": (rw.InputError, lambda: tuned(space={}), "the search space is empty"),
    "a contradictory space": (
        rw.InputError,
        lambda: tuned(space={"k": [1, 2], "forbidden": [{"k": 1}, {"k": 2}]}),
        "contradictory",
    ),
    "a default outside": (
        rw.InputError,
        lambda: tuned(space={"lr": {"range": [0.1, 1.0], "default": 2.0}}),
        "the default of hyperparameter 'lr' is 2.0",
    ),
    "a script that is absent": (rw.InputError, lambda: tuned("none.py"), "the script none.py is not there"),
    "a program that is not executable": (rw.InputError, lambda: tuned(["./plain.txt"]), "is not executable"),
    "a lambda": (rw.InputError, lambda: tuned(lambda trial: None), "is a lambda"),
    "a nested function": (rw.InputError, lambda: tuned(breach("nested")), "is defined inside another function"),
    "an object that cannot be pickled": (rw.InputError, lambda: tuned(breach("unpicklable")), "cannot be handed to"),
    "a store that is a folder": (rw.StoreError, lambda: tuned(store="dir"), "is a folder"),
    "a store that is something else": (rw.StoreError, lambda: tuned(store="plain.txt"), "not a Rungwise store"),
    "a name that is absent": (rw.StoreError, lambda: rw.Experiment.open("it", "none.db"), "there is no store"),
    "an unknown metric": (rw.ContractError, lambda: tuned(breach("unknown_metric")), "lacks the metric 'loss'"),
    "no metric": (rw.ContractError, lambda: tuned(breach("no_metric")), "holds no metric"),
    "text": (rw.ContractError, lambda: tuned(breach("text")), "must be one number"),
    "10 MB": (rw.ContractError, lambda: tuned(breach("long_list")), "must be one number"),
    "backwards": (rw.ContractError, lambda: tuned(breach("backwards")), "resources must grow"),
    "silent": (rw.ContractError, lambda: tuned(breach("silent")), "returned without reporting"),
}


@pytest.mark.parametrize("case", API)
def test_from_python_it_is_a_class_of_errors(folder: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.chdir(folder)
    kind, call, said = API[case]
    with pytest.raises(kind) as raised:
        call()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not list(folder.glob("*checkpoints"))
    if (folder / "runs.db").exists():
        assert rw.tune(steady, {"lr": (0.1, 1.0)}, metric="loss", max_resource=1, trials=1, store="runs.db", name="it")
