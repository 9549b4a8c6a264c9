"""Learning-curve tables: what trials would have reported, recorded. By name, from the official files, from our own.

`load(what)` takes a name (`names()` lists those that load now) or a file: our own form (.npz, .parquet), LCBench's
json, NATS-Bench's and NAS-Bench-201's pickles, PD1's JSON lines. Where a file or folder holds several tables, the one
that is meant follows two colons: `data_2k_lw.json::adult`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.benchmarks.loading import load as load
    from rungwise.benchmarks.loading import matching as matching
    from rungwise.benchmarks.loading import names as names
    from rungwise.benchmarks.loading import variants as variants
    from rungwise.benchmarks.own import save as save
    from rungwise.benchmarks.table import Table as Table
    from rungwise.benchmarks.table import UnrecordedError as UnrecordedError

_ROOMS = {
    "Table": "table",
    "UnrecordedError": "table",
    "load": "loading",
    "matching": "loading",
    "names": "loading",
    "save": "own",
    "variants": "loading",
}

__all__ = ["Table", "UnrecordedError", "load", "matching", "names", "save", "variants"]


def __getattr__(name: str) -> object:
    """Import a name on first use: most programs need the table alone."""
    if name in _ROOMS:
        return getattr(import_module(f"rungwise.benchmarks.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
