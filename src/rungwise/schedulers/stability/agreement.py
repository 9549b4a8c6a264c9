"""Soft ranking of two rungs, updated trial by trial (Bohdal et al. 2023, section 4.1).

Position i's group is every trial whose lower-rung value lies within epsilon of the i-th best lower-rung value; the
rungs agree if the i-th trial of the upper rung lies in group i, for every i. So all that matters is the largest
distance between the lower-rung value of the i-th trial above and the i-th lower-rung value: two sorted arrays, aligned.
"""

import numpy as np
from numpy.typing import NDArray

from rungwise.core.decisions import Disagreement
from rungwise.core.errors import InputError
from rungwise.schedulers.ranking import Auto, Floats, Ranking, SoftRanking


class Pair:
    """The trials that two rungs have in common, in both orders. Inserting and checking cost O(trials) array moves."""

    def __init__(self) -> None:
        self._upper: Floats = np.empty(0)
        self._lower_of_upper: Floats = np.empty(0)
        self._upper_trials: NDArray[np.int64] = np.empty(0, np.int64)
        self._lower: Floats = np.empty(0)
        self._lower_trials: NDArray[np.int64] = np.empty(0, np.int64)

    def insert(self, trial: int, lower: float, upper: float) -> None:
        """A trial with finite values in both rungs. Trials tied above stand in the order of their values below."""
        start, end = (int(np.searchsorted(self._upper, upper, side)) for side in ("left", "right"))
        above = start + int(np.searchsorted(self._lower_of_upper[start:end], lower, "right"))
        below = int(np.searchsorted(self._lower, lower, "right"))
        self._upper = _inserted(self._upper, above, upper)
        self._lower_of_upper = _inserted(self._lower_of_upper, above, lower)
        self._upper_trials = _inserted(self._upper_trials, above, trial)
        self._lower = _inserted(self._lower, below, lower)
        self._lower_trials = _inserted(self._lower_trials, below, trial)

    def tolerance(self, ranking: Ranking | Auto) -> float | None:
        """The epsilon that a soft ranking draws from the lower rung's values; None for other functions."""
        if not isinstance(ranking, SoftRanking):
            return None
        try:
            return float(ranking.tolerance(self._lower))
        except Exception as error:
            raise _raised(ranking, error, len(self._lower)) from error

    def disagreement(self, ranking: Ranking | Auto, epsilon: float | None) -> Disagreement | None:
        """Why the rungs do not rank alike; None if they do, or have fewer than two trials in common.

        `epsilon` is given where it is not the ranking function's own to tell.
        """
        if len(self._lower) < 2:
            return None
        if epsilon is None:
            epsilon = self.tolerance(ranking)
        if epsilon is None:
            assert not isinstance(ranking, Auto)  # its epsilon is given
            return None if self._agree(ranking) else Disagreement(None, None)
        moved = np.abs(self._lower_of_upper - self._lower)
        worst = int(moved.argmax())
        if moved[worst] <= epsilon:
            return None
        return Disagreement((int(self._upper_trials[worst]), int(self._lower_trials[worst])), epsilon)

    def _agree(self, ranking: Ranking) -> bool:
        """What a ranking function says, which may be the user's own; raises InputError where it raises."""
        try:
            return bool(ranking.agree(self._lower_of_upper, self._upper))
        except Exception as error:
            raise _raised(ranking, error, len(self._upper)) from error


def _raised(ranking: Ranking, error: Exception, trials: int) -> InputError:
    return InputError(
        f"the ranking function {ranking!r} raised {error!r} on the values of {trials} trials in two rungs (see"
        " rungwise.schedulers.ranking)"
    )


def _inserted(array: NDArray, position: int, item: float) -> NDArray:  # type: ignore[type-arg]
    longer = np.empty(len(array) + 1, array.dtype)
    longer[:position] = array[:position]
    longer[position] = item
    longer[position + 1 :] = array[position:]
    return longer
