"""Tune: from a training and a search space to a winner, and on with it after an interruption."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from rungwise import searchers
from rungwise.api.checks import (
    check_flag,
    check_path,
    check_text,
    configurations,
    devices,
    is_scheduler,
    scheduler_settings,
    texts,
)
from rungwise.api.experiment import Experiment
from rungwise.api.names import DEFAULT_STORE
from rungwise.api.run import Parts, Watch, begin, go_on
from rungwise.api.training import Train, parse_training, training_from_json, training_to_json
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.objective import Mode, Objective
from rungwise.core.protocols import Scheduler, Searcher
from rungwise.core.spec import ExperimentSpec, Stop
from rungwise.schedulers.halving import SuccessiveHalving
from rungwise.schedulers.hyperband import Hyperband
from rungwise.schedulers.named import KEYED, SIZED, make_scheduler
from rungwise.schedulers.pbt import PBT
from rungwise.space import Space, parse
from rungwise.store import NameTakenError, Store


def tune(
    train: Train,
    space: Any,
    *,
    metric: str,
    mode: Mode = "min",
    max_resource: int,
    min_resource: int = 1,
    eta: int = 3,
    scheduler: str | Mapping[str, Any] | Scheduler = "pasha",
    searcher: str | Mapping[str, Any] | Searcher = "random",
    points: Sequence[Mapping[str, Any]] = (),
    trials: int | Literal["auto"] | None = "auto",
    workers: int = 1,
    seed: int = 0,
    stop: Stop = "drain",
    unit: str = "units",
    name: str | None = None,
    store: str | Path = DEFAULT_STORE,
    reuse_workers: bool = False,
    gpus: int | Sequence[int | str] = (),
    per_gpu: int = 1,
    preload: Sequence[str] = (),
    config_as: str = "args",
    watch: Watch | None = None,
) -> Experiment:
    """Find the best configuration of a training, and stop paying when the ranking is settled.

    `train` is a function that takes a `Trial` (at the top level of a module), "script.py", "file.py:function", or a
    command as a sequence of words (`config_as`: how it gets its configuration: "args", "env", "json"). `space` is a
    ConfigSpace `ConfigurationSpace`, its short form as a mapping, or a file with either.

    Trials train from `min_resource` to `max_resource` whole units, whichever the training counts in (`unit` is the
    word for it). `scheduler` is "pasha", "asha", "stopping-pasha", "stopping-asha", "median-stopping",
    "successive-halving", "hyperband", "async-hyperband", "pbt" or "fifo"; or a mapping of `name` and options (`rule`,
    `ranking`, …); or an object. `searcher` is "random", "grid", `{"name": "grid", "points": 5}`, or an object; `points`
    are tried first. At most `trials` are started ("auto": 64, but all that the brackets of Hyperband hold; None: as
    many as the space and the scheduler give; with "pbt" it is the size of the population, 16 if "auto", and children
    come on top), `workers` at once; `stop="drain"` then finishes what can still be promoted, "instant" ends at once.

    The log goes to `store`, under `name` (default: the training file's name and a number); checkpoints lie beside it.
    `reuse_workers` keeps processes warm; `gpus` (a number, or device ids) are handed out to `per_gpu` trials each;
    `preload` names modules to import once, before trials fork. `watch=rw.LiveView` shows progress in the terminal.

    Raises InputError for an argument out of range, StoreError for a store or name that cannot be used, ContractError
    where the training breaks its contract before any of its jobs ended well, and Interrupted (a KeyboardInterrupt)
    after Ctrl-C, when everything is recorded and `resume` goes on.
    """
    Objective(metric, mode)
    check_path("store", store)
    check_text("unit", unit)
    if name is not None:
        check_text("name", name)
    check_flag("reuse_workers", reuse_workers)
    parsed = parse(space)
    training = parse_training(train, config_as)
    settings = _scheduler_settings(scheduler, min_resource, max_resource, eta)
    if settings["name"] in KEYED:
        settings["seed"] = check_whole("seed", settings.get("seed", seed), 0)
    if settings["name"] in SIZED and "trials" not in settings:
        usual = POPULATION if settings["name"] == "pbt" else TRIALS
        settings["trials"] = usual if trials == "auto" else check_whole("trials", trials, 1)
        trials = "auto"
    parts = Parts(
        None if isinstance(scheduler, str | Mapping) else scheduler,
        None if isinstance(searcher, str | Mapping) else searcher,
    )
    made = make_scheduler(settings) if parts.scheduler is None else parts.scheduler
    per_gpu = check_whole("per_gpu", per_gpu, 1)
    spec = ExperimentSpec(
        metric=metric,
        mode=mode,
        milestones=tuple(made.milestones),
        scheduler=settings,
        searcher=_searcher_settings(searcher),
        space=parsed.to_json(),
        training=training_to_json(training),
        trials=_limit(made, settings) if trials == "auto" else trials,
        workers=workers,
        seed=seed,
        stop=stop,
        unit=unit,
        points=tuple(parsed.check(point, f"given point {place}") for place, point in enumerate(configurations(points))),
        local={
            "reuse_workers": reuse_workers,
            "gpus": devices(gpus),
            "per_gpu": per_gpu,
            "preload": texts("preload", preload),
        },
    )
    with Store.open(Path(store), create=True) as opened:
        while True:
            chosen = opened.free_name(_stem(spec.training)) if name is None else name
            try:
                return begin(opened, chosen, spec, training, parsed, parts, watch)
            except NameTakenError:  # before anything ran: another run, started at the same time, was quicker
                if name is not None:
                    raise


def resume(
    name: str,
    train: Train | None = None,
    *,
    store: str | Path = DEFAULT_STORE,
    scheduler: Scheduler | None = None,
    searcher: Searcher | None = None,
    watch: Watch | None = None,
) -> Experiment:
    """Go on with an experiment that was interrupted; one that is finished is only read.

    `train`, `scheduler` and `searcher` are needed only where the settings cannot name them: a function that is no
    longer where it was, objects of your own (fresh ones, as they were at the start).
    Raises StoreError where the experiment is not there, ReplayError where its log does not lead to its decisions.
    """
    with Store.open(Path(store)) as opened:
        log = opened.experiment(name)
        spec = ExperimentSpec.from_json(log.spec)
        check_parts(name, spec, scheduler, searcher, "resume")
        training = training_from_json(spec.training) if train is None else parse_training(train)
        return go_on(opened, log, spec, training, Space.from_json(spec.space), Parts(scheduler, searcher), watch)


def check_parts(
    name: str, spec: ExperimentSpec, scheduler: Scheduler | None, searcher: Searcher | None, asked: str
) -> None:
    """Raise InputError where an experiment ran with a scheduler or searcher of the user's own, and none is given."""
    for what, settings, given in (("scheduler", spec.scheduler, scheduler), ("searcher", spec.searcher, searcher)):
        if settings["name"] == CUSTOM and given is None:
            raise InputError(
                f"{name!r} ran with a {what} of your own: pass {asked}() a fresh one, as it was at the start"
            )


CUSTOM = "custom"
TRIALS = 64
"""How many configurations are tried unless somebody says otherwise."""
POPULATION = 16
"""How many members a population has unless somebody says otherwise."""


def _limit(scheduler: Scheduler, settings: Mapping[str, Any]) -> int | None:
    """How many trials to start where nobody said it: what is planned whole must not be cut short.

    That is brackets, and a population, in which children take over places for as long as it trains.
    """
    if isinstance(scheduler, PBT):
        return None
    return settings.get("trials") if isinstance(scheduler, Hyperband | SuccessiveHalving) else TRIALS


def _scheduler_settings(
    scheduler: str | Mapping[str, Any] | Scheduler, min_resource: int, max_resource: int, eta: int
) -> dict[str, Any]:
    resources = {
        "min_resource": check_whole("min_resource", min_resource, 1),
        "max_resource": check_whole("max_resource", max_resource, 1),
        "eta": check_whole("eta", eta, 2),
    }
    if isinstance(scheduler, str | Mapping) or not is_scheduler(scheduler):
        return scheduler_settings(scheduler, resources)
    if scheduler.milestones[-1] != max_resource:
        raise InputError(
            f"max_resource is {max_resource}, but the scheduler ends at {scheduler.milestones[-1]}: they must agree"
        )
    return {"name": CUSTOM, **resources}


def _searcher_settings(searcher: str | Mapping[str, Any] | Searcher) -> dict[str, Any]:
    if isinstance(searcher, str):
        return {"name": searcher}
    if not isinstance(searcher, Mapping):
        if not callable(getattr(searcher, "suggest", None)):
            raise InputError(
                f"the searcher is {searcher!r}, but must be one of {', '.join(map(repr, searchers.NAMES))}, such a name"
                " with options, or an object with a method suggest"
            )
        return {"name": CUSTOM}
    settings = dict(searcher)
    allowed = {"name", "points"} if settings.get("name") == "grid" else {"name"}
    if "name" not in settings or settings.keys() - allowed:
        raise InputError(f"the searcher is {settings!r}, but its settings are name, and points for a grid")
    if "points" in settings:
        settings["points"] = check_whole("points of the searcher 'grid'", settings["points"], 1)
    return settings


def _stem(training: Mapping[str, Any]) -> str:
    if training["kind"] != "script":
        return Path(training.get("file") or training["name"]).stem
    scripts = [word for word in training["command"] if word.endswith(".py")]
    return Path(scripts[0] if scripts else training["command"][0]).stem
