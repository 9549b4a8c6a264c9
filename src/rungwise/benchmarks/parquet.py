"""Our own form as Parquet: a row per configuration and unit, for whoever looks at tables with other tools.

Columns: `configuration` and `unit` (from 0 and from 1), `value`, `seconds`; `reported`, `finished` and `quality` where
they say more than the defaults; and one column `config.NAME` per hyperparameter, null where a configuration has none of
that name. The header is JSON in the schema's metadata, under `rungwise`; a hyperparameter whose values are of more than
one type is stored as JSON text, and named there in `json`.
"""

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rungwise.benchmarks.checks import check_numbers, checked_seconds, plain_configs
from rungwise.benchmarks.header import Header, narrowed
from rungwise.benchmarks.opening import listed, reading
from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXPECTED = "a table in Rungwise's own form (.parquet, as rungwise.benchmarks.save writes it)"
_KEY = b"rungwise"
_PREFIX = "config."
_BIG = 2**63


def write_parquet(table: Table, file: BinaryIO) -> None:
    """Write a table; raises InputError where pyarrow is missing."""
    import numpy as np

    pa, pq = _pyarrow()
    rows, units = table.values.shape
    columns: dict[str, Any] = {
        "configuration": np.repeat(np.arange(rows, dtype=np.int32), units),
        "unit": np.tile(np.arange(1, units + 1, dtype=np.int32), rows),
        "value": narrowed(table.values).ravel(),
        "seconds": narrowed(table.seconds).ravel(),
    }
    if table.reported is not None:
        columns["reported"] = table.reported.ravel()
    if table.finished is not None:
        columns["finished"] = np.repeat(table.finished, units)
    header = Header.of(table)
    if "quality" in header.also:
        columns["quality"] = np.repeat(narrowed(table.quality), units)
    as_json: list[str] = []
    if table.configs is not None:
        for name, values, mixed in _by_name(plain_configs(table.configs)):
            columns[_PREFIX + name] = pa.array(values).take(pa.array(columns["configuration"]))
            if mixed:
                as_json.append(name)
    stored = json.dumps({**json.loads(header.to_json()), "json": as_json})
    content = pa.table(columns).replace_schema_metadata({_KEY: stored.encode("utf-8")})
    pq.write_table(content, file, compression="zstd", write_page_checksum=True)


def read(path: Path, part: str | None) -> Iterator[Table]:
    """The table of a file; raises InputError for every other or damaged file, or where pyarrow is missing."""
    with reading(path, EXPECTED):
        if part is not None:
            raise InputError(f"{path} holds one table, but {part!r} is asked for: leave away what follows the colons")
        yield _read(path)


def _pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(
            "Parquet needs pyarrow, which is not installed: run pip install 'rungwise[parquet]', or use .npz"
        ) from error


def _by_name(configs: Sequence[Configuration]) -> Iterator[tuple[str, list[Any], bool]]:
    """Every hyperparameter's values in the order of the rows, and whether they had to become JSON text."""
    names = dict.fromkeys(name for config in configs for name in config)
    for name in names:
        values = [config.get(name) for config in configs]
        kinds = {type(value) for value in values if value is not None}
        mixed = len(kinds) > 1 or any(isinstance(value, int) and not -_BIG <= value < _BIG for value in values)
        if mixed:
            values = [json.dumps(config[name]) if name in config else None for config in configs]
        yield name, values, mixed


def _read(path: Path) -> Table:
    import numpy as np

    _, pq = _pyarrow()
    content = pq.read_table(path, page_checksum_verification=True)
    raw = (content.schema.metadata or {}).get(_KEY)
    if raw is None:
        raise InputError(f"{path} is Parquet without Rungwise's header, but must be {EXPECTED}")
    header = Header.from_json(raw.decode("utf-8"))
    also = [name for name in header.also if name != "configs"]
    for name in ("configuration", "unit", "value", "seconds", *also):
        if name not in content.column_names:
            raise InputError(f"{path} lacks the column {name!r}: it has {listed(content.column_names)}")
    index, unit = (content.column(name).to_numpy() for name in ("configuration", "unit"))
    order = np.lexsort((unit, index))
    rows, units = _shape(index[order], unit[order])

    def grid(name: str) -> "NDArray[Any]":
        numbers: NDArray[Any] = content.column(name).to_numpy()[order].reshape(rows, units)
        check_numbers(numbers, name)
        return numbers

    firsts = content.take(order[::units])
    as_json = json.loads(raw).get("json", [])
    return Table(
        grid("value"),
        checked_seconds(grid("seconds")),
        header.mode,
        reported=grid("reported") if "reported" in also else None,
        finished=grid("finished")[:, 0] if "finished" in also else None,
        configs=_configs(firsts, as_json, rows) if "configs" in header.also else None,
        quality=grid("quality")[:, 0] if "quality" in also else None,
        name=header.name,
        metric=header.metric,
        unit=header.unit,
        note=header.note,
        space=header.searched(),
    )


def _shape(index: "NDArray[np.int64]", unit: "NDArray[np.int64]") -> tuple[int, int]:
    """How many configurations and units there are; raises InputError unless each has one row for each unit."""
    import numpy as np

    rows, units = (int(index[-1]) + 1, int(unit.max())) if len(index) else (0, 0)
    whole = len(index) == rows * units and np.array_equal(index, np.repeat(np.arange(rows), units))
    if not rows or not whole or not np.array_equal(unit, np.tile(np.arange(1, units + 1), rows)):
        raise InputError(
            f"the file has {len(index)} rows for {rows} configurations and {units} units, but must have one for each"
            " of both, counted from 0 and from 1"
        )
    return rows, units


def _configs(content: Any, mixed: Sequence[str], rows: int) -> list[Configuration]:
    configs: list[dict[str, Any]] = [{} for _ in range(rows)]
    for column in content.column_names:
        if column.startswith(_PREFIX):
            name = column.removeprefix(_PREFIX)
            for config, value in zip(configs, content.column(column).to_pylist(), strict=True):
                if value is not None:
                    config[name] = json.loads(value) if name in mixed else value
    return plain_configs(configs)
