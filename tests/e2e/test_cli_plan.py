"""`rungwise plan`: from a profile to a table, a picture and advice, and what is refused in one sentence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commandline import Cli, lines, sentence

import rungwise as rw
from rungwise.core.spec import ExperimentSpec
from rungwise.report.pictures import drawing
from rungwise.schedulers.named import make_scheduler
from rungwise.store import Store

SMALL = ("--workers", "4", "--trials", "12", "--max-resource", "9", "--seeds", "2")


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """A profile in a file."""
    path = tmp_path / "profile.yaml"
    path.write_text("seconds_per_unit: {1: 60, 2: 33, 4: 20}\nstartup: 5\nunit: epochs\nnote: four cores\n")
    return str(path)


def test_it_is_told_recommended_and_drawn(cli: Cli, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(drawing, "DOTS_PER_INCH", 20)
    schedulers = ("--scheduler", "pasha", "--scheduler", "stopping-asha")
    done = cli("plan", profile, *SMALL, *schedulers, "--deadline", "3h", "--budget", "20", "-o", "out")
    assert done.code == 0, done
    table = lines(done.out)
    assert table[0].split("  ")[0] == "scheduler"
    rows = [line.split()[:3] for line in table[1:13]]
    shares = ["1", "2", "4", "1-2 by", "1-4 by", "1-2 fill", "1-4 fill"]
    assert [f"{slots} {word}" if "-" in slots else slots for _, slots, word in rows[:7]] == shares
    assert [f"{slots} {word}" if "-" in slots else slots for _, slots, word in rows[7:]] == [*shares[:3], *shares[5:]]
    assert [name for name, *_ in rows] == ["pasha"] * 7 + ["stopping-asha"] * 5
    assert sum("←" in line for line in table) == 1
    assert "It is the cheapest of those that fit the deadline of 3 h and the budget of 20 slot-hours." in done.out
    assert "12 trials, 4 slots, 2 seeds" in done.out
    assert "curves: synthetic/noise" in done.out
    assert "nothing was trained" in done.out
    assert "profile: four cores" in done.out
    assert Path("out/plan.png").read_bytes().startswith(b"\x89PNG")


def test_as_json_it_holds_every_forecast_and_the_recommended_one(cli: Cli, profile: str) -> None:
    found = cli("plan", profile, *SMALL, "--curves", "digits", "--divide", "1,4", "--json").json()
    divided = [(scheduler, name) for scheduler in ("pasha", "taper") for name in ("fixed", "fixed", "by-rung", "fill")]
    assert [(each["scheduler"], each["allocation"]["name"]) for each in found["forecasts"]] == divided
    assert found["recommended"] in found["forecasts"]
    assert found["curves"] == "curves: the table digits"
    for each in found["forecasts"]:
        assert 0 < each["seconds"]["low"] <= each["seconds"]["mean"] <= each["seconds"]["high"]
        assert 0 < each["in_use"]["mean"] <= 1
    again = cli("plan", profile, *SMALL, "--curves", "digits", "--divide", "1,4", "--json").json()
    assert again == found


def test_a_scheduler_that_starts_fewer_trials_is_told_of(cli: Cli, profile: str) -> None:
    done = cli("plan", profile, *SMALL, "--trials", "100", "--scheduler", "hyperband", "--divide", "1")
    assert "hyperband starts 17 of 100 trials." in done.out, done


def ran(store: Path, **changed: Any) -> None:
    """An experiment called `run` in a store: 9 trials of a table by ASHA with 4 workers, on a virtual clock."""
    settings = {"name": "asha", "min_resource": 1, "max_resource": 9, "eta": 3}
    table = rw.Table(np.random.default_rng(0).random((9, 9)), seconds=60.0, mode="max")
    spec = ExperimentSpec(
        metric="loss", mode="max", milestones=(1, 3, 9), scheduler=settings, searcher={"name": "recorded"}, space={},
        training={}, trials=9, workers=4, unit="epochs",
    )  # fmt: skip
    with Store.open(store, create=True) as opened:
        log = opened.create("run", replace(spec, **changed).to_json())
        rw.simulate(table, make_scheduler(settings), 4, stop="drain", log=log)


def test_an_experiments_curves_serve_and_a_slower_share_is_told(cli: Cli, profile: str) -> None:
    Path(profile).write_text("seconds_per_unit: {1: 60, 2: 70}\n")
    ran(Path("rungwise.db"))
    done = cli("plan", profile, *SMALL, "--curves", "run")
    assert done.code == 0, done
    assert "curves: the experiment run; " in done.out
    assert "were not recorded to the end, and stay at their last value" in done.out
    assert "A unit takes longer on 2 slots than on 1." in done.out


def test_against_a_finished_experiment_it_says_how_far_it_is_off(cli: Cli, profile: str) -> None:
    Path(profile).write_text("seconds_per_unit: {1: 60}\n")
    ran(Path("rungwise.db"))
    done = cli("plan", profile, "--against", "run")
    assert done.code == 0, done
    rows = [line.split() for line in lines(done.out)]
    assert rows[0] == ["run", "forecast", "took", "off", "by"]
    assert rows[4][:2] == ["trials", "at"]
    assert all(row[-1] == "+0%" for row in rows[1:7]), rows
    found = cli("plan", profile, "--against", "run", "--curves", "synthetic/easy", "--seeds", "2", "--json").json()
    assert found["curves"] == "curves: synthetic/easy"
    assert found["rungs"]["1"]["took"] == 9
    assert found["seconds"]["forecast"]["low"] <= found["seconds"]["forecast"]["high"]


REFUSED = {
    "no such experiment": (["profile.yaml", "--against", "nosuch"], "rungwise.db"),
    "settings beside an experiment": (
        ["profile.yaml", "--against", "run", "--scheduler", "asha"],
        "--scheduler goes without --against, which takes the settings of the experiment",
    ),
    "no profile": (["nosuch.yaml", *SMALL], "nosuch.yaml is not there, but a profile must be a YAML or JSON file"),
    "no workers": (["profile.yaml"], "workers is missing"),
    "workers 0": (["profile.yaml", "--workers", "0"], "workers is 0, but must be a whole number of 1 or more"),
    "no units": (["profile.yaml", *SMALL, "--max-resource", "0"], "max_resource is 0, but must be a whole number"),
    "far too many units": (["profile.yaml", *SMALL, "--max-resource", "999999999"], "count coarser units"),
    "no seeds": (["profile.yaml", *SMALL, "--seeds", "0"], "seeds is 0"),
    "a share not measured": (
        ["profile.yaml", *SMALL, "--divide", "8"],
        "a trial is to have 8 slots (divide), but the profile holds what 1 to 4 take",
    ),
    "a share too large": (["profile.yaml", "--workers", "2", "--divide", "4"], "a trial is to have 4 slots"),
    "shares that are words": (["profile.yaml", *SMALL, "--divide", "1;2"], "--divide is '1;2'"),
    "a deadline": (["profile.yaml", *SMALL, "--deadline", "soon"], "deadline is 'soon', but must be a time above 0"),
    "a budget of 0": (["profile.yaml", *SMALL, "--budget", "0"], "budget is 0.0, but must be a finite number above 0"),
    "no such scheduler": (["profile.yaml", *SMALL, "--scheduler", "best"], "scheduler is 'best'"),
    "a population": (["profile.yaml", *SMALL, "--scheduler", "pbt"], "a table has no curve of such a trial"),
    "no such curves": (["profile.yaml", *SMALL, "--curves", "nosuch"], "'nosuch'"),
    "no such formula": (["profile.yaml", *SMALL, "--curves", "synthetic/x"], "there is no synthetic table 'x'"),
    "beyond the curves": (["profile.yaml", *SMALL, "--curves", "digits", "--max-resource", "99"], "lower it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_planned_is_told_in_one_sentence(cli: Cli, profile: str, case: str) -> None:
    arguments, told = REFUSED[case]
    assert told in sentence(cli("plan", *arguments))


def test_a_folder_that_cannot_be_written_is_told_and_so_is_what_is_missing(
    cli: Cli, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    assert "cannot write to the folder 'profile.yaml'" in sentence(cli("plan", profile, *SMALL, "-o", "profile.yaml"))
    monkeypatch.setattr("rungwise.cli.options.find_spec", lambda name: None)
    assert "needs matplotlib" in sentence(cli("plan", profile, *SMALL, "-o", "out"))
