"""Learning-curve tables: shapes, directions, and what is not one."""

from math import inf, nan
from typing import Any

import numpy as np
import pytest

from rungwise import Table
from rungwise.benchmarks.table import checked_order
from rungwise.core.errors import InputError


def test_a_table_knows_its_shape() -> None:
    table = Table([[1, 2, 3], [4, 5, 6]])
    assert (table.configurations, table.units, table.mode) == (2, 3, "min")
    assert table.values.dtype == table.seconds.dtype == np.float64


def test_seconds_are_one_per_unit_unless_told() -> None:
    assert (Table([[1, 2]]).seconds == 1.0).all()
    assert (Table([[1, 2]], seconds=2.5).seconds == [[2.5, 2.5]]).all()
    assert (Table([[1, 2]], seconds=[[0, 3]]).seconds == [[0.0, 3.0]]).all()


def test_none_and_nan_mean_diverged() -> None:
    values = Table([[1, None], [nan, inf]]).values
    assert np.isnan(values).tolist() == [[False, True], [True, False]]


def test_minimised_values_turn_the_sign_of_a_metric_that_is_better_larger() -> None:
    assert Table([[1, 2]], mode="max").minimised().tolist() == [[-1.0, -2.0]]
    assert Table([[1, 2]], mode="min").minimised().tolist() == [[1.0, 2.0]]


def test_a_table_keeps_what_it_was_given_whatever_becomes_of_that() -> None:
    values = np.array([[1.0, 2.0]])
    seconds = np.array([[1.0, 1.0]])
    table = Table(values, seconds)
    values[:] = seconds[:] = 9.0
    assert table.values.tolist() == [[1.0, 2.0]]
    assert table.seconds.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([1.0, 2.0],), "(2,)"),
        ((5.0,), "()"),
        (([],), "(0,)"),
        (([[]],), "(1, 0)"),
        ((np.zeros((0, 3)),), "(0, 3)"),
        (([[[1.0]]],), "(1, 1, 1)"),
        (([[1.0, 2.0], [3.0]],), "every row needs as many units"),
        (([["a", "b"]],), "not an array of numbers"),
        (([[1.0, 2.0]], [[1.0]]), "(1, 1)"),
        (([[1.0, 2.0]], [1.0, 1.0]), "(2,)"),
        (([[1.0, 2.0]], [[1.0], [1.0]]), "(2, 1)"),
        (([[1.0, 2.0]], [[1.0, -0.5]]), "negative"),
        (([[1.0, 2.0]], -1), "negative"),
        (([[1.0, 2.0]], [[1.0, nan]]), "non-finite"),
        (([[1.0, 2.0]], inf), "non-finite"),
        (([[1.0, 2.0]], [["x", "y"]]), "seconds are not an array of numbers"),
        (([[1.0]], None, "lowest"), "mode is 'lowest'"),
    ],
    ids=str,
)
def test_what_is_no_table_is_told_in_one_sentence(arguments: tuple[Any, ...], told: str) -> None:
    with pytest.raises(InputError) as error:
        Table(*arguments)
    assert told in str(error.value)


def test_an_order_names_rows_and_may_repeat_or_leave_out() -> None:
    assert checked_order(None, 3) == [0, 1, 2]
    assert checked_order([2, 2, 0], 3) == [2, 2, 0]
    rows = checked_order(np.array([1, 0]), 2)  # type: ignore[arg-type]
    assert rows == [1, 0]
    assert {type(row) for row in rows} == {int}


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ([0, 3], "row 3, but the table has rows 0 to 2"),
        ([-1], "row -1"),
        ([0.5], "0.5"),
        (["0"], "'0'"),
        ([True], "True"),
    ],
)
def test_an_order_that_is_none_is_told_with_its_row(order: Any, told: str) -> None:
    with pytest.raises(InputError) as error:
        checked_order(order, 3)
    assert told in str(error.value)
