"""Our own form of a table: one .npz file, or Parquet where pyarrow is installed. What is saved comes back exactly.

The .npz holds `header` (JSON: name, metric, mode, unit, note, space, version), `values` and `seconds` [configurations,
units], and where they say more than the defaults: `reported`, `finished`, `quality`, `configs` (JSON); `also` in the
header says which of these there are. Text is stored as bytes of UTF-8, so that nothing needs pickle; numbers as 32-bit
floats where nothing is lost by it.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rungwise.benchmarks.checks import check_numbers, checked, checked_seconds, plain_configs
from rungwise.benchmarks.header import Header, narrowed
from rungwise.benchmarks.npz import read_arrays, text_of
from rungwise.benchmarks.opening import reading
from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXPECTED = "a table in Rungwise's own form (.npz, as rungwise.benchmarks.save writes it)"


def save(table: Table, path: str | Path) -> None:
    """Write a table to a file that ends in .npz or .parquet; the file appears whole or not at all.

    Raises InputError for another ending, a folder that is not there, pyarrow missing, and for what `load` would refuse:
    curves that begin with NaN and go on, or duplicate configurations.
    """
    target = Path(path).expanduser()
    checked(table)
    match target.suffix.lower():
        case ".npz":
            _replace(target, lambda file: _write(table, file))
        case ".parquet":
            from rungwise.benchmarks.parquet import write_parquet

            _replace(target, lambda file: write_parquet(table, file))
        case ending:
            raise InputError(f"{path} ends in {ending!r}, but tables are written as .npz or .parquet")


def read(path: Path, part: str | None) -> Iterator[Table]:
    """The table of a file; raises InputError for every other or damaged file."""
    with reading(path, EXPECTED):
        if part is not None:
            raise InputError(f"{path} holds one table, but {part!r} is asked for: leave away what follows the colons")
        yield _read(path)


def _write(table: Table, file: BinaryIO) -> None:
    import numpy as np

    header = Header.of(table)
    arrays: dict[str, NDArray[Any]] = {
        "header": _bytes(header.to_json()),
        "values": narrowed(table.values),
        "seconds": narrowed(table.seconds),
    }
    if table.reported is not None:
        arrays["reported"] = table.reported
    if table.finished is not None:
        arrays["finished"] = table.finished
    if "quality" in header.also:
        arrays["quality"] = narrowed(table.quality)
    if table.configs is not None:
        arrays["configs"] = _bytes(json.dumps(plain_configs(table.configs), separators=(",", ":")))
    np.savez_compressed(file, allow_pickle=False, **arrays)


def _bytes(text: str) -> "NDArray[np.uint8]":
    import numpy as np

    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)


def _read(path: Path) -> Table:
    header = Header.from_json(text_of(read_arrays(path, ["header"])[0]))
    wanted = ["values", "seconds", *header.also]
    found = dict(zip(wanted, read_arrays(path, wanted), strict=True))
    for name in found.keys() - {"configs"}:
        check_numbers(found[name], name)
    configs = json.loads(text_of(found["configs"])) if "configs" in found else None
    if configs is not None and not isinstance(configs, list):
        raise InputError("the configurations are no list, but must be one, in the order of the rows")
    return Table(
        found["values"],
        checked_seconds(found["seconds"]),
        header.mode,
        reported=found.get("reported"),
        finished=found.get("finished"),
        configs=None if configs is None else plain_configs(configs),
        quality=found.get("quality"),
        name=header.name,
        metric=header.metric,
        unit=header.unit,
        note=header.note,
        space=header.searched(),
    )


def _replace(target: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write beside the target and rename: whoever reads it meanwhile finds the old file or the new one."""
    beside = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        try:
            with beside.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from error
