"""Rungwise: tune rung by rung; stop paying as soon as the ranking is settled."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from rungwise import allocation as allocation
    from rungwise import benchmarks as benchmarks
    from rungwise import comparison as comparison
    from rungwise import planner as planner
    from rungwise import schedulers as schedulers
    from rungwise.api.experiment import Best as Best
    from rungwise.api.experiment import Experiment as Experiment
    from rungwise.api.interrupting import Interrupted as Interrupted
    from rungwise.api.replay import replay as replay
    from rungwise.api.retrain import Retrained as Retrained
    from rungwise.api.retrain import retrain as retrain
    from rungwise.api.simulate import simulate as simulate
    from rungwise.api.tune import resume as resume
    from rungwise.api.tune import tune as tune
    from rungwise.benchmarks.table import Table as Table
    from rungwise.by_hand import current_trial as current_trial
    from rungwise.core.errors import ContractError as ContractError
    from rungwise.core.errors import InputError as InputError
    from rungwise.core.errors import ReplayError as ReplayError
    from rungwise.core.errors import RungwiseError as RungwiseError
    from rungwise.core.errors import StorageError as StorageError
    from rungwise.core.errors import StoreError as StoreError
    from rungwise.core.errors import SuspendedError as SuspendedError
    from rungwise.report.live import LiveView as LiveView
    from rungwise.trial import Trial as Trial

_PUBLIC = {
    "Best": "rungwise.api.experiment",
    "ContractError": "rungwise.core.errors",
    "Experiment": "rungwise.api.experiment",
    "InputError": "rungwise.core.errors",
    "Interrupted": "rungwise.api.interrupting",
    "LiveView": "rungwise.report.live",
    "ReplayError": "rungwise.core.errors",
    "Retrained": "rungwise.api.retrain",
    "RungwiseError": "rungwise.core.errors",
    "StorageError": "rungwise.core.errors",
    "StoreError": "rungwise.core.errors",
    "SuspendedError": "rungwise.core.errors",
    "Table": "rungwise.benchmarks.table",
    "Trial": "rungwise.trial",
    "current_trial": "rungwise.by_hand",
    "replay": "rungwise.api.replay",
    "resume": "rungwise.api.tune",
    "retrain": "rungwise.api.retrain",
    "simulate": "rungwise.api.simulate",
    "tune": "rungwise.api.tune",
}
_ROOMS = ("allocation", "benchmarks", "comparison", "planner", "schedulers")

__all__ = [  # noqa: PLE0604 - a literal list of names
    *_PUBLIC,
    *_ROOMS,
]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import rungwise` costs next to nothing."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return import_module(f"rungwise.{name}")
    raise AttributeError(f"module 'rungwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC, *_ROOMS])
