"""The store: one SQLite file that holds the logs of many experiments, each append-only."""

from rungwise.store.failures import DiskFullError
from rungwise.store.log import ExperimentLog, MemoryLog
from rungwise.store.patient import PatientLog
from rungwise.store.store import NameTakenError, Store

__all__ = ["DiskFullError", "ExperimentLog", "MemoryLog", "NameTakenError", "PatientLog", "Store"]
