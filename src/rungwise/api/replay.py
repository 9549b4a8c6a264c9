"""Replay: a whole log through a fresh scheduler and searcher, to see that it implies every decision it records."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.api.names import DEFAULT_STORE
from rungwise.api.run import Parts, check_parts, make_tuner
from rungwise.core.protocols import Allocation, Scheduler, Searcher
from rungwise.core.spec import ExperimentSpec
from rungwise.space import Space
from rungwise.store import Store
from rungwise.tuner.recovery import replay as run_through

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, slots=True)
class Replayed:
    """A log that replays: how many records it holds, and how many more follow from its last event (0: none lacks)."""

    records: int
    missing: int


def replay(
    name: str,
    *,
    store: str | Path = DEFAULT_STORE,
    scheduler: Scheduler | None = None,
    searcher: "Searcher | BaseSampler | None" = None,
    allocation: Allocation | None = None,
) -> Replayed:
    """Run an experiment's log through a fresh scheduler and searcher; nothing is trained, nothing written.

    Numbers of configurations may differ from those recorded by rounding (see `rungwise.searchers.recorded`).

    `scheduler`, `searcher` and `allocation` are needed where the experiment ran with objects of your own: fresh ones.
    Raises ReplayError at the first record that differs, naming both; StoreError where the experiment is not there.
    """
    with Store.open(Path(store)) as opened:
        log = opened.experiment(name)
        spec = ExperimentSpec.from_json(log.spec)
        parts, space = Parts(scheduler, searcher, allocation), Space.from_json(spec.space)
        check_parts(name, spec, parts, "replay")
        tuner, _ = make_tuner(spec, space, parts, log.configurations(), verify=True)
        records = list(log.records())
        return Replayed(len(records), len(run_through(tuner, records)))
