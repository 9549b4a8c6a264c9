"""Trials as processes of this machine. The names are imported on first use: the launcher needs few of the modules."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.backends.local.backend import LocalBackend
    from rungwise.backends.local.settings import LocalSettings
    from rungwise.backends.local.training import FunctionTraining, ScriptTraining, Training

__all__ = ["FunctionTraining", "LocalBackend", "LocalSettings", "ScriptTraining", "Training"]


def __getattr__(name: str) -> object:
    match name:
        case "LocalBackend":
            from rungwise.backends.local.backend import LocalBackend

            return LocalBackend
        case "LocalSettings":
            from rungwise.backends.local.settings import LocalSettings

            return LocalSettings
        case "FunctionTraining" | "ScriptTraining" | "Training":
            from rungwise.backends.local import training

            return getattr(training, name)
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
