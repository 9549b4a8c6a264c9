"""What an experiment takes over from earlier ones, as plain data: it resumes and replays when they are gone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rungwise.core.commands import Configuration


@dataclass(frozen=True, slots=True)
class PastTrial:
    """A trial of an earlier experiment, as the new one sees it.

    `configuration` is one of the new search space, `rung` counts the milestones of the new ladder that it passed.
    `ranks` are those of its values on entering the last of these, among the finite values of its own experiment there:
    0 the best, 1 the worst; None: its value was not finite.
    """

    configuration: Configuration
    rung: int
    ranks: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Past:
    """What was taken over from the `experiments` of these names.

    So many `winners` are the first of the given points. `trials` are for a searcher that learns, the most promising
    first; `observations` of them and of the new experiment's own together are shown to it while there are no more.
    """

    experiments: tuple[str, ...] = ()
    winners: int = 0
    observations: int = 0
    trials: tuple[PastTrial, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Past":
        """What plain JSON data tells; raises KeyError or TypeError where it is no such thing."""
        trials = (PastTrial(each["configuration"], each["rung"], tuple(each["ranks"])) for each in data["trials"])
        return cls(tuple(data["experiments"]), data["winners"], data["observations"], tuple(trials))
