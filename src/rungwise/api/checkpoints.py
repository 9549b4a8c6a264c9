"""Which checkpoints of an experiment stay, and what a tuner that died has left undone about them."""

from pathlib import Path

from rungwise.core.ledger import Ledger, TrialEntry
from rungwise.core.protocols import Scheduler
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.pbt import PBT
from rungwise.trial.checkpoints import inherit, newest, remove_checkpoints, trial_folder


def keeps_final(spec: ExperimentSpec, own: Scheduler | None) -> bool:
    """Whether trials leave a checkpoint at the full resource: where no other training can lead to the same model.

    That is a retraining, and population based training, whose winner is the end of a path through configurations.
    `own` is the scheduler where it is the user's own object.
    """
    return spec.of is not None or spec.scheduler.get("name") == "pbt" or isinstance(own, PBT)


def checkpoint_of(experiment: Path, entry: TrialEntry) -> int:
    """The newest whole checkpoint of a trial at what it has reported: a newer one stands for a report that was lost.

    A child that the tuner died over before it had its parent's checkpoint gets it now: the parent has it still.
    """
    folder = trial_folder(experiment, entry.trial)
    found = newest(folder, entry.resource)
    if not found and entry.parent is not None and entry.inherited and not entry.reported:
        inherit(trial_folder(experiment, entry.parent), folder, entry.inherited)
        found = newest(folder, entry.resource)
    return found


def sweep(experiment: Path, ledger: Ledger, *, keep_final: bool) -> None:
    """Remove the checkpoints of trials that are over, which a tuner that died has left."""
    for entry in ledger.trials.values():
        if entry.ended and not (entry.status == "completed" and keep_final):
            remove_checkpoints(trial_folder(experiment, entry.trial))
