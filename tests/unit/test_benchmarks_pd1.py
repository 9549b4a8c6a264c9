"""PD1's JSON lines: tiny files in the official form, whole and damaged."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks import load
from rungwise.core.errors import InputError

WMT = "translate_wmt_xformer_translate_batch_size_64"


def run(index: int, **changes: Any) -> dict[str, Any]:
    """One line: a training of 4 evaluations."""
    return {
        "dataset": "translate_wmt", "model": "xformer_translate", "status": "done", "trial_dir": str(index),
        "hps.batch_size": 64, "hps.activation_fn": None, "hps.lr_hparams.initial_value": 0.1 * (index + 1),
        "hps.lr_hparams.power": 0.5, "hps.lr_hparams.decay_steps_factor": 0.25, "hps.opt_hparams.momentum": 0.9,
        "valid/error_rate": [0.9 - index / 10, 0.7, 0.6, 0.5], "valid/ce_loss": [4.0, 3.0, 2.0, 1.0],
        "global_step": [10, 20, 30, 40], "eval_time": [10.0 + index, 9.0, 9.0, 9.0],
        **changes,
    }  # fmt: skip


def lines(runs: Sequence[Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in runs)


def write(folder: Path, runs: Sequence[Any], name: str = "pd1_matched_phase1_results.jsonl") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(lines(runs).encode()) if name.endswith(".gz") else lines(runs).encode())
    return path


def refused(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    told = str(caught.value)
    assert "\n" not in told
    return told


@pytest.mark.parametrize("name", ["pd1_matched_phase1_results.jsonl", "pd1_unmatched_phase0_results.jsonl.gz"])
def test_a_task_is_a_table(tmp_path: Path, name: str) -> None:
    table = load(write(tmp_path, [run(0), run(1)], name))
    assert (table.name, table.metric, table.mode, table.unit) == (
        f"pd1::{WMT}",
        "valid_error_rate",
        "min",
        "evaluations",
    )
    assert table.values.tolist() == [[0.9, 0.7, 0.6, 0.5], [0.8, 0.7, 0.6, 0.5]]
    assert table.seconds.tolist() == [[10.0, 9.0, 9.0, 9.0], [11.0, 9.0, 9.0, 9.0]]
    assert table.configs is not None
    assert table.configs[1] == {
        "lr_initial_value": 0.2, "lr_power": 0.5, "lr_decay_steps_factor": 0.25, "momentum": 0.9,
    }  # fmt: skip
    assert table.reported is None


def test_tasks_are_parts(tmp_path: Path) -> None:
    pool = {"dataset": "mnist", "model": "max_pooling_cnn", "hps.batch_size": 256}
    path = write(
        tmp_path,
        [run(0), run(1, **pool, **{"hps.activation_fn": "relu"}), run(2, **pool, **{"hps.activation_fn": "tanh"})],
    )
    told = refused(path)
    for part in (WMT, "mnist_max_pooling_cnn_relu_batch_size_256", "mnist_max_pooling_cnn_tanh_batch_size_256"):
        assert part in told
        assert load(f"{path}::{part}").configurations == 1
    assert "did you mean" in refused(f"{path}::mnist_max_pooling_cnn_relu_batch_size_25")


def test_the_folder_is_matched_and_unmatched_together(tmp_path: Path) -> None:
    write(tmp_path, [run(0), run(1)], "pd1_matched_phase1_results.jsonl.gz")
    write(tmp_path, [run(2)], "pd1_unmatched_phase1_results.jsonl.gz")
    write(tmp_path, [run(0)], "pd1_matched_phase0_results.jsonl.gz")  # the first phase lies within the second
    assert load(tmp_path).configurations == 3
    assert load(f"{tmp_path}::{WMT}").configurations == 3


def test_diverged_is_known_and_short_is_not(tmp_path: Path) -> None:
    table = load(
        write(
            tmp_path,
            [
                run(0, **{"valid/error_rate": [0.9, 0.8], "eval_time": [1.0, 3.0], "status": "diverged"}),
                run(1, **{"valid/error_rate": None, "eval_time": None, "status": "diverged"}),
                run(2, **{"valid/error_rate": [0.9, 0.8], "eval_time": [5.0, 7.0]}),
                run(3, **{"valid/error_rate": [0.9, 0.8, None, None], "eval_time": [5.0, 5.0, 5.0, 5.0]}),
            ],
        )
    )
    assert [table.recorded(row) for row in range(4)] == [4, 4, 2, 4]
    assert np.isnan(table.values).sum(axis=1).tolist() == [2, 4, 2, 2]
    assert np.isnan(table.quality).tolist() == [False, True, False, False]
    assert table.seconds[1].tolist() == [5.0] * 4  # the usual time of the task
    assert np.isfinite(table.seconds).all()


def test_without_error_rates_the_loss_counts_and_without_times_one_second(tmp_path: Path) -> None:
    table = load(write(tmp_path, [run(i, **{"valid/error_rate": None, "eval_time": None}) for i in range(2)]))
    assert table.metric == "valid_ce_loss"
    assert table.values[0].tolist() == [4.0, 3.0, 2.0, 1.0]
    assert table.seconds.tolist() == np.ones((2, 4)).tolist()
    assert "counts as 1 s" in table.note


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [run(0), run(1)], "pd1_matched_phase1_results.jsonl.gz")
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert str(path) in refused(path)
    text = lines([run(0), run(1)]).encode()
    plain = tmp_path / "a.jsonl"
    for length in range(1, len(text), 41):
        plain.write_bytes(text[:length])
        assert str(plain) in refused(plain)


FOREIGN: dict[str, tuple[list[Any], str]] = {
    "numbers": ([run(0), 2], "line 2 lacks 'dataset'"),
    "other-object": ([run(0), {"a": 1}], "line 2 lacks 'dataset'"),
    "no-hyperparameter": (
        [{k: v for k, v in run(0).items() if k != "hps.lr_hparams.power"}],
        "lacks 'hps.lr_hparams.power'",
    ),
    "no-metric": ([run(0, **{"valid/error_rate": None, "valid/ce_loss": None})], "neither valid/error_rate nor"),
    "no-list": ([run(0), run(1, **{"valid/error_rate": 0.5})], "valid/error_rate is 0.5, but must list"),
    "words": ([run(0, **{"valid/error_rate": ["low"]})], "cut short, damaged"),
    "negative": ([run(0, eval_time=[1.0, -2.0, 1.0, 1.0])], "unit 2 of row 0 takes -2.0 s"),
    "twice": ([run(0), run(1), run(0)], "rows 0 and 2 have one configuration"),
    "null-config": ([run(0, **{"hps.opt_hparams.momentum": None})], "momentum of row 0 is None"),
    "nan-first": ([run(0, **{"valid/error_rate": [None, 0.5, 0.4, 0.3]})], "row 0 begins with nan at unit 1"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_lines_of_another_shape_are_refused(tmp_path: Path, case: str) -> None:
    content, told = FOREIGN[case]
    path = tmp_path / "a.jsonl"
    path.write_text(lines(content))
    assert told in refused(path)


def test_lines_under_another_name_are_not_taken_for_lcbench(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(lines([run(0), run(1)]))
    assert "must be LCBench's json" in refused(path)
