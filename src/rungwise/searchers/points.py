"""Given points first: configurations that the user wants tried, before another searcher goes on."""

from collections.abc import Mapping, Sequence

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History, Searcher, prepare
from rungwise.space import Space


def listed(points: object) -> None:
    """Raise InputError unless the points are a list or another sequence of configurations."""
    if isinstance(points, str) or not isinstance(points, Sequence):
        raise InputError(f"the given points are {points!r}, but must be a list of configurations")


class GivenPoints:
    """The first trials get the given points in their order; every later one is asked of `then`, under its own id.

    Ids are not shifted: trial 7 gets the same random configuration whether or not points were given, so that two
    experiments differ in their first trials only. A searcher that works through a list (the grid) would leave out its
    beginning; it is told how many trials come before it (`GridSearch(first=)`), as `make` does.
    """

    __slots__ = ("_points", "_then")

    def __init__(self, points: Sequence[Mapping[str, object]], then: Searcher, space: Space) -> None:
        """Raises InputError, naming the point by its place (from 0), if one is not in the space."""
        listed(points)
        self._points = [space.check(point, f"given point {place}") for place, point in enumerate(points)]
        self._then = then

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's point, or what `then` suggests once they are used up."""
        if request.trial < len(self._points):
            return dict(self._points[request.trial])
        return self._then.suggest(history, request)

    def prepare(self, history: History) -> None:
        """Let `then` think ahead."""
        prepare(self._then, history)
