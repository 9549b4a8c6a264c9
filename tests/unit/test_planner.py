"""Plans: profiles in files, curves from everywhere, forecasts that are the simulator's, and advice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.allocation import ByRung, Fixed
from rungwise.comparison.methods import parse_method
from rungwise.comparison.resampling import Estimate
from rungwise.core.decisions import Resize
from rungwise.core.errors import InputError
from rungwise.core.limits import Limits
from rungwise.core.spec import ExperimentSpec
from rungwise.planner import (
    Division,
    Forecast,
    Overhead,
    Profile,
    Setting,
    Wanted,
    advise,
    against,
    divisions,
    find_curves,
    forecasts,
    read_profile,
    write_profile,
)
from rungwise.planner.curves import Curves, whole
from rungwise.planner.forecast import order
from rungwise.planner.measure import TwoJobs
from rungwise.planner.timing import laps, timing
from rungwise.report.planning import advice_text, plain_plan
from rungwise.schedulers.named import make_scheduler
from rungwise.store import Store

PROFILE = Profile(((1, 8.0), (2, 5.0), (4, 4.0)), Overhead(3.0, 1.0, 0.5), 2.0, "epochs", "by hand")
RESOURCES = {"min_resource": 1, "max_resource": 9, "eta": 3}
SETTING = Setting(workers=4, trials=9, seeds=3)


def method(text: str = "asha") -> Any:
    return parse_method(text, RESOURCES, 9, 0)


def table(**more: Any) -> rw.Table:
    draw = np.random.default_rng(0)
    final = draw.random((20, 1))
    return rw.Table(final + 1 / np.arange(1, 10), draw.uniform(1, 3, (20, 9)), name="made", **more)


@pytest.mark.parametrize("name", ["profile.yaml", "profile.json"])
def test_a_profile_comes_back_from_a_file_as_it_was(tmp_path: Path, name: str) -> None:
    write_profile(PROFILE, tmp_path / name)
    assert read_profile(tmp_path / name) == PROFILE


WRONG = {
    "nothing in it": ("{}", "seconds_per_unit is None, but must be seconds by slots"),
    "no shares": ("seconds_per_unit: {}", "names no seconds per unit"),
    "no seconds": ("seconds_per_unit: {1: 0}", "a unit takes 0 seconds"),
    "no end": ("seconds_per_unit: {1: .inf}", "a unit takes inf seconds"),
    "not a number": ("seconds_per_unit: {1: fast}", "a unit takes 'fast' seconds"),
    "half a slot": ("seconds_per_unit: {0.5: 1}", "a number of slots in a profile is 0.5"),
    "no slot": ("seconds_per_unit: {0: 1}", "a number of slots in a profile is 0"),
    "another key": ("{seconds_per_unit: {1: 1}, start: 2}", "has the key 'start', which it does not know"),
    "a start-up before now": ("{seconds_per_unit: {1: 1}, startup: -2}", "startup is -2"),
    "a beginning before now": ("{seconds_per_unit: {1: 1}, begin: -2}", "begin is -2"),
    "a unit that is a number": ("{seconds_per_unit: {1: 1}, unit: 3}", "unit is 3, but must be text"),
    "a list": ("[1, 2]", "is a list, but a profile must be a mapping"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_profile_is_told_in_one_sentence(tmp_path: Path, case: str) -> None:
    content, told = WRONG[case]
    (tmp_path / "profile.yaml").write_text(content)
    with pytest.raises(InputError, match=r"profile\.yaml") as caught:
        read_profile(tmp_path / "profile.yaml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_with_one_share_measured_only_that_can_be_planned() -> None:
    only = Profile(((2, 5.0),))
    assert divisions(only, 8) == [Division(2, 2)]
    for slots in (1, 4):
        with pytest.raises(InputError, match=rf"a trial is to have {slots} slots .* the profile holds what 2 take"):
            divisions(only, 8, [slots])
    with pytest.raises(InputError, match="workers is 1, but the profile begins with 2 slots"):
        divisions(only, 1)
    fifo = parse_method("fifo", RESOURCES, 1, 0)
    (one,) = forecasts(only, Curves(rw.Table([[1.0] * 9]), ""), [fifo], divisions(only, 8), Setting(2, 1, seeds=1))
    assert one.time.mean == 9 * 5.0


def test_divisions_are_the_measured_shares_that_fit_and_those_that_grow_between_them() -> None:
    assert divisions(PROFILE, 3) == [Division(1, 1), Division(2, 2), Division(1, 2), Division(1, 2, fills=True)]
    assert divisions(PROFILE, 8, [4, 3]) == [
        Division(3, 3), Division(4, 4), Division(3, 4), Division(3, 4, fills=True),
    ]  # fmt: skip
    with pytest.raises(InputError, match="a trial is to have 4 slots, but there are 3 in all"):
        divisions(PROFILE, 3, [4])


def test_more_slots_that_are_slower_are_allowed_and_told() -> None:
    assert PROFILE.slower == []
    assert Profile(((1, 8.0), (2, 9.0), (4, 3.0))).slower == [(1, 2)]


def test_a_forecast_is_what_the_simulator_says_of_the_real_scheduler() -> None:
    curves = whole(table(), "made")
    (found,) = forecasts(PROFILE, curves, [method("pasha")], [Division(2, 2)], SETTING)
    times, costs = [], []
    for seed in range(SETTING.seeds):
        timed = rw.Table(curves.table.values, curves.table.seconds * 8.0)
        run = rw.simulate(
            timed, rw.schedulers.PASHA(1, 9, 3), workers=4, order=order(timed, SETTING, seed), stop="drain",
            allocation=Fixed(2), scaling={1: 8.0, 2: 5.0, 4: 4.0}, overhead=PROFILE.overhead,
        )  # fmt: skip
        times.append(run.time + 2.0)
        costs.append((run.slot_seconds + 4 * 2.0) / 3600)
    assert (found.times, found.costs) == (tuple(times), tuple(costs))
    assert found.time.mean == pytest.approx(np.mean(times))
    assert min(times) <= found.time.low <= found.time.mean <= found.time.high <= max(times)
    assert found.use.mean == pytest.approx(np.mean(np.array(costs) * 3600 / np.array(times) / 4))


def test_one_trial_at_one_second_a_unit_takes_what_the_profile_says() -> None:
    curves = Curves(rw.Table([[1.0, 0.5, 0.2]]), "")
    fifo = parse_method("fifo", {**RESOURCES, "max_resource": 3}, 1, 0)
    found = forecasts(PROFILE, curves, [fifo], divisions(PROFILE, 4, [1, 4]), Setting(4, 1, seeds=1))
    policies = [each.division for each in found]
    assert policies == [Division(1, 1), Division(4, 4), Division(1, 4, fills=True)], "fifo never pauses: no share grows"
    assert [each.time.mean for each in found] == [2 + 3 * 8 + 3.5, 2 + 3 * 4 + 3.5, 2 + 3 * 8 + 3.5]
    assert [each.use.mean for each in found] == [0.25, 1.0, 0.25], "one unit is left when two are known: not worth it"


def test_what_fills_idle_slots_goes_by_the_profile() -> None:
    """A unit of 8 s takes 4 on four slots, and a restart 4.5: it pays where three units and more are left."""
    curves = Curves(rw.Table([[1.0] * 9]), "")
    fifo = parse_method("fifo", RESOURCES, 1, 0)
    (found,) = forecasts(PROFILE, curves, [fifo], [Division(1, 4, fills=True)], Setting(4, 1, seeds=1))
    assert found.time.mean == 2 + 3 + 3 * 8 + 4.5 + 6 * 4 + 0.5
    dear = replace(PROFILE, overhead=Overhead(30.0))
    (found,) = forecasts(dear, curves, [fifo], [Division(1, 4, fills=True)], Setting(4, 1, seeds=1))
    assert found.time.mean == 2 + 30 + 9 * 8
    slower = Profile(((1, 8.0), (2, 9.0), (4, 9.0)))
    (found,) = forecasts(slower, curves, [fifo], [Division(1, 4, fills=True)], Setting(4, 1, seeds=1))
    assert found.time.mean == 9 * 8, "more slots would be slower"


def test_seeds_are_other_orders_and_the_same_for_all_divisions() -> None:
    curves = whole(table(), "made")
    orders = [order(curves.table, SETTING, seed) for seed in range(3)]
    assert len({tuple(each) for each in orders}) == 3
    assert all(len(set(each)) == 9 for each in orders)
    more = order(curves.table, replace(SETTING, trials=50), 0)
    assert len(more) == 50
    assert set(more) <= set(range(20))


def test_curves_go_on_at_their_last_value_and_seconds_are_relative() -> None:
    values = [[9.0, np.nan, 7.0, np.nan], [5.0, 4.0, 3.0, 2.0], [np.nan] * 4]
    reported = [[True, False, True, False], [True] * 4, [False] * 4]
    seconds = [[9.0, 1.0, 1.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0] * 4]
    curves = whole(rw.Table(values, seconds, reported=reported), "the experiment x")
    assert curves.table.values.tolist() == [[9.0, 9.0, 7.0, 7.0], [5.0, 4.0, 3.0, 2.0]]
    mean = (4 * 1 + 4 * 2) / 8
    assert curves.table.seconds.tolist() == [[1 / mean] * 4, [2 / mean] * 4]
    assert curves.told == (
        "curves: the experiment x; 1 of 2 were not recorded to the end, and stay at their last value"
    )


def test_curves_come_from_a_formula_a_table_or_not_at_all(tmp_path: Path) -> None:
    made = find_curves("synthetic/easy", tmp_path / "none.db", trials=10, units=9, profile=PROFILE)
    assert made.table.units == 9
    assert made.table.configurations >= 10
    assert find_curves("digits", tmp_path / "none.db", trials=10, units=None, profile=PROFILE).table.units == 81
    with pytest.raises(InputError, match=r"'nosuch'.*nor does the store"):
        find_curves("nosuch", tmp_path / "none.db", trials=10, units=None, profile=PROFILE)


def ran(folder: Path, table: rw.Table, overhead: Overhead, **changed: Any) -> rw.Experiment:
    """A finished experiment in a store: ASHA on a table, with 4 slots of which a trial takes two."""
    settings = {"name": "asha", **RESOURCES}
    spec = ExperimentSpec(
        metric="value", mode="min", milestones=(1, 3, 9), scheduler=settings, searcher={"name": "recorded"}, space={},
        training={}, trials=table.configurations, workers=4, unit="epochs", allocation={"name": "fixed", "slots": 2},
    )  # fmt: skip
    with Store.open(folder / "runs.db", create=True) as store:
        log = store.create("run", replace(spec, **changed).to_json())
        rw.simulate(
            table, make_scheduler(settings), 4, stop="drain", allocation=Fixed(2), scaling={1: 8.0, 2: 5.0},
            overhead=overhead, log=log,
        )  # fmt: skip
    return rw.Experiment.open("run", folder / "runs.db")


@pytest.fixture
def experiment(tmp_path: Path) -> rw.Experiment:
    draw = np.random.default_rng(1)
    alike = rw.Table(draw.random((20, 1)) + 1 / np.arange(1, 10), seconds=8.0)
    return ran(tmp_path, alike, PROFILE.overhead)


def test_against_an_experiment_that_went_as_the_profile_says_the_forecast_is_exact(experiment: rw.Experiment) -> None:
    compared = against(experiment, replace(PROFILE, begin=0.0))
    assert compared.seeds == 1
    for figure in (compared.time, compared.hours, compared.units, *compared.rungs):
        assert figure.forecast.mean == pytest.approx(figure.took), figure.what
    assert [each.what for each in compared.rungs] == ["trials at 1", "trials at 3", "trials at 9"]
    assert compared.rungs[0].took == 20
    slower = Profile(((1, 16.0), (2, 10.0)), PROFILE.overhead)
    error = against(experiment, slower).time.error
    assert error is not None
    assert 0.5 < error < 1, "units take twice as long, overheads do not"


def test_seconds_of_an_experiments_units_are_those_on_one_slot_without_what_jobs_cost_besides(tmp_path: Path) -> None:
    settings = {"name": "asha", **RESOURCES}
    seconds = np.repeat(np.arange(1.0, 10.0)[:, None], 9, axis=1)
    spec = ExperimentSpec(
        metric="value", mode="min", milestones=(1, 3, 9), scheduler=settings, searcher={"name": "recorded"}, space={},
        training={}, trials=9, workers=4, unit="epochs", allocation={"name": "by-rung", "slots": 1, "most": 4},
    )  # fmt: skip
    with Store.open(tmp_path / "runs.db", create=True) as store:
        rw.simulate(
            rw.Table(np.linspace(1, 0, 81).reshape(9, 9), seconds), make_scheduler(settings), 4, stop="drain",
            allocation=ByRung((1, 3, 9), 3, 4), scaling={1: 8.0, 2: 5.0, 4: 4.0}, overhead=PROFILE.overhead,
            log=store.create("run", spec.to_json()),
        )  # fmt: skip
    curves = find_curves("run", tmp_path / "runs.db", trials=9, units=None, profile=PROFILE).table
    later = curves.seconds[4:, 0]  # the first four began with the run
    assert later / later[0] == pytest.approx(np.arange(5, 10) / 5), "though some of them went on with more slots"


def test_against_an_experiment_that_filled_idle_slots_the_forecast_is_exact(tmp_path: Path) -> None:
    settings = {"name": "asha", **RESOURCES}
    allocation = {"name": "fill", "slots": 1, "most": 4}
    spec = ExperimentSpec(
        metric="value", mode="min", milestones=(1, 3, 9), scheduler=settings, searcher={"name": "recorded"}, space={},
        training={}, trials=20, workers=8, unit="epochs", allocation=allocation,
    )  # fmt: skip
    with Store.open(tmp_path / "runs.db", create=True) as store:
        alike = rw.Table(np.random.default_rng(1).random((20, 1)) + 1 / np.arange(1, 10), seconds=8.0)
        run = rw.simulate(
            alike, make_scheduler(settings), 8, stop="drain", allocation=allocation, scaling=PROFILE.scaling,
            overhead=Overhead(1.0), log=store.create("run", spec.to_json()),
        )  # fmt: skip
    assert any(isinstance(record, Resize) for record in run.log)
    compared = against(
        rw.Experiment.open("run", tmp_path / "runs.db"), replace(PROFILE, begin=0.0, overhead=Overhead(1.0))
    )
    assert (compared.time.forecast.mean, compared.time.took) == pytest.approx((run.time, run.time))


def test_against_other_curves_it_is_the_forecast_of_a_plan(experiment: rw.Experiment) -> None:
    curves = find_curves("synthetic/easy", "none.db", trials=20, units=9, profile=PROFILE)
    compared = against(experiment, PROFILE, curves, seeds=3)
    setting = Setting(4, 20, 3)
    (planned,) = forecasts(PROFILE, curves, [method()], [Division(2, 2)], setting)
    assert (compared.seeds, compared.time.forecast, compared.hours.forecast) == (3, planned.time, planned.hours)


def test_what_cannot_be_forecast_anew_is_told(tmp_path: Path, experiment: rw.Experiment) -> None:
    with pytest.raises(InputError, match=r"a trial is to have 2 slots .* the profile holds what 1 take"):
        against(experiment, Profile(((1, 8.0),)))
    mine = replace(experiment, spec=replace(experiment.spec, allocation={"name": "custom", "slots": 1, "most": 2}))
    with pytest.raises(InputError, match="ran with an allocation of its own"):
        against(mine, PROFILE)
    own = replace(experiment, spec=replace(experiment.spec, scheduler={"name": "custom", **RESOURCES}))
    with pytest.raises(InputError, match="ran with a scheduler of its own"):
        against(own, PROFILE)
    running = replace(experiment, ledger=replace(experiment.ledger, finish=None))
    with pytest.raises(InputError, match="'run' has not finished"):
        against(running, PROFILE)
    limited = replace(experiment, spec=replace(experiment.spec, limits=Limits(time=1e6)))
    assert against(limited, PROFILE).unknown == ("The experiment had limits, of which the forecast knows nothing.",)


def measured(table: rw.Table, overhead: Overhead, units: int = 4) -> Any:
    """What is seen of two trials, and the one before them, that take what a table and an overhead say."""
    run = rw.simulate(table, TwoJobs(units, 2), workers=2, stop="drain", order=[0, 0, 1], overhead=overhead)
    first, *others = laps(run.log)
    return timing(first, others)


def test_units_start_up_and_checkpoints_are_told_from_one_another() -> None:
    table = rw.Table(np.ones((2, 8)), seconds=np.array([[2.0] * 8, [4.0] * 8]))
    found = measured(table, Overhead(startup=5.0, load=1.5, save=0.5))
    assert (found.unit, found.startup, found.load, found.save) == pytest.approx((3.0, 5.0, 1.5, 0.5))
    assert (found.apart, found.resumed) == (True, True)


def test_where_a_job_reports_once_its_seconds_are_those_of_its_units() -> None:
    reported = np.zeros((2, 8), dtype=bool)
    reported[:, [0, 3, 7]] = True
    table = rw.Table(np.ones((2, 8)), seconds=2.0, reported=reported)
    found = measured(table, Overhead(startup=4.0))
    assert (found.apart, found.startup, found.save) == (False, 0.0, 0.0)
    assert found.unit == pytest.approx((8 * 2.0 + 2 * 4.0) / 8)


def test_every_trial_has_two_jobs_after_the_one_that_is_not_counted() -> None:
    run = rw.simulate(rw.Table(np.ones((4, 6))), TwoJobs(3, 3), workers=2, stop="drain")
    first = run.jobs[0]
    assert (first.trial, first.start, first.end) == (0, 0, 1)
    assert first.ended <= min(job.began for job in run.jobs[1:])
    others = sorted((job.trial, job.start, job.end) for job in run.jobs[1:])
    assert others == [(trial, start, start + 3) for trial in (1, 2, 3) for start in (0, 3)]


def forecast(name: str, times: list[float], costs: list[float], regret: float = 0.1) -> Forecast:
    def estimate(values: list[float]) -> Estimate:
        return Estimate(float(np.mean(values)), min(values), max(values))

    nothing = estimate([0.0])
    return Forecast(
        method(name), Division(1, 1), estimate(times), estimate(costs), tuple(times), tuple(costs), nothing, 9,
        nothing, nothing, estimate([regret]),
    )  # fmt: skip


FAST = forecast("asha", [10.0, 20.0], [5.0, 7.0])
CHEAP = forecast("pasha", [30.0, 40.0], [1.0, 2.0])
ALMOST = forecast("fifo", [9.0, 22.0], [4.0, 6.0])


def test_it_takes_the_fastest_or_the_cheapest_that_fits() -> None:
    found = [FAST, CHEAP]
    assert advise(found, Wanted()).chosen is FAST
    assert advise(found, Wanted(deadline=50)).chosen is CHEAP
    assert advise(found, Wanted(deadline=39)).chosen is FAST, "it must fit at the upper end of its interval"
    assert advise(found, Wanted(budget=6)).chosen is CHEAP
    assert advise(found, Wanted(budget=8)).chosen is FAST
    assert advise(found, Wanted(deadline=50, budget=8)).chosen is CHEAP


def test_who_is_as_fast_as_far_as_seeds_tell_and_cheaper_is_taken() -> None:
    advice = advise([FAST, ALMOST, CHEAP], Wanted())
    assert (advice.chosen, advice.tied) == (ALMOST, (FAST,))
    surely = forecast("fifo", [11.0, 21.5], [1.0, 1.0])
    assert advise([FAST, surely], Wanted()).chosen is FAST, "slower in each seed, though the intervals overlap"
    scattered, steady = forecast("fifo", [5.0, 40.0], [4.5, 4.5]), forecast("pasha", [19.0, 24.0], [4.0, 4.0])
    assert advise([FAST, scattered], Wanted()).chosen is scattered
    assert advise([FAST, scattered, steady], Wanted()).chosen is FAST, "another takes less time than it and costs less"


def test_where_nothing_fits_what_comes_nearest_is_named() -> None:
    advice = advise([FAST, CHEAP], Wanted(deadline=15, budget=1))
    assert (advice.chosen, advice.fits) == (CHEAP, False)
    text = advice_text(advice, Wanted(deadline=15, budget=1), SETTING)
    assert text.startswith("Nothing fits the deadline of 15 s and the budget of 1 slot-hours: what comes nearest")


def test_what_finds_surely_better_configurations_is_told() -> None:
    worse = forecast("asha", [10.0, 20.0], [5.0, 7.0], regret=0.5)
    advice = advise([worse, CHEAP], Wanted())
    assert (advice.chosen, advice.better) == (worse, CHEAP)
    assert "But pasha with 1 slot a trial finds better configurations" in advice_text(advice, Wanted(), SETTING)
    assert advise([FAST, CHEAP], Wanted()).better is None


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_limits_are_above_0_and_finite(value: float) -> None:
    with pytest.raises(InputError, match="budget is"):
        Wanted(budget=value)


def test_curves_that_are_all_alike_have_no_regret_but_a_value() -> None:
    curves = find_curves("synthetic/constant", "none.db", trials=9, units=9, profile=PROFILE)
    found = forecasts(PROFILE, curves, [method()], [Division(1, 1)], SETTING)
    assert found[0].regret is None
    assert found[0].quality.mean == 0.5
    data = plain_plan(found, advise(found, Wanted()), Wanted(), PROFILE, curves, SETTING)
    assert data["recommended"]["regret"] is None
