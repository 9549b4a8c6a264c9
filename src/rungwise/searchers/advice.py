"""Advice on a search space, before anything is paid for."""

from collections.abc import Mapping
from typing import Any

from rungwise.searchers import OPTIONS
from rungwise.searchers.finite import counted
from rungwise.space import Space


def space_advice(searcher: Mapping[str, Any], space: Mapping[str, Any], trials: int | None) -> str | None:
    """A line where more trials may start than there are configurations; None where there is nothing to say.

    `searcher` are settings as `rungwise.searchers` makes them, `space` is a space as it is logged. Nothing is said of a
    searcher that may repeat one, or of the user's own, or of a space that has too many to count.

    >>> from rungwise.space import parse
    >>> space_advice({"name": "kde"}, parse({"layers": (1, 5)}).to_json(), 64)
    'the search space has 5 configurations, none of which is tried twice: at most 5 of 64 trials will start'
    """
    if trials is None or searcher.get("name") not in OPTIONS or may_repeat(searcher):
        return None
    count = counted(Space.from_json(space))
    if count is None or count >= trials:
        return None
    configurations = "1 configuration, which is not" if count == 1 else f"{count} configurations, none of which is"
    return f"the search space has {configurations} tried twice: at most {count} of {trials} trials will start"


def may_run_out(searcher: Mapping[str, Any], space: Mapping[str, Any], trials: int) -> bool:
    """Whether there may be fewer configurations than trials, as far as it is known without drawing them.

    Of other searchers than random search nothing is known: a grid has an end of its own.
    """
    if searcher.get("name") != "random":
        return True
    if may_repeat(searcher):
        return False
    size = Space(space).size()
    return size is not None and (size < trials or bool(space["conditions"] or space["forbiddens"]))


def may_repeat(searcher: Mapping[str, Any]) -> bool:
    """Whether a searcher may suggest a configuration of a finite space again, by its settings."""
    return bool(searcher.get("repeats", "repeats" in OPTIONS[searcher["name"]]))
