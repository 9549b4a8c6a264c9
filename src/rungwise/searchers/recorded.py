"""Recorded configurations: on resume, what the log says a trial had is what it gets."""

from collections.abc import Mapping

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import History, Searcher


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
