"""Trials as processes of this machine."""

from rungwise.backends.local.backend import LocalBackend
from rungwise.backends.local.training import FunctionTraining, ScriptTraining, Training

__all__ = ["FunctionTraining", "LocalBackend", "ScriptTraining", "Training"]
