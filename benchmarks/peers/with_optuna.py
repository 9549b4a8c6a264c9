"""Optuna's pruners, through ask, report, should_prune and tell, in memory. Run by run.py."""

import optuna
from _curves import ETA, MAX_RESOURCE, MIN_RESOURCE
from _loop import main
from optuna.pruners import BasePruner, HyperbandPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState


class Optuna:
    """A pruner in a study of its own. No parameter is suggested: the searchers are not what is measured."""

    def __init__(self, pruner: BasePruner) -> None:
        self._study = optuna.create_study(
            storage=InMemoryStorage(), sampler=RandomSampler(seed=0), pruner=pruner, study_name="peers"
        )  # Hyperband's brackets hang on the name
        self._trial: optuna.Trial

    def next(self) -> int:
        """Ask for a trial."""
        self._trial = self._study.ask()
        return self._trial.number

    def report(self, _trial: int, unit: int, value: float) -> bool:
        """Report, and ask whether to prune."""
        trial = self._trial
        trial.report(value, unit)
        if trial.should_prune():
            self._study.tell(trial, state=TrialState.PRUNED)
            return False
        if unit < MAX_RESOURCE:
            return True
        self._study.tell(trial, value)
        return False


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    main(
        optuna.__version__,
        {
            "stopping": lambda: Optuna(SuccessiveHalvingPruner(min_resource=MIN_RESOURCE, reduction_factor=ETA)),
            "hyperband": lambda: Optuna(
                HyperbandPruner(min_resource=MIN_RESOURCE, max_resource=MAX_RESOURCE, reduction_factor=ETA)
            ),
        },
    )
