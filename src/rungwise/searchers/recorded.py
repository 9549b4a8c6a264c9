"""Recorded configurations: what the log says a trial had is what it gets; in a replay only if it is suggested again."""

from collections.abc import Mapping
from math import isclose

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import History, Searcher, prepare


class Recorded:
    """A trial in `configurations` gets the one recorded there; every other is asked of `then`."""

    __slots__ = ("_configurations", "_then")

    def __init__(self, configurations: Mapping[int, Configuration], then: Searcher) -> None:
        self._configurations = configurations
        self._then = then

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The recorded configuration of the trial, else what `then` suggests."""
        recorded = self._configurations.get(request.trial)
        return self._then.suggest(history, request) if recorded is None else dict(recorded)

    def prepare(self, history: History) -> None:
        """Let `then` think ahead."""
        prepare(self._then, history)


class Verified:
    """A trial gets its recorded configuration where `then` suggests the same up to rounding, else what `then` suggests.

    Another processor, or another build of NumPy, may round the last bits of a draw otherwise: a log written there still
    implies its decisions.
    """

    __slots__ = ("_configurations", "_then")

    def __init__(self, configurations: Mapping[int, Configuration], then: Searcher) -> None:
        self._configurations = configurations
        self._then = then

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """What `then` suggests, as it was rounded when it was recorded."""
        suggested = self._then.suggest(history, request)
        recorded = self._configurations.get(request.trial)
        return dict(recorded) if suggested and recorded and same(suggested, recorded) else suggested


def same(one: Configuration, other: Configuration) -> bool:
    """Whether two configurations are equal but for the rounding of floats: nine digits agree.

    >>> same({"lr": 0.1, "layers": 3}, {"lr": 0.1 + 1e-16, "layers": 3}), same({"layers": 3}, {"layers": 3.0})
    (True, False)
    """
    return list(one) == list(other) and all(
        type(value) is type(other[name])
        and (isclose(value, other[name], rel_tol=1e-9) if isinstance(value, float) else value == other[name])  # type: ignore[arg-type]
        for name, value in one.items()
    )
