"""Running an experiment: the same way for a new one, one that is resumed, and a retraining."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING

from rungwise import searchers
from rungwise.allocation import make_allocation
from rungwise.api.experiment import Experiment
from rungwise.api.interrupting import Interrupted, interruptible, resume_command
from rungwise.api.keeping import Keeping
from rungwise.api.lease import lease
from rungwise.api.names import experiment_folder
from rungwise.api.notices import Notices
from rungwise.api.places import places_of
from rungwise.api.shares import CUSTOM
from rungwise.api.storage import check_mark, checkpoints_folder, claim, leave, storage_url
from rungwise.api.training import Training
from rungwise.backends.local import LocalBackend, LocalSettings
from rungwise.backends.local.functions import refuse_while_importing
from rungwise.core.commands import Configuration
from rungwise.core.errors import ContractError, InputError, PlacesLostError, SuspendedError
from rungwise.core.events import CapacityChanged
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import Allocation, Log, Scheduler, Searcher
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.named import make_scheduler
from rungwise.searchers.recorded import Recorded, Verified
from rungwise.space import Space
from rungwise.store import ExperimentLog, PatientLog, Store
from rungwise.tuner.loop import Observer, drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

Watch = Callable[[str, ExperimentSpec, Ledger], AbstractContextManager[Observer]]
LOCAL = (
    "gpus", "per_gpu", "reuse_workers", "ranks", "preload", "env", "trial_timeout", "every_units", "every_seconds",
)  # fmt: skip
GRACE = 20.0
"""Seconds that trials get to save a checkpoint after SIGTERM; batch systems kill half a minute after it, or later."""


def begin(
    store: Store, name: str, spec: ExperimentSpec, training: Training, space: Space, parts: "Parts", watch: Watch | None
) -> Experiment:
    """Run a new experiment. Everything is checked before the store is touched.

    Raises ContractError where the training breaks its contract before any job of it ended well. Such an experiment is
    taken back out of the store, and so is one that fails before any trial was launched.
    """
    refuse_while_importing()  # else it would find the experiment held: by its own tuner
    folder = experiment_folder(store.path, name)
    ours = not folder.exists()
    tuner, scheduler = make_tuner(spec, space, parts)
    log: ExperimentLog | None = None
    with lease(store.path, name) as held:
        try:
            store.check_free(name)
            spec = claim(spec, name)
        except BaseException:
            if ours:
                _remove(folder)
            raise
        try:
            run = Run(store, name, spec, training, watch, tuner, scheduler)
            with run.keeping, run.backend(held) as backend:
                log = store.create(name, spec.to_json())
                return run.go(backend, PatientLog(log, time.sleep))
        except Exception as error:
            ledger = tuner.ledger
            if log is not None and (not ledger.trials or (isinstance(error, ContractError) and not _proven(ledger))):
                store.discard(name)
                log = None
            raise
        finally:
            if log is None:
                leave(spec, name)
                if ours:
                    _remove(folder)


def go_on(
    store: Store,
    name: str,
    spec: ExperimentSpec,
    training: Training,
    space: Space,
    parts: "Parts",
    watch: Watch | None,
) -> Experiment:
    """Go on with an experiment from its log; one that is finished is only read.

    Jobs that were running when the tuner died are taken as paused at their last whole checkpoint.
    """
    with lease(store.path, name) as held:
        log = store.experiment(name)  # only now: whoever held it before may have written more
        run = Run(store, name, spec, training, watch, *make_tuner(spec, space, parts, log.configurations()))
        tuner = run.tuner
        missing = replay(tuner, log.records())
        ledger = tuner.ledger
        if ledger.finish is not None and not missing and not ledger.running:
            return Experiment(name, spec, ledger, store.path)
        check_mark(spec, name)
        with run.keeping, run.backend(held) as backend:
            patient = PatientLog(log, time.sleep)
            patient.append(missing)
            if ledger.finish is None:
                patient.append(tuner.handle(CapacityChanged(ledger.now, 0)))
            for lost in orphans(tuner, run.keeping.recover):
                patient.append(tuner.handle(lost))
            run.keeping.sweep()
            if ledger.finish is None:
                return run.go(backend, patient)
        return Experiment(name, spec, ledger, store.path)


def _proven(ledger: Ledger) -> bool:
    """Whether any job has ended well, so that the training is not broken altogether."""
    return any(entry.status in ("paused", "completed", "stopped") for entry in ledger.trials.values())


def _remove(folder: Path) -> None:
    """Remove an experiment's folder, and the one for all of the store's experiments if it was the only one."""
    rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


@dataclass(frozen=True, slots=True)
class Parts:
    """A user's own scheduler, searcher or allocation, which no settings describe; None: as the settings say."""

    scheduler: Scheduler | None = None
    searcher: "Searcher | BaseSampler | None" = None
    allocation: Allocation | None = None


def check_parts(name: str, spec: ExperimentSpec, parts: Parts, asked: str) -> None:
    """Raise InputError where an experiment ran with a part of the user's own, and none is given."""
    pairs = (
        ("a scheduler", spec.scheduler, parts.scheduler), ("a searcher", spec.searcher, parts.searcher),
        ("an allocation", spec.allocation, parts.allocation),
    )  # fmt: skip
    for what, settings, given in pairs:
        if settings["name"] == CUSTOM and given is None:
            raise InputError(
                f"{name!r} ran with {what} of your own: pass {asked}() a fresh one, as it was at the start"
            )


def make_tuner(
    spec: ExperimentSpec,
    space: Space,
    parts: Parts,
    recorded: Mapping[int, Configuration] | None = None,
    *,
    verify: bool = False,
) -> tuple[Tuner, Scheduler]:
    """A fresh tuner for an experiment, and its scheduler; configurations in `recorded` are those of its log.

    They are taken as they are, or, to `verify` them, only where the searcher suggests them again.
    """
    searcher = searchers.make(parts.searcher or spec.searcher, space, spec.seed, points=spec.points, past=spec.past)
    if recorded:
        searcher = (Verified if verify else Recorded)(recorded, searcher)
    scheduler = parts.scheduler or make_scheduler(spec.scheduler, spec.trials)
    allocation = parts.allocation or make_allocation(spec.allocation, spec.milestones, spec.scheduler["eta"])
    tuner = Tuner(
        scheduler, searcher, allocation, seed=spec.seed, trials=spec.trials, stop=spec.stop, limits=spec.limits,
        max_retries=spec.max_retries, max_failures=spec.max_failures,
    )  # fmt: skip
    return tuner, scheduler


class Run:
    """One session of an experiment: the parts that the loop is put together from."""

    def __init__(
        self, store: Store, name: str, spec: ExperimentSpec, training: Training, watch: Watch | None, tuner: Tuner,
        scheduler: Scheduler,
    ) -> None:  # fmt: skip
        self.tuner = tuner
        self._scheduler = scheduler
        self._store = store.path
        self._name = name
        self._spec = spec
        self._training = training
        self._watch = watch

    @cached_property
    def keeping(self) -> Keeping:
        """Which checkpoints stay; made when it is first asked for, because it looks at what there is."""
        return Keeping(self._store, self._name, self._spec, self.tuner.ledger, self._scheduler)

    def backend(self, held: int) -> LocalBackend:
        """Where the trials run; what ends them holds the lease too, by its descriptor."""
        spec, ledger = self._spec, self.tuner.ledger
        chosen = {key: spec.local[key] for key in LOCAL if key in spec.local}
        settings = LocalSettings(workers=spec.workers, storage=storage_url(spec, self._name), **chosen)
        folder = checkpoints_folder(spec, self._store, self._name)
        return LocalBackend(
            self._training,
            settings,
            objective=spec.objective,
            max_resource=spec.max_resource,
            checkpoints=folder,
            keeper=self.keeping.keeper,
            holding=(held,),
            proven=_proven(ledger),
            start_at=ledger.now,
            places=places_of(spec, settings, folder),
        )

    def _think_ahead(self, records: Sequence[Record]) -> None:
        """What follows from an event has been carried out: trials train, and the searcher has time."""
        if len(records) > 1:
            self.tuner.prepare()

    def go(self, backend: LocalBackend, log: Log) -> Experiment:
        """Run the loop; raises Interrupted, or SuspendedError, when it ends before the experiment does."""
        ledger, name, store = self.tuner.ledger, self._name, self._store
        with interruptible(backend, self._spec.local.get("grace", GRACE)) as signals:
            try:
                if self._watch is None:
                    drive(self.tuner, backend, log, [self.keeping, Notices(self._spec), self._think_ahead])
                else:
                    with self._watch(name, self._spec, ledger) as view:
                        drive(self.tuner, backend, log, [self.keeping, view, self._think_ahead])
            except KeyboardInterrupt:
                raise Interrupted(name, store, signals, at_once=True) from None
            except PlacesLostError as lost:
                how = f"everything is recorded, go on with: {resume_command(name, store)}"
                raise PlacesLostError(f"the experiment {name!r} has nowhere to run, because {lost}; {how}") from None
        if ledger.finish is not None:
            return Experiment(name, self._spec, ledger, store)
        if ledger.suspended is None:
            raise Interrupted(name, store, signals)
        first = ledger.suspended.first
        raise SuspendedError(
            f"the experiment {name!r} was suspended: {ledger.suspended.failures} trials in a row failed (max_failures);"
            f" mend the training, then go on with: {resume_command(name, store)}\nThe first of them was trial {first}:"
            f"\n{ledger.trials[first].detail}"
        )
