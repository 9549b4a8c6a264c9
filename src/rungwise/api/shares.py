"""How many slots trials get: what users say of it, checked and completed, as settings."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from rungwise.allocation import OPTIONS, ByRung, Fill
from rungwise.core.checks import check_number, check_whole
from rungwise.core.decisions import PromoteTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import Allocation, Elastic, Scheduler
from rungwise.core.scaling import Scaling
from rungwise.schedulers.named import pauses_at_rungs

CUSTOM = "custom"
"""The name that settings have where an object was passed, which they do not describe."""
PAUSING = "asha, pasha, gated-pasha, taper, successive-halving, hyperband, or async-hyperband within asha or pasha"


def allocation_settings(allocation: object, slots: object, workers: int) -> dict[str, Any]:
    """A policy's name, or mapping of its name and options, as settings with all that it needs to know.

    `slots` is the share of every job, or of those on the lowest rung; `workers` are all slots there are: no share may
    exceed them. Raises InputError for an unknown name or option, or a number out of range.

    >>> allocation_settings("by-rung", 1, 4)
    {'name': 'by-rung', 'slots': 1, 'most': 4}
    """
    settings = {"name": allocation} if isinstance(allocation, str) else allocation
    if not isinstance(settings, Mapping) or settings.get("name") not in tuple(OPTIONS):
        given = settings.get("name") if isinstance(settings, Mapping) else settings
        raise InputError(
            f"allocation is {given!r}, but must be one of {', '.join(OPTIONS)}, or such a name with options"
        )
    name = settings["name"]
    for key in settings:
        if key not in ("name", *OPTIONS[name]):
            where = "which is an argument of its own" if key == "slots" else "which it does not know"
            options = ", ".join(OPTIONS[name]) or "none"
            raise InputError(f"the allocation {name!r} has the option {key!r}, {where}; its options are: {options}")
    checked = {"name": name, "slots": _within("slots", slots, workers)}
    if name == "fixed":
        return checked
    checked["most"] = _within("most", settings.get("most", workers), workers)
    return checked if name == "by-rung" else {**checked, **_forecast(settings)}


def _forecast(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `fill` is told of restarts, as plain data: seconds per unit by slots, as pairs, and seconds of a restart."""
    told: dict[str, Any] = {}
    if settings.get("scaling") is not None:
        told["scaling"] = [list(pair) for pair in Scaling.of(settings["scaling"]).seconds]
    if settings.get("restart") is not None:
        told["restart"] = check_number("restart", settings["restart"], 0)
    return told


def is_allocation(allocation: object) -> TypeGuard[Allocation]:
    """Whether it is a policy, rather than the name of one."""
    return callable(getattr(allocation, "slots", None))


def own_shares(allocation: Allocation, slots: object, milestones: Sequence[int], workers: int) -> dict[str, Any]:
    """The settings of a policy of the user's own, which must be passed again: what its jobs get, least and most.

    Raises InputError where `slots` says it too.
    """
    if slots != 1:
        raise InputError(f"slots is {slots!r}, but the allocation is an object, which says by itself what jobs get")
    shares = [max(1, min(allocation.slots(PromoteTrial(0, each), workers), workers)) for each in milestones]
    most = workers if isinstance(allocation, Elastic) else max(shares)
    return {"name": CUSTOM, "slots": min(shares), "most": most}


def check_allocation(allocation: Allocation, scheduler: Scheduler, workers: int) -> None:
    """Raise InputError for a policy that does not suit the scheduler, or gives a trial more slots than there are."""
    if not is_allocation(allocation):
        raise InputError(f"allocation is {allocation!r}, but must be a policy such as rungwise.allocation.Fixed(2)")
    share = allocation.slots(PromoteTrial(0, scheduler.milestones[-1]), workers)
    if share > workers:
        raise InputError(
            f"the allocation gives a trial {share} slots, but there are {workers} in all (workers): a trial cannot get"
            " more"
        )
    base = allocation.base if isinstance(allocation, Fill) else allocation
    if isinstance(base, ByRung) and not pauses_at_rungs(scheduler):
        raise InputError(
            "the allocation 'by-rung' gives a trial more slots where it pauses and is promoted, but this scheduler lets"
            f" trials run on: take {PAUSING}, or the allocation 'fixed'"
        )


def widest(settings: Mapping[str, Any]) -> int:
    """The most slots that a trial can get.

    >>> widest({"name": "fixed", "slots": 2}), widest({"name": "by-rung", "slots": 1, "most": 4})
    (2, 4)
    """
    return int(settings.get("most", settings["slots"]))


def share_advice(settings: Mapping[str, Any], workers: int) -> str | None:
    """What should be known of a fixed share that does not divide the slots there are; None: nothing.

    >>> share_advice({"name": "fixed", "slots": 2}, 5)
    'of 5 slots 1 will never be used, because each trial takes 2: let workers be a multiple of slots'
    """
    left = workers % settings["slots"]
    if settings["name"] != "fixed" or not left:
        return None
    return (
        f"of {workers} slots {left} will never be used, because each trial takes {settings['slots']}: let workers be a"
        " multiple of slots"
    )


def _within(what: str, number: object, workers: int) -> int:
    share = check_whole(what, number, 1)
    if share > workers:
        raise InputError(f"{what} is {share}, but there are {workers} in all (workers): a trial cannot get more slots")
    return share
