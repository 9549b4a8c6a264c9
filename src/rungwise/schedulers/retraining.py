"""Retraining (Bohdal et al. 2023, section 5.1, phase 2): winners from scratch to the full resource, until one holds.

1. Candidates are trained one after another, the best of the tuning first.
2. One that reports NaN or infinity has diverged; one that dies has failed; one whose last value at the full resource is
   worse than what tuning saw of it by more than `tolerance` fell short. Then the next is tried.
3. One that does none of this is kept, and nothing more is started.
"""

from collections.abc import Sequence
from math import inf, isfinite
from typing import Literal

from rungwise.core.checks import check_whole
from rungwise.core.decisions import StartTrial, StopTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.starts import Starts

Verdict = Literal["kept", "diverged", "fell short", "failed"]


class Retraining:
    """Trains candidates 0, 1, … to `resource` units; `expected[i]` is the value (minimised) that tuning saw of each.

    `verdicts` tells what became of those that were tried. Raises InputError where a number is out of range.
    """

    def __init__(self, resource: int, expected: Sequence[float], tolerance: float) -> None:
        check_whole("resource", resource, 1)
        self._resource = resource
        self._expected = tuple(expected)
        self._tolerance = tolerance
        self._starts = Starts(len(self._expected))
        self._busy = False
        self._over: set[int] = set()
        self._last: dict[int, float] = {}
        self.verdicts: dict[int, Verdict] = {}

    @property
    def milestones(self) -> tuple[int, ...]:
        """The full resource alone."""
        return (self._resource,)

    def tell(self, event: Event) -> tuple[StopTrial, ...]:
        """Take in an event; a divergence stops its trial."""
        match event:
            case TrialReported(_, trial, _, value):
                self._last[trial] = value
                if not isfinite(value) and trial not in self.verdicts:
                    self.verdicts[trial] = "diverged"
                    return (StopTrial(trial),)
            case TrialEnded(_, trial, reason):
                self._busy = False
                self._over.add(trial)
                if reason in ("completed", "failed"):
                    self.verdicts.setdefault(trial, "failed" if reason == "failed" else self._judged(trial))
                if self.verdicts.get(trial) == "kept":
                    self._starts.close()
            case Draining():
                self._starts.close()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused candidate goes on: until it has ended or diverged."""
        return trial not in self._over and trial not in self.verdicts

    def ask(self) -> StartTrial | None:
        """The next candidate, once the one before it has disappointed."""
        start = None if self._busy else self._starts.next(self._resource)
        self._busy |= start is not None
        return start

    def _judged(self, trial: int) -> Verdict:
        kept = self._last.get(trial, inf) <= self._expected[trial] + self._tolerance
        return "kept" if kept else "fell short"
