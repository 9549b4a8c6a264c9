"""Foresight: who can still be promoted, whatever may yet be reported. It tells which checkpoints may be needed.

1. It takes knowing how many trials will ever start, at most.
2. To a rung may yet come: who has not started, who is on the way to it or to a rung below, and who waits in a rung
   below and can still be promoted. Each enters a rung once.
3. A rung of n entries to which m may yet come never lets more than its best quota(n + m) go on at any one moment, and
   those tied with the last of them where ties go on together. Entries are only added: whoever is not among the best so
   many of those present now never will be.

More trials than that may be promoted in all, because the best of one moment are not the best of another.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from math import isfinite

Ranked = tuple[float, int, int]
"""value and arrival, both negated: the worst is the least; trial"""
NOBODY = -1


class Prospects:
    """Who waits in a rung and can still be promoted: `trials`. O(log n) to add, amortised; with `ties` as in rule 3."""

    def __init__(self, *, ties: bool) -> None:
        self.trials: set[int] = set()
        self._ties = ties
        self._better: list[Ranked] = []  # a heap
        self._last: list[Ranked] = []  # the worst that can still go on, several if tied; empty while everybody can

    @classmethod
    def of(cls, entries: Iterable[tuple[float, int, int | None]], *, ties: bool) -> "Prospects":
        """Those of a rung that has been in use: value and arrival of every entry, and its trial if it waits."""
        prospects = cls(ties=ties)
        for value, arrival, trial in entries:
            if isfinite(value):
                prospects._better.append((-value, -arrival, NOBODY if trial is None else trial))
                if trial is not None:
                    prospects.trials.add(trial)
        heapify(prospects._better)
        return prospects

    def enter(self, value: float, arrival: int, trial: int, *, waits: bool) -> None:
        """Take a finite entry in; they come by arrival."""
        last = self._last
        if last and -value <= last[0][0]:
            if not self._ties or -value < last[0][0]:
                return
            last.append((-value, -arrival, trial))
        else:
            heappush(self._better, (-value, -arrival, trial))
        if waits:
            self.trials.add(trial)

    def limit(self, most: int) -> int:
        """No more than the best `most`, which never rises, can ever go on; how many of them wait here."""
        better = self._better
        while better and len(better) >= most:
            self._give_up()
            self._last = last = [heappop(better)]
            while self._ties and better and better[0][0] == last[0][0]:
                last.append(heappop(better))
        if most == 0:
            self._give_up()
        return len(self.trials)

    def _give_up(self) -> None:
        for _, _, trial in self._last:
            self.trials.discard(trial)
        self._last = []
