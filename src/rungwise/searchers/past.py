"""A warm start: a searcher that learns sees trials of earlier experiments beside its own.

1. Past trials stand in the history under negative numbers, paused, with a value on each rung that they passed, all of
   them from the moment at which this experiment began.
2. Values of another data set are on another scale. So a past value counts as the value of the same rank here: its rank
   among the values of its own experiment on that rung, from 0 to 1, is the quantile (linear) of this experiment's
   finite values there that it is shown as. While there are fewer than two, the rank itself is shown.
3. What was not finite there is not finite here.
4. Past trials fade: when n of this experiment's trials have a value on the lowest rung, only the first
   `observations` - n past trials are shown, the most promising, which `rungwise.api.transfer` puts in front.
5. What they had counts as tried by nobody: a searcher may suggest it again.
6. Nothing is kept between suggestions: each follows from the seed, the trial, what was taken over and the history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.ledger import TrialEntry
from rungwise.core.past import Past, PastTrial
from rungwise.core.protocols import History, Searcher, prepare

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Joined:
    """A history with past trials in front of its own."""

    own: History
    trials: Mapping[int, TrialEntry]

    @property
    def now(self) -> float:
        """When the last event of its own happened, in seconds."""
        return self.own.now

    @property
    def milestones(self) -> Sequence[int]:
        """The resources of the rungs, rising."""
        return self.own.milestones


class WarmStarted:
    """Whatever `then` suggests on seeing past trials too."""

    __slots__ = ("_past", "_then")

    def __init__(self, then: Searcher, past: Past) -> None:
        self._then = then
        self._past = past

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The suggestion of `then`; O(trials · log trials) on top of it while past trials are shown."""
        return self._then.suggest(joined(history, self._past), request)

    def prepare(self, history: History) -> None:
        """Let `then` think ahead, on seeing past trials too."""
        prepare(self._then, joined(history, self._past))


def joined(history: History, past: Past) -> History:
    """The history with those past trials that are still shown; itself where none is."""
    own = sum(0 < entry.rung == len(entry.levels) for entry in history.trials.values())
    shown = past.trials[: max(0, past.observations - own)]
    if not shown:
        return history
    scales = _scales(history, max(trial.rung for trial in shown))
    first = -len(past.trials)
    entries = {first + place: _entry(first + place, trial, history, scales) for place, trial in enumerate(shown)}
    return Joined(history, {**entries, **history.trials})


def _scales(history: History, rungs: int) -> "list[NDArray[np.float64] | None]":
    """The finite values of the history on each rung; None where there are fewer than two."""
    import numpy as np

    values: list[list[float]] = [[] for _ in range(rungs)]
    for entry in history.trials.values():
        first = entry.rung - len(entry.levels)
        for rung in range(first, min(entry.rung, rungs)):
            if isfinite(value := entry.levels[rung - first]):
                values[rung].append(value)
    return [np.array(each) if len(each) > 1 else None for each in values]


def _entry(number: int, trial: PastTrial, history: History, scales: "list[NDArray[np.float64] | None]") -> TrialEntry:
    """A past trial as an entry of the history."""
    first = trial.rung - len(trial.ranks)
    levels = [_shown(rank, scales[rung]) for rung, rank in enumerate(trial.ranks, first)]
    reached = history.milestones[trial.rung - 1]
    return TrialEntry(
        number, trial.configuration, 0, "paused", milestone=reached, resource=reached, rung=trial.rung, levels=levels,
        entered=[0.0] * len(levels),
    )  # fmt: skip


def _shown(rank: float | None, scale: "NDArray[np.float64] | None") -> float:
    """The value that stands here where the past one stood there."""
    import numpy as np

    if rank is None:
        return inf
    return rank if scale is None else float(np.quantile(scale, rank))
