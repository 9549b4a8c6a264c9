"""Each synthetic table has the trouble that its function states, and no other."""

import numpy as np
import pytest

import rungwise as rw
from rungwise.benchmarks import load, names
from rungwise.benchmarks.synthetic import NAMES, TROUBLES, synthetic
from rungwise.core.errors import InputError


def ranks(values):
    return np.argsort(np.argsort(np.where(np.isfinite(values), values, np.inf)))


def agreement(values, early, late):
    """How far the order after so many units is that of the end, from -1 to 1."""
    return np.corrcoef(ranks(values[:, early - 1]), ranks(values[:, late - 1]))[0, 1]


@pytest.mark.parametrize("name", NAMES)
def test_every_table_loads_by_its_name_says_what_it_is_and_can_be_searched(name):
    table = load(name)
    assert name in names()
    assert (table.configurations, table.units, table.mode) == (256, 81, "min")
    assert "nothing was trained" in table.note
    again = synthetic(name.removeprefix("synthetic/"))
    assert np.array_equal(table.values, again.values, equal_nan=True)
    run = rw.simulate(table, rw.schedulers.ASHA(1, 81, 3), searcher="random", trials=20)
    assert len(set(run.rows)) == 20


def test_another_seed_and_size_are_another_table():
    table = synthetic("noise", configurations=10, units=9, seed=1)
    assert table.values.shape == (10, 9)
    assert not np.allclose(table.values, synthetic("noise", configurations=10, units=9).values)


def test_who_is_fast_diverges_late():
    values = synthetic("late-nan").values
    dies = np.isnan(values).any(axis=1)
    assert dies.sum() == 64
    assert not np.isnan(values[:, :27]).any()
    assert np.isnan(values[dies, 54:]).all()
    best = np.argsort(values[:, 26])[:10]
    assert dies[best].mean() > 0.5  # PASHA's first choices


def test_who_leads_half_way_collapses():
    values = synthetic("late-collapse").values
    first = np.argsort(values[:, 39])[:40]
    assert (values[first, -1] > np.median(values[:, -1])).all()


def test_the_warm_up_misleads():
    values = synthetic("misleading-warmup").values
    assert agreement(values, 1, 81) < -0.9
    assert agreement(values, 9, 81) > 0.9


def test_short_schedules_look_better_until_the_long_ones_end():
    values = synthetic("bound-to-horizons").values
    short = values[:, 26] == values[:, -1]
    assert 0.3 < short.mean() < 0.7
    assert values[short, 26].mean() < values[~short, 26].mean() - 0.2
    assert values[~short, -1].mean() < values[short, -1].mean() - 0.05


def test_a_breakthrough_comes_once():
    values = synthetic("breakthroughs").values
    drops = -np.diff(values, axis=1) > 0.05
    assert (drops.sum(axis=1) <= 1).all()
    assert np.quantile(np.argmax(drops, axis=1), 0.1) > 8


def test_noise_and_ties_leave_the_order_as_good_as_it_is():
    noisy, tied = synthetic("noise").values, synthetic("ties").values
    assert 0.08 < np.std(noisy[:, -1] - noisy[:, -2]) / np.sqrt(2) < 0.12
    assert len(np.unique(tied[:, -1])) < 20


def test_constant_is_constant():
    assert (synthetic("constant").values == 0.5).all()


def test_what_is_better_costs_more():
    table = synthetic("cost-tied-to-quality")
    assert np.corrcoef(table.values[:, -1], table.seconds[:, 0])[0, 1] < -0.99
    assert table.seconds.max() / table.seconds.min() > 5


def test_overfitting_turns_later_the_better():
    values = synthetic("overfitting").values
    turns = np.argmin(values, axis=1)
    assert np.corrcoef(turns, values[:, 0])[0, 1] < -0.5
    assert (values[:, -1] > values.min(axis=1)).mean() > 0.9


def test_easy_is_settled_at_once_and_slow_settling_is_not():
    easy, slow = synthetic("easy").values, synthetic("slow-settling").values
    assert agreement(easy, 1, 81) > 0.999
    assert agreement(slow, 9, 81) < 0.5 < agreement(slow, 60, 81)
    pasha = [
        rw.simulate(synthetic(name), rw.schedulers.PASHA(1, 81, 3)).max_resource for name in ("easy", "slow-settling")
    ]
    assert pasha == [3, 81]


@pytest.mark.parametrize("name", ["late_nan", "", "noisy"])
def test_a_name_that_is_not_there(name):
    with pytest.raises(InputError, match=f"there is no synthetic table '{name}': there are late-nan, "):
        load(f"synthetic/{name}")
    assert name not in TROUBLES
