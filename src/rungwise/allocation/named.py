"""Allocation policies by name, as settings, files and the command line give them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rungwise.allocation.by_rung import ByRung
from rungwise.allocation.fill import Fill
from rungwise.allocation.fixed import Fixed
from rungwise.core.errors import InputError
from rungwise.core.protocols import Allocation
from rungwise.core.scaling import Scaling

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "fixed": (),
    "by-rung": ("most",),
    "fill": ("most", "scaling", "restart"),
}
"""The policies, and what each can be told beside `slots`, the share that all of them begin with."""


def make_allocation(settings: Mapping[str, Any], milestones: Sequence[int], eta: int) -> Allocation:
    """The policy that settings describe: `name`, `slots`, and that name's options; `eta` is the scheduler's.

    Raises InputError for an unknown name, or numbers that do not go together.

    >>> make_allocation({"name": "fixed", "slots": 2}, (1, 3), 3)
    Fixed(width=2)
    """
    match settings["name"]:
        case "fixed":
            return Fixed(settings["slots"])
        case "by-rung":
            return ByRung(tuple(milestones), eta, settings["most"], settings["slots"])
        case "fill":
            scaling = settings.get("scaling")
            pairs = None if scaling is None else Scaling(tuple((slots, seconds) for slots, seconds in scaling))
            return Fill(milestones, Fixed(settings["slots"]), settings["most"], pairs, settings.get("restart"))
        case other:
            raise InputError(f"the allocation is {other!r}, but must be one of {', '.join(OPTIONS)}")
