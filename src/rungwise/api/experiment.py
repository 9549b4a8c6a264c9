"""An experiment as it stands in the store: its settings, its trials, its winner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, Literal

from rungwise.api.names import DEFAULT_STORE
from rungwise.core.commands import Configuration
from rungwise.core.errors import RungwiseError
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.store import Store


@dataclass(frozen=True, slots=True)
class Best:
    """A trial that stands out: its configuration, and its value (in the metric's direction) after `resource` units."""

    trial: int
    config: Configuration
    value: float
    resource: int


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a log tells. `Experiment.open(NAME)` reads one; `tune`, `resume` and `retrain` return one.

    Values are in the metric's own direction, times in seconds since the start, resources in whole units.
    """

    name: str
    spec: ExperimentSpec
    ledger: Ledger
    store: Path

    @classmethod
    def open(cls, name: str, store: str | Path = DEFAULT_STORE) -> "Experiment":
        """Read an experiment; raises StoreError where the store or the name is not there."""
        with Store.open(Path(store)) as opened:
            log = opened.experiment(name)
            spec = ExperimentSpec.from_json(log.spec)
            ledger = Ledger(spec.milestones)
            for record in log.records():
                ledger.apply(record)
            return cls(name, spec, ledger, Path(store))

    @property
    def status(self) -> Literal["finished", "unfinished"]:
        """Whether it came to its end; an unfinished one runs still, or can be resumed."""
        return "finished" if self.ledger.finish is not None else "unfinished"

    @property
    def best(self) -> Best:
        """The winner: the best value over all reports, the earliest if tied.

        Raises RungwiseError where nothing finite was reported.
        """
        incumbent = self.ledger.incumbent
        if incumbent is None:
            raise RungwiseError(
                f"the experiment {self.name!r} has no winner: no trial reported a finite {self.spec.metric}"
            )
        return self._best(incumbent.trial, incumbent.value, incumbent.resource)

    @property
    def best_in_top_rung(self) -> Best:
        """The best on entering the highest rung that any trial reached; offered beside the winner."""
        for rung in reversed(self.ledger.rungs):
            if rung.best_trial is not None:
                return self._best(rung.best_trial, rung.best, rung.milestone)
        return self.best

    @property
    def trials(self) -> list[Mapping[str, Any]]:
        """One row a trial: its number, status, units, last and best value, and configuration."""
        shown = self.spec.objective.shown
        return [
            {
                "trial": entry.trial,
                "status": entry.status,
                "resource": entry.resource,
                "value": shown(entry.value) if entry.resource else nan,
                "best": shown(entry.best) if entry.best_resource else nan,
                "config": dict(entry.configuration),
            }
            for entry in self.ledger.trials.values()
        ]

    def records(self) -> Iterator[Record]:
        """The whole log, in order; read from the store as it goes."""
        with Store.open(self.store) as opened:
            yield from opened.experiment(self.name).records()

    def _best(self, trial: int, value: float, resource: int) -> Best:
        return Best(trial, dict(self.ledger.trials[trial].configuration), self.spec.objective.shown(value), resource)
