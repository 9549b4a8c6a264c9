"""A searcher on a table: which row answers a suggestion, what the searcher learns from, and what is refused."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.api.nearest import NearestRows
from rungwise.benchmarks import load, names, save
from rungwise.benchmarks.spaces import space_of
from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import History
from rungwise.schedulers import ASHA, FIFO, PASHA, PBT
from rungwise.space import parse

SHARED = Path(os.environ.get("RUNGWISE_SHARED", Path(__file__).parents[3] / "shared")) / "benchmarks"


class Wants:
    """Suggests the given configurations in turn, and keeps what it saw that trials had."""

    def __init__(self, wanted: Sequence[Configuration | None]) -> None:
        self.wanted = wanted
        self.saw: list[list[Configuration]] = []

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        self.saw.append([entry.configuration for entry in history.trials.values()])
        return self.wanted[request.trial]


def table(configs: Sequence[Configuration], **more: Any) -> rw.Table:
    """One unit each, the first row the best."""
    return rw.Table(np.arange(len(configs), dtype=float)[:, None], configs=configs, **more)


def answered(space: Any, configs: Sequence[Configuration], *wanted: Configuration) -> list[int]:
    """The rows that answer what is wanted, one after the other."""
    rows = NearestRows(table(configs), parse(space), Wants(wanted))
    for trial in range(len(wanted)):
        assert rows.suggest(Ledger((1,)), StartTrial(trial, 1)) is not None
    return rows.rows


def test_the_nearest_is_nearest_on_the_scale_of_the_space() -> None:
    configs = [{"x": 0.001}, {"x": 0.9}]
    assert answered({"x": (0.001, 1.0)}, configs, {"x": 0.1}) == [0]
    assert answered({"x": (0.001, 1.0, "log")}, configs, {"x": 0.1}) == [1]


def test_no_row_is_given_twice_and_the_first_of_equals_comes_first() -> None:
    configs = [{"x": 3}, {"x": 1}, {"x": 5}]
    assert answered({"x": (0, 6)}, configs, {"x": 3}, {"x": 3}, {"x": 3}) == [0, 1, 2]


def test_a_choice_that_differs_counts_as_much_as_a_whole_range() -> None:
    configs = [{"x": 0.0, "c": "a"}, {"x": 0.9, "c": "b"}]
    space = {"x": (0.0, 1.0), "c": ["a", "b", "d"]}
    assert answered(space, configs, {"x": 0.0, "c": "b"}) == [1]  # 0.81 against 1
    assert answered(space, configs, {"x": 0.0, "c": "d"}) == [0]  # any other choice is as far


def test_ordered_choices_have_places() -> None:
    space = {"size": {"choices": [16, 32, 64], "ordered": True}, "x": (0.0, 1.0)}
    configs = [{"size": 16, "x": 0.5}, {"size": 32, "x": 0.9}]
    assert answered(space, configs, {"size": 64, "x": 0.5}) == [1]


def test_what_one_has_and_the_other_has_not_counts_as_a_choice_that_differs() -> None:
    space = {"optimizer": ["adam", "sgd"], "momentum": {"range": [0.0, 1.0], "when": {"optimizer": "sgd"}}}
    configs = [{"optimizer": "sgd", "momentum": 0.5}, {"optimizer": "adam"}]
    assert answered(space, configs, {"optimizer": "adam"}, {"optimizer": "adam"}) == [1, 0]
    assert answered(space, configs, {"optimizer": "sgd", "momentum": 0.0}) == [0]


def test_trials_have_the_configurations_of_rows_and_the_searcher_sees_these() -> None:
    configs = [{"x": number / 8, "derived": number} for number in range(8)]
    wants = Wants([{"x": 0.99}, {"x": 0.01}, {"x": 0.99}])
    run = rw.simulate(table(configs), FIFO(1), workers=1, searcher=wants, space={"x": (0.0, 1.0)}, trials=3)
    assert run.rows == (7, 0, 6)
    launched = [record.configuration for record in run.log if isinstance(record, Launch)]
    assert launched == [{"x": 7 / 8}, {"x": 0.0}, {"x": 6 / 8}]
    assert wants.saw[2] == launched[:2]
    assert (run.best.trial, run.best.value) == (1, 0.0)  # what row 0 reports


def test_a_run_ends_where_every_row_was_tried() -> None:
    configs = [{"x": number} for number in range(5)]
    run = rw.simulate(table(configs), FIFO(1), workers=2, searcher="random", stop="drain")
    assert sorted(run.rows) == [0, 1, 2, 3, 4]
    few = rw.simulate(table(configs), FIFO(1), searcher=Wants([{"x": 1}, None]), stop="drain", workers=1)
    assert few.rows == (1,)  # the searcher has no more


@pytest.mark.parametrize("searcher", ["random", {"name": "evolution", "population": 4}, "kde", "grid"], ids=str)
def test_a_run_follows_from_its_seed(searcher: Any) -> None:
    digits = load("digits")
    first, again, other = (
        rw.simulate(digits, ASHA(1, 81, 3), searcher=searcher, seed=seed, trials=30) for seed in (1, 1, 2)
    )
    assert first.log == again.log
    assert len(set(first.rows)) == len(first.rows) == 30
    assert (first.rows == other.rows) == (searcher == "grid")


def test_random_search_has_the_same_rows_whatever_the_scheduler_and_the_workers() -> None:
    digits = load("digits")
    asha = rw.simulate(digits, ASHA(1, 81, 3), searcher="random", seed=4, trials=40)
    pasha = rw.simulate(digits, PASHA(1, 9, 3), searcher="random", seed=4, trials=40, workers=1)
    assert asha.rows == pasha.rows


def test_a_searcher_that_learns_finds_good_rows_sooner() -> None:
    """Of 400 rows the 40 nearest to one corner are the best; evolution comes there, random search does not."""
    draw = np.random.default_rng(0).random((400, 2))
    apart = np.hypot(*draw.T)
    hill = rw.Table(apart[:, None], configs=[{"a": a, "b": b} for a, b in draw.tolist()])
    good = set(np.argsort(apart)[:40].tolist())
    settings = {"name": "evolution", "population": 10}
    learnt, blind = (
        rw.simulate(hill, FIFO(1), searcher=searcher, trials=80, seed=0) for searcher in (settings, "random")
    )
    assert len(good & set(learnt.rows)) > 2 * len(good & set(blind.rows))


def test_rows_are_told_without_a_searcher_too() -> None:
    run = rw.simulate(rw.Table([[1.0], [2.0], [3.0]]), FIFO(1), order=[2, 0], workers=1)
    assert run.rows == (2, 0)
    assert len(rw.simulate(rw.Table([[1.0], [2.0], [3.0]]), FIFO(1), trials=2).rows) == 2


CONFIGS = [{"x": 1}, {"x": 2}]
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an order": ({"searcher": "random", "order": [0, 1]}, "an order of rows is given, but the searcher decides"),
    "a space alone": ({"space": {"x": (1, 2)}}, "a space is given, but no searcher"),
    "too many trials": ({"searcher": "random", "trials": 3}, "trials is 3, but there are 2 rows"),
    "no trials": ({"searcher": "random", "trials": 0}, "trials is 0"),
    "an unknown searcher": ({"searcher": "rnadom"}, "did you mean 'random'"),
    "a value outside of the space": ({"searcher": "random", "space": {"x": (2, 9)}}, "'x' of row 0 is 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_searched_is_told_in_one_sentence(case: str) -> None:
    given, told = REFUSED[case]
    with pytest.raises(InputError) as error:
        rw.simulate(table(CONFIGS), FIFO(1), **given)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_rows_that_nobody_describes_cannot_be_searched() -> None:
    with pytest.raises(InputError, match="does not say which configurations its rows are"):
        rw.simulate(rw.Table([[1.0]]), FIFO(1), searcher="random")
    with pytest.raises(InputError, match="does not say which configurations its rows are"):
        rw.simulate(rw.Table([[1.0]]), FIFO(1), searcher="random", space={"x": (0, 1)})


def test_children_are_no_rows_whichever_searcher() -> None:
    rows = NearestRows(table(CONFIGS), parse({"x": (1, 2)}), Wants([{"x": 1}, {"x": 2}]))
    rows.suggest(Ledger((1,)), StartTrial(0, 1))
    with pytest.raises(InputError, match="a table has no curve of such a trial"):
        rows.suggest(Ledger((1,)), StartTrial(1, 1, parent=0))
    with pytest.raises(InputError, match="a table has no curve of such a trial"):
        rw.simulate(table(CONFIGS), PBT(4, 1, 1), searcher="random")


def test_a_column_is_taken_for_logarithmic_only_where_it_looks_so() -> None:
    even = [0.0005, *(number / 50 for number in range(1, 50))]
    assert space_of(table([{"x": x} for x in even])) == parse({"x": (0.0005, 0.98)})
    assert space_of(table([{"x": 10.0**-x} for x in range(4)])) == parse({"x": (0.001, 1.0, "log")})
    assert space_of(table([{"x": 10.0**-x} for x in range(3)])) == parse({"x": (0.01, 1.0)})


def test_a_space_is_inferred_column_by_column() -> None:
    configs = [
        {"lr": 1e-4, "layers": 1, "act": "relu", "bias": True, "mixed": 1, "shift": -1.0, "same": 7},
        {"lr": 1e-3, "layers": 2, "act": "relu", "bias": True, "mixed": 1, "shift": 0.5, "same": 7},
        {"lr": 0.1, "layers": 5, "act": "tanh", "bias": False, "mixed": "auto", "shift": 1000.0, "same": 7},
    ]
    assert space_of(table(configs)) == parse(
        {
            "lr": (1e-4, 0.1, "log"),
            "layers": (1, 5),
            "act": ["relu", "tanh"],
            "bias": [False, True],
            "mixed": [1, "auto"],
            "shift": (-1.0, 1000.0),
            "same": 7,
        }
    )


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_a_table_keeps_its_space(tmp_path: Path, ending: str) -> None:
    space = {"x": (0, 9), "c": {"choices": ["a", "b"], "when": {"x": 1}}}
    kept = table(CONFIGS, space=space)
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    save(kept, tmp_path / f"t.{ending}")
    assert load(tmp_path / f"t.{ending}").space == kept.space == kept.rows([1]).space == parse(space)
    assert space_of(kept) == parse(space)
    with pytest.raises(InputError):
        table(CONFIGS, space=3)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"{SHARED} is not here")
@pytest.mark.parametrize("family", ["digits", "lcbench/adult", "alexnet", "deberta", "taskset"])
def test_the_spaces_that_are_written_down_hold_every_row_and_are_used_to_their_ends(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A range that were wrong by a tenth, or on the wrong scale, would leave half of it to fewer than a third."""
    monkeypatch.setenv("RUNGWISE_DATA", str(SHARED))
    found = load(next(name for name in names() if name.startswith(family)))
    assert found.space is not None
    assert found.configs is not None
    rows = NearestRows(found, found.space, Wants([]))
    codes = rows._codes
    for axis, column in enumerate(codes.T):
        held = column[~np.isnan(column)]
        assert np.unique(held).size == 2 or 0.3 < np.mean(held < 0.5) < 0.7, found.space.names[axis]
        assert held.min() < 0.1, found.space.names[axis]
        assert held.max() > 0.9, found.space.names[axis]
