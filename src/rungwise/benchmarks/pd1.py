"""PD1 (Wang et al. 2021), from its official files: pd1_matched_phase1_results.jsonl.gz and its three siblings.

Each line is a training: `dataset`, `model`, `status`, hyperparameters `hps.…`, and lists with a number per evaluation.
Given the folder, the files of phase 1, matched and unmatched, are read together, as in the PASHA experiments.
The parts are the tasks, named `DATASET_MODEL[_ACTIVATION]_batch_size_N`.

The metric is the validation error rate, or the cross-entropy where a task has no error rate. A unit is an evaluation
(they are evenly spaced in steps), and takes the recorded `eval_time`, which is what the PASHA paper's hours count. A
training that diverged has NaN from there on, at the usual seconds of the task.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rungwise.benchmarks.checks import checked_seconds, plain_configs
from rungwise.benchmarks.opening import chosen, reading, start_of
from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXPECTED = "PD1's results (JSON lines, a training each, with dataset, model, status, hps.… and valid/error_rate)"
PATTERN = "pd1_*_phase1_results.jsonl*"
_METRICS = ("valid/error_rate", "valid/ce_loss")
_HYPERPARAMETERS = {
    "lr_initial_value": "hps.lr_hparams.initial_value",
    "lr_power": "hps.lr_hparams.power",
    "lr_decay_steps_factor": "hps.lr_hparams.decay_steps_factor",
    "momentum": "hps.opt_hparams.momentum",
}
_NEEDED = ("dataset", "model", "status", "hps.batch_size", *_HYPERPARAMETERS.values())


def read(path: Path, part: str | None) -> Iterator[Table]:
    """The table of a task; raises InputError for every other or damaged file or folder."""
    with reading(path, EXPECTED):
        tasks: dict[str, list[Mapping[str, Any]]] = {}
        for file in sorted(path.glob(PATTERN)) if path.is_dir() else [path]:
            with reading(file, EXPECTED):
                for run in _runs(file):
                    tasks.setdefault(_task(run), []).append(run)
        task = chosen(path, part, sorted(tasks))
        yield _table(f"pd1::{task}", tasks[task])


def _runs(path: Path) -> Iterator[Mapping[str, Any]]:
    kept = {*_NEEDED, *_METRICS, "hps.activation_fn", "eval_time"}
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            run = json.loads(line)
            lacking = [name for name in _NEEDED if not isinstance(run, dict) or name not in run]
            if lacking:
                raise InputError(f"line {number} lacks {lacking[0]!r}: this is not {EXPECTED}")
            yield {name: run[name] for name in kept & run.keys()}


def _opened(path: Path) -> TextIO:
    packed = start_of(path).startswith(b"\x1f\x8b")
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")


def _task(run: Mapping[str, Any]) -> str:
    activation = f"_{run['hps.activation_fn']}" if run.get("hps.activation_fn") else ""
    return f"{run['dataset']}_{run['model']}{activation}_batch_size_{run['hps.batch_size']}"


def _table(name: str, runs: list[Mapping[str, Any]]) -> Table:
    import numpy as np

    metric = next((each for each in _METRICS if any(run.get(each) for run in runs)), None)
    if metric is None:
        raise InputError(f"{name} has neither {_METRICS[0]} nor {_METRICS[1]} of any training")
    curves = [_list(run, metric) for run in runs]
    units = max(map(len, curves))
    values, times = (np.full((len(runs), units), np.nan) for _ in range(2))
    reported = np.zeros(values.shape, dtype=bool)
    for row, (run, curve) in enumerate(zip(runs, curves, strict=True)):
        seconds = _list(run, "eval_time")[:units]
        values[row, : len(curve)] = curve
        times[row, : len(seconds)] = seconds
        # A training that failed or diverged at once has no curve; one that is done and shorter is not known further.
        reported[row, : units if run["status"] != "done" or not curve else len(curve)] = True
    return Table(
        values,
        _filled(times),
        "min",
        reported=None if reported.all() else reported,
        configs=plain_configs([{short: run[long] for short, long in _HYPERPARAMETERS.items()} for run in runs]),
        name=name,
        metric=metric.replace("/", "_"),
        unit="evaluations",
        note="the seconds are PD1's eval_time"
        if np.isfinite(times).any()
        else "no times are in the file: each evaluation counts as 1 s",
    )


def _list(run: Mapping[str, Any], name: str) -> list[float]:
    found = run.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InputError(f"{name} is {found!r:.80}, but must list a number for each evaluation: this is not {EXPECTED}")
    return [float("nan") if number is None else float(number) for number in found]


def _filled(times: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Seconds of every evaluation; those that are not known are the median of those that are."""
    import numpy as np

    known = ~np.isnan(times)
    usual = float(np.median(times[known])) if known.any() else 1.0
    return checked_seconds(np.where(known, times, usual))
