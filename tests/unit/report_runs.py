"""Experiments to report on: simulated, with configurations, a failure and a divergence put in by hand."""

import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.core.commands import Configuration, Launch
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.objective import Mode
from rungwise.core.protocols import Scheduler
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers import ASHA, FIFO, PASHA, StoppingASHA

TRACEBACK = (
    'Traceback (most recent call last):\n  File "train.py", line 3\nValueError: \x1b[31mbad\x1b[0m [bold]lr[/]\n\n'
)
SCHEDULERS = ("pasha", "asha", "stopping-asha", "fifo")


@dataclass(frozen=True, slots=True)
class Run:
    """An experiment's settings and its whole log."""

    spec: ExperimentSpec
    records: Sequence[Record]

    @property
    def ledger(self) -> Ledger:
        return fold(self.spec, self.records)

    def steps(self) -> Iterator[list[Record]]:
        """The records in the groups that an observer sees: an event, and what followed from it."""
        group: list[Record] = []
        for record in self.records:
            if isinstance(record, TrialReported | TrialPaused | TrialEnded | CapacityChanged) and group:
                yield group
                group = []
            group.append(record)
        yield group


def fold(spec: ExperimentSpec, records: Sequence[Record]) -> Ledger:
    ledger = Ledger(spec.milestones)
    for record in records:
        ledger.apply(record)
    return ledger


def curves(trials: int = 27, units: int = 27, seed: int = 0) -> np.ndarray:
    """Accuracies that rise to different heights at different speeds, so that the ranking changes."""
    rng = np.random.default_rng(seed)
    height, speed = rng.uniform(0.3, 0.95, (trials, 1)), rng.uniform(1, 12, (trials, 1))
    noise = rng.normal(0, 0.003, (trials, units))
    return np.asarray(height * (1 - np.exp(-np.arange(1, units + 1) / speed)) + noise)


def make_scheduler(name: str, units: int) -> Scheduler:
    match name:
        case "pasha":
            return PASHA(1, units, 3)
        case "asha":
            return ASHA(1, units, 3)
        case "stopping-asha":
            return StoppingASHA(1, units, 3)
        case _:
            return FIFO(units)


def configured(record: Record) -> Record:
    """The configuration that trial i has in every run: trials that are odd have a momentum."""
    if not isinstance(record, Launch):
        return record
    momentum = {"momentum": 0.9} if record.trial % 2 else {}
    configuration: Configuration = {"lr": 0.00123456 * (record.trial + 1), "width": 16, "optimizer": "sgd", **momentum}
    return replace(record, configuration=configuration)


def simulated(name: str = "pasha", mode: Mode = "max", values: np.ndarray | None = None, workers: int = 3) -> Run:
    """A finished experiment; in mode "min" the metric is the error of the same curves."""
    accuracy = curves() if values is None else values
    table = rw.Table(accuracy if mode == "max" else 1 - accuracy, mode=mode)
    scheduler = make_scheduler(name, table.units)
    records = rw.simulate(table, scheduler, workers=workers, stop="drain").log
    spec = ExperimentSpec(
        metric="accuracy" if mode == "max" else "error",
        mode=mode,
        milestones=tuple(scheduler.milestones),
        scheduler={"name": name},
        searcher={"name": "random"},
        space={},
        training={},
        trials=table.configurations,
        workers=workers,
        unit="epochs",
    )
    return Run(spec, [configured(record) for record in records])


def failing(run: Run, trial: int) -> Run:
    """The same run, where a trial's first job fails instead of pausing; it must be one that was never promoted."""
    records = [
        TrialEnded(record.at, trial, "failed", TRACEBACK)
        if isinstance(record, TrialPaused) and record.trial == trial
        else record
        for record in run.records
    ]
    return Run(run.spec, records)


def losers(run: Run) -> list[int]:
    """Trials that one job was enough for, the worst first."""
    entries = [entry for entry in run.ledger.trials.values() if entry.rung == 1]
    return [entry.trial for entry in sorted(entries, key=lambda entry: -entry.best)]


def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let matplotlib not be installed."""
    original = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
