"""What a training script touches: its trial, checkpoints, and the line to the tuner."""

from rungwise.trial.environment import importing_for_trials
from rungwise.trial.job import Job
from rungwise.trial.trial import Trial

__all__ = ["Job", "Trial", "importing_for_trials"]
