"""What next: pure state machines, usable by hand through `tell(event)` and `ask()`."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.schedulers.asha import ASHA
    from rungwise.schedulers.fifo import FIFO
    from rungwise.schedulers.pasha import PASHA
    from rungwise.schedulers.stopping import StoppingASHA

__all__ = ["ASHA", "FIFO", "PASHA", "StoppingASHA", "ranking"]

_ROOMS = {"ASHA": "asha", "FIFO": "fifo", "PASHA": "pasha", "StoppingASHA": "stopping"}


def __getattr__(name: str) -> object:
    """Import a scheduler on first use, because ranking needs numpy and the rest does not."""
    if name == "ranking":
        return import_module("rungwise.schedulers.ranking")
    if name in _ROOMS:
        return getattr(import_module(f"rungwise.schedulers.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
