"""Tables by name, from the folder that the environment variable RUNGWISE_DATA names.

| name | file | what |
|---|---|---|
| `lcbench/DATASET` | lcbench.npz | LCBench, validation cross-entropy after 1 to 51 epochs |
| `alexnet` | opda_alexnet_imagenet.npz | AlexNet on ImageNet, top-1 accuracy, real seconds |
| `deberta` | opda_deberta_base_mnli.npz | DeBERTa on MNLI, accuracy every 1,000 steps |
| `taskset/TASK` | taskset_imdb_rnn.npz | TaskSet's text networks, validation loss |
| `nasbench201/DATASET` | nasbench201_final.npz | NAS-Bench-201: real end points, modelled curves (see `modelled`) |
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks import modelled
from rungwise.benchmarks.nats import EDGES, SEEDS
from rungwise.benchmarks.npz import read_arrays
from rungwise.benchmarks.opening import listed, meant, reading
from rungwise.benchmarks.spaces import ALEXNET, DEBERTA, LCBENCH, TASKSET
from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VARIABLE = "RUNGWISE_DATA"
NO_TIMES = "no times were recorded: each unit counts as 1 s"


@dataclass(frozen=True, slots=True)
class Family:
    """The tables of one file: their names after the slash (one, empty, where there is none), and how to read one."""

    file: str
    names: Callable[[Path], Sequence[str]]
    read: Callable[[Path, str], Iterator[Table]]


def shared_names() -> list[str]:
    """The names of all tables whose files are there."""
    return [
        _full(prefix, name)
        for prefix, family in FAMILIES.items()
        if (path := _path(family)) is not None and path.is_file()
        for name in _names(family, path)
    ]


def read_shared(prefix: str, name: str) -> Iterator[Table]:
    """The variants of a table; raises InputError where its file or its name is not there."""
    family = FAMILIES[prefix]
    path = _path(family)
    asked = _full(prefix, name)
    if path is None:
        raise InputError(
            f"the table {asked!r} is read from {family.file}, so set the environment variable {VARIABLE} to the folder"
            " that holds this file"
        )
    if not path.is_file():
        raise InputError(f"the table {asked!r} is read from {path}, which is not there: {VARIABLE} names its folder")
    known = {_full(prefix, part).lower(): part for part in _names(family, path)}
    if asked.lower() not in known:
        full = [_full(prefix, part) for part in known.values()]
        near = meant(name, full) if name else ""
        raise InputError(f"there is no table {asked!r}" + (near or f": {family.file} holds {listed(full)}"))
    with reading(path, f"the arrays of {prefix!r} (numpy .npz)"):
        yield from family.read(path, known[asked.lower()])


def _full(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if name else prefix


def _path(family: Family) -> Path | None:
    folder = os.environ.get(VARIABLE)
    return Path(folder).expanduser() / family.file if folder else None


def _names(family: Family, path: Path) -> Sequence[str]:
    with reading(path, "numpy's .npz"):
        return family.names(path)


def _lcbench(path: Path, name: str) -> Iterator[Table]:
    import numpy as np

    names, loss, elapsed, hp_names, hp = read_arrays(
        path, ("dataset_names", "val_loss", "elapsed_seconds_surrogate", "hp_names", "hp")
    )
    task = names.tolist().index(name)
    times = np.diff(elapsed[task].astype(np.float64), axis=1, prepend=0.0)[:, : loss.shape[2] - 1]
    timed = bool(np.isfinite(times).all())
    configs, space = LCBENCH.described(_configs(hp_names, hp))
    yield Table(
        loss[task, :, 1:],  # index 0: before training; of the times, index 0 is the first epoch
        times if timed else None,
        "min",
        configs=configs,
        name=f"lcbench/{name}",
        metric="val_loss",
        unit="epochs",
        space=space,
        note="the seconds are modelled (a surrogate of LCBench's), not measured" if timed else NO_TIMES,
    )


def _alexnet(path: Path, name: str) -> Iterator[Table]:  # noqa: ARG001 - there is one table
    import numpy as np

    top1, elapsed, hp_names, hp, diverged = read_arrays(
        path, ("top1", "elapsed_seconds", "hp_names", "hp", "nan_train_loss")
    )
    horizon = hp[:, hp_names.tolist().index("epochs")]
    times = np.diff(elapsed.astype(np.float64), axis=1, prepend=0.0)
    measured = np.isfinite(times)
    typical = np.full(len(times), np.median(times[measured]))
    some = measured.any(axis=1)
    typical[some] = np.nanmean(times[some], axis=1)
    configs, space = ALEXNET.described(_configs(hp_names, hp))
    yield Table(
        top1,
        np.where(measured, times, typical[:, None]),
        "max",
        reported=(np.arange(1, top1.shape[1] + 1) <= horizon[:, None]) | diverged[:, None],
        finished=np.ones(len(top1), dtype=bool),
        configs=configs,
        name="alexnet",
        metric="top1",
        unit="epochs",
        space=space,
        note="each configuration has a horizon of its own, 20 to 100 epochs, where its training ends; where a run"
        " diverged its later epochs count with their usual seconds",
    )


def _deberta(path: Path, name: str) -> Iterator[Table]:  # noqa: ARG001 - there is one table
    import numpy as np

    accuracy, steps, hp_names, hp = read_arrays(path, ("acc_matched", "step", "hp_names", "hp"))
    regular = (steps > 0) & (steps % 1000 == 0)  # there are others too, at the end of each pass over the data
    values = np.full((len(steps), int(steps[regular].max()) // 1000), np.nan)
    row, column = np.nonzero(regular)
    values[row, steps[row, column] // 1000 - 1] = accuracy[row, column]
    reported = np.zeros(values.shape, dtype=bool)
    reported[row, steps[row, column] // 1000 - 1] = True
    configs, space = DEBERTA.described(_configs(hp_names, hp))
    yield Table(
        values,
        None,
        "max",
        reported=reported,
        finished=np.ones(len(values), dtype=bool),
        configs=configs,
        quality=np.nanmax(accuracy, axis=1),
        space=space,
        name="deberta",
        metric="acc_matched",
        unit="thousand steps",
        note=f"each configuration has a number of steps of its own, where its training ends; {NO_TIMES}",
    )


def _taskset(path: Path, name: str) -> Iterator[Table]:
    names, loss, hp_names, hp = read_arrays(path, ("task_names", "valid_loss", "hp_names", "hp"))
    task = names.tolist().index(name)
    configs, space = TASKSET.described(_configs(hp_names, hp[task]))
    yield Table(
        loss[task, :, 1:],  # index 0: before training
        None,
        "min",
        configs=configs,
        name=f"taskset/{name}",
        metric="valid_loss",
        unit="evaluations",
        note=NO_TIMES,
        space=space,
    )


def _nasbench201(path: Path, name: str) -> Iterator[Table]:
    """One table a seed; a seed that was not trained is the mean of the others, as in the PASHA experiments."""
    import numpy as np

    stem = name.removesuffix("16-120")
    final, short, test, seconds, index, ops, op_names = read_arrays(
        path,
        (
            f"{stem}_val_acc", f"ep12_{stem}_val_acc", f"{stem}_test_acc", f"{stem}_train_time_s",
            "nb201_arch_index", "op_idx", "op_names",
        ),
    )  # fmt: skip
    order = np.argsort(index)  # row i is the benchmark's own architecture i
    final, short, test, seconds, ops = (each[order] for each in (final, short, test, seconds, ops))
    final = np.where(np.isnan(final), np.nanmean(final, axis=1, keepdims=True, dtype=np.float64), final)
    labels = op_names.tolist()
    configs = [dict(zip(EDGES, (labels[op] for op in row), strict=True)) for row in ops.tolist()]
    for position, seed in enumerate(SEEDS):
        yield Table(
            modelled.curves(modelled.PACES[name], position, final[:, position], short.astype(np.float64)),
            np.broadcast_to((seconds.astype(np.float64) / modelled.EPOCHS)[:, None], (len(seconds), modelled.EPOCHS)),
            "max",
            configs=configs,
            quality=test,
            name=f"nasbench201/{name}, seed {seed}",
            metric="val_accuracy",
            unit="epochs",
            note=modelled.NOTE,
        )


def _configs(names: "NDArray[Any]", values: "NDArray[Any]") -> list[Configuration]:
    """Configurations from columns of numbers; a column of whole numbers stays whole."""
    import numpy as np

    columns = [
        [int(number) for number in column] if np.array_equal(column, np.round(column)) else column.tolist()
        for column in values.T
    ]
    return [dict(zip(names.tolist(), row, strict=True)) for row in zip(*columns, strict=True)]


def _stored(array: str) -> Callable[[Path], Sequence[str]]:
    def names(path: Path) -> Sequence[str]:
        stored: list[str] = read_arrays(path, [array])[0].tolist()
        return stored

    return names


FAMILIES = {
    "lcbench": Family("lcbench.npz", _stored("dataset_names"), _lcbench),
    "alexnet": Family("opda_alexnet_imagenet.npz", lambda _: [""], _alexnet),
    "deberta": Family("opda_deberta_base_mnli.npz", lambda _: [""], _deberta),
    "taskset": Family("taskset_imdb_rnn.npz", _stored("task_names"), _taskset),
    "nasbench201": Family("nasbench201_final.npz", lambda _: list(modelled.PACES), _nasbench201),
}
