"""Side by side on recorded learning curves: schedulers (the paper's experiments, what-if questions) and searchers."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.comparison.answers import what_if as what_if
    from rungwise.comparison.beside import pairs as pairs
    from rungwise.comparison.contest import Contest as Contest
    from rungwise.comparison.contest import hold as hold
    from rungwise.comparison.methods import Method as Method
    from rungwise.comparison.methods import parse_method as parse_method
    from rungwise.comparison.paper import compare_as_in_the_paper as compare_as_in_the_paper
    from rungwise.comparison.recorded import recorded_table as recorded_table
    from rungwise.comparison.regret import Regrets as Regrets
    from rungwise.comparison.repetitions import Setting as Setting

_ROOMS = {
    "Contest": "contest",
    "Method": "methods",
    "Regrets": "regret",
    "Setting": "repetitions",
    "compare_as_in_the_paper": "paper",
    "hold": "contest",
    "pairs": "beside",
    "parse_method": "methods",
    "recorded_table": "recorded",
    "what_if": "answers",
}

__all__ = [
    "Contest",
    "Method",
    "Regrets",
    "Setting",
    "compare_as_in_the_paper",
    "hold",
    "pairs",
    "parse_method",
    "recorded_table",
    "what_if",
]


def __getattr__(name: str) -> object:
    """Import a name on first use."""
    if name in _ROOMS:
        return getattr(import_module(f"rungwise.comparison.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
