"""Simulated trials in a real store: the tuner dies like any other, its trials live on a virtual clock.

A trial's checkpoints lie at every second unit, so that a tuner that died has some to repeat.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from faults.settings import NAME, STORE, Setting
from faults.trainings import METRIC, SPACE, curve
from rungwise.api.experiment import Experiment
from rungwise.api.run import Parts, make_tuner
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.events import CapacityChanged
from rungwise.core.ledger import TrialEntry
from rungwise.core.protocols import Log
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.named import make_scheduler
from rungwise.space import Space, parse
from rungwise.store import ExperimentLog, MemoryLog, Store
from rungwise.tuner.loop import Observer, drive
from rungwise.tuner.recovery import orphans, replay
from rungwise.tuner.tuner import Tuner

EVERY = 2


def spec_of(setting: Setting) -> ExperimentSpec:
    """The experiment of a setting, without a training."""
    settings = {
        "name": setting.scheduler, "min_resource": 1, "max_resource": setting.max_resource, "eta": 3,
    }  # fmt: skip
    return ExperimentSpec(
        metric=METRIC, mode="min", milestones=tuple(make_scheduler(settings).milestones), scheduler=settings,
        searcher={"name": "random"}, space=parse(SPACE).to_json(), training={"kind": "object", "name": "simulated"},
        trials=setting.trials, workers=setting.workers, seed=setting.seed,
    )  # fmt: skip


def simulate(setting: Setting, observe: Observer) -> Experiment:
    """Begin an experiment with simulated trials in the store of this folder."""
    spec = spec_of(setting)
    tuner = _tuner(spec)
    with Store.open(Path(STORE), create=True) as store:
        log = store.create(NAME, spec.to_json())
        return _driven(spec, tuner, log, observe)


def go_on_simulated(observe: Observer) -> Experiment:
    """Go on with it."""
    with Store.open(Path(STORE)) as store:
        log = store.experiment(NAME)
        spec = ExperimentSpec.from_json(log.spec)
        tuner = _tuner(spec)
        missing = replay(tuner, log.records())
        if missing:
            log.append(missing)
        if tuner.ledger.finish is None:
            log.append(tuner.handle(CapacityChanged(tuner.ledger.now, 0)))
        for lost in orphans(tuner, checkpoint_of):
            log.append(tuner.handle(lost))
        return _driven(spec, tuner, log, observe)


def undisturbed(setting: Setting) -> Sequence[Record]:
    """The log of the same experiment without a fault, whatever its training."""
    spec = spec_of(setting)
    log = MemoryLog()
    _drive(spec, _tuner(spec), log, lambda _: None)
    return list(log.records())


def checkpoint_of(entry: TrialEntry) -> int:
    """The newest checkpoint of a simulated trial."""
    return max(entry.checkpoint, entry.resource - entry.resource % EVERY)


def _tuner(spec: ExperimentSpec) -> Tuner:
    tuner, _ = make_tuner(spec, Space.from_json(spec.space), Parts())
    return tuner


def _driven(spec: ExperimentSpec, tuner: Tuner, log: ExperimentLog, observe: Observer) -> Experiment:
    if tuner.ledger.finish is None:
        _drive(spec, tuner, log, observe)
    return Experiment(NAME, spec, tuner.ledger, Path(STORE))


def _drive(spec: ExperimentSpec, tuner: Tuner, log: Log, observe: Callable[[Sequence[Record]], None]) -> None:
    top = spec.max_resource

    def job(launch: Launch) -> Curve:
        units = range(launch.start + 1, launch.milestone + 1)
        seconds = [1.0 + launch.configuration["floor"]] * len(units)  # type: ignore[operator,list-item]
        return Curve(units, curve(launch.configuration, top)[launch.start : launch.milestone], seconds)

    backend = Simulator(job, workers=spec.workers, max_resource=top, start_at=tuner.ledger.now)
    drive(tuner, backend, log, [observe])
