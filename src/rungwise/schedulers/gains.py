"""Where a trial's curve seems to lead: its score on entering a rung, lower is better.

1. m is the best finite value that the trial has reported so far; its gain on a rung is by how much m fell since the
   rung before.
2. On its first rung it scores m, on the second m - gain / 2: half as much again is still to come.
3. From the third on it scores m - gain · min(1, gain / the gain before) where both are above 0, else m: what shrinks
   goes on shrinking, what grows is not trusted to grow.
4. A trial that passes several rungs with one report has gained nothing on the later ones.

A score reads the trial's own past alone, and orders trials the same after any change of the metric's unit and zero.
"""

from dataclasses import dataclass
from math import inf, isfinite


@dataclass(slots=True)
class _Course:
    """The best value so far, what it was on the last rung, and the gain there; None: there is no such rung yet."""

    best: float = inf
    before: float | None = None
    gain: float | None = None


class Gains:
    """The scores of all trials; O(1) for a report and for a rung."""

    def __init__(self) -> None:
        self._courses: dict[int, _Course] = {}

    def report(self, trial: int, value: float) -> None:
        """A trial reports a value, not finite perhaps."""
        course = self._courses.get(trial)
        if course is None:
            course = self._courses[trial] = _Course()
        if isfinite(value) and value < course.best:
            course.best = value

    def enter(self, trial: int) -> float:
        """The score of a trial that enters its next rung with a finite value."""
        course = self._courses[trial]
        best, former = course.best, course.gain
        gain = None if course.before is None else course.before - best
        course.before, course.gain = best, gain
        if gain is None:
            return best
        if former is None:
            score = best - gain / 2
        elif former > 0 and gain > 0:
            score = best - gain * min(1.0, gain / former)
        else:
            score = best
        return score if isfinite(score) else best  # where the values are near the largest that there are

    def forget(self, trial: int) -> None:
        """A trial is over."""
        self._courses.pop(trial, None)
