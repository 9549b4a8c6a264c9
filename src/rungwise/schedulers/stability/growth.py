"""The growth of a ladder (Bohdal et al. 2023, algorithm 1): how many rungs are open, and when one more opens.

1. Two rungs are open at first.
2. Whenever a job completes in the top open rung, the rankings of the top two are compared over the trials that both
   hold, two at least. If they differ, one more rung opens.
3. At the maximum resource nothing is checked any more.
4. A trial whose value in either rung is NaN or infinite is left out of the comparison.
"""

from math import isfinite

from rungwise.core.decisions import OpenRung
from rungwise.core.errors import InputError
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.stability.agreement import Pair
from rungwise.schedulers.stability.noise import Noise


class Growth:
    """Watches the top two open rungs. `ranking` is one of `rungwise.schedulers.ranking`, or your own (None: Auto()).

    Raises InputError for what is no ranking function.
    """

    def __init__(self, milestones: tuple[int, ...], ranking: Ranking | Auto | None) -> None:
        if not (ranking is None or isinstance(ranking, Auto | Ranking)) or isinstance(ranking, type):
            raise InputError(f"ranking is {ranking!r}, but must be one of rungwise.schedulers.ranking, such as Auto()")
        self.open = min(2, len(milestones))
        self._milestones = milestones
        self._ranking = Auto() if ranking is None else ranking
        self._noise = Noise(self._ranking.percentile, *self._window()) if isinstance(self._ranking, Auto) else None
        self._values: list[dict[int, float]] = [{} for _ in milestones]
        self._pair = Pair()

    @property
    def cap(self) -> int:
        """The milestone of the top open rung, in resource units."""
        return self._milestones[self.open - 1]

    @property
    def epsilon(self) -> float:
        """The difference that passes as noise now, in units of the metric; 0 for a ranking function without one."""
        if self._noise is not None:
            return self._noise.epsilon
        epsilon = self._pair.tolerance(self._ranking)
        return 0.0 if epsilon is None else epsilon

    def report(self, trial: int, resource: int, value: float) -> None:
        """Take in a report: noise is estimated from every one."""
        if self._noise is not None:
            self._noise.report(trial, resource, value)

    def entered(self, trial: int, rungs: range, value: float) -> tuple[OpenRung, ...]:
        """A trial entered these rungs, by index; the rung that opens because of it, if one does."""
        top = self.open - 1
        if self.cap == self._milestones[-1]:
            return ()
        for rung in rungs:
            if rung >= top - 1:
                self._values[rung][trial] = value
        if top not in rungs or top == 0:
            return ()
        self._compare(trial)
        disagreement = self._pair.disagreement(self._ranking, self._noise.epsilon if self._noise else None)
        if disagreement is None:
            return ()
        self.open += 1
        self._values[top - 1] = {}  # compared for the last time
        if self._noise is not None:
            self._noise.move(*self._window())
        self._pair = Pair()
        for climbed in self._values[top + 1]:
            self._compare(climbed)
        return (OpenRung(self.cap, disagreement),)

    def _window(self) -> tuple[int, int]:
        return (self._milestones[self.open - 2] if self.open > 1 else 0), self.cap

    def _compare(self, trial: int) -> None:
        top = self.open - 1
        lower, upper = self._values[top - 1][trial], self._values[top][trial]
        if isfinite(lower) and isfinite(upper):
            self._pair.insert(trial, lower, upper)
