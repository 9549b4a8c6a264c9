"""Given points first: configurations that the user wants tried, before another searcher goes on."""

from collections.abc import Sequence

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History, Searcher, prepare
from rungwise.space import Space
from rungwise.space.domain import Scalar


def checked(points: object, space: Space) -> list[dict[str, Scalar]]:
    """The given points as configurations of the space.

    Raises InputError for what is no sequence, and, naming the point by its place (from 0), for one not in the space.
    """
    if isinstance(points, str) or not isinstance(points, Sequence):
        raise InputError(f"the given points are {points!r}, but must be a list of configurations")
    return [space.check(point, f"given point {place}") for place, point in enumerate(points)]


class GivenPoints:
    """The first trials get the given points in their order; every later one is asked of `then`, under its own id.

    Ids are not shifted: trial 7 gets the same random configuration whether or not points were given, so that two
    experiments differ in their first trials only. A searcher that works through a list is told what comes before it, as
    `make` does: the grid would leave out its beginning, and random search without repeats must not repeat a point.
    """

    __slots__ = ("_points", "_then")

    def __init__(self, points: Sequence[Configuration], then: Searcher) -> None:
        """`points` are configurations of the space: see `checked`."""
        self._points = points
        self._then = then

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's point, or what `then` suggests once they are used up."""
        if request.trial < len(self._points):
            return dict(self._points[request.trial])
        return self._then.suggest(history, request)

    def prepare(self, history: History) -> None:
        """Let `then` think ahead."""
        prepare(self._then, history)
