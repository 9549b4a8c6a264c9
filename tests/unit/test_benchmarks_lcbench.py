"""LCBench's json: tiny files in the official forms, whole and damaged."""

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks import load, variants
from rungwise.core.errors import InputError

EPOCHS = 5  # in the log: before training, and after four epochs


def log(index: int, shift: float = 0.0) -> dict[str, Any]:
    return {
        "time": [0.5 + 2.0 * epoch + index for epoch in range(EPOCHS)],
        "epoch": list(range(EPOCHS)),
        "Train/val_accuracy": [50.0 + index + 10 * epoch + shift for epoch in range(EPOCHS)],
        "Train/val_cross_entropy": [1.0 / (1 + epoch) for epoch in range(EPOCHS)],
    }


def config(index: int) -> dict[str, Any]:
    return {"batch_size": 16 + index, "learning_rate": 0.1, "optimizer": "sgd"}


def light() -> dict[str, Any]:
    """As data_2k_lw.json and six_datasets_lw.json: data set, configuration, and what was logged."""
    return {
        name: {
            str(index): {"log": log(index, shift), "results": {"final_val_accuracy": 1.0}, "config": config(index)}
            for index in range(3)
        }
        for name, shift in (("adult", 0.0), ("Fashion-MNIST", 1.0))
    }


def with_budgets() -> dict[str, Any]:
    """As bench_full.json: data set, configuration, budget, and in log and results a level of seeds."""
    content: dict[str, Any] = {"adult": {}}
    for index in range(3):
        seeds = ["1", "10", "2"] if index < 2 else ["1"]
        content["adult"][str(index)] = {
            budget: {"config": config(index), "results": {}, "log": {seed: log(index, float(seed)) for seed in seeds}}
            for budget in ("12", "50", "25")
        }
    return content


def write(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    told = str(caught.value)
    assert "\n" not in told
    assert str(path).partition("::")[0] in told
    return told


@pytest.mark.parametrize("packing", ["json", "gz", "zip"])
def test_a_data_set_is_a_table(tmp_path: Path, packing: str) -> None:
    path = write(tmp_path / "data_2k_lw.json", light())
    if packing == "gz":
        path = tmp_path / "data_2k_lw.json.gz"
        path.write_bytes(gzip.compress(json.dumps(light()).encode()))
    elif packing == "zip":
        path = tmp_path / "data_2k_lw.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data_2k_lw.json", json.dumps(light()))
    (table,) = variants(f"{path}::adult")
    assert (table.mode, table.metric, table.unit) == ("max", "val_accuracy", "epochs")
    assert table.values.tolist() == [[60.0 + i, 70.0 + i, 80.0 + i, 90.0 + i] for i in range(3)]
    assert table.seconds.tolist() == [[2.5 + i, 2.0, 2.0, 2.0] for i in range(3)]
    assert table.configs == tuple(config(i) for i in range(3))
    assert table.name == "data_2k_lw::adult"
    assert load(f"{path}::fashion-mnist").values[0, 0] == 61.0  # whatever the case


def test_one_data_set_need_not_be_named(tmp_path: Path) -> None:
    assert load(write(tmp_path / "a.json", {"adult": light()["adult"]})).configurations == 3


def test_the_parts_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "six.json", light())
    assert "six.json::adult: it has adult, Fashion-MNIST" in refused(path)
    assert "did you mean 'adult'?" in refused(f"{path}::adlt")
    assert "it has adult, Fashion-MNIST" in refused(f"{path}::vehicle")


def test_seeds_are_variants_of_the_largest_budget(tmp_path: Path) -> None:
    tables = variants(write(tmp_path / "bench_full.json", with_budgets()))
    assert [table.name for table in tables] == [f"bench_full::adult, seed {seed}" for seed in ("1", "2", "10")]
    assert [table.configurations for table in tables] == [3, 2, 2]  # of the configurations that have the seed
    assert [table.values[0, 0] for table in tables] == [61.0, 62.0, 70.0]


def test_what_was_not_measured_is_nan(tmp_path: Path) -> None:
    content = light()
    content["adult"]["1"]["log"]["Train/val_accuracy"][2:] = [None, float("nan"), None]
    assert np.isnan(load(f"{write(tmp_path / 'a.json', content)}::adult").values[1]).tolist() == [
        False,
        True,
        True,
        True,
    ]


@pytest.mark.parametrize("packing", ["json", "gz", "zip"])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, packing: str) -> None:
    whole = json.dumps(light()).encode()
    if packing == "gz":
        whole = gzip.compress(whole)
    elif packing == "zip":
        with zipfile.ZipFile(tmp_path / "whole", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.json", whole)
        whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / f"a.{packing}"
    for length in [0, 1, 2, 3, *range(4, len(whole), max(1, len(whole) // 60)), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert "must" in refused(f"{path}::Fashion-MNIST")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = light()
    change(content["adult"])
    return content


FOREIGN: dict[str, tuple[Any, str]] = {
    "a-list": ([1, 2], "begins with b'[1, 2]', but must be LCBench's json"),
    "text": ("adult", "but must be LCBench's json"),
    "empty-object": ({}, "cut short, damaged or something else"),
    "numbers": ({"adult": 3}, "adult is 3, but must be an object"),
    "no-configurations": ({"adult": {}}, "adult is {}, but must be an object"),
    "flat": ({"adult": {"0": 3}}, "a configuration is 3"),
    "other-members": ({"adult": {"0": {"x": 1}}}, "has the members x"),
    "no-log": (changed(lambda c: c["1"].pop("log")), "the log of configuration 1 is None"),
    "no-metric": (
        changed(lambda c: c["1"]["log"].pop("Train/val_accuracy")),
        "'Train/val_accuracy' of configuration 1",
    ),
    "no-time": (changed(lambda c: c["2"]["log"].pop("time")), "'time' of configuration 2 is None"),
    "uneven": (changed(lambda c: c["1"]["log"]["time"].pop()), "has 4 epochs, but the first has 5"),
    "words": (changed(lambda c: c["1"]["log"]["time"].__setitem__(1, "x")), "cut short, damaged"),
    "backwards": (changed(lambda c: c["1"]["log"]["time"].__setitem__(2, 0.0)), "unit 2 of row 1 takes -3.5 s"),
    "no-config": (changed(lambda c: c["1"].pop("config")), "the configuration of row 1 is None"),
    "odd-config": (changed(lambda c: c["1"]["config"].update(units=[1, 2])), "units of row 1 is [1, 2]"),
    "twice": (changed(lambda c: c["2"].update(config=config(0))), "rows 0 and 2 have one configuration"),
    "nan-first": (
        changed(lambda c: c["1"]["log"]["Train/val_accuracy"].__setitem__(1, None)),
        "row 1 begins with nan at unit 1",
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_json_of_another_shape_is_refused(tmp_path: Path, case: str) -> None:
    content, told = FOREIGN[case]
    assert told in refused(f"{write(tmp_path / 'a.json', content)}::adult")


def test_a_zip_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "without a json file" in refused(tmp_path / "a.zip")


def test_text_that_goes_on_after_the_object(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"adult": light()["adult"]}) + "{}")
    assert "something follows" in refused(path)
