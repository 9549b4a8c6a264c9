"""What people see of a population: children that have reported nothing yet, and more milestones than fit a screen."""

import json
from io import StringIO
from math import isnan
from pathlib import Path

import pytest
from rich.console import Console

from rungwise.api.experiment import Experiment
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import CapacityChanged, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.objective import Mode
from rungwise.core.spec import ExperimentSpec
from rungwise.report.screen import MOST_RUNGS
from rungwise.report.summary import summarise, trial_rows
from rungwise.report.tables import print_show


def population(mode: Mode = "max", units: int = 81) -> tuple[ExperimentSpec, Ledger]:
    """Trial 0 has reported 0.5 at 9; trial 1 is its child, and trains its first unit."""
    spec = ExperimentSpec(
        metric="accuracy", mode=mode, milestones=tuple(range(1, units + 1)), scheduler={"name": "pbt", "trials": 4},
        searcher={"name": "random"}, space={}, training={}, trials=None,
    )  # fmt: skip
    ledger = Ledger(spec.milestones)
    value = spec.objective.shown(0.5)
    for record in (
        CapacityChanged(0.0, 2), StartTrial(0, 9), Launch(0, {"lr": 0.1}, 0, 9, 1, 7),
        TrialReported(1.0, 0, 9, value, {}), TrialPaused(1.0, 0, 9),
        StartTrial(1, 18, parent=0), Launch(1, {"lr": 0.12}, 9, 18, 1, 8, parent=0),
    ):  # fmt: skip
        ledger.apply(record)
    return spec, ledger


def shown(spec: ExperimentSpec, ledger: Ledger) -> list[str]:
    console = Console(file=StringIO(), width=100)
    print_show(summarise("it", spec, ledger), trial_rows(spec, ledger), console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_child_without_a_report_has_no_value_of_its_own(mode: Mode) -> None:
    spec, ledger = population(mode)
    parent, child = Experiment("it", spec, ledger, Path("none.db")).trials
    assert (parent["value"], parent["best"], parent["resource"], parent["parent"]) == (0.5, 0.5, 9, None)
    assert isnan(child["value"])
    assert isnan(child["best"])
    assert (child["resource"], child["parent"], child["status"]) == (9, 0, "running")
    rows = trial_rows(spec, ledger)
    assert [(row.trial, row.best, row.resource, row.best_resource, row.parent) for row in rows] == [
        (0, 0.5, 9, 9, None),
        (1, None, 9, 0, 0),
    ]
    summary = summarise("it", spec, ledger)
    assert (summary.counts.started, summary.counts.running, summary.counts.paused) == (2, 1, 1)
    assert (summary.spent, summary.left, summary.best and summary.best.trial) == (9, None, 0)
    assert [rung.entries for rung in summary.ladder[:10]] == [1] * 9 + [0], "a child counts for what it trains itself"
    assert json.loads(json.dumps(rows[1].to_json()), parse_constant=pytest.fail)["best"] is None
    (line,) = (line.split() for line in shown(spec, ledger) if line.split()[:2] == ["1", "running"])
    assert line == ["1", "running", "9", "-", "-", "0.12"]


def test_more_milestones_than_fit_are_thinned_out_to_both_ends() -> None:
    for units in (1, 2, MOST_RUNGS - 1, MOST_RUNGS, MOST_RUNGS + 1, 81, 1000):
        lines = shown(*population(units=units))
        (head,) = (number for number, line in enumerate(lines) if line.startswith("rung"))
        rungs = [int(line.split()[0]) for line in lines[head + 1 : lines.index("", head)]]
        assert rungs == sorted(set(rungs), reverse=True)
        assert (rungs[0], rungs[-1], len(rungs)) == (units, 1, min(units, MOST_RUNGS))
