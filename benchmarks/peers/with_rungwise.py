"""Rungwise's schedulers, told events and asked for requests. Run by run.py."""

from _curves import ETA, MAX_RESOURCE, MIN_RESOURCE
from _loop import Nobody, main

import rungwise as rw
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.core.protocols import Scheduler
from rungwise.schedulers.hyperband import hyperband_brackets

NO_METRICS: dict[str, float] = {}
MOST_TRIALS = 1_000_000


class Pausing:
    """A scheduler that pauses and promotes: the job ends at the milestone it was sent to."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._milestone = 0

    def next(self) -> int:
        """The next start or promotion."""
        request = self._scheduler.ask()
        if request is None:
            raise SystemExit("a scheduler had nothing to start, though its only worker was free")
        self._milestone = request.milestone
        return request.trial

    def report(self, trial: int, unit: int, value: float) -> bool:
        """Pause at the milestone."""
        self._scheduler.tell(TrialReported(0.0, trial, unit, value, NO_METRICS))
        if unit < self._milestone:
            return True
        self._scheduler.tell(TrialPaused(0.0, trial, unit))
        return False


class Stopping:
    """A scheduler that stops: the job ends when it says so, or at the maximum."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def next(self) -> int:
        """The next start."""
        request = self._scheduler.ask()
        if request is None:
            raise SystemExit("a scheduler had nothing to start, though its only worker was free")
        return request.trial

    def report(self, trial: int, unit: int, value: float) -> bool:
        """Stop when told to, or at the maximum."""
        if self._scheduler.tell(TrialReported(0.0, trial, unit, value, NO_METRICS)):
            self._scheduler.tell(TrialEnded(0.0, trial, "stopped"))
            return False
        if unit < MAX_RESOURCE:
            return True
        self._scheduler.tell(TrialEnded(0.0, trial, "completed"))
        return False


def synchronous_hyperband() -> Pausing:
    """Rounds of all brackets, enough of them."""
    ladder = rw.schedulers.Hyperband(MIN_RESOURCE, MAX_RESOURCE, ETA).milestones
    a_round = sum(sizes[0] for _, sizes in hyperband_brackets(ladder, ETA))
    return Pausing(rw.schedulers.Hyperband(MIN_RESOURCE, MAX_RESOURCE, ETA, rounds=MOST_TRIALS // a_round))


if __name__ == "__main__":
    main(
        rw.__version__,
        {
            "stopping": lambda: Stopping(rw.schedulers.StoppingASHA(MIN_RESOURCE, MAX_RESOURCE, ETA)),
            "promotion": lambda: Pausing(rw.schedulers.ASHA(MIN_RESOURCE, MAX_RESOURCE, ETA)),
            "pasha": lambda: Pausing(rw.schedulers.PASHA(MIN_RESOURCE, MAX_RESOURCE, ETA)),
            "hyperband": lambda: Stopping(
                rw.schedulers.AsyncHyperband(MIN_RESOURCE, MAX_RESOURCE, ETA, within="stopping-asha")
            ),
            "synchronous": synchronous_hyperband,
            "nobody": Nobody,
        },
    )
