"""Schedulers side by side on recorded learning curves: the PASHA paper's experiments, and what-if questions."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.comparison.answers import what_if as what_if
    from rungwise.comparison.methods import Method as Method
    from rungwise.comparison.methods import parse_method as parse_method
    from rungwise.comparison.paper import compare_as_in_the_paper as compare_as_in_the_paper
    from rungwise.comparison.recorded import recorded_table as recorded_table
    from rungwise.comparison.repetitions import Setting as Setting

_ROOMS = {
    "Method": "methods",
    "Setting": "repetitions",
    "compare_as_in_the_paper": "paper",
    "parse_method": "methods",
    "recorded_table": "recorded",
    "what_if": "answers",
}

__all__ = ["Method", "Setting", "compare_as_in_the_paper", "parse_method", "recorded_table", "what_if"]


def __getattr__(name: str) -> object:
    """Import a name on first use."""
    if name in _ROOMS:
        return getattr(import_module(f"rungwise.comparison.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
