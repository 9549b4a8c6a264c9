"""Hurdles: what the first trials of an experiment, winners of earlier ones, set for all others.

The idea is that of RUSH (Zappella, Salinas and Archambeau 2021, "A resource-efficient method for repeated HPO and NAS
problems"), for every scheduler in which trials climb rungs one by one:

1. With `hurdle=k` the first k trials are the leaders.
2. The hurdle of a rung is the best finite value with which a leader has entered it; while there is none, anything
   clears it. It only ever falls.
3. Any other trial leaves a rung, promoted or not stopped there, only if the usual rule admits it and its value is no
   worse than the rung's hurdle at that moment. What has not cleared the hurdle once never will.
4. The leaders follow the usual rule alone: where they stand behind the others, as on a problem unlike the earlier
   ones, they get no further than anybody else.
5. Whoever does not clear the hurdle still counts among the entries of its rung: the rule's share is that of all.
"""

from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf

from rungwise.core.checks import check_whole


def leaders(hurdle: int | None) -> int:
    """How many trials lead; 0 without a hurdle. Raises InputError for what is no whole number of 1 or more."""
    return 0 if hurdle is None else check_whole("hurdle", hurdle, 1, also=", or None for no hurdle")


class Hurdle:
    """The hurdle of one rung: `value`, infinite while there is none; the first `count` trials lead."""

    __slots__ = ("_count", "_held", "value")

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: list[tuple[float, int]] = []  # a heap, the worst first: those who wait, and some that did
        self.value = inf

    def clears(self, trial: int, value: float) -> bool:
        """Whether a trial that stands here with a finite value may leave, as far as the hurdle goes."""
        return value <= self.value or trial < self._count

    def hold(self, trial: int, value: float) -> None:
        """A trial that clears the hurdle waits here: `enter` tells when it does so no more."""
        if trial >= self._count > 0:
            heappush(self._held, (-value, trial))

    def enter(self, trial: int, value: float) -> Sequence[int]:
        """A trial enters the rung with a finite value; those held that clear the hurdle no more.

        O(log n), amortised.
        """
        if trial >= self._count or value >= self.value:
            return ()
        self.value = value
        fallen = []
        while self._held and -self._held[0][0] > value:
            fallen.append(heappop(self._held)[1])
        return fallen
