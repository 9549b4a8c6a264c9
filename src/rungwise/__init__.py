"""Rungwise: tune rung by rung; stop paying as soon as the ranking is settled."""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from rungwise.api.simulate import simulate as simulate
    from rungwise.benchmarks.table import Table as Table

_PUBLIC = {
    "Table": "rungwise.benchmarks.table",
    "simulate": "rungwise.api.simulate",
}
_ROOMS = ("schedulers",)

__all__ = ["Table", "schedulers", "simulate"]


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import rungwise` costs next to nothing."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return import_module(f"rungwise.{name}")
    raise AttributeError(f"module 'rungwise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC, *_ROOMS])
