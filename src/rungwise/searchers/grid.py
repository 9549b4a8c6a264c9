"""Grid search: every combination of a few values per hyperparameter, in order."""

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import History
from rungwise.space import Space


class GridSearch:
    """Trial `first` + i gets the i-th configuration of the space's grid with `points` values per range.

    The grid is enumerated only as far as it has been asked for, and kept: a trial may be asked for again, or out of
    order. `first` is how many trials get their configuration elsewhere (given points).
    """

    __slots__ = ("_first", "_found", "_rest")

    def __init__(self, space: Space, points: int, *, first: int = 0) -> None:
        """Raises InputError if `points` is not a whole number of at least 1."""
        self._rest = space.grid(points)
        self._found: list[dict[str, bool | int | float | str]] = []
        self._first = first

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:  # noqa: ARG002
        """The trial's configuration; None once the grid is exhausted, and for trials before `first`."""
        index = request.trial - self._first
        if index < 0:
            return None
        while len(self._found) <= index:
            configuration = next(self._rest, None)
            if configuration is None:
                return None
            self._found.append(configuration)
        return dict(self._found[index])
