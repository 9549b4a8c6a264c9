"""Schedulers and ranking functions by name, as settings, files and the command line give them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.protocols import Scheduler
from rungwise.schedulers import ranking
from rungwise.schedulers.asha import ASHA
from rungwise.schedulers.async_hyperband import AsyncHyperband
from rungwise.schedulers.fifo import FIFO
from rungwise.schedulers.gated import GatedPASHA
from rungwise.schedulers.halving import SuccessiveHalving
from rungwise.schedulers.hyperband import Hyperband
from rungwise.schedulers.median import MedianStopping
from rungwise.schedulers.pasha import PASHA, By
from rungwise.schedulers.pbt import PBT
from rungwise.schedulers.retraining import Retraining
from rungwise.schedulers.rungs import ladder
from rungwise.schedulers.stopping import StoppingASHA
from rungwise.schedulers.taper import Taper

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "fifo": ("resource",),
    "asha": ("rule", "hurdle"),
    "stopping-asha": ("rule", "hurdle"),
    "pasha": ("rule", "ranking", "hurdle"),
    "stopping-pasha": ("rule", "ranking", "hurdle"),
    "successive-halving": ("trials",),
    "hyperband": ("rounds",),
    "async-hyperband": ("rule", "ranking", "within", "brackets", "choice", "seed"),
    "median-stopping": ("min_trials",),
    "gated-pasha": ("phi", "width", "scouts"),
    "taper": ("trials", "gamma", "step", "survivors"),
    "pbt": ("trials", "interval", "quantile", "seed"),
    "retraining": ("expected", "tolerance"),
}
KEYED = frozenset(name for name, options in OPTIONS.items() if "seed" in options)
"""Schedulers that draw: they need the experiment's seed, or one of their own."""
SIZED = frozenset(name for name, options in OPTIONS.items() if "trials" in options)
"""Schedulers that plan for so many trials: a bracket's, or a population's."""
UNSIZED = frozenset(("taper",))
"""Those of them that do without, where nobody knows how many trials there will be."""
RANKINGS: Mapping[str, type] = {
    "auto": ranking.Auto,
    "direct": ranking.Direct,
    "fixed": ranking.Fixed,
    "sigma": ranking.Sigma,
    "mean": ranking.MeanDistance,
    "median": ranking.MedianDistance,
    "rbo": ranking.RBO,
    "rrr": ranking.RRR,
    "arrr": ranking.ARRR,
}
RESOURCES = ("min_resource", "max_resource", "eta")


def make_scheduler(settings: Mapping[str, Any], most: int | None = None) -> Scheduler:
    """The scheduler that settings describe: `name`, `min_resource`, `max_resource`, `eta`, and that name's options.

    It decides the same with `most`, the most trials that will ever start, but knows of more checkpoints that none will
    be needed of (see `rungwise.schedulers.foresight`).
    Raises InputError for an unknown name or option, or a value out of range.

    >>> make_scheduler({"name": "asha", "min_resource": 1, "max_resource": 9, "eta": 3, "rule": "quantile"}).milestones
    (1, 3, 9)
    """
    name = str(settings.get("name"))
    if name not in OPTIONS:
        raise InputError(f"scheduler is {name!r}, but must be one of {', '.join(sorted(OPTIONS))}")
    allowed = ("name", *RESOURCES, *OPTIONS[name])
    for key in settings:
        if key not in allowed:
            options = ", ".join(OPTIONS[name]) or "none"
            raise InputError(f"the scheduler {name!r} has no option {key!r}; its options are: {options}")
    made = _made(name, settings)
    if most is not None and isinstance(made, ASHA | PASHA | GatedPASHA | AsyncHyperband):
        made.expect(most)
    return made


def _made(name: str, settings: Mapping[str, Any]) -> Scheduler:
    low, high, eta = (settings[key] for key in RESOURCES)
    rule, hurdle = settings.get("rule", "floor"), settings.get("hurdle")
    ladder(low, high, eta)
    match name:
        case "fifo":
            return FIFO(_resource(settings.get("resource", high), high))
        case "asha":
            return ASHA(low, high, eta, rule, hurdle=hurdle)
        case "stopping-asha":
            return StoppingASHA(low, high, eta, rule, hurdle=hurdle)
        case "pasha" | "stopping-pasha":
            by: By = "promotion" if name == "pasha" else "stopping"
            return PASHA(low, high, eta, rule, make_ranking(settings.get("ranking", "auto")), by=by, hurdle=hurdle)
        case "successive-halving":
            return SuccessiveHalving(settings["trials"], low, high, eta)
        case "hyperband":
            return Hyperband(low, high, eta, rounds=settings.get("rounds", 1))
        case "async-hyperband":
            given = settings.get("ranking")
            chosen = {key: settings[key] for key in ("within", "brackets", "choice", "seed") if key in settings}
            return AsyncHyperband(low, high, eta, rule, None if given is None else make_ranking(given), **chosen)
        case "median-stopping":
            return MedianStopping(high, low, settings.get("min_trials", 5))
        case "gated-pasha":
            return GatedPASHA(low, high, eta, **_chosen(name, settings))
        case "taper":
            chosen = _chosen(name, settings)
            return Taper(low, high, chosen.pop("trials", None), **chosen)
        case "pbt":
            chosen = {key: settings[key] for key in ("quantile", "seed") if key in settings}
            return PBT(settings["trials"], settings.get("interval", default_interval(low, high)), high, **chosen)
        case _:
            return Retraining(high, settings["expected"], settings["tolerance"])


def pauses_at_rungs(scheduler: Scheduler) -> bool:
    """Whether trials pause at every rung, and go on only when they are promoted; taken for granted of others' own."""
    match scheduler:
        case FIFO() | StoppingASHA() | MedianStopping() | PBT() | Retraining():
            return False
        case PASHA():
            return scheduler.by == "promotion"
        case AsyncHyperband():
            return not scheduler.within.startswith("stopping")
        case _:
            return True


def _chosen(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: settings[key] for key in OPTIONS[name] if key in settings}


def default_interval(min_resource: int, max_resource: int) -> int:
    """The units between the milestones of population based training: a tenth of the whole, `min_resource` at least.

    >>> default_interval(1, 81), default_interval(20, 81)
    (9, 20)
    """
    return max(min_resource, -(-max_resource // 10))


def _resource(resource: object, high: int) -> int:
    whole = check_whole("resource of the scheduler 'fifo'", resource, 1)
    if whole > high:
        raise InputError(f"resource of the scheduler 'fifo' is {whole}, above max_resource {high}")
    return whole


def make_ranking(settings: str | Mapping[str, Any]) -> "ranking.Ranking | ranking.Auto":
    """The ranking function that settings describe: a name, or a mapping of `name` and its arguments.

    Raises InputError for an unknown name or argument, or a value out of range.

    >>> make_ranking({"name": "fixed", "epsilon": 0.02})
    Fixed(epsilon=0.02)
    """
    named = {"name": settings} if isinstance(settings, str) else settings
    if not isinstance(named, Mapping) or str(named.get("name")) not in RANKINGS:
        told = named.get("name") if isinstance(named, Mapping) else named
        raise InputError(f"ranking is {told!r}, but must be one of {', '.join(RANKINGS)}, or such a name with options")
    given = dict(named)
    name = str(given.pop("name"))
    known = tuple(field.name for field in fields(RANKINGS[name]))
    for key, value in given.items():
        if key not in known:
            raise InputError(f"the ranking {name!r} has no argument {key!r}; it has: {', '.join(known) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{key} of the ranking {name!r} is {value!r}, but must be a number")
    if name == "fixed" and "epsilon" not in given:
        raise InputError(
            "the ranking 'fixed' needs epsilon, the difference that passes as noise, in units of the metric"
        )
    made: ranking.Ranking | ranking.Auto = RANKINGS[name](**given)
    return made
