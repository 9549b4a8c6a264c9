import json
import random
from math import inf, log, nan
from types import SimpleNamespace

import ConfigSpace
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.ledger import TrialEntry
from rungwise.searchers.codes import axes_of
from rungwise.searchers.kde.kernels import Density, Shape, bandwidths, draws_near, imputed, truncated
from rungwise.searchers.kde.search import KDESearch
from rungwise.searchers.random import RandomSearch
from rungwise.space import Space, parse

LINE = parse({"x": (0.0, 1.0)})
SQUARE = parse({"x": (0.0, 1.0), "y": (0.0, 1.0)})
MIXED = parse(
    {
        "lr": (1e-4, 1.0, "log"),
        "layers": (1, 5),
        "width": (16, 512, "log"),
        "size": {"choices": ["s", "m", "l"], "ordered": True},
        "optimizer": ["sgd", "adam"],
        "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
        "nesterov": {"choices": [True, False], "when": {"optimizer": "sgd"}},
        "name": "net",
        "forbidden": [{"optimizer": "adam", "layers": 5}],
    }
)


def entry(trial, configuration, *levels, passed=0):
    moments = [float(trial)] * len(levels)
    return TrialEntry(trial, configuration, 0, rung=passed + len(levels), levels=list(levels), entered=moments)


def drawn(space, count, seed=1):
    return space.sample(np.random.SeedSequence(seed), count)


def history(*entries):
    return SimpleNamespace(trials={each.trial: each for each in entries}, milestones=(1, 3, 9))


def observed(space, count, value, seed=1):
    """A history in which so many random configurations have passed one rung."""
    return history(*(entry(trial, c, value(c)) for trial, c in enumerate(drawn(space, count, seed))))


def ask(searcher, told, trial):
    return searcher.suggest(told, StartTrial(trial, 1))


def axes(space):
    return axes_of(space.to_json()["hyperparameters"])


def distance(configuration):
    return sum((value - 0.3) ** 2 for value in configuration.values())


# --- densities, against an independent library


def test_a_density_of_one_number_is_scipys():
    stats = pytest.importorskip("scipy.stats")
    points = np.random.RandomState(0).random_sample((12, 1))
    density = Density(points, Shape.of(axes(LINE), 1e-3))
    width = 1.06 * points.std() * 12 ** (-1 / 5)
    assert density.bandwidths == pytest.approx([width])
    at = np.linspace(0, 1, 7)
    theirs = stats.gaussian_kde(points[:, 0], bw_method=width / points[:, 0].std(ddof=1))
    assert np.exp(density.log(at[:, None])) == pytest.approx(theirs(at))


def test_a_density_of_numbers_and_choices_is_a_mean_of_products():
    norm = pytest.importorskip("scipy.stats").norm
    shape = Shape.of(axes(parse({"a": (0.0, 1.0), "c": list("uvw"), "b": (0.0, 1.0), "d": [1, 2]})), 1e-3)
    random_state = np.random.RandomState(3)
    points, at = random_state.random_sample((9, 4)), random_state.random_sample((80, 4))
    for rows in (points, at):
        rows[:, 1] = np.floor(3 * rows[:, 1])
        rows[:, 3] = np.floor(2 * rows[:, 3])
    density = Density(points, shape)
    h = density.bandwidths

    def kernel(axis, count, a, b):
        return norm.pdf(a, b, h[axis]) if not count else 1 - h[axis] if a == b else h[axis] / (count - 1)

    want = [
        np.mean([np.prod([kernel(axis, n, a[axis], b[axis]) for axis, n in enumerate((0, 3, 0, 2))]) for b in points])
        for a in at
    ]
    assert np.exp(density.log(at)) == pytest.approx(want)


def test_far_from_every_point_densities_still_differ():
    density = Density(np.full((3, 2), 0.25), Shape.of(axes(SQUARE), 1e-3))
    near, far = density.log(np.array([[0.5, 0.25], [1.0, 1.0]]))
    assert near == pytest.approx(-(250**2) / 2 - log(2 * np.pi * 1e-6))
    assert -inf < far < near


def test_bandwidths_of_choices_do_not_hang_on_their_order_and_stop_at_even():
    shape = Shape.of(axes(parse({"c": list("pqrs")})), 1e-3)
    codes = np.array([[0, 0, 0, 1, 3]], dtype=float).T
    assert bandwidths(codes, shape) == pytest.approx(bandwidths(3 - codes, shape))
    assert bandwidths(np.zeros((5, 1)), shape) == 1e-3
    two = Shape.of(axes(parse({"c": [1, 2]})), 1e-3)
    halves = np.array([[0.0, 1.0]]).T
    assert bandwidths(halves, two) == pytest.approx(1.06 * halves.std() * 2 ** (-1 / 5))
    assert bandwidths(np.arange(4.0)[:, None], Shape.of(axes(parse({"c": list("pqrs")})), 5.0)) == 0.75


def test_where_good_points_agree_on_a_whole_number_its_neighbours_are_drawn_too():
    space = parse({"n": (1, 5), "o": {"choices": [1, 2, 3], "ordered": True}})
    shape = Shape.of(axes(space), 1e-3)
    assert bandwidths(np.full((4, 2), 0.5), shape) == pytest.approx([0.25 / 4, 0.25 / 2])


def test_codes_lead_back_to_values():
    for axis in axes(MIXED):
        for configuration in drawn(MIXED, 50):
            if (value := configuration.get(axis.name)) is not None:
                assert axis.decode(axis.encode(value)) == pytest.approx(value)
                code = np.array([axis.encode(value)])
                assert axis.snap(code) == pytest.approx(code)
    assert [axis.name for axis in axes(MIXED)] == [name for name in MIXED.names if name != "name"]


def test_codes_are_even_on_the_scale_of_the_range():
    rate, _, width, size, optimizer, *_ = axes(MIXED)
    assert [rate.encode(value) for value in (1e-4, 1e-2, 1)] == pytest.approx([0, 0.5, 1])
    assert [size.encode(value) for value in "sml"] == [0, 0.5, 1]
    assert [optimizer.encode(value) for value in ("sgd", "adam")] == [0, 1]
    assert width.decode(float(width.snap(np.array([0.5]))[0])) == round((16 * 512) ** 0.5)


@pytest.mark.parametrize("value", [None, "x", [1], True, nan, "sgd "])
def test_what_an_axis_does_not_hold_counts_as_inactive(value):
    assert all(np.isnan(axis.encode(value)) for axis in axes(MIXED) if axis.name != "nesterov" or value is not True)


def test_numbers_beyond_the_range_count_as_its_bounds():
    rate = axes(MIXED)[0]
    assert [rate.encode(value) for value in (-1, 0, 1e300, inf)] == [0, 0, 1, 1]


# --- draws


@pytest.mark.parametrize("deviation", [1e-3, 0.2, 0.6, 50.0])
@pytest.mark.parametrize("mean", [0.0, 0.4, 1.0])
def test_truncated_normals_are_distributed_as_scipys(mean, deviation):
    stats = pytest.importorskip("scipy.stats")
    found = truncated(np.full((4000, 1), mean), np.array([deviation]), np.random.RandomState(0))[:, 0]
    theirs = stats.truncnorm(-mean / deviation, (1 - mean) / deviation, loc=mean, scale=deviation)
    assert stats.kstest(found, theirs.cdf).pvalue > 1e-3


def test_draws_keep_a_choice_as_often_as_the_bandwidth_says():
    shape = Shape.of(axes(parse({"c": list("abcd")})), 0.2)
    found = draws_near(Density(np.zeros((6, 1)), shape), shape, 3.0, 20_000, np.random.RandomState(0))
    assert np.bincount(found[:, 0].astype(int)) / 20_000 == pytest.approx([0.85, 0.05, 0.05, 0.05], abs=0.01)


def test_the_inactive_is_filled_from_rows_in_which_it_is_active():
    space = parse({"o": ["a", "b"], "x": (0.0, 1.0), "c": list("pqr")})
    shape = Shape.of(axes(space), 1e-3)
    points = np.array([[0, 0.25, 2], [0, 0.75, 1], [1, nan, nan], [1, nan, nan], [1, nan, 0]])
    filled = imputed(points, shape, np.random.RandomState(0))
    assert not np.isnan(filled).any()
    assert (filled[:2] == points[:2]).all()
    assert filled[4, 2] == 0
    assert {tuple(row) for row in filled[2:4, 1:].tolist()} <= {(0.25, 2), (0.75, 1)}
    nowhere = imputed(np.full((200, 3), nan), shape, np.random.RandomState(0))
    assert set(nowhere[:, 2]) == {0, 1, 2}
    assert 0 <= nowhere[:, 1].min() < nowhere[:, 1].max() <= 1


# --- which trials count as what


def test_without_enough_observations_everyone_gets_what_random_search_gives():
    told = observed(SQUARE, 5, distance)
    searcher, plain = KDESearch(SQUARE, 3), RandomSearch(SQUARE, 3)
    assert [ask(searcher, told, trial) for trial in range(5, 40)] == [ask(plain, told, t) for t in range(5, 40)]


def test_a_third_gets_what_random_search_gives():
    told = observed(SQUARE, 40, distance)
    searcher, plain = KDESearch(SQUARE, 3), RandomSearch(SQUARE, 3)
    same = [ask(searcher, told, trial) == ask(plain, told, trial) for trial in range(40, 340)]
    assert sum(same) / 300 == pytest.approx(1 / 3, abs=0.07)


def parts(searcher, told):
    """The points of the good and the bad density; None without a model."""
    table = searcher._table
    model = searcher._model(table.update(told.trials), np.random.RandomState(0))
    return model and tuple(sorted(density.points[:, 0].tolist()) for density in model)


def line(*values, passed=0):
    """Trial i at x = i/100, with these values (tuples: of several rungs)."""
    levels = [value if isinstance(value, tuple) else (value,) for value in values]
    return history(*(entry(trial, {"x": trial / 100}, *each, passed=passed) for trial, each in enumerate(levels)))


def xs(*trials):
    return [trial / 100 for trial in trials]


def test_good_and_bad_are_counted_as_in_the_paper():
    searcher = KDESearch(LINE, 0)
    assert parts(searcher, line(1, 2, 3)) is None
    assert parts(searcher, line(4, 3, 2, 1)) == (xs(2, 3), xs(0, 1))
    good, bad = parts(searcher, line(*range(40)))
    assert (good, bad) == (xs(*range(6)), xs(*range(6, 40)))
    good, bad = parts(searcher, line(*range(50)))
    assert (good, bad) == (xs(*range(7)), xs(*range(7, 49)))


def test_the_highest_rung_with_enough_decides():
    searcher = KDESearch(LINE, 0)
    assert parts(searcher, line((1, 9), (2, 8), (3, 7), (4, 6), 0, 0)) == (xs(2, 3), xs(0, 1))
    assert parts(searcher, line((1, 9), (2, 8), (3, 7), 4)) == (xs(0, 1), xs(2, 3))


def test_levels_are_those_of_the_last_rungs_passed():
    children = [entry(trial, {"x": trial / 100}, 10 - trial, passed=2) for trial in range(4)]
    others = [entry(trial, {"x": trial / 100}, trial, trial) for trial in range(4, 9)]
    assert parts(KDESearch(LINE, 0), history(*children, *others)) == (xs(2, 3), xs(0, 1))


def test_of_equal_values_the_earlier_trial_is_the_better():
    assert parts(KDESearch(LINE, 0), line(*[5] * 6)) == (xs(0, 1), xs(2, 3, 4, 5))
    told = line(*[5] * 6)
    turned = SimpleNamespace(trials=dict(reversed(told.trials.items())))
    assert parts(KDESearch(LINE, 0), turned) == parts(KDESearch(LINE, 0), told)


def test_what_is_not_finite_is_bad_and_what_has_no_value_counts_for_nothing():
    searcher = KDESearch(LINE, 0)
    assert parts(searcher, line(nan, -inf, 3, inf, 1e300, ())) == (xs(2, 4), xs(0, 1, 3))
    assert parts(searcher, line(nan, -inf, 3, inf, nan)) is None
    assert parts(searcher, line((1, nan), (2, nan), (3, nan), (4, nan))) == (xs(0, 1), xs(2, 3))


def test_fewer_points_will_do_where_that_is_asked_for():
    assert parts(KDESearch(LINE, 0, min_points=1), line(2, 1)) == (xs(1), xs(0))
    assert parts(KDESearch(LINE, 0, min_points=3), line(4, 3, 2, 1)) is None


# --- determinism


def told_of_mixed(count=60):
    entries = []
    for trial, configuration in enumerate(drawn(MIXED, count)):
        value = abs(log(configuration["lr"]) + 4) + configuration["layers"] * 0.1
        entries.append(entry(trial, configuration, *[value, value / 2][: 1 + trial % 2]))
    return history(*entries)


def test_the_same_history_suggests_the_same_in_any_order_and_from_a_fresh_object():
    told = told_of_mixed()
    searcher = KDESearch(MIXED, 7)
    want = {trial: ask(searcher, told, trial) for trial in range(60, 90)}
    order = list(want)
    random.Random(0).shuffle(order)
    assert {trial: ask(searcher, told, trial) for trial in order} == want
    assert {trial: ask(KDESearch(MIXED, 7), told_of_mixed(), trial) for trial in order} == want
    assert {trial: ask(KDESearch(MIXED, 8), told, trial) for trial in order} != want


def test_what_it_remembers_of_a_history_that_grows_changes_nothing():
    told = told_of_mixed(110)
    searcher, growing = KDESearch(MIXED, 7), {}
    for trial, full in told.trials.items():
        growing[trial] = TrialEntry(trial, full.configuration, 0)
        view = SimpleNamespace(trials=growing)
        ask(searcher, view, trial + 1)
        for value in full.levels:
            growing[trial].levels.append(value)
            growing[trial].entered.append(float(trial))
            growing[trial].rung += 1
        if trial % 20 == 0:
            assert ask(searcher, view, trial + 1) == ask(KDESearch(MIXED, 7), view, trial + 1)
    shorter = SimpleNamespace(trials={trial: told.trials[trial] for trial in range(30)})
    for other in (shorter, told_of_mixed(80), observed(MIXED, 40, lambda c: -c["lr"], seed=5)):
        assert [ask(searcher, other, t) for t in range(110, 120)] == [
            ask(KDESearch(MIXED, 7), other, t) for t in range(110, 120)
        ]


def test_no_global_randomness_is_touched_and_no_answer_is_shared():
    before = random.getstate(), np.random.get_state()
    told, searcher = told_of_mixed(), KDESearch(MIXED, 7)
    for trial in range(60, 75):
        first = ask(searcher, told, trial)
        second = ask(searcher, told, trial)
        first.clear()
        assert ask(searcher, told, trial) == second
    after = random.getstate(), np.random.get_state()
    assert before[0] == after[0]
    assert all(np.array_equal(one, other) for one, other in zip(before[1], after[1], strict=True))


# --- it learns


def regret(searcher, space, value, trials, seed):
    told = history()
    for trial in range(trials):
        configuration = ask(searcher(space, seed), told, trial)
        told.trials[trial] = entry(trial, configuration, value(configuration))
    return sorted(each.levels[0] for each in told.trials.values())[: trials // 4]


@pytest.mark.parametrize(
    ("space", "value"),
    [
        (parse({f"x{i}": (0.0, 1.0) for i in range(4)}), distance),
        (parse({f"n{i}": (1, 64, "log") for i in range(4)}), lambda c: sum(log(v / 12) ** 2 for v in c.values())),
        (parse({f"c{i}": list("abcde") for i in range(6)}), lambda c: sum(v != "b" for v in c.values())),
        (
            parse({f"o{i}": {"choices": [1, 2, 4, 8, 16], "ordered": True} for i in range(6)}),
            lambda c: sum(abs(log(v / 4)) for v in c.values()),
        ),
    ],
    ids=["floats", "log integers", "choices", "ordered"],
)
def test_it_proposes_better_configurations_than_random_search(space, value):
    ours, random_ones = (
        np.mean([regret(searcher, space, value, 60, seed) for seed in range(3)])
        for searcher in (KDESearch, RandomSearch)
    )
    assert ours < 0.75 * random_ones


# --- what is proposed is legal and new


def test_suggestions_are_legal_plain_and_new():
    native = MIXED.configuration_space()
    told = told_of_mixed()
    searcher = KDESearch(MIXED, 1, random_share=0.0)
    for trial in range(60, 110):
        configuration = ask(searcher, told, trial)
        ConfigSpace.Configuration(native, values=configuration).check_valid_configuration()
        assert list(configuration) == [name for name in MIXED.names if name in configuration]
        assert {type(value) for value in configuration.values()} <= {str, int, float, bool}
        assert json.loads(json.dumps(configuration)) == configuration
        assert configuration not in [each.configuration for each in told.trials.values()]
        told.trials[trial] = entry(trial, configuration)


@st.composite
def forms(draw):
    """A few hyperparameters of every kind, conditions on the first, and perhaps a forbidden clause."""
    kinds = [
        {"range": [-5.0, 7.5]},
        {"range": [1e-6, 1e3], "log": True},
        {"range": [-3, 3]},
        {"range": [1, 1000], "log": True},
        {"choices": ["p", "q", "r"]},
        {"choices": [1, 2.5, "x", False], "ordered": True},
        {"choices": ["alone"]},
    ]
    form = {"first": {"choices": ["a", "b", "c"]}}
    for place, spec in enumerate(draw(st.lists(st.sampled_from(kinds), max_size=5))):
        when = draw(st.one_of(st.none(), st.lists(st.sampled_from("abc"), min_size=1, unique=True)))
        form[f"h{place}"] = spec if when is None else {**spec, "when": {"first": when}}
        if when is None and "p" in spec.get("choices", ()) and draw(st.booleans()):
            form["forbidden"] = [{"first": "b", f"h{place}": "q"}]
    return form


@given(forms(), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_conditions_and_forbidden_clauses_hold(form, seed):
    space = parse(form)
    native = space.configuration_space()
    values = np.random.RandomState(seed).random_sample(40)
    told = history(*(entry(i, c, float(values[i])) for i, c in enumerate(drawn(space, 40, seed))))
    searcher = KDESearch(space, seed, random_share=0.0)
    for trial in range(40, 46):
        configuration = ask(searcher, told, trial)
        if configuration is None:
            assert space.size() is not None
            return
        ConfigSpace.Configuration(native, values=configuration).check_valid_configuration()
        assert space.check(configuration) == configuration


def exhaust(space: Space, seed=0, **options):
    """Every configuration proposed until there is none."""
    told, searcher = history(), KDESearch(space, seed, **options)
    for trial in range(10_000):
        configuration = ask(searcher, told, trial)
        if configuration is None:
            return [each.configuration for each in told.trials.values()]
        told.trials[trial] = entry(trial, configuration, float(trial % 7))
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ({"one": ["a"]}, 1),
        ({"a": [1, 2, 3], "n": (1, 4)}, 12),
        ({"a": [2, True], "n": (1, 60, "log"), "s": (-1, 2)}, 480),
        ({"a": ["x", "y"], "m": {"choices": [1, 2], "when": {"a": "x"}}, "forbidden": [{"a": "x", "m": 2}]}, 2),
    ],
    ids=["one", "twelve", "ranges", "conditions"],
)
def test_a_finite_space_is_exhausted_without_repeats(form, count):
    found = exhaust(parse(form), random_share=0.2)
    assert len({json.dumps(configuration) for configuration in found}) == len(found) == count


def test_running_and_paused_trials_are_not_proposed_again():
    space = parse({"a": [1, 2, 3], "b": [1, 2, 3], "c": [1, 2]})
    grid = list(space.grid(1))
    told = history(*(entry(trial, c, *([1.0] if trial < 12 else [])) for trial, c in enumerate(grid[:-1])))
    assert {json.dumps(ask(KDESearch(space, seed), told, 17)) for seed in range(8)} == {json.dumps(grid[-1])}


def test_where_a_space_without_end_offers_nothing_new_a_trial_repeats():
    space = parse({"a": ["x", "y"], "r": {"range": [0.0, 1.0], "when": {"a": "y"}}, "forbidden": [{"a": "y"}]})
    assert ask(KDESearch(space, 0), history(entry(0, {"a": "x"}, 1.0)), 1) == {"a": "x"}


# --- bad input


@pytest.mark.parametrize("value", [1.0, nan, inf, -inf, 1e300, -1e300])
def test_observations_that_are_all_equal_or_all_failed(value):
    told = observed(MIXED, 60, lambda _: value)
    for trial in range(60, 75):
        MIXED.check(ask(KDESearch(MIXED, 0, random_share=0.0), told, trial))


def test_all_failed_before_their_first_value():
    told = history(*(entry(trial, c) for trial, c in enumerate(drawn(MIXED, 60))))
    assert ask(KDESearch(MIXED, 4), told, 60) == ask(RandomSearch(MIXED, 4), told, 60)


def test_a_constant_dimension_and_values_that_the_space_does_not_hold():
    entries = [entry(i, {**c, "y": 0.5}, distance(c)) for i, c in enumerate(drawn(SQUARE, 30))]
    odd = [entry(30 + i, odd, 0.1) for i, odd in enumerate([{}, {"x": "?"}, {"x": 3, "z": 1}, {"y": nan}])]
    found = [ask(KDESearch(SQUARE, 0, random_share=0.0), history(*entries, *odd), trial) for trial in range(40, 60)]
    assert all(0 <= each[name] <= 1 for each in found for name in "xy")


def test_hundreds_of_dimensions_with_few_points_and_with_enough():
    space = parse({f"x{i}": (0.0, 1.0) for i in range(200)})
    told = observed(space, 450, distance)
    found = ask(KDESearch(space, 0, random_share=0.0), told, 450)
    assert found != ask(RandomSearch(space, 0), told, 450)
    told.trials = {trial: told.trials[trial] for trial in range(401)}
    assert ask(KDESearch(space, 0), told, 401) == ask(RandomSearch(space, 0), told, 401)


def test_a_thousand_choices():
    space = parse({"c": [f"c{i}" for i in range(1000)]})
    told = observed(space, 100, lambda c: float(c["c"][1:]))
    found = [ask(KDESearch(space, 0, random_share=0.0), told, trial)["c"] for trial in range(100, 140)]
    assert set(found) <= {f"c{i}" for i in range(1000)}
    assert not set(found) & {each.configuration["c"] for each in told.trials.values()}


def test_conditional_hyperparameters_that_are_inactive_everywhere():
    space = parse({"a": ["x", "y"], "r": {"range": [0.0, 1.0], "when": {"a": "y"}}, "s": (0.0, 1.0)})
    told = history(*(entry(i, {"a": "x", "s": i / 50}, float(i)) for i in range(50)))
    for trial in range(50, 80):
        space.check(ask(KDESearch(space, 0, random_share=0.0), told, trial))


def test_ranges_as_wide_as_they_may_be():
    space = parse({"x": (-1e290, 1e290), "y": (1e-13, 1e290, "log"), "n": (-(2**52), 2**52)})
    told = observed(space, 40, lambda c: abs(c["x"]))
    for trial in range(40, 60):
        space.check(ask(KDESearch(space, 0, random_share=0.0), told, trial))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_points": 0}, "min_points is 0"),
        ({"candidates": 0}, "candidates is 0"),
        ({"top": 1.5}, "top is 1.5"),
        ({"random_share": -0.1}, "random_share is -0.1"),
        ({"random_share": nan}, "random_share is nan"),
        ({"top": "x"}, "top is 'x'"),
        ({"bandwidth_factor": 0}, "bandwidth_factor is 0"),
        ({"min_bandwidth": inf}, "min_bandwidth is inf"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        KDESearch(LINE, **{"seed": 0, **options})
