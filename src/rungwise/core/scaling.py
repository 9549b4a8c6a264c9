"""How fast a job trains on several slots: what was measured, and what lies between."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Scaling:
    """Seconds per unit of resource for each number of slots that was measured, one slot among them, as (slots, seconds)
    in rising order. Only their ratios count.

    Between two of them units per second rise, or fall, in a straight line; beyond the last they stay as they are there,
    for nobody knows more. More slots may well be slower: it is as measured.

    Raises InputError where one slot is missing, slots do not rise, or a time is not a finite number above 0.

    >>> Scaling.of({1: 8.0, 4: 2.0}).speed(3)
    3.0
    """

    seconds: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        shares = [check_whole("a number of slots in scaling", slots, 1) for slots, _ in self.seconds]
        if not shares or shares[0] != 1 or any(a >= b for a, b in pairwise(shares)):
            raise InputError(
                f"scaling names the slots {shares}, but must rise from 1: all is measured against one slot, such as"
                " {1: 1.0, 2: 0.55} seconds per unit"
            )
        for slots, took in self.seconds:
            if isinstance(took, bool) or not isinstance(took, int | float) or not (took > 0 and isfinite(took)):
                raise InputError(
                    f"scaling says that a unit takes {took!r} seconds on {slots} slots, but it must be a finite number"
                    " above 0"
                )

    @classmethod
    def of(cls, seconds: "Scaling | Mapping[int, float]") -> "Scaling":
        """Seconds per unit by slots, in any order; a Scaling as it is. Raises InputError for what is neither."""
        if isinstance(seconds, Scaling):
            return seconds
        if not isinstance(seconds, Mapping):
            raise InputError(
                f"scaling is {seconds!r}, but must be seconds per unit by slots, such as {{1: 1.0, 2: 0.55}}"
            )
        return cls(
            tuple(sorted((check_whole("a number of slots in scaling", each, 1), seconds[each]) for each in seconds))
        )

    @property
    def largest(self) -> int:
        """The most slots that were measured."""
        return self.seconds[-1][0]

    def speed(self, slots: int) -> float:
        """How many times as fast as on one slot."""
        place = bisect_right(self.seconds, slots, key=lambda each: each[0])
        low, slow = self.seconds[place - 1]
        one = self.seconds[0][1]
        if place == len(self.seconds):
            return one / slow
        high, fast = self.seconds[place]
        share = (slots - low) / (high - low)
        return one / slow * (1 - share) + one / fast * share

    def scaled(self, seconds: Sequence[float], slots: int) -> list[float]:
        """What takes so many seconds on one slot, on as many."""
        speed = self.speed(slots)
        return [each / speed for each in seconds]
