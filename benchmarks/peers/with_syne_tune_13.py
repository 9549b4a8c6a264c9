"""Syne Tune 0.13: ASHA by stopping and by promotion, and PASHA, called as its tuner calls them. Run by run.py."""

from datetime import datetime

import syne_tune
from _curves import ETA, MAX_RESOURCE, MIN_RESOURCE
from _loop import main
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import ASHA, PASHA
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers import HyperbandScheduler

SETTINGS = {
    "metric": "loss", "mode": "min", "resource_attr": "epoch", "max_resource_attr": "epochs",
    "grace_period": MIN_RESOURCE, "reduction_factor": ETA, "random_seed": 0, "search_options": {"debug_log": False},
}  # fmt: skip
NOW = datetime.now()


class SyneTune:
    """A scheduler and its random searcher over one hyperparameter."""

    def __init__(self, scheduler: HyperbandScheduler) -> None:
        self._scheduler = scheduler
        self._trials: list[Trial] = []

    def next(self) -> int:
        """A suggestion: a new trial, or one to resume."""
        number = len(self._trials)
        suggestion = self._scheduler.suggest(number)
        if not suggestion.spawn_new_trial_id:
            resumed = int(suggestion.checkpoint_trial_id)
            self._trials[resumed] = Trial(resumed, suggestion.config, NOW)
            return resumed
        trial = Trial(number, suggestion.config, NOW)
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        return number

    def report(self, trial: int, unit: int, value: float) -> bool:
        """A result; the answer at the maximum is to stop."""
        reported = self._trials[trial]
        if self._scheduler.on_trial_result(reported, {"loss": value, "epoch": unit}) == SchedulerDecision.CONTINUE:
            return True
        self._scheduler.on_trial_remove(reported)
        return False


if __name__ == "__main__":
    space = {"x": uniform(0.0, 1.0), "epochs": MAX_RESOURCE}
    main(
        syne_tune.__version__,
        {
            "stopping": lambda: SyneTune(ASHA(space, type="stopping", **SETTINGS)),
            "promotion": lambda: SyneTune(ASHA(space, type="promotion", **SETTINGS)),
            "pasha": lambda: SyneTune(PASHA(space, **SETTINGS)),
        },
    )
