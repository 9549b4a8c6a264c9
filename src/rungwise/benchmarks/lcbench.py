"""LCBench (Zimmer et al. 2021), from its official files: data_2k_lw.json, six_datasets_lw.json, bench_full.json, ….

Each maps data sets to configurations to `config`, `log` and `results`; `bench_full.json` has a level of budgets (the
largest is taken) and of seeds (one table each, of the configurations that have it) in between. The archives in which
they are offered (.zip), and gzip, are read as they are. The parts are the data sets.

The metric is the validation accuracy in %, as in the PASHA experiments. Epoch 0 of the log, before training, is left
out; the first epoch takes all seconds up to its end.
"""

import gzip
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks.checks import checked_seconds, plain_configs
from rungwise.benchmarks.opening import chosen, reading, start_of
from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXPECTED = "LCBench's json (data sets, their configurations, and of each config, log and results)"
_METRIC = "Train/val_accuracy"
_TIME = "time"


def read(path: Path, part: str | None) -> Iterator[Table]:
    """The table of a data set, or several where it has seeds; raises InputError for every other or damaged file."""
    with reading(path, EXPECTED):
        name, runs = _dataset(path, part)
        yield from _tables(f"{path.name.split('.')[0]}::{name}", _mapping(runs, name))


def _dataset(path: Path, part: str | None) -> tuple[str, Any]:
    """The data set that is meant. All is read, so that a cut is noticed, but not kept: it would be gigabytes."""
    found: Any = None
    there: list[str] = []
    for name, runs in _entries(_text(path)):
        if name.lower() == (part or name).lower() and (part or not there):
            found = runs
        there.append(name)
    return chosen(path, part, there), found


def _text(path: Path) -> str:
    start = start_of(path)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            member = next((name for name in archive.namelist() if name.endswith(".json")), None)
            if member is None:
                raise InputError(f"{path} is a zip archive without a json file, but must hold {EXPECTED}")
            return archive.read(member).decode("utf-8")
    if start.startswith(b"\x1f\x8b"):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            return file.read()
    return path.read_text(encoding="utf-8")


def _entries(text: str) -> Iterator[tuple[str, Any]]:
    """The members of a JSON object, one after the other; raises ValueError where it is none, or broken."""
    decoder = json.JSONDecoder()
    position = _expect(text, 0, "{")
    while True:
        name, position = decoder.raw_decode(text, _blank(text, position))
        if not isinstance(name, str):
            raise ValueError(f"a name is {name!r:.80}")
        value, position = decoder.raw_decode(text, _blank(text, _expect(text, position, ":")))
        yield name, value
        position = _blank(text, position)
        if text[position : position + 1] == "}":
            if text[position + 1 :].strip():
                raise ValueError("something follows the closing brace")
            return
        position = _expect(text, position, ",")


def _blank(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\n", "\r", "\t"):
        position += 1
    return position


def _expect(text: str, position: int, sign: str) -> int:
    position = _blank(text, position)
    if text[position : position + 1] != sign:
        raise ValueError(f"{text[position : position + 20]!r} where {sign!r} should stand")
    return position + 1


def _mapping(found: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(found, dict) or not found:
        raise InputError(f"{what} is {found!r:.80}, but must be an object with members: this is not {EXPECTED}")
    return found


def _tables(name: str, runs: Mapping[str, Any]) -> Iterator[Table]:
    first = _mapping(next(iter(runs.values())), "a configuration")
    if "log" in first:
        yield _table(name, [(_mapping(run, "a configuration"), run.get("log")) for run in runs.values()])
        return
    budgets = [_largest(_mapping(run, "a configuration")) for run in runs.values()]
    by_seed: dict[str, list[tuple[Mapping[str, Any], Any]]] = {}
    for run in budgets:
        for seed, log in _mapping(run.get("log"), "a log").items():
            by_seed.setdefault(seed, []).append((run, log))
    for seed in sorted(by_seed, key=lambda each: (len(each), each)):
        yield _table(f"{name}, seed {seed}", by_seed[seed])


def _largest(budgets: Mapping[str, Any]) -> Mapping[str, Any]:
    numbered = [budget for budget in budgets if budget.isdigit()]
    if not numbered:
        raise InputError(f"a configuration has the members {', '.join(budgets):.80}: this is not {EXPECTED}")
    return _mapping(budgets[max(numbered, key=int)], "a budget")


def _table(name: str, runs: list[tuple[Mapping[str, Any], Any]]) -> Table:
    import numpy as np

    logs = [_mapping(log, f"the log of configuration {row}") for row, (_, log) in enumerate(runs)]
    times = _columns(logs, _TIME)
    return Table(
        _columns(logs, _METRIC)[:, 1:],
        checked_seconds(np.diff(times[:, 1:], axis=1, prepend=0.0)),
        "max",
        configs=plain_configs([run.get("config") for run, _ in runs]),
        name=name,
        metric="val_accuracy",
        unit="epochs",
    )


def _columns(logs: list[Mapping[str, Any]], tag: str) -> "NDArray[np.float64]":
    import numpy as np

    rows: list[list[Any]] = []
    for index, log in enumerate(logs):
        numbers = log.get(tag)
        if not isinstance(numbers, list) or len(numbers) < 2:
            raise InputError(
                f"{tag!r} of configuration {index} is {numbers!r:.60}, but must list a number for each epoch"
            )
        if rows and len(numbers) != len(rows[0]):
            raise InputError(
                f"{tag!r} of configuration {index} has {len(numbers)} epochs, but the first has {len(rows[0])}"
            )
        rows.append(numbers)
    return np.array(rows, dtype=np.float64)
