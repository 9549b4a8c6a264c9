"""The incumbent: the best of the reports so far, and who may be it.

1. "any": the best value over all reports, the earliest if tied (Bohdal et al. 2023, the paper's rule).
2. "clean": the same over the reports of trials that never reported NaN or infinity, as long as one of these has a
   value; over all where none has. So a trial that diverges later loses what it was the best with.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal

Winner = Literal["any", "clean"]


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The best of some reports (minimised), the earliest if tied."""

    trial: int
    resource: int
    value: float


def better(report: Incumbent, former: Incumbent | None) -> Incumbent:
    """The better of a report and the incumbent before it."""
    return report if former is None or report.value < former.value else former


class CleanFirst:
    """Rule 2. O(log reports) for a report that is its trial's best so far, amortised."""

    def __init__(self) -> None:
        self._any: Incumbent | None = None
        self._ranked: list[tuple[float, int, Incumbent]] = []  # a heap, by value and order
        self._diverged: set[int] = set()
        self._count = 0

    @property
    def incumbent(self) -> Incumbent | None:
        """Whoever it is now; None while nothing finite was reported."""
        ranked, diverged = self._ranked, self._diverged
        while ranked and ranked[0][2].trial in diverged:
            heappop(ranked)
        return ranked[0][2] if ranked else self._any

    def improves(self, report: Incumbent) -> None:
        """A trial reports a finite value, its own best so far."""
        self._any = better(report, self._any)
        if report.trial not in self._diverged:
            heappush(self._ranked, (report.value, self._count, report))
            self._count += 1

    def diverges(self, trial: int) -> None:
        """A trial reports NaN or infinity."""
        self._diverged.add(trial)
