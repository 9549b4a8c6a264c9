"""Tables by name, from the folder RUNGWISE_DATA: tiny files in the forms of the shared ones, and those themselves."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks import load, loading, names, synthetic, variants
from rungwise.core.errors import InputError

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared")) / "benchmarks"
OPS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]


def lcbench() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.random((2, 3, 6)), axis=2).astype(np.float32)
    seconds[1] = np.nan
    return {
        "dataset_names": np.array(["adult", "numerai28.6"]), "hp_names": np.array(["batch_size", "learning_rate"]),
        "hp": np.array([[16, 0.1], [32, 0.2], [64, 1.0]]), "val_loss": rng.random((2, 3, 6)).astype(np.float32),
        "elapsed_seconds_surrogate": seconds,
    }  # fmt: skip


def alexnet() -> dict[str, Any]:
    nan = np.nan
    return {
        "hp_names": np.array(["epochs", "lr"]), "hp": np.array([[2, 0.5], [4, 0.5], [3, 0.1], [2, 0.1]]),
        "nan_train_loss": np.array([False, False, True, True]),
        "top1": np.array([[0.1, 0.2, nan, nan], [0.1, 0.2, 0.3, 0.4], [0.1, nan, nan, nan], [nan] * 4], np.float32),
        "elapsed_seconds": np.array([[5, 9, nan, nan], [1, 3, 5, 7], [4, nan, nan, nan], [nan] * 4], np.float32),
    }  # fmt: skip


def deberta() -> dict[str, Any]:
    nan = np.nan
    return {
        "hp_names": np.array(["total_model_steps", "lr"]), "hp": np.array([[2500, 0.5], [3100, 0.1]]),
        "step": np.array([[1000, 1700, 2000, 2500, -1], [1000, 2000, 3000, 3100, -1]], np.int32),
        "acc_matched": np.array([[0.3, 0.9, 0.4, 0.8, nan], [0.5, 0.6, 0.7, 0.65, nan]], np.float32),
    }  # fmt: skip


def taskset() -> dict[str, Any]:
    return {
        "task_names": np.array(["GRU", "LSTM"]), "hp_names": np.array(["learning_rate"]),
        "hp": np.array([[[0.1], [0.2]], [[0.3], [0.4]]], np.float32),
        "valid_loss": np.array([[[1, 0.5, 0.4], [1, 0.7, np.nan]], [[1, 0.6, 0.5], [1, np.nan, np.nan]]], np.float32),
    }  # fmt: skip


def nasbench201() -> dict[str, Any]:
    rows: dict[str, Any] = {
        "nb201_arch_index": np.array([2, 0, 1], np.int32), "op_names": np.array(OPS),
        "op_idx": np.array([[0, 0, 0, 0, 0, 1], [4, 2, 1, 2, 1, 1], [3] * 6], np.int8),
    }  # fmt: skip
    for stem in ("cifar10", "cifar100", "imagenet"):
        rows[f"{stem}_val_acc"] = np.array([[50, 60, np.nan], [80, 81, 82], [70, np.nan, np.nan]], np.float32)
        rows[f"{stem}_test_acc"] = np.array([55.5, 81.5, 70.5], np.float32)
        rows[f"ep12_{stem}_val_acc"] = np.array([40, 70, 60], np.float32)
        rows[f"{stem}_train_time_s"] = np.array([200, 400, 600], np.float32)
    return rows


FILES = {
    "lcbench.npz": lcbench, "opda_alexnet_imagenet.npz": alexnet, "opda_deberta_base_mnli.npz": deberta,
    "taskset_imdb_rnn.npz": taskset, "nasbench201_final.npz": nasbench201,
}  # fmt: skip
NAMES = [
    "lcbench/adult", "lcbench/numerai28.6", "alexnet", "deberta", "taskset/GRU", "taskset/LSTM", "nasbench201/cifar10",
    "nasbench201/cifar100", "nasbench201/imagenet16-120",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in FILES.items():
        np.savez_compressed(tmp_path / name, **content())
    monkeypatch.setenv("RUNGWISE_DATA", str(tmp_path))
    return tmp_path


def refused(what: str) -> str:
    with pytest.raises(InputError) as caught:
        load(what)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_names_are_those_of_the_files_that_are_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = [*(["digits"] if loading.DIGITS.is_file() else []), *synthetic.NAMES]
    assert names() == own + NAMES
    for name in NAMES:
        assert load(name).name.split(",")[0] == name
    (folder / "lcbench.npz").unlink()
    assert names() == own + NAMES[2:]
    monkeypatch.delenv("RUNGWISE_DATA")
    assert names() == own


def test_lcbench(folder: Path) -> None:
    raw = lcbench()
    table = load("lcbench/adult")
    assert (table.mode, table.metric, table.unit) == ("min", "val_loss", "epochs")
    assert np.array_equal(table.values, raw["val_loss"][0, :, 1:])  # index 0 is before training
    seconds = raw["elapsed_seconds_surrogate"][0].astype(float)  # index 0 is the first epoch
    assert table.seconds == pytest.approx(np.diff(seconds, axis=1, prepend=0)[:, :5])
    assert table.configs is not None
    assert table.configs[1] == {"batch_size": 32, "learning_rate": 0.2}
    assert type(table.configs[1]["batch_size"]) is int
    assert "modelled" in table.note


def test_lcbench_without_times(folder: Path) -> None:
    table = load("lcbench/numerai28.6")
    assert table.seconds.tolist() == np.ones((3, 5)).tolist()
    assert "counts as 1 s" in table.note


def test_alexnet_knows_how_far_each_was_recorded(folder: Path) -> None:
    table = load("alexnet")
    assert (table.mode, table.metric) == ("max", "top1")
    assert [table.recorded(row) for row in range(4)] == [2, 4, 4, 4]  # a run that diverged stays so
    assert np.isnan(table.values).sum(axis=1).tolist() == [2, 0, 3, 4]
    assert table.seconds.tolist() == [[5, 4, 4.5, 4.5], [1, 2, 2, 2], [4, 4, 4, 4], [2, 2, 2, 2]]
    assert table.quality[:3] == pytest.approx([0.2, 0.4, 0.1])


def test_deberta_has_a_column_every_thousand_steps(folder: Path) -> None:
    table = load("deberta")
    assert table.unit == "thousand steps"
    assert table.values == pytest.approx(np.array([[0.3, 0.4, np.nan], [0.5, 0.6, 0.7]]), nan_ok=True)
    assert [table.recorded(row) for row in range(2)] == [2, 3]
    assert table.quality == pytest.approx([0.9, 0.7])  # the best of all evaluations, those in between too


def test_taskset(folder: Path) -> None:
    table = load("taskset/LSTM")
    assert table.values == pytest.approx(np.array([[0.6, 0.5], [np.nan, np.nan]]), nan_ok=True)
    assert table.reported is None
    assert table.configs is not None
    assert table.configs[1]["learning_rate"] == pytest.approx(0.4)


def test_nasbench201_is_semi_synthetic_and_says_so(folder: Path) -> None:
    tables = variants("nasbench201/imagenet16-120")
    assert [table.name.split(", ")[1] for table in tables] == ["seed 777", "seed 888", "seed 999"]
    # The rows are the benchmark's own numbers; what a seed lacks is the mean of the others.
    assert [table.values[:, -1].tolist() for table in tables] == [[80, 70, 50], [81, 70, 60], [82, 70, 55]]
    for table in tables:
        assert table.note.startswith("semi-synthetic:")
        assert table.units == 200
        assert table.quality.tolist() == [81.5, 70.5, 55.5]
        assert table.seconds[:, 0].tolist() == [2.0, 3.0, 1.0]
        assert (table.seconds == table.seconds[:, :1]).all()
    assert tables[0].configs is not None
    assert tables[0].configs[0] == {
        "op_0_1": "avg_pool_3x3", "op_0_2": "nor_conv_1x1", "op_1_2": "skip_connect", "op_0_3": "nor_conv_1x1",
        "op_1_3": "skip_connect", "op_2_3": "skip_connect",
    }  # fmt: skip
    assert np.array_equal(load("nasbench201/imagenet16-120").values, tables[0].values)


def test_names_that_are_not_there(folder: Path) -> None:
    assert "there is no table 'lcbench/adlt': did you mean 'lcbench/adult'" in refused("lcbench/adlt")
    assert "did you mean 'lcbench/adult'" in refused("adult")
    assert "lcbench.npz holds lcbench/adult, lcbench/numerai28.6" in refused("lcbench")
    assert "there is no table 'deberta/large'" in refused("deberta/large")
    assert "there is no table and no file called 'zzzz'" in refused("zzzz")
    assert load("LCBENCH/ADULT".lower()).name == "lcbench/adult"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("lcbench/adult", "lcbench.npz"),
        ("alexnet", "opda_alexnet_imagenet.npz"),
        ("deberta", "opda_deberta_base_mnli.npz"),
        ("taskset/x", "taskset_imdb_rnn.npz"),
        ("nasbench201/cifar10", "nasbench201_final.npz"),
    ],
)
def test_without_the_folder_the_variable_and_the_file_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    monkeypatch.delenv("RUNGWISE_DATA", raising=False)
    told = refused(name)
    assert "set the environment variable RUNGWISE_DATA" in told
    assert file in told
    monkeypatch.setenv("RUNGWISE_DATA", str(tmp_path))
    told = refused(name)
    assert f"{tmp_path / file}, which is not there: RUNGWISE_DATA names its folder" in told


@pytest.mark.parametrize("file", FILES)
def test_damaged_files(folder: Path, file: str) -> None:
    whole = (folder / file).read_bytes()
    name = next(name for name, known in zip(NAMES[:1] + NAMES[2:5] + NAMES[6:7], FILES, strict=True) if known == file)
    for length in range(0, len(whole), len(whole) // 20):
        (folder / file).write_bytes(whole[:length])
        assert file in refused(name)
    content = FILES[file]()
    for array in ("hp", "op_idx"):
        content.pop(array, None)
    np.savez(folder / file, **content)
    assert "but must hold" in refused(name)


REAL = {
    "lcbench/adult": (2000, 51), "lcbench/numerai28.6": (2000, 51), "alexnet": (512, 100), "deberta": (1024, 98),
    "taskset/FixedTextRNNClassification_imdb_patch32_GRU64_avg_bs128": (1000, 50),
    "nasbench201/cifar100": (15625, 200),
}  # fmt: skip


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
@pytest.mark.parametrize("name", REAL)
def test_the_shared_tables(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("RUNGWISE_DATA", str(SHARED))
    table = load(name)
    assert table.values.shape == REAL[name]
    assert table.configs is not None
    assert len(table.configs) == len(table.values)
    assert table.note


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not there")
def test_all_shared_names_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNGWISE_DATA", str(SHARED))
    counts = {prefix: sum(name.startswith(prefix) for name in names()) for prefix in ("lcbench/", "taskset/", "nasb")}
    assert counts == {"lcbench/": 18, "taskset/": 6, "nasb": 3}
    assert {"alexnet", "deberta"} <= set(names())
