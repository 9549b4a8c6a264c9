"""NATS-Bench and NAS-Bench-201: tiny files in the official forms, whole and damaged."""

import bz2
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks import load, nats, variants
from rungwise.core.errors import InputError

ARCHITECTURES = [
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
]
SEEDS: list[tuple[int, ...]] = [(777, 888, 999), (777,), (777, 888)]
TOPOLOGY = "NATS-tss-v1_0-3ffb9"


def accuracy(index: int, seed: int, epoch: int) -> float:
    return 10.0 + index + seed / 1000 + epoch / 100


def training(index: int, dataset: str, seed: int, epochs: int, timed: bool) -> dict[str, Any]:
    """One training as ResultsCount keeps it."""
    judged = "x-valid" if dataset == "cifar10-valid" else "ori-test"
    keys = [f"{judged}@{epoch}" for epoch in range(epochs)]
    offset = {"cifar10": 0.0, "cifar10-valid": 1.0, "cifar100": 2.0, "ImageNet16-120": 3.0}[dataset]
    accuracies = {key: accuracy(index, seed, epoch) + offset for epoch, key in enumerate(keys)}
    if dataset == "cifar100":
        accuracies[f"x-valid@{epochs - 1}"] = 50.0  # of the last epoch alone
    return {
        "name": dataset, "net_state_dict": None, "train_acc1es": {}, "train_losses": {}, "params": np.float64(1.5),
        "train_times": OrderedDict((epoch, 3.0 + index) for epoch in range(epochs)) if timed else None,
        "eval_names": [judged], "eval_acc1es": accuracies, "eval_times": dict.fromkeys(keys, 0.25) if timed else {},
        "arch_config": {"channel": 16}, "seed": str(seed), "epochs": epochs, "latency": [0.01], "flop": 10.0,
    }  # fmt: skip


def state(index: int, name: str, epochs: int, seeds: tuple[int, ...], timed: bool = True) -> dict[str, Any]:
    """One architecture under one schedule, as ArchResults keeps it."""
    datasets = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
    return {
        "arch_index": index, "arch_str": name, "clear_net_done": True,
        "dataset_seed": {dataset: list(seeds) for dataset in datasets},
        "all_results": {(d, seed): training(index, d, seed, epochs, timed) for d in datasets for seed in seeds},
    }  # fmt: skip


def architectures(names: list[str] = ARCHITECTURES, timed: bool = True) -> dict[int, Any]:
    """What each architecture's file holds: a state for each schedule."""
    return {
        index: OrderedDict(
            [("12", state(index, name, 2, (111,), timed)), ("200", state(index, name, 5, SEEDS[index], timed))]
        )
        for index, name in enumerate(names)
    }


def whole(names: list[str] = ARCHITECTURES, infos: Any = "all") -> dict[str, Any]:
    found = architectures(names) if infos == "all" else infos
    return {
        "meta_archs": list(names),
        "total_archs": 3,
        "arch2infos": found,
        "evaluated_indexes": set(range(len(names))),
    }


def packed(path: Path, content: Any) -> Path:
    path.write_bytes(bz2.compress(pickle.dumps(content, 4)))
    return path


def folder(tmp_path: Path) -> Path:
    path = tmp_path / f"{TOPOLOGY}-simple"
    path.mkdir()
    packed(path / "meta.pickle.pbz2", whole(infos=None))
    for index, content in architectures().items():
        packed(path / (f"{index:06d}.pickle.pbz2" if index else "0.pickle.pbz2"), content)
    return path


def large(tmp_path: Path) -> Path:
    return packed(tmp_path / f"{TOPOLOGY}.pickle.pbz2", whole())


def nasbench201(timed: bool = True) -> dict[str, Any]:
    infos = {index: {"full": each["200"], "less": each["12"]} for index, each in architectures(timed=timed).items()}
    return whole(infos=infos)


def torch_old(tmp_path: Path, timed: bool = True) -> Path:
    """A .pth as torch wrote it up to version 1.5: pickles one after the other."""
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, nasbench201(timed), [])
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    return path


def torch_new(tmp_path: Path) -> Path:
    """A .pth as torch writes it since: a zip archive."""
    path = tmp_path / "NAS-Bench-201-v1_1.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("NAS-Bench-201-v1_1/data.pkl", pickle.dumps(nasbench201(), 2))
        archive.writestr("NAS-Bench-201-v1_1/version", "3\n")
    return path


FORMS: dict[str, Callable[[Path], Path]] = {
    "folder": folder, "large": large, "torch-old": torch_old, "torch-new": torch_new,
}  # fmt: skip


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("form", [*FORMS, "streamed"])
def test_every_form_gives_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    if form == "streamed":  # as a file is that is too large to be unpacked first
        monkeypatch.setattr(nats, "_SMALL", 0)
    path = FORMS["large" if form == "streamed" else form](tmp_path)
    tables = variants(f"{path}::cifar10")
    assert [table.name.split("::")[1] for table in tables] == [f"cifar10, seed {seed}" for seed in (777, 888, 999)]
    for table, seed in zip(tables, (777, 888, 999), strict=True):
        assert (table.mode, table.metric, table.unit, table.units) == ("max", "accuracy", "epochs", 5)
        for index in range(3):
            seeds = [seed] if seed in SEEDS[index] else SEEDS[index]  # a missing seed is the mean of the others
            want = np.mean([[accuracy(index, each, epoch) for epoch in range(5)] for each in seeds], axis=0)
            assert table.values[index] == pytest.approx(want)
            assert table.quality[index] == pytest.approx(want.max())
            assert table.seconds[index] == pytest.approx([3.25 + index] * 5)
    assert load(f"{path}::cifar10").name == tables[0].name
    assert tables[0].configs is not None
    assert tables[0].configs[2] == {
        "op_0_1": "avg_pool_3x3", "op_0_2": "none", "op_1_2": "none", "op_0_3": "skip_connect", "op_1_3": "none",
        "op_2_3": "nor_conv_3x3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "offset"),
    [("cifar10", 0.0), ("cifar10-valid", 1.0), ("cifar100", 2.0), ("ImageNet16-120", 3.0), ("imagenet16-120", 3.0)],
)
def test_every_data_set_is_judged_where_every_epoch_was(tmp_path: Path, part: str, offset: float) -> None:
    table = load(f"{folder(tmp_path)}::{part}")
    assert table.values[1] == pytest.approx([accuracy(1, 777, epoch) + offset for epoch in range(5)])


def test_the_size_space(tmp_path: Path) -> None:
    names = ["8:8:16:64:24", "8:8:16:64:32", "64:8:8:8:8"]
    infos = {i: {"01": state(i, n, 1, (777,)), "12": state(i, n, 3, (777,)), "90": state(i, n, 9, (777,))}
             for i, n in enumerate(names)}  # fmt: skip
    path = packed(tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2", whole(names, infos))
    (table,) = variants(f"{path}::cifar100")
    assert table.units == 9
    assert table.configs is not None
    assert table.configs[2] == {"channels_1": 64, "channels_2": 8, "channels_3": 8, "channels_4": 8, "channels_5": 8}


def test_a_file_without_times_says_so(tmp_path: Path) -> None:
    table = load(f"{torch_old(tmp_path, timed=False)}::cifar10")
    assert table.seconds.tolist() == np.ones((3, 5)).tolist()
    assert "counts as 1 s" in table.note


def test_the_parts_are_named(tmp_path: Path) -> None:
    path = folder(tmp_path)
    assert "::cifar10: it has cifar10, cifar100, ImageNet16-120, cifar10-valid" in refused(path)
    assert "did you mean 'cifar100'" in refused(f"{path}::cifar1000")


@pytest.mark.parametrize("form", ["large", "streamed", "torch-old", "torch-new"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    if form == "streamed":  # as a file is that is too large to be unpacked first
        monkeypatch.setattr(nats, "_SMALL", 0)
    path = FORMS["large" if form == "streamed" else form](tmp_path)
    content = path.read_bytes()
    needed = len(content) - (len(pickle.dumps([], 2)) if form == "torch-old" else 0)  # the end is not read there
    for length in [1, 2, 3, 10, *range(20, needed, needed // 60), needed - 1]:
        path.write_bytes(content[:length])
        assert "NATS-Bench" in refused(f"{path}::cifar10")
    path.write_bytes(b"")
    assert "is empty" in refused(f"{path}::cifar10")


def test_a_folder_with_a_damaged_or_missing_file(tmp_path: Path) -> None:
    path = folder(tmp_path)
    one = path / "000002.pickle.pbz2"
    content = one.read_bytes()
    for length in range(0, len(content), len(content) // 20):
        one.write_bytes(content[:length])
        assert str(one) in refused(f"{path}::cifar10")
    one.unlink()
    assert f"{one} is not there" in refused(f"{path}::cifar10")
    (path / "meta.pickle.pbz2").write_bytes(b"")
    assert "cut short" in refused(f"{path}::cifar10")
    (path / "meta.pickle.pbz2").unlink()
    assert "is a folder, but holds neither" in refused(f"{path}::cifar10")


class Runs:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_a_pickle_that_would_run_something_is_refused_and_does_not(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for content in (Runs(mark), {**whole(), "extra": Runs(mark)}, whole(infos={0: Runs(mark), 1: {}, 2: {}})):
        path = packed(tmp_path / "NATS-tss.pickle.pbz2", content)
        assert "system, but only plain data" in refused(f"{path}::cifar10")
    buffer = BytesIO(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(Runs(mark), 2))
    (tmp_path / "a.pth").write_bytes(buffer.getvalue())
    assert "system, but only plain data" in refused(f"{tmp_path / 'a.pth'}::cifar10")
    assert not mark.exists()


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = whole()
    change(content)
    return content


def results(content: dict[str, Any]) -> Any:
    return content["arch2infos"][1]["200"]["all_results"][("cifar10", 777)]


FOREIGN: dict[str, tuple[Any, str]] = {
    "a-number": (3, "is a int, but must be a dictionary"),
    "a-list": ([1, 2], "must be a dictionary"),
    "another-dictionary": ({"a": 1}, "meta_archs is missing"),
    "no-architectures": ({"meta_archs": [], "arch2infos": {}}, "meta_archs is missing"),
    "meta-alone": (whole(infos=None), "arch2infos is a NoneType"),
    "one-missing": (broken(lambda c: c["arch2infos"].pop(1)), "lacks 1 of 3 architectures, number 1 first"),
    "no-results": (broken(lambda c: c["arch2infos"][1]["200"].pop("all_results")), "all_results of 1"),
    "not-trained": (broken(lambda c: c["arch2infos"][1]["200"]["all_results"].clear()), "no training on cifar10"),
    "no-epochs": (broken(lambda c: results(c).pop("epochs")), "has None epochs"),
    "epoch-missing": (broken(lambda c: results(c)["eval_acc1es"].pop("ori-test@3")), "lacks the accuracy ori-test@3"),
    "fewer-epochs": (broken(lambda c: results(c).update(epochs=4)), "4 epochs, but others have 5"),
    "text": (broken(lambda c: results(c)["eval_acc1es"].update({"ori-test@3": "high"})), "cut short, damaged"),
    "negative": (broken(lambda c: results(c)["train_times"].update({2: -9.0})), "unit 3 of row 1 takes -8.75 s"),
    "twice": (
        broken(lambda c: c["meta_archs"].__setitem__(1, ARCHITECTURES[0])),
        "rows 0 and 1 have one configuration",
    ),
    "strange-name": (
        broken(lambda c: c["meta_archs"].__setitem__(1, "|none~0|")),
        "architecture '|none~0|' has 1 edges",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_pickle_of_another_shape_is_refused(tmp_path: Path, case: str) -> None:
    content, told = FOREIGN[case]
    assert told in refused(f"{packed(tmp_path / 'a.pickle.pbz2', content)}::cifar10")
