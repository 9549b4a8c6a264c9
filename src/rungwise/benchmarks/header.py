"""What our own form of a table says of itself, whatever file it is in: see `own` and `parquet`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError
from rungwise.core.objective import Mode
from rungwise.space import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1
ALSO = ("reported", "finished", "quality", "configs")


@dataclass(frozen=True, slots=True)
class Header:
    """What a table is called and measures, what is stored of it, its space if any, and the version of the form."""

    name: str
    metric: str
    mode: Mode
    unit: str
    note: str
    also: tuple[str, ...]
    space: Mapping[str, Any] | None = None
    version: int = VERSION

    @classmethod
    def of(cls, table: Table) -> "Header":
        """A table's header."""
        there = (
            table.reported is not None,
            table.finished is not None,
            _own_quality(table),
            table.configs is not None,
        )
        also = tuple(name for name, is_there in zip(ALSO, there, strict=True) if is_there)
        space = None if table.space is None else table.space.to_json()
        return cls(table.name, table.metric, table.mode, table.unit, table.note, also, space)

    def to_json(self) -> str:
        """JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Header":
        """The header that `to_json` gave; raises InputError where it is another thing, or newer than this program."""
        data = json.loads(text)
        if not isinstance(data, dict) or not isinstance(data.get("version"), int):
            raise InputError(f"the header is {text[:80]!r}, but must be a JSON object with a version")
        if data["version"] > VERSION:
            raise InputError(f"the table is stored in form {data['version']}, but this version reads form {VERSION}")
        for name in ("name", "metric", "mode", "unit", "note"):
            if not isinstance(data.get(name), str):
                raise InputError(f"{name} in the header is {data.get(name)!r:.80}, but must be text")
        also = data.get("also")
        if not isinstance(also, list) or any(name not in ALSO for name in also):
            raise InputError(f"also in the header is {also!r:.80}, but must list some of {', '.join(ALSO)}")
        space = data.get("space")  # older tables know none
        return cls(data["name"], data["metric"], data["mode"], data["unit"], data["note"], tuple(also), space)

    def searched(self) -> Space | None:
        """The stored space of the configurations; None where there is none. Raises InputError for no such thing."""
        return None if self.space is None else Space.from_json(self.space)


def narrowed(array: "NDArray[np.float64]") -> "NDArray[Any]":
    """The array in 32-bit floats where every number survives that, NaN and infinities included; else as it is."""
    import numpy as np

    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    return narrow if np.array_equal(narrow.astype(np.float64), array, equal_nan=True) else array


def _own_quality(table: Table) -> bool:
    """Whether a table's qualities are others than the best of its curves."""
    import numpy as np

    plain = Table(table.values, mode=table.mode, metric=table.metric)
    return not np.array_equal(plain.quality, table.quality, equal_nan=True)
