"""Tune: from a training and a search space to a winner, and on with it after an interruption."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rungwise import searchers
from rungwise.allocation import make_allocation
from rungwise.api.checks import (
    check_path,
    check_text,
    configurations,
    environment,
    texts,
)
from rungwise.api.experiment import Experiment
from rungwise.api.lease import HeldError
from rungwise.api.limits import parse_limits
from rungwise.api.names import DEFAULT_STORE
from rungwise.api.places import elsewhere, place_settings
from rungwise.api.quantities import seconds, size, units_or_seconds
from rungwise.api.run import GRACE, Parts, Watch, begin, check_parts, go_on
from rungwise.api.scheduling import Trials, bohb, scheduling
from rungwise.api.shares import CUSTOM, allocation_settings, check_allocation, is_allocation, own_shares, widest
from rungwise.api.storage import storage_settings
from rungwise.api.training import Train, Training, parse_training, training_from_json, training_to_json
from rungwise.api.transfer import parse_transfer, take_over
from rungwise.core.checks import check_flag, check_whole
from rungwise.core.limits import Stop
from rungwise.core.objective import Mode, Objective
from rungwise.core.protocols import Allocation, Scheduler, Searcher, winner_of
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.named import OPTIONS
from rungwise.schedulers.pbt import PBT
from rungwise.space import Space, parse
from rungwise.store import NameTakenError, Store

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    searcher: "str | Mapping[str, Any] | Searcher | BaseSampler" = "random",
    points: Sequence[Mapping[str, Any]] = (),
    transfer: str | Sequence[str] | Mapping[str, Any] | None = None,
    trials: Trials = "auto",
    workers: int = 1,
    slots: int = 1,
    allocation: str | Mapping[str, Any] | Allocation = "fixed",
    seed: int = 0,
    stop: Stop = "drain",
    limits: Mapping[str, Any] = NOTHING,
    max_retries: int = 2,
    max_failures: int | None = 10,
    trial_timeout: float | str | None = None,
    checkpoint_every: int | str | None = None,
    checkpoint_quota: int | str | None = None,
    unit: str = "units",
    name: str | None = None,
    store: str | Path = DEFAULT_STORE,
    storage: str | Path | None = None,
    one_process: bool = False,
    reuse_workers: bool = False,
    gpus: int | Sequence[int | str] = (),
    per_gpu: int = 1,
    backend: str = "local",
    address: str | None = None,
    cpus: int = 1,
    preload: Sequence[str] = (),
    config_as: str = "args",
    env: Mapping[str, str] = NOTHING,
    grace: float | str = GRACE,
    watch: Watch | None = None,
) -> Experiment:
    """Find the best configuration of a training, and stop paying when the ranking is settled.

    `train` is a function that takes a `Trial` (at the top level of a module), "script.py", "file.py:function", or a
    command as a sequence of words (`config_as`: how it gets its configuration: "args", "env", "json"). `space` is a
    ConfigSpace `ConfigurationSpace`, its short form as a mapping, or a file with either.

    Trials train from `min_resource` to `max_resource` whole units, whichever the training counts in (`unit` is the word
    for it). `scheduler` is "pasha", "gated-pasha", "taper", "asha", "stopping-pasha", "stopping-asha",
    "median-stopping", "successive-halving", "hyperband", "async-hyperband", "pbt" or "fifo"; or a mapping of `name` and
    options (`rule`, `ranking`, …); or an object; or "auto", what is known to work here (`{"name": "auto", "diverges":
    True}`: trainings can diverge; that those of `transfer` did counts too), which is settled now. `searcher` is
    "random", "grid", "evolution", "kde", "gp", "tpe", "cmaes", such a name with options as in `{"name": "grid",
    "points": 5}`, a sampler of Optuna's, or an object; the scheduler "bohb" is "hyperband" with "kde". `points` are
    tried first. Of a finite space nothing is tried twice, and when it is exhausted the experiment's `finish` is "space"
    (`{"name": "random", "repeats": True}` lets configurations come again). At most `trials` are started ("auto": 64,
    but all that the brackets of Hyperband hold; None: as many as the space and the scheduler give; with "pbt" it is the
    size of the population, 16 if "auto", and children come on top); `stop="drain"` then finishes what can still be
    promoted, "instant" ends at once.

    There are `workers` slots, and a trial takes `slots` of them. With the allocation "by-rung" that is the share on the
    lowest rung, and a promoted trial goes on with `eta` times as many, all of them at most, or `most` in `{"name":
    "by-rung", "most": 4}`; it needs a scheduler whose trials pause at rungs. With "fill" slots for which nothing can be
    started go to trials that run, `most` at most, where a forecast says that the restart pays. It goes by what
    `{"name": "fill", "scaling": {1: 1.0, 2: 0.55}, "restart": 3.5}` says (seconds per unit by slots, seconds of a
    restart), else by what the run shows. Or pass an object, as `rungwise.allocation` has them. A trial of several slots
    runs in a process for each, its ranks (see `Trial`), with the variables that `torch.distributed` reads; or
    `one_process` has them all.

    With the backend "ray" the slots are those of a Ray cluster: `address` is its head's, or "auto" on a machine of it
    (None: the one that this process has joined, or RAY_ADDRESS names, else one of this machine's own). A slot has
    `cpus` cores there, and with `gpus` (a number) the share of one that `per_gpu` says. Nodes on other
    machines need `storage`. As many slots are used as there are, `workers` at most; nodes may come and go.

    `transfer` names earlier experiments of the same store, one or a list, or is a mapping such as `{"from": ["a", "b"],
    "winners": 1, "hurdle": False, "observations": 64}`: the best `winners` of each come before `points`; with `hurdle`,
    and "pasha", "asha" or their stopping kinds, they set the bar that all others must clear, unless the scheduler has
    one already; and the searchers "kde" and "gp" learn from so many `observations` of theirs.

    `limits` end it early: `{"time": "8h", "resource": 5000, "cost": 20, "price_per_hour": 2.5, "target": 0.98,
    "patience": "1h"}`, any of them. Time is seconds or a text ("90s", "1h30m"); resource is the sum over all trials;
    cost is units * `price_per_unit` + slot-hours * `price_per_hour`; patience is so much without a better value, units
    or a time. With `"then": "drain"` promotions then go on, else ("instant") what runs is cut.

    A trial whose job dies is tried again from its checkpoint, `max_retries` times, but not where it died twice at the
    same place in the same way; one that says nothing for `trial_timeout` is ended, and counts as dead. After
    `max_failures` failed trials in a row (None: never) the experiment is suspended: the training is broken.
    Checkpoints are saved at milestones and pauses, and every `checkpoint_every` units (a number) or so long (a text);
    all of them together never take more than `checkpoint_quota` ("20GB", or bytes).

    The log goes to `store`, under `name` (default: the training file's name and a number); checkpoints lie beside it,
    or in `storage`: a URL such as "s3://bucket/folder" (it needs the extra `storage`, and what fsspec needs for its
    kind), or the path of a folder that every machine sees.
    `reuse_workers` keeps processes warm; `gpus` (a number, or device ids) are handed out to `per_gpu` trials each;
    `preload` names modules to import once, before trials fork. Trials see this process's environment and `env`, which
    is recorded: no place for secrets. `watch=rw.LiveView` shows progress in the terminal.

    Raises InputError for an argument out of range or a storage that cannot be used, StoreError for a store or name that
    cannot, StorageError where the storage cannot be read when the experiment goes on, ContractError where the training
    breaks its contract before any of its jobs ended well, SuspendedError as said, PlacesLostError (a RungwiseError)
    where a cluster is gone for good, and Interrupted (a KeyboardInterrupt) after Ctrl-C or SIGTERM (trials then have
    `grace` to save), when everything is recorded and `resume` goes on.
    """
    objective = Objective(metric, mode)
    check_path("store", store)
    check_text("unit", unit)
    if name is not None:
        check_text("name", name)
    check_flag("reuse_workers", reuse_workers)
    check_flag("one_process", one_process)
    parsed_limits, asked = parse_limits(limits, objective), parse_transfer(transfer)
    scheduler, searcher = bohb(scheduler, searcher)
    parsed = parse(space)
    training = parse_training(train, config_as)
    planned = scheduling(
        scheduler, min_resource, max_resource, eta, trials, seed, limits=parsed_limits, transfer=asked,
        store=Path(store),
    )  # fmt: skip
    made, settings = planned.scheduler, dict(planned.settings)
    parts = Parts(
        planned.own,
        searcher if searchers.suggests(searcher) or searchers.samples(searcher) else None,
        allocation if is_allocation(allocation) else None,
    )
    chosen_searcher: dict[str, Any] = {"name": CUSTOM}
    if parts.searcher is None:
        # A population is one of a certain size: in a space with fewer configurations some come twice.
        chosen_searcher = searchers.new_settings(searcher, repeats=isinstance(made, PBT))
    learns = chosen_searcher["name"] in searchers.WARMED
    winners, past = take_over(Path(store), asked, parsed, mode, made.milestones, learns=learns)
    if winners and asked.hurdle and "hurdle" in OPTIONS.get(settings["name"], ()):
        settings.setdefault("hurdle", len(winners))
    own = [parsed.check(point, f"given point {place}") for place, point in enumerate(configurations(points))]
    per_gpu = check_whole("per_gpu", per_gpu, 1)
    check_whole("workers", workers, 1)
    if parts.allocation is None:
        shares = allocation_settings(allocation, slots, workers)
        check_allocation(make_allocation(shares, made.milestones, settings["eta"]), made, workers)
    else:
        check_allocation(parts.allocation, made, workers)
        shares = own_shares(parts.allocation, slots, made.milestones, workers)
    spec = ExperimentSpec(
        metric=metric,
        mode=mode,
        milestones=tuple(made.milestones),
        scheduler=settings,
        searcher=chosen_searcher,
        space=parsed.to_json(),
        training=training_to_json(training),
        trials=planned.trials,
        workers=workers,
        seed=seed,
        stop=stop,
        limits=parsed_limits,
        max_retries=max_retries,
        max_failures=max_failures,
        unit=unit,
        points=(*winners, *(point for point in own if point not in winners)),
        past=past,
        allocation=shares,
        winner=winner_of(made),
        chosen=planned.why,
        local={
            "reuse_workers": reuse_workers,
            "ranks": widest(shares) > 1 and not one_process,
            **place_settings(backend, address, cpus, gpus),
            "per_gpu": per_gpu,
            "preload": texts("preload", preload),
            "env": environment(env),
            "grace": seconds("grace", grace),
            **storage_settings(storage),
            **_checkpoint_settings(checkpoint_every, checkpoint_quota),
            **({} if trial_timeout is None else {"trial_timeout": seconds("trial_timeout", trial_timeout)}),
        },
    )
    with Store.open(Path(store), create=True) as opened:
        return _begin(opened, name, spec, training, parsed, parts, watch)


def resume(
    name: str,
    train: Train | None = None,
    *,
    store: str | Path = DEFAULT_STORE,
    scheduler: Scheduler | None = None,
    searcher: "Searcher | BaseSampler | None" = None,
    allocation: Allocation | None = None,
    backend: str | None = None,
    address: str | None = None,
    watch: Watch | None = None,
) -> Experiment:
    """Go on with an experiment that was interrupted; one that is finished is only read.

    `train`, `scheduler`, `searcher` and `allocation` are needed only where the settings cannot name them: a function
    that is no longer where it was, objects of your own (fresh ones, as they were at the start). `backend` and `address`
    are as in `tune`, where it is to go on in another place than before; its settings stay.
    Raises StoreError where the experiment is not there, ReplayError where its log does not lead to its decisions.
    """
    with Store.open(Path(store)) as opened:
        spec = elsewhere(ExperimentSpec.from_json(opened.experiment(name).spec), backend, address)
        parts = Parts(scheduler, searcher, allocation)
        check_parts(name, spec, parts, "resume")
        training = training_from_json(spec.training) if train is None else parse_training(train)
        return go_on(opened, name, spec, training, Space.from_json(spec.space), parts, watch)


def _checkpoint_settings(every: int | str | None, quota: int | str | None) -> dict[str, Any]:
    units, time_between = (0, 0.0) if every is None else units_or_seconds("checkpoint_every", every)
    return {
        "every_units": units,
        "every_seconds": time_between,
        "checkpoint_quota": None if quota is None else size("checkpoint_quota", quota),
    }


def _begin(
    store: Store, name: str | None, spec: ExperimentSpec, training: Training, space: Space, parts: Parts,
    watch: Watch | None,
) -> Experiment:  # fmt: skip
    """Run an experiment under its name; where it has none, under one that is free."""
    others: list[str] = []
    while True:
        chosen = store.free_name(_stem(spec.training), others) if name is None else name
        try:
            return begin(store, chosen, spec, training, space, parts, watch)
        except (NameTakenError, HeldError):  # before anything ran: another run, started just now, was quicker
            if name is not None:
                raise
            others.append(chosen)


def _stem(training: Mapping[str, Any]) -> str:
    if training["kind"] != "script":
        return Path(training.get("file") or training["name"]).stem
    scripts = [word for word in training["command"] if word.endswith(".py")]
    return Path(scripts[0] if scripts else training["command"][0]).stem
