"""An experiment as it stands in the store: its settings, its trials, its winner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any, Literal

from rungwise.api.names import DEFAULT_STORE
from rungwise.api.storage import bytes_kept, fetched
from rungwise.core.commands import Configuration
from rungwise.core.decisions import FinishReason
from rungwise.core.errors import RungwiseError
from rungwise.core.incumbent import Incumbent
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

    Values are in the metric's own direction, times in seconds since the start, resources in whole units. But those of
    `ledger` and `records()` are minimised, as in the log: with mode="max" they have the other sign.
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
            ledger = Ledger(spec.milestones, winner=spec.winner)
            for record in log.records():
                ledger.apply(record)
            return cls(name, spec, ledger, Path(store))

    @property
    def status(self) -> Literal["finished", "unfinished"]:
        """Whether it came to its end; an unfinished one runs still, or can be resumed."""
        return "finished" if self.ledger.finish is not None else "unfinished"

    @property
    def finish(self) -> FinishReason | None:
        """Why it ended; None where it has not. "space": no configuration was left to try, "done": nothing else was.

        "trials": one more than there may be would have started; else the limit that was reached.
        """
        return self.ledger.ended(self.spec.trials)

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
        return self._best(incumbent)

    @property
    def best_in_top_rung(self) -> Best:
        """The best on entering the highest rung in which a finite value stands; offered beside the winner.

        The winner itself where no trial came as far as a rung.
        """
        found = self.ledger.best_in_top_rung
        return self.best if found is None else self._best(found)

    @property
    def checkpoint(self) -> Path | None:
        """The folder of the winner's newest checkpoint, as its training's `save` filled it; None where it has none.

        Where checkpoints are kept at a storage given by a URL it is brought to this machine, if it is not here already.
        Raises StorageError where that cannot be done.
        """
        incumbent = self.ledger.incumbent
        if incumbent is None:
            return None
        limit = self.ledger.trials[incumbent.trial].resource
        return fetched(self.spec, self.store, self.name, incumbent.trial, limit)

    @property
    def checkpoint_bytes(self) -> int:
        """What all its checkpoints take now where they are kept, in bytes. Raises StorageError."""
        return bytes_kept(self.spec, self.store, self.name)

    @property
    def trials(self) -> list[Mapping[str, Any]]:
        """One row a trial: its number, status, units, last and best value, configuration, and parent (None: no other).

        Values are NaN where there are none: of a child those that it reported itself count.
        """
        shown = self.spec.objective.shown
        return [
            {
                "trial": entry.trial,
                "status": entry.status,
                "resource": entry.resource,
                "value": shown(entry.value) if entry.reported else nan,
                "best": shown(entry.best) if entry.best_resource else nan,
                "config": dict(entry.configuration),
                "parent": entry.parent,
            }
            for entry in self.ledger.trials.values()
        ]

    def records(self) -> Iterator[Record]:
        """The whole log, in order; read from the store as it goes."""
        with Store.open(self.store) as opened:
            yield from opened.experiment(self.name).records()

    def _best(self, found: Incumbent) -> Best:
        configuration = dict(self.ledger.trials[found.trial].configuration)
        return Best(found.trial, configuration, self.spec.objective.shown(found.value), found.resource)
