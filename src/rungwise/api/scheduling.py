"""The scheduler of a new experiment, and how many trials it starts: what users say of them, checked and completed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from rungwise.api.checks import is_scheduler, scheduler_settings
from rungwise.api.choosing import Given, known_trials, settled
from rungwise.api.shares import CUSTOM
from rungwise.api.transfer import Transfer
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.limits import Limits
from rungwise.core.protocols import Scheduler
from rungwise.schedulers.halving import SuccessiveHalving
from rungwise.schedulers.hyperband import Hyperband
from rungwise.schedulers.named import KEYED, SIZED, UNSIZED, make_scheduler
from rungwise.schedulers.pbt import PBT
from rungwise.schedulers.taper import Taper

Trials = int | Literal["auto"] | None
BOHB = "bohb"
TRIALS = 64
"""How many configurations are tried unless somebody says otherwise."""
POPULATION = 16
"""How many members a population has unless somebody says otherwise."""
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Scheduling:
    """The settings, and the scheduler that they describe, or the user's `own`.

    `trials` is the most that may start (None: no limit); `why` says why this scheduler was chosen for the user ("": the
    user chose it).
    """

    settings: Mapping[str, Any]
    scheduler: Scheduler
    own: Scheduler | None
    trials: int | None
    why: str


def scheduling(
    scheduler: Given, min_resource: int, max_resource: int, eta: int, trials: Trials, seed: int, *, limits: Limits,
    transfer: Transfer, store: Path,
) -> Scheduling:  # fmt: skip
    """What is said of the scheduler and its trials, with all that was left to us; what is known of the run says more.

    Raises InputError for an unknown name or option, or a number out of range; StoreError where an earlier experiment is
    missing that "auto" looks at.
    """
    planned = known_trials(TRIALS if trials == "auto" else trials, limits)
    scheduler, why = settled(scheduler, min_resource, max_resource, planned, transfer, store)
    settings = _settings(scheduler, min_resource, max_resource, eta)
    if settings["name"] in KEYED:
        settings["seed"] = check_whole("seed", settings.get("seed", seed), 0)
    if settings["name"] in (SIZED - UNSIZED if trials is None else SIZED) and "trials" not in settings:
        usual = POPULATION if settings["name"] == "pbt" else TRIALS
        settings["trials"] = usual if trials == "auto" else check_whole("trials", trials, 1)
        trials = "auto"
    own = None if isinstance(scheduler, str | Mapping) else scheduler
    made = make_scheduler(settings) if own is None else own
    return Scheduling(settings, made, own, _limit(made, settings) if trials == "auto" else trials, why)


def bohb(scheduler: Given, searcher: S) -> tuple[Given, S | str]:
    """The scheduler "bohb" is Hyperband with densities (Falkner et al. 2018); anything else is what it is.

    Raises InputError where another searcher is named beside it.
    """
    named = isinstance(scheduler, str | Mapping) and isinstance(searcher, str | Mapping)
    if not named or _name(scheduler) != BOHB:
        return scheduler, searcher
    if _name(searcher) not in ("random", "kde"):
        raise InputError(
            f"the searcher is {searcher!r}, but the scheduler 'bohb' is 'hyperband' with the searcher 'kde'"
        )
    options = dict(scheduler) if isinstance(scheduler, Mapping) else {}
    return {**options, "name": "hyperband"}, "kde" if searcher == "random" else searcher


def _name(given: object) -> object:
    return given.get("name") if isinstance(given, Mapping) else given


def _settings(scheduler: Given, min_resource: int, max_resource: int, eta: int) -> dict[str, Any]:
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


def _limit(scheduler: Scheduler, settings: Mapping[str, Any]) -> int | None:
    """How many trials to start where nobody said it: what is planned whole must not be cut short.

    That is brackets, and a population, in which children take over places for as long as it trains.
    """
    if isinstance(scheduler, PBT):
        return None
    if isinstance(scheduler, Taper) and scheduler.trials is not None:
        return scheduler.trials
    return settings.get("trials") if isinstance(scheduler, Hyperband | SuccessiveHalving) else TRIALS
