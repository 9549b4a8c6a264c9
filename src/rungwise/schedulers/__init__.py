"""What next: pure state machines, usable by hand through `tell(event)` and `ask()`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.schedulers import ranking as ranking
    from rungwise.schedulers.asha import ASHA as ASHA
    from rungwise.schedulers.async_hyperband import AsyncHyperband as AsyncHyperband
    from rungwise.schedulers.fifo import FIFO as FIFO
    from rungwise.schedulers.gated import GatedPASHA as GatedPASHA
    from rungwise.schedulers.halving import SuccessiveHalving as SuccessiveHalving
    from rungwise.schedulers.hyperband import Hyperband as Hyperband
    from rungwise.schedulers.median import MedianStopping as MedianStopping
    from rungwise.schedulers.pasha import PASHA as PASHA
    from rungwise.schedulers.pbt import PBT as PBT
    from rungwise.schedulers.stopping import StoppingASHA as StoppingASHA
    from rungwise.schedulers.taper import Taper as Taper

_ROOMS = {
    "ASHA": "asha",
    "AsyncHyperband": "async_hyperband",
    "FIFO": "fifo",
    "GatedPASHA": "gated",
    "Hyperband": "hyperband",
    "MedianStopping": "median",
    "PASHA": "pasha",
    "PBT": "pbt",
    "StoppingASHA": "stopping",
    "SuccessiveHalving": "halving",
    "Taper": "taper",
}

__all__ = [
    "ASHA",
    "FIFO",
    "PASHA",
    "PBT",
    "AsyncHyperband",
    "GatedPASHA",
    "Hyperband",
    "MedianStopping",
    "StoppingASHA",
    "SuccessiveHalving",
    "Taper",
    "ranking",
]


def __getattr__(name: str) -> object:
    """Import a scheduler on first use, because ranking needs numpy and the rest does not."""
    if name == "ranking":
        return import_module("rungwise.schedulers.ranking")
    if name in _ROOMS:
        return getattr(import_module(f"rungwise.schedulers.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
