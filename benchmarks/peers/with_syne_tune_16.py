"""Syne Tune 0.16: ASHA by stopping, called as its tuner calls it. Run by run.py."""

from datetime import datetime
from importlib.metadata import version

from _curves import ETA, MAX_RESOURCE, MIN_RESOURCE
from _loop import main
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import ASHA
from syne_tune.optimizer.scheduler import SchedulerDecision

NOW = datetime.now()


class SyneTune:
    """The scheduler and its random searcher over one hyperparameter."""

    def __init__(self) -> None:
        self._scheduler = ASHA(
            {"x": uniform(0.0, 1.0)}, metric="loss", time_attr="epoch", max_t=MAX_RESOURCE, grace_period=MIN_RESOURCE,
            reduction_factor=ETA, random_seed=0,
        )  # fmt: skip
        self._trial: Trial
        self._trials = 0

    def next(self) -> int:
        """A suggestion, always a new trial."""
        number = self._trials
        self._trials += 1
        self._trial = Trial(number, self._scheduler.suggest().config, NOW)
        self._scheduler.on_trial_add(self._trial)
        return number

    def report(self, _trial: int, unit: int, value: float) -> bool:
        """A result; the answer at the maximum is to stop."""
        trial = self._trial
        if self._scheduler.on_trial_result(trial, {"loss": value, "epoch": unit}) == SchedulerDecision.CONTINUE:
            return True
        self._scheduler.on_trial_remove(trial)
        return False


if __name__ == "__main__":
    main(version("syne-tune"), {"stopping": SyneTune})
