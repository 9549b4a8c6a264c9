"""NATS-Bench (Dong et al. 2021) and NAS-Bench-201 (Dong & Yang 2020), from their official files, epoch by epoch.

Read are `NATS-tss-…` and `NATS-sss-…`, as the folder `…-simple` of one file per architecture or as the one large
`.pickle.pbz2`, and NAS-Bench-201's `.pth`. Each holds, for every architecture, schedule, data set and seed, the
accuracy and the seconds of every epoch; the longest schedule is taken (200 epochs, 90 in the size space).

The parts are the data sets. As in the PASHA experiments, `cifar10`, `cifar100` and `ImageNet16-120` are judged on the
benchmark's `ori-test` set (for the last two that is validation and test together), because that alone was recorded for
every epoch; `cifar10-valid` is judged on its validation set. An epoch takes its training and its evaluation time.
An architecture that lacks a seed gets the mean of those it has, of accuracies and of times. One table a seed.
"""

import bz2
import pickle
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks.checks import checked_seconds
from rungwise.benchmarks.opening import chosen, reading
from rungwise.benchmarks.plain_pickle import load_plain
from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXPECTED = (
    "NATS-Bench's …-simple folder or .pickle.pbz2, or NAS-Bench-201's .pth, without weights (a dictionary with"
    " meta_archs and arch2infos)"
)
SETS = {"cifar10": "ori-test", "cifar100": "ori-test", "ImageNet16-120": "ori-test", "cifar10-valid": "x-valid"}
SEEDS = (777, 888, 999)
EDGES = ("op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3")
META = "meta.pickle.pbz2"
_SMALL = 2**25
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C

Runs = tuple["NDArray[np.float64]", "NDArray[np.float64] | None"]
"""Accuracies and seconds of one training, by epoch."""


def read(path: Path, part: str | None) -> Iterator[Table]:
    """The tables of a data set, one a seed; raises InputError for every other or damaged file or folder."""
    with reading(path, EXPECTED):
        if path.is_dir():
            names, states = _folder(path)
            dataset = chosen(path, part, list(SETS))
        else:  # asked before the large file is read
            dataset = chosen(path, part, list(SETS))
            names, states = _file(path)
        yield from _tables(f"{path.name.split('.')[0]}::{dataset}", dataset, names, states)


def _folder(path: Path) -> tuple[list[str], Iterator[Any]]:
    names = _names(_unpacked(path / META))

    def states() -> Iterator[Any]:
        for index in range(len(names)):
            padded, plain = path / f"{index:06d}.pickle.pbz2", path / f"{index}.pickle.pbz2"
            with reading(found := plain if plain.is_file() and not padded.is_file() else padded, EXPECTED):
                yield _unpacked(found)

    return names, states()


def _file(path: Path) -> tuple[list[str], Iterator[Any]]:
    content = _content(path)
    names = _names(content)
    infos = _mapping(content.get("arch2infos"), "arch2infos")
    missing = [index for index in range(len(names)) if index not in infos]
    if missing:
        raise InputError(f"{path} lacks {len(missing)} of {len(names)} architectures, number {missing[0]} first")
    return names, (infos[index] for index in range(len(names)))


def _content(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start.startswith(b"BZh"):
            return _unpacked(path)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(file) as archive:
                member = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
                if member is None:
                    raise InputError(f"{path} is a zip archive without data.pkl, but must be {EXPECTED}")
                return load_plain(BytesIO(archive.read(member)))
        first = load_plain(file)
        if first != _TORCH_MAGIC:
            return first
        load_plain(file)  # torch's version of the form, and what it tells of the machine: nothing that is needed
        load_plain(file)
        return load_plain(file)


def _unpacked(path: Path) -> Any:
    """What a .pickle.pbz2 holds. A small one is looked at only when all of its checksums are right, because a damaged
    pickle may ask for absurd amounts of memory; the one large file is not, because it would not fit in memory twice.
    """
    if path.stat().st_size < _SMALL:
        return load_plain(BytesIO(bz2.decompress(path.read_bytes())))
    with bz2.open(path, "rb") as file:
        content = load_plain(file)  # type: ignore[arg-type]
        if file.read(1):  # also reads to the end, where the checksum is
            raise pickle.UnpicklingError("something follows the pickle")
        return content


def _mapping(found: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(found, dict):
        raise InputError(f"{what} is a {type(found).__name__}, but must be a dictionary: this is not {EXPECTED}")
    return found


def _names(content: Any) -> list[str]:
    names = _mapping(content, "the file's content").get("meta_archs")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"meta_archs is missing or no list of architectures: this is not {EXPECTED}")
    return names


def _tables(name: str, dataset: str, names: list[str], states: Iterable[Any]) -> Iterator[Table]:
    import numpy as np

    by_seed: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
    timed = True
    for index, schedules in enumerate(states):
        for seed, (accuracy, seconds) in _runs(schedules, dataset, index).items():
            shape = (len(names), len(accuracy))
            grids = by_seed.setdefault(seed, (np.full(shape, np.nan), np.full(shape, np.nan)))
            if grids[0].shape != shape:
                raise InputError(f"architecture {index} has {shape[1]} epochs, but others have {grids[0].shape[1]}")
            grids[0][index] = accuracy
            timed = timed and seconds is not None
            grids[1][index] = np.nan if seconds is None else seconds
    configs = [_config(each) for each in names]
    seeds = sorted(by_seed)
    values = _filled(np.stack([by_seed[seed][0] for seed in seeds]))
    seconds_by_seed = _filled(np.stack([by_seed[seed][1] for seed in seeds])) if timed else None
    del by_seed
    for position, seed in enumerate(seeds):
        yield Table(
            values[position],
            None if seconds_by_seed is None else checked_seconds(seconds_by_seed[position]),
            "max",
            configs=configs,
            name=f"{name}, seed {seed}",
            metric="accuracy",
            unit="epochs",
            note="" if timed else "no times are in the file: each epoch counts as 1 s",
        )


def _filled(grids: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Missing seeds [seeds, rows, epochs] filled with the mean of the others."""
    import numpy as np

    missing: NDArray[np.bool_] = np.asarray(np.isnan(grids).all(axis=2))
    for seed, row in np.argwhere(missing & ~missing.all(axis=0)):
        grids[seed, row] = grids[~missing[:, row], row].mean(axis=0)
    return grids


def _runs(schedules: Any, dataset: str, index: int) -> dict[int, Runs]:
    """The trainings of an architecture on a data set, by seed, under its longest schedule."""
    by_schedule = _mapping(schedules, f"architecture {index}")
    longest = by_schedule.get("full") or next(
        (by_schedule[key] for key in sorted(by_schedule, key=_epochs_of, reverse=True)), None
    )
    results = _mapping(_mapping(longest, f"architecture {index}").get("all_results"), f"all_results of {index}")
    found = {key[1]: _run(run, SETS[dataset], index) for key, run in results.items() if key[0] == dataset}
    if not found:
        raise InputError(f"architecture {index} has no training on {dataset}, but each must have one at least")
    return found


def _epochs_of(key: Any) -> int:
    return int(key) if str(key).isdigit() else -1


def _run(run: Any, judged: str, index: int) -> Runs:
    import numpy as np

    record = _mapping(run, f"a training of architecture {index}")
    accuracies, epochs = _mapping(record.get("eval_acc1es"), "eval_acc1es"), record.get("epochs")
    if not isinstance(epochs, int) or epochs < 1:
        raise InputError(f"a training of architecture {index} has {epochs!r:.80} epochs, but must have one or more")
    keys = [f"{judged}@{epoch}" for epoch in range(epochs)]
    lacking = [key for key in keys if key not in accuracies]
    if lacking:
        raise InputError(f"a training of architecture {index} lacks the accuracy {lacking[0]} of {epochs} epochs")
    accuracy = np.array([accuracies[key] for key in keys], dtype=np.float64)
    training, evaluation = record.get("train_times"), record.get("eval_times")
    if not training or not evaluation:
        return accuracy, None
    times = [training[epoch] + evaluation[key] for epoch, key in enumerate(keys)]
    return accuracy, np.array(times, dtype=np.float64)


def _config(architecture: str) -> Configuration:
    """An architecture as a configuration: the operation on every edge, or the channels of every layer."""
    if "|" in architecture:
        ops = [op.split("~")[0] for node in architecture.split("+") for op in node.split("|") if op]
        if len(ops) != len(EDGES):
            raise InputError(f"the architecture {architecture!r:.80} has {len(ops)} edges, but must have {len(EDGES)}")
        return dict(zip(EDGES, ops, strict=True))
    return {f"channels_{layer}": int(width) for layer, width in enumerate(architecture.split(":"), start=1)}
