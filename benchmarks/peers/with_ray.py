"""Ray Tune's ASHAScheduler, called as its controller calls it, without Ray running. Run by run.py."""

from dataclasses import dataclass

import ray
from _curves import ETA, MAX_RESOURCE, MIN_RESOURCE
from _loop import main
from ray.tune.schedulers import ASHAScheduler, TrialScheduler


@dataclass(slots=True)
class StubTrial:
    """All that the scheduler looks at in a trial."""

    trial_id: str


class StubController:
    """The scheduler is handed its controller, and does not look at it."""


class Ray:
    """ASHA by stopping."""

    def __init__(self) -> None:
        self._scheduler = ASHAScheduler(
            time_attr="training_iteration", metric="loss", mode="min", max_t=MAX_RESOURCE, grace_period=MIN_RESOURCE,
            reduction_factor=ETA,
        )  # fmt: skip
        self._controller = StubController()
        self._trial = StubTrial("")
        self._trials = 0

    def next(self) -> int:
        """Add a trial."""
        number = self._trials
        self._trials += 1
        self._trial = StubTrial(f"{number:08x}")
        self._scheduler.on_trial_add(self._controller, self._trial)
        return number

    def report(self, _trial: int, unit: int, value: float) -> bool:
        """A result; Ray says stop at the maximum too."""
        result = {"training_iteration": unit, "loss": value}
        if self._scheduler.on_trial_result(self._controller, self._trial, result) != TrialScheduler.STOP:
            return True
        self._scheduler.on_trial_complete(self._controller, self._trial, result)
        return False


if __name__ == "__main__":
    main(ray.__version__, {"stopping": Ray})
