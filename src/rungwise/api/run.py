"""Running an experiment: the same way for a new one, one that is resumed, and a retraining."""

import fcntl
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from shlex import quote
from shutil import rmtree
from types import FrameType

from rungwise import searchers
from rungwise.allocation import Fixed
from rungwise.api.checkpoints import checkpoint_of, keeps_final, sweep
from rungwise.api.experiment import Experiment
from rungwise.api.names import experiment_folder
from rungwise.api.training import Training
from rungwise.backends.local import LocalBackend
from rungwise.core.commands import Configuration, Launch
from rungwise.core.errors import ContractError, StoreError
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import Scheduler, Searcher
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.advice import ladder_advice
from rungwise.schedulers.named import make_scheduler
from rungwise.searchers.recorded import Recorded
from rungwise.space import Space
from rungwise.store import ExperimentLog, Store
from rungwise.tuner.loop import Observer, drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner

logger = logging.getLogger("rungwise")
Watch = Callable[[str, ExperimentSpec, Ledger], AbstractContextManager[Observer]]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C: the running trials were paused and everything is recorded; `rungwise.resume(name)` goes on.

    `at_once`: it came twice, so the running trials go on from the checkpoints that they had.
    """

    def __init__(self, name: str, store: Path, *, at_once: bool = False) -> None:
        how = "ended at once" if at_once else "interrupted"
        super().__init__(
            f"the experiment {name!r} was {how}; go on with: rungwise resume {name} --store {quote(str(store))}"
        )
        self.name = name
        self.store = store


def begin(
    store: Store, name: str, spec: ExperimentSpec, training: Training, space: Space, parts: "Parts", watch: Watch | None
) -> Experiment:
    """Run a new experiment. Everything is checked before the store is touched.

    Raises ContractError where the training breaks its contract before any job of it ended well. Such an experiment is
    taken back out of the store, and so is one that fails before any trial was launched.
    """
    tuner = make_tuner(spec, space, parts)
    with _backend(store.path, name, spec, training, tuner.ledger, parts) as backend:
        log = store.create(name, spec.to_json())
        try:
            with _held(store.path, name):
                return _go(store, name, spec, tuner, backend, log, watch)
        except Exception as error:
            if not tuner.ledger.trials or (isinstance(error, ContractError) and not _proven(tuner.ledger)):
                store.discard(name)
                _remove(experiment_folder(store.path, name))
            raise


def _proven(ledger: Ledger) -> bool:
    """Whether any job has ended well, so that the training is not broken altogether."""
    return any(entry.status in ("paused", "completed", "stopped") for entry in ledger.trials.values())


def _remove(folder: Path) -> None:
    """Remove an experiment's folder, and the one for all of the store's experiments if it was the only one."""
    rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        folder.parent.rmdir()


def go_on(
    store: Store,
    log: ExperimentLog,
    spec: ExperimentSpec,
    training: Training,
    space: Space,
    parts: "Parts",
    watch: Watch | None,
) -> Experiment:
    """Go on with an experiment from its log; one that is finished is only read.

    Jobs that were running when the tuner died are taken as paused at their last checkpoint.
    """
    recorded = {record.trial: record.configuration for record in log.records() if isinstance(record, Launch)}
    tuner = make_tuner(spec, space, parts, recorded)
    missing = replay(tuner, log.records())
    if missing:
        log.append(missing)
    ledger = tuner.ledger
    with _held(store.path, log.name), ExitStack() as stack:
        unfinished = ledger.finish is None
        if unfinished:
            backend = stack.enter_context(_backend(store.path, log.name, spec, training, ledger, parts))
            log.append(tuner.handle(CapacityChanged(ledger.now, 0)))
        folder = experiment_folder(store.path, log.name)
        for lost in orphans(tuner, partial(checkpoint_of, folder)):
            log.append(tuner.handle(lost))
        sweep(folder, ledger, keep_final=keeps_final(spec, parts.scheduler))
        if unfinished:
            return _go(store, log.name, spec, tuner, backend, log, watch)
    return Experiment(log.name, spec, ledger, store.path)


@contextmanager
def _held(store: Path, name: str) -> Iterator[None]:
    """Keep other tuners from an experiment; the system lets go of the lock when this process ends, however it does."""
    folder = experiment_folder(store, name)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"the experiment {name!r} is being run by another process: wait until it ends, or interrupt it there"
            ) from None
        yield


@dataclass(frozen=True, slots=True)
class Parts:
    """A user's own scheduler or searcher, which no settings describe; None: as the settings say."""

    scheduler: Scheduler | None = None
    searcher: Searcher | None = None


def make_tuner(
    spec: ExperimentSpec, space: Space, parts: Parts, recorded: Mapping[int, Configuration] | None = None
) -> Tuner:
    """A fresh tuner for an experiment; configurations in `recorded` are those of its log."""
    searcher = searchers.make(
        parts.searcher or spec.searcher["name"],
        space,
        spec.seed,
        points=spec.points,
        grid_points=spec.searcher.get("points", 5),
    )
    if recorded:
        searcher = Recorded(recorded, searcher)
    scheduler = parts.scheduler or make_scheduler(spec.scheduler)
    return Tuner(scheduler, searcher, Fixed(1), seed=spec.seed, trials=spec.trials, stop=spec.stop)


def _backend(
    store: Path, name: str, spec: ExperimentSpec, training: Training, ledger: Ledger, parts: Parts
) -> LocalBackend:
    local = spec.local
    return LocalBackend(
        training,
        objective=spec.objective,
        max_resource=spec.max_resource,
        workers=spec.workers,
        checkpoints=experiment_folder(store, name),
        gpus=tuple(local.get("gpus", ())),
        per_gpu=local.get("per_gpu", 1),
        reuse_workers=local.get("reuse_workers", False),
        preload=tuple(local.get("preload", ())),
        keep_final=keeps_final(spec, parts.scheduler),
        proven=_proven(ledger),
        start_at=ledger.now,
    )


def _go(
    store: Store,
    name: str,
    spec: ExperimentSpec,
    tuner: Tuner,
    backend: LocalBackend,
    log: ExperimentLog,
    watch: Watch | None,
) -> Experiment:
    observers: list[Observer] = [Notices(spec)]
    try:
        with backend, _interruptible(backend):
            if watch is None:
                drive(tuner, backend, log, observers)
            else:
                with watch(name, spec, tuner.ledger) as view:
                    drive(tuner, backend, log, [*observers, view])
    except KeyboardInterrupt:
        raise Interrupted(name, store.path, at_once=True) from None
    if tuner.ledger.finish is None:
        raise Interrupted(name, store.path)
    return Experiment(name, spec, tuner.ledger, store.path)


@contextmanager
def _interruptible(backend: LocalBackend) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask for an orderly end, a second one ends at once. Only the main thread can be told."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signal.signal expects
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def pass_on() -> None:
        while number := reading.recv(1):
            if number[0] in (signal.SIGINT, signal.SIGTERM):  # a byte comes for every signal that has a handler
                backend.interrupt()

    # A signal that comes just before the backend begins to wait runs `handle` only after it: the byte that it writes
    # is what ends the waiting.
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    passing_on = threading.Thread(target=pass_on, name="rungwise-signals", daemon=True)
    passing_on.start()
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    former = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        for number, handler in before.items():
            signal.signal(number, handler)
        writing.close()
        passing_on.join()
        reading.close()


class Notices:
    """Tells once, through `logging`, what a user should know of while the run goes on."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._diverged: set[int] = set()
        self._restarts_told = False

    def __call__(self, records: Sequence[Record]) -> None:
        """Look at an event and what followed from it."""
        spec = self._spec
        match records[0]:
            case CapacityChanged(0.0) if advice := ladder_advice(spec.scheduler, spec.milestones, spec.unit):
                logger.warning(advice)
            case TrialReported(_, trial, resource, value) if not isfinite(value) and trial not in self._diverged:
                self._diverged.add(trial)
                shown = spec.objective.shown(value)
                logger.warning(
                    "trial %d reported %s = %s at %d: it counts as the worst", trial, spec.metric, shown, resource
                )
            case TrialEnded(_, trial, "failed" | "lost" as reason, detail):
                logger.warning("trial %d %s: %s", trial, "failed" if reason == "failed" else "was lost", detail)
            case TrialPaused(_, trial, 0) if not self._restarts_told:
                self._restarts_told = True
                logger.warning(
                    "trial %d saved no checkpoint (see trial.report's save): it will train from the start", trial
                )
            case _:
                pass
