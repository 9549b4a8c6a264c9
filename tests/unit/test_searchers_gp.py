"""The Gaussian process: its evidence, its posterior beside other libraries and slow twins, and what it suggests."""

import random as standard
from importlib import util
from itertools import pairwise

import numpy as np
import pytest

from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.searchers import make
from rungwise.searchers.codes import axes_of
from rungwise.searchers.gp.evidence import Inputs, normal_scores, thinned
from rungwise.searchers.observations import Arrivals
from rungwise.space import parse

torch = pytest.importorskip("torch", reason="the extra 'bo' is not installed")
pytest.importorskip("botorch", reason="the extra 'bo' is not installed")

from rungwise.searchers.gp.process import Columns, Process, fit  # noqa: E402
from rungwise.searchers.gp.search import GPSearch, fit_size  # noqa: E402

SPACE = parse({"x": (0.0, 1.0), "y": (1e-4, 1.0, "log"), "c": ["a", "b", "d"]})
LINE = Columns((0, 1), (), True)
MIXED = Columns((0, 1), (2,), False)
RANDOM = np.random.RandomState(0)
POINTS = RANDOM.random_sample((12, 2))
VALUES = np.sin(5 * POINTS[:, 0]) + POINTS[:, 1] ** 2


def told(count, value, *, promoted=4, space=SPACE):
    """Trials of random search with a value each, one in so many on the next rung too, a second apart."""
    ledger, draw = Ledger((1, 3, 9)), make("random", space, 5)
    for trial in range(count):
        configuration = draw.suggest(ledger, StartTrial(trial, 1))
        ledger.apply(Launch(trial, configuration, 0, 3, 1, 0))
        ledger.apply(TrialReported(trial + 1.0, trial, 1, value(configuration), {}))
        if trial % promoted == 0:
            ledger.apply(TrialReported(trial + 1.0, trial, 3, value(configuration) - 0.1, {}))
        ledger.apply(TrialPaused(trial + 1.0, trial, 1))
    ledger.now += 10.0
    return ledger


def distance(configuration):
    return abs(configuration["x"] - 0.3) + abs(np.log10(configuration["y"]) + 2) / 2 + (configuration["c"] != "b") / 2


def ask(searcher, history, trial):
    return searcher.suggest(history, StartTrial(trial, 1))


# --- evidence


def test_normal_scores_are_those_of_mean_ranks():
    from scipy.stats import norm, rankdata

    values = np.array([3.0, 1.0, 1.0, np.inf, 1e300, -1e300, np.inf, 2.0])
    expected = norm.ppf((rankdata(values) - 0.5) / len(values))
    assert np.allclose(normal_scores(values), expected)


def arrivals(count):
    """The later a trial the further it came: trial i has a value on each of the first i % 4 + 1 rungs."""
    pairs = [(trial, rung) for trial in range(count) for rung in range(trial % 4 + 1)]
    rows, rungs = np.array(pairs).T
    return Arrivals(rows, rungs, RANDOM.random_sample(len(pairs)), np.arange(len(pairs)) * 1.0)


def test_few_observations_stay_as_they_are_and_many_are_thinned():
    some = arrivals(40)
    assert thinned(some, 100) is some
    kept = thinned(some, 30)
    assert len(kept) == 30
    assert (np.diff(kept.moments) > 0).all()
    furthest = some.rows % 4 == 3
    best = np.sort(some.values[furthest])[:15]
    assert np.isin(best, kept.values).all()  # half of them: the best of the trials that came furthest
    assert len(np.unique(kept.rungs)) == 4
    assert kept.moments.min() < 10
    assert kept.moments.max() > 80


def test_inputs_hold_codes_and_the_resource_and_what_is_inactive_is_like_nothing_active():
    space = parse({"x": (0.0, 1.0), "c": ["a", "b"], "z": {"range": [0.0, 1.0], "when": {"c": "b"}}})
    axes = axes_of(space.to_json()["hyperparameters"])
    codes = np.array([[0.2, 1.0, 0.7], [0.4, np.nan, np.nan]])
    assert Inputs(axes, (1, 3, 9), False).of(codes, np.array([0, 2])).tolist() == [
        [0.2, 1, 0.7, 1 / 9],
        [0.4, 2, 0.5, 1],
    ]
    assert Inputs(axes, (1, 3, 9), True).of(codes, 1)[:, -1].tolist() == [1, 1]


# --- the process


def expected_covariance(one, other, hyperparameters):
    """The covariance of the module's head, written out."""
    scales = hyperparameters["covar_module.kernels.0.raw_lengthscale"].numpy()
    positive = {
        name: np.log1p(np.exp(hyperparameters[f"covar_module.kernels.{name}"].numpy().item()))
        for name in ("1.raw_lengthscale", "2.raw_lengthscale", "2.raw_offset", "2.raw_power")
    }
    apart = ((one[:, None, :2] - other[None, :, :2]) / scales) ** 2
    differs = (one[:, None, 2] != other[None, :, 2]).astype(float)
    decay = (1 + (one[:, None, 3] + other[None, :, 3]) / positive["2.raw_lengthscale"]) ** -positive["2.raw_power"]
    return (
        np.exp(-apart.sum(-1) / 2)
        * np.exp(-differs / positive["1.raw_lengthscale"])
        * (positive["2.raw_offset"] + decay)
    )


def mixed(count):
    drawn = RANDOM.random_sample((count, 4))
    drawn[:, 2] = np.floor(drawn[:, 2] * 3)
    drawn[:, 3] = np.array([1 / 9, 1 / 3, 1.0])[np.floor(drawn[:, 3] * 3).astype(int)]
    return drawn


def conditioned(known, values, at, hyperparameters):
    """Mean and covariance at some inputs given values at others, by the textbook."""
    noise = hyperparameters["likelihood.noise_covar.raw_noise"].item()
    constant = hyperparameters["mean_module.raw_constant"].item()
    inner = expected_covariance(known, known, hyperparameters) + noise * np.eye(len(known))
    outer = expected_covariance(at, known, hyperparameters)
    mean = constant + outer @ np.linalg.solve(inner, values - constant)
    return mean, expected_covariance(at, at, hyperparameters) - outer @ np.linalg.solve(inner, outer.T), noise


def expected_improvement(mean, variance, best):
    from scipy.stats import norm

    deviation = np.sqrt(variance)
    scaled = (best - mean) / deviation
    return deviation * (norm.pdf(scaled) + scaled * norm.cdf(scaled))


@pytest.fixture(scope="module")
def fitted():
    inputs = mixed(25)
    values = inputs[:, 0] - inputs[:, 1] + (inputs[:, 2] == 1) + inputs[:, 3]
    return inputs, values, fit(inputs, values, MIXED)


def test_means_are_those_of_the_textbook(fitted):
    inputs, values, hyperparameters = fitted
    at = mixed(9)
    mean, _, _ = conditioned(inputs, values, at, hyperparameters)
    assert np.allclose(Process(inputs, values, MIXED, hyperparameters).means(at), mean, atol=1e-5)


def test_the_improvement_is_the_average_over_fantasies_of_what_is_pending(fitted):
    inputs, values, hyperparameters = fitted
    process, pending, candidates = Process(inputs, values, MIXED, hyperparameters), mixed(3), mixed(8)
    draws, counts, best = RANDOM.standard_normal((3, 20)), np.array([True, False, True]), 0.1
    mean, covariance, noise = conditioned(inputs, values, pending, hyperparameters)
    factor = np.linalg.cholesky(covariance + (noise + 1e-6) * np.eye(3))
    expected = []
    for draw in draws.T:
        imagined = mean + factor @ draw
        known, believed = np.concatenate([inputs, pending]), np.concatenate([values, imagined])
        there, spread, _ = conditioned(known, believed, candidates, hyperparameters)
        expected.append(expected_improvement(there, spread.diagonal(), min(best, *imagined[counts])))
    found = process.improvement(pending, candidates, counts, best, draws)
    assert np.allclose(found, np.mean(expected, axis=0), atol=1e-4)


def test_a_process_for_one_rung_is_that_of_scikit_learn():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    inputs = np.column_stack([POINTS, np.zeros(12)])
    hyperparameters = fit(inputs, VALUES, LINE)
    process = Process(inputs, VALUES, LINE, hyperparameters)
    scale = np.log1p(np.exp(hyperparameters["covar_module.raw_outputscale"].item()))
    lengths = hyperparameters["covar_module.base_kernel.kernels.0.raw_lengthscale"].numpy()[0]
    constant = hyperparameters["mean_module.raw_constant"].item()
    noise = hyperparameters["likelihood.noise_covar.raw_noise"].item()
    other = GaussianProcessRegressor(ConstantKernel(scale) * RBF(lengths), alpha=noise, optimizer=None)
    other.fit(POINTS, VALUES - constant)
    at = RANDOM.random_sample((7, 2))
    mean, deviation = other.predict(at, return_std=True)
    there = np.column_stack([at, np.zeros(7)])
    assert np.allclose(process.means(there), mean + constant, atol=1e-5)
    nothing = np.empty((0, 3)), np.empty(0, dtype=bool), np.empty((0, 20))
    found = process.improvement(nothing[0], there, nothing[1], 0.2, nothing[2])
    assert np.allclose(found, expected_improvement(mean + constant, deviation**2, 0.2), atol=1e-4)


def test_rungs_have_nothing_in_common_where_each_has_a_process_of_its_own():
    inputs = np.column_stack([POINTS, np.zeros(12)])
    hyperparameters = fit(inputs, VALUES, LINE)
    elsewhere = np.column_stack([POINTS, np.ones(12)])
    constant = hyperparameters["mean_module.raw_constant"].item()
    assert np.allclose(Process(inputs, VALUES, LINE, hyperparameters).means(elsewhere), constant, atol=1e-6)


def test_a_fit_is_the_same_again_whatever_the_number_of_threads_and_touches_no_randomness():
    inputs = np.column_stack([POINTS, np.zeros(12)])
    before, states = torch.get_num_threads(), (torch.get_rng_state(), standard.getstate(), np.random.get_state()[1])
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(fit(inputs, VALUES, LINE))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert standard.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()


# --- suggestions


@pytest.mark.parametrize("per_rung", [False, True])
def test_it_learns_of_numbers_and_choices(per_rung):
    searcher, history = GPSearch(SPACE, 1, per_rung=per_rung), told(40, distance)
    found = [distance(ask(searcher, history, trial)) for trial in range(40, 52)]
    usual = [distance(ask(make("random", SPACE, 1), history, trial)) for trial in range(40, 52)]
    assert np.mean(found) < 0.5 * np.mean(usual)


def test_preparing_changes_no_suggestion():
    history = told(30, distance)
    prepared = GPSearch(SPACE, 1)
    for _ in range(2):
        prepared.prepare(history)
    plain = GPSearch(SPACE, 1)
    assert [ask(prepared, history, trial) for trial in (30, 31)] == [ask(plain, history, trial) for trial in (30, 31)]


def test_what_came_within_the_last_two_seconds_decides_no_fit():
    """So the fit that a suggestion waits for has been on its way for so long."""
    history = told(11, distance)
    early, late = GPSearch(SPACE, 1), GPSearch(SPACE, 1)
    eighth = sorted(moment for entry in history.trials.values() for moment in entry.entered)[7]
    history.now = eighth + 1.9
    assert ask(early, history, 11) == ask(make("random", SPACE, 1), history, 11)
    assert not early._fits._found
    history.now += 0.2
    ask(late, history, 11)
    assert len(late._fits._found) == 1


def test_it_keeps_away_from_what_is_on_its_way():
    history = told(40, distance)
    alone = ask(GPSearch(SPACE, 1), history, 40)
    for trial in range(40, 46):
        history.apply(Launch(trial, {**alone, "x": alone["x"] + 1e-3 * (trial - 40)}, 0, 1, 1, 0))
    history.now += 10
    beside = ask(GPSearch(SPACE, 1), history, 46)
    codes = [np.array([each["x"], np.log10(each["y"]) / 4]) for each in (alone, beside)]
    assert beside["c"] != alone["c"] or np.abs(codes[0] - codes[1]).max() > 0.02


def test_where_linear_algebra_gives_up_random_search_goes_on(monkeypatch):
    from linear_operator.utils.errors import NotPSDError

    def worthless(self, inputs):
        raise NotPSDError("rounding")

    history = told(30, distance)
    monkeypatch.setattr(Process, "means", worthless)
    assert ask(GPSearch(SPACE, 1), history, 30) == ask(make("random", SPACE, 1), history, 30)


def test_sizes_of_fits_grow_by_a_share():
    sizes = sorted({fit_size(count) for count in range(2000)})
    assert sizes[:5] == [0, 8, 11, 15, 21]
    assert all(after <= 1.4 * before for before, after in pairwise(sizes[1:]))


def test_without_botorch_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"the searcher is 'gp', but botorch is not installed: pip install 'rungwise"):
        GPSearch(SPACE, 0)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_a_process_per_rung_is_wanted_or_not(value):
    with pytest.raises(InputError, match=r"per_rung of the searcher 'gp' is .*, but must be true or false"):
        make({"name": "gp", "per_rung": value}, SPACE, 0)
