"""The modelled curves of NAS-Bench-201: real ends, repeatable, and like trainings in between."""

import numpy as np
import pytest

from rungwise.benchmarks.modelled import EPOCHS, PACES, curves

ROWS = 400


def ends(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Accuracies after 200 and after 12 epochs, the second lower."""
    rng = np.random.default_rng(0)
    final = PACES[name].chance + rng.uniform(0.3, 0.8, ROWS) * (100 - PACES[name].chance)
    return final, PACES[name].chance + rng.uniform(0.6, 0.95, ROWS) * (final - PACES[name].chance)


@pytest.mark.parametrize("name", PACES)
def test_they_end_exactly_where_the_recorded_runs_ended(name: str) -> None:
    final, short = ends(name)
    for seed in range(3):
        values = curves(PACES[name], seed, final, short)
        assert values.shape == (ROWS, EPOCHS)
        assert np.array_equal(values[:, -1], final)
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 100


@pytest.mark.parametrize("name", PACES)
def test_they_rise_from_chance(name: str) -> None:
    values = curves(PACES[name], 0, *ends(name))
    middle = np.median(values, axis=0)
    assert (np.diff(middle[[0, 2, 8, 26, 80, 150, 199]]) > 0).all()
    assert middle[0] < 0.6 * middle[-1]


def test_a_row_does_not_depend_on_the_others() -> None:
    final, short = ends("cifar100")
    pace = PACES["cifar100"]
    assert np.array_equal(curves(pace, 1, final, short)[:7], curves(pace, 1, final[:7], short[:7]))


def test_seeds_and_data_sets_draw_apart_and_repeatably() -> None:
    final, short = ends("cifar100")
    first = curves(PACES["cifar100"], 0, final, short)
    assert np.array_equal(first, curves(PACES["cifar100"], 0, final, short))
    assert not np.isclose(first, curves(PACES["cifar100"], 1, final, short))[:, :100].all()
    assert not np.isclose(first, curves(PACES["cifar10"], 0, final, short))[:, :100].all()
    # An architecture learns at its own pace whatever the seed: only the noise of the epochs differs.
    assert np.corrcoef(first[:, 5], curves(PACES["cifar100"], 1, final, short)[:, 5])[0, 1] > 0.7


def test_equals_change_places_while_the_rate_is_high_and_then_no_more() -> None:
    final = np.linspace(70.0, 71.0, 6)
    values = curves(PACES["cifar100"], 0, final, np.full(6, 58.0))
    swaps = np.diff(np.argsort(values, axis=0), axis=1) != 0
    assert swaps[:, :120].any(axis=0).sum() > 20
    assert not swaps[:, -4:].any()


def test_what_never_learns_stays_at_chance() -> None:
    values = curves(PACES["cifar10"], 0, np.array([9.712, 10.0]), np.array([10.0, 9.712]))
    assert (values[:, :-1] == 10.0).all()
    assert values[:, -1].tolist() == [9.712, 10.0]


def test_good_after_twelve_epochs_is_good_early() -> None:
    final = np.full(ROWS, 70.0)
    short = np.linspace(40.0, 65.0, ROWS)
    early = curves(PACES["cifar100"], 0, final, short)[:, 8]
    assert np.corrcoef(early, short)[0, 1] > 0.6
