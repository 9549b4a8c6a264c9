"""The store: one SQLite file that holds the logs of many experiments, each append-only."""

from rungwise.store.log import ExperimentLog, MemoryLog
from rungwise.store.store import NameTakenError, Store

__all__ = ["ExperimentLog", "MemoryLog", "NameTakenError", "Store"]
