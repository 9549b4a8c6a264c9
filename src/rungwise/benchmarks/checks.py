"""What a table read from anywhere must hold beyond shapes."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def checked(table: Table) -> Table:
    """The table; raises InputError where a curve begins with NaN and goes on, or two rows have one configuration."""
    _check_starts(table)
    if table.configs is not None:
        _check_distinct(table.configs)
    return table


def checked_seconds(seconds: "NDArray[Any]") -> "NDArray[np.float64]":
    """The seconds of each unit; raises InputError where one is negative, infinite or NaN, with its row and unit."""
    import numpy as np

    times = np.asarray(seconds, dtype=np.float64)
    wrong = np.argwhere(~(np.isfinite(times) & (times >= 0)))
    if len(wrong):
        place = tuple(int(index) for index in wrong[0])
        where = f"unit {place[-1] + 1} of row {place[0]}" if len(place) == 2 else "a unit"
        raise InputError(f"{where} takes {times[place]} s, but each unit must take a finite time of 0 s or more")
    return times


def check_numbers(array: "NDArray[Any]", name: str) -> None:
    """Raise InputError unless an array holds real numbers, or true and false."""
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name!r} holds {array.dtype}, but must hold numbers")


def plain_configs(configs: Iterable[Any]) -> list[Configuration]:
    """Configurations as mappings of Python's own scalars, numpy's converted; raises InputError for anything else."""
    return [
        {_name(name, row): _scalar(value, name, row) for name, value in _mapping(config, row).items()}
        for row, config in enumerate(configs)
    ]


def _mapping(config: Any, row: int) -> dict[Any, Any]:
    if not isinstance(config, dict):
        raise InputError(f"the configuration of row {row} is {config!r:.80}, but must map names to values")
    return config


def _name(name: Any, row: int) -> str:
    if not isinstance(name, str):
        raise InputError(f"a name in the configuration of row {row} is {name!r:.80}, but must be text")
    return name


def _scalar(value: Any, name: str, row: int) -> bool | int | float | str:
    if type(value) not in (bool, int, float, str):
        value = value.item() if getattr(value, "shape", None) == () else value
        if type(value) not in (bool, int, float, str):
            raise InputError(f"{name} of row {row} is {value!r:.80}, but must be a number, text, true or false")
    return value  # type: ignore[no-any-return]


def _check_starts(table: Table) -> None:
    """A run that diverged stays diverged: NaN first and numbers later means that the columns are not what they seem."""
    import numpy as np

    finite = np.isfinite(table.values)
    known = np.ones_like(finite) if table.reported is None else table.reported
    first = known.argmax(axis=1)
    rows = np.arange(len(finite))
    wrong = np.flatnonzero(known.any(axis=1) & ~finite[rows, first] & finite.any(axis=1))
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"row {row} begins with {table.values[row, first[row]]} at unit {first[row] + 1} and has numbers from unit"
            f" {int(finite[row].argmax()) + 1} on, but a run that has diverged cannot recover: drop the first columns,"
            " or mark them as not reported"
        )


def _check_distinct(configs: Iterable[Configuration]) -> None:
    seen: dict[str, int] = {}
    for row, config in enumerate(plain_configs(configs)):
        earlier = seen.setdefault(json.dumps(config, sort_keys=True), row)
        if earlier != row:
            raise InputError(
                f"rows {earlier} and {row} have one configuration, {config!r:.120}, but each must stand there once"
            )
