"""The store: one SQLite file that holds the logs of many experiments, each append-only."""

from rungwise.store.log import ExperimentLog, MemoryLog
from rungwise.store.queries import ExperimentRow
from rungwise.store.store import Store

__all__ = ["ExperimentLog", "ExperimentRow", "MemoryLog", "Store"]
