"""Schedulers side by side on tables: the same configurations in the same order, whatever is asked."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.api.experiment import Experiment
from rungwise.benchmarks import Table, UnrecordedError
from rungwise.cli import paper as cli_paper
from rungwise.comparison.answers import what_if
from rungwise.comparison.methods import Method, options_of, parse_method
from rungwise.comparison.outcomes import Stat, outcome, summed
from rungwise.comparison.paper import PARTS, compare_as_in_the_paper
from rungwise.comparison.recorded import as_it_ran, recorded_table, without_repeats
from rungwise.comparison.repetitions import Setting, repeated, sample
from rungwise.core.errors import InputError
from rungwise.core.spec import ExperimentSpec
from rungwise.report.comparison import csv_text, markdown, plain_rows
from rungwise.schedulers.named import make_scheduler
from rungwise.store import Store

LADDER = {"min_resource": 1, "max_resource": 27, "eta": 3}


def made(rows: int = 40, units: int = 27, seed: int = 0, **more: Any) -> Table:
    draw = np.random.default_rng(seed)
    final = draw.normal(0, 1, (rows, 1))
    values = final + draw.uniform(1, 3, (rows, 1)) / np.arange(1, units + 1) + draw.normal(0, 0.1, (rows, units))
    return Table(values, draw.uniform(1, 2, (rows, units)), **{"name": "made", "unit": "epochs", **more})


SMALL = Setting(repetitions=3, trials=30, workers=3)


def test_options_are_numbers_true_or_false_where_they_read_so() -> None:
    assert options_of("gp, per_rung=true,a=false,b=3,c=0.5,d=True", "searcher", "a=1") == {
        "name": "gp", "per_rung": True, "a": False, "b": 3, "c": 0.5, "d": "True",
    }  # fmt: skip


def test_a_method_is_a_name_and_options() -> None:
    method = parse_method("pasha, rule=quantile,ranking=rbo,ranking.p=0.9,max_resource=9", LADDER, 40, 0)
    assert method.settings == {
        "name": "pasha", "rule": "quantile", "ranking": {"name": "rbo", "p": 0.9},
        "min_resource": 1, "max_resource": 9, "eta": 3,
    }  # fmt: skip
    assert method.scheduler().milestones == (1, 3, 9)


def test_brackets_are_as_large_as_there_are_configurations() -> None:
    settings = parse_method("successive-halving", LADDER, 40, 0).settings
    assert settings is not None
    assert settings["trials"] == 40


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bohb", "scheduler is 'bohb'"),
        ("", "scheduler is ''"),
        ("asha,quantile", "has 'quantile' where an option"),
        ("asha,=3", "has '=3' where an option"),
        ("asha,speed=3", "no option 'speed'"),
        ("asha,rule=ceil", "rule is 'ceil'"),
        ("asha,eta=1", "eta is 1"),
        ("asha,eta=2.5", "eta is 2.5"),
        ("asha,max_resource=0", "max_resource is 0"),
        ("fifo,resource=28", "above max_resource 27"),
        ("pasha,ranking=auto,ranking.percentile=101", "percentile is 101"),
        ("pasha,ranking=rbo,ranking.threshold=2", "threshold is 2"),
        ("pasha,ranking=fixed", "needs epsilon"),
        ("pasha,ranking=fixed,ranking.epsilon=-1", "epsilon is -1"),
        ("pasha,ranking=fixed,ranking.epsilon=wide", "epsilon of the ranking 'fixed' is 'wide'"),
    ],
)
def test_a_wrong_method_is_told_in_one_sentence(text: str, told: str) -> None:
    with pytest.raises(InputError) as error:
        parse_method(text, LADDER, 40, 0)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_an_outcome_is_that_of_the_simulation() -> None:
    table = made(quality=np.arange(40) * 10.0)
    settings = {"name": "asha", **LADDER}
    run = rw.simulate(table, make_scheduler(settings), workers=3)
    found = outcome(table, Method("ASHA", settings), 3, "instant")
    assert found.row == run.best.trial
    assert (found.value, found.seconds, found.resource) == (run.best.value, run.time, run.resource)
    assert found.quality == 10.0 * (run.best.trial or 0)


def test_the_random_baseline_takes_a_configuration_and_trains_nothing() -> None:
    table = made()
    found = outcome(table, Method("random", None), 3, "instant")
    assert (found.quality, found.seconds, found.resource) == (table.quality[0], 0.0, 0)
    with pytest.raises(InputError, match="trains nothing"):
        Method("random", None).scheduler()


def test_a_speedup_is_a_ratio_of_mean_times() -> None:
    table = made()
    methods = [
        Method("ASHA", {"name": "asha", **LADDER}, "ASHA"),
        Method("one", {"name": "fifo", "resource": 1, **LADDER}, "ASHA"),
    ]
    outcomes = [
        [outcome(table.rows(rows), method, 3, "instant") for method in methods] for rows in (range(20), range(20, 40))
    ]
    asha, one = summed(methods, outcomes)
    assert asha.speedup == 1.0
    assert one.speedup == pytest.approx(asha.seconds.mean / one.seconds.mean)
    assert one.max_resource == Stat(1.0, 0.0)


def test_what_is_not_finite_is_left_out_of_a_mean_and_counted() -> None:
    assert Stat.of([1.0, float("nan"), 3.0]) == Stat(2.0, pytest.approx(2**0.5), 1)
    assert Stat.of([5.0]) == Stat(5.0, 0.0)
    assert Stat.of([float("inf")]).missing == 1


def test_repetitions_take_other_configurations_and_every_variant_of_a_table_in_turn() -> None:
    low, high = made(seed=0), made(seed=1)
    first, second, third = (sample([low, high], SMALL, repetition) for repetition in range(3))
    assert (first.values[0] == third.values[0]).all() == False  # noqa: E712 - of numpy's
    assert {tuple(row) for row in first.values} <= {tuple(row) for row in low.values}
    assert {tuple(row) for row in second.values} <= {tuple(row) for row in high.values}
    again = sample([low, high], SMALL, 1)
    assert (again.values == second.values).all()
    assert first.configurations == 30


def test_side_by_side_is_the_same_as_one_after_another() -> None:
    methods = [Method("ASHA", {"name": "asha", **LADDER}), Method("PASHA", {"name": "pasha", **LADDER})]
    tables = [[made()], [made(seed=5, mode="max")]]
    told: list[tuple[int, int]] = []
    alone = repeated(tables, [methods, methods], SMALL, lambda done, total: told.append((done, total)))
    assert told == [(count, 6) for count in range(1, 7)]
    at_once = Setting(repetitions=3, trials=30, workers=3, jobs=2)
    assert repeated(tables, [methods, methods], at_once) == alone


def test_a_table_with_too_few_configurations_is_told_before_anything_runs() -> None:
    with pytest.raises(InputError, match=r"trials is 256, but the table 'made' holds 40 configurations"):
        compare_as_in_the_paper([[made()]])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"min_resource": 28}, "min_resource is 28"),
        ({"max_resource": 28}, "max_resource is 28, but the table 'made' holds 27 epochs"),
        ({"eta": 1}, "eta is 1"),
        ({"rule": "ceil"}, "rule is 'ceil'"),
        ({"parts": ["mean"]}, "part is 'mean'"),
    ],
    ids=str,
)
def test_wrong_arguments_are_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        compare_as_in_the_paper([[made()]], setting=SMALL, **options)


def test_the_paper_on_a_table_has_all_of_its_parts_and_each_experiment_runs_once() -> None:
    (comparison,) = compare_as_in_the_paper([[made(note="semi-synthetic: for the test")]], setting=SMALL)
    assert list(comparison.parts) == list(PARTS)
    names = [row.method.name for row in comparison.parts["rankings"]]
    assert len(names) == 1 + 1 + 1 + 5 + 3 + 2 + 2 + 2 + 2
    assert len(set(names)) == len(names)
    main = {row.method.name: row for row in comparison.parts["main"]}
    assert main["ASHA"].speedup == 1.0
    assert main["1 epoch"].resource.mean <= 30
    assert {"Taper", "GatedPASHA"} < set(main)
    assert main["Taper"].resource.mean < main["ASHA"].resource.mean
    assert main["random"].seconds.mean == 0
    eta = {row.method.name: row for row in comparison.parts["eta"]}
    assert eta["ASHA"] is main["ASHA"]
    assert eta["PASHA, eta 2"].speedup == pytest.approx(
        eta["ASHA, eta 2"].seconds.mean / eta["PASHA, eta 2"].seconds.mean
    )
    assert "R = 13" in comparison.parts["resource"][2].method.name
    page = markdown([comparison], "rungwise paper made")
    assert "semi-synthetic: for the test" in page
    assert "`rungwise paper made`" in page
    rows = list(csv.DictReader(io.StringIO(csv_text([comparison]))))
    assert len(rows) == len(plain_rows([comparison])) == sum(map(len, comparison.parts.values()))
    assert float(rows[0]["seconds_mean"]) == main["ASHA"].seconds.mean


def test_several_tables_are_summed_up_first() -> None:
    page = markdown(compare_as_in_the_paper([[made()], [made(seed=1)]], ["main"], setting=SMALL), "rungwise paper")
    assert page.index("geometric mean") < page.index("## made")


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_epsilons_are_those_of_the_paper_in_the_units_of_the_metric(metric: str) -> None:
    values = {"accuracy": made().values * 10 + 60, "loss": made().values}[metric]
    table = Table(values, mode="max" if metric == "accuracy" else "min", unit="epochs")
    (comparison,) = compare_as_in_the_paper([[table]], ["rankings"], setting=SMALL)
    fixed = [row.method.name for row in comparison.parts["rankings"] if "epsilon " in row.method.name]
    assert fixed[0] == {"accuracy": "PASHA, epsilon 1", "loss": "PASHA, epsilon 0.01"}[metric]


def experiment(folder: Path, scheduler: dict[str, Any], table: Table, report_at: Any = None) -> Experiment:
    """A simulated experiment, in a real store."""
    settings = {**LADDER, **scheduler}
    spec = ExperimentSpec(
        "loss", table.mode, make_scheduler(settings).milestones, settings, {"name": "random"}, {}, {},
        trials=table.configurations, workers=3, unit="epochs",
    )  # fmt: skip
    with Store.open(folder / "runs.db", create=True) as store:
        log = store.create("run", spec.to_json())
        rw.simulate(table, make_scheduler(settings), 3, stop="drain", report_at=report_at, log=log)
    return Experiment.open("run", folder / "runs.db")


@pytest.mark.parametrize("mode", ["min", "max"])
def test_an_experiment_is_a_table_as_far_as_it_trained(tmp_path: Path, mode: Any) -> None:
    table = made(mode=mode)
    done = experiment(tmp_path, {"name": "asha"}, table)
    found = recorded_table(done)
    assert (found.mode, found.unit, found.metric, found.name) == (mode, "epochs", "loss", "run")
    assert found.reported is not None
    for row in range(table.configurations):
        recorded = found.recorded(row)
        assert recorded == done.ledger.trials[row].resource
        assert found.values[row, :recorded] == pytest.approx(table.values[row, :recorded])
        assert found.seconds[row, :recorded] == pytest.approx(table.seconds[row, :recorded])
        assert not found.reported[row, recorded:].any()


@pytest.mark.parametrize("scheduler", [{"name": "asha"}, {"name": "pasha"}, {"name": "hyperband"}], ids=str)
def test_the_scheduler_that_ran_would_have_come_to_the_same(tmp_path: Path, scheduler: dict[str, Any]) -> None:
    done = experiment(tmp_path, scheduler, made())
    ran = as_it_ran(done)
    (answer,) = what_if(recorded_table(done), [Method("same", {**LADDER, **scheduler})], workers=3, stop="drain")
    assert answer.outcome is not None
    assert (answer.outcome.row, answer.outcome.resource) == (ran.row, ran.resource)
    assert answer.outcome.seconds == pytest.approx(ran.seconds)
    assert answer.outcome.value == pytest.approx(ran.value)


def test_what_was_not_recorded_far_enough_is_said_not_guessed(tmp_path: Path) -> None:
    table = recorded_table(experiment(tmp_path, {"name": "asha"}, made()))
    fifo, halved = what_if(
        table, [Method("fifo", {"name": "fifo", **LADDER}), Method("one", {"name": "fifo", "resource": 1, **LADDER})],
        workers=3, stop="drain",
    )  # fmt: skip
    assert fifo.outcome is None
    assert "would train to 27 epochs, but its curve was recorded to" in fifo.unknown
    assert halved.outcome is not None
    with pytest.raises(UnrecordedError):
        rw.simulate(table, make_scheduler({"name": "fifo", **LADDER}))


def test_gaps_in_the_reports_stay_gaps(tmp_path: Path) -> None:
    table = made()
    done = experiment(tmp_path, {"name": "asha"}, table, report_at=[2, 4, 9, 20, 27])
    found = recorded_table(done)
    assert found.reported is not None
    assert set(np.flatnonzero(found.reported.any(axis=0)) + 1) <= {2, 4, 9, 20, 27}
    assert found.seconds[0, :2] == pytest.approx(table.seconds[0, :2].mean())  # two units' time, shared out evenly
    (answer,) = what_if(found, [Method("same", {"name": "asha", **LADDER})], workers=3, stop="drain")
    assert answer.outcome is not None
    assert answer.outcome.resource == done.ledger.spent


def test_a_curve_that_ended_by_itself_is_known_to_its_end() -> None:
    table = Table([[3.0, 2.0, 1.0], [1.0, 0.5, 0.0]], reported=[[1, 1, 1], [1, 0, 0]], finished=[False, True])
    run = rw.simulate(table, make_scheduler({"name": "fifo", "min_resource": 1, "max_resource": 3, "eta": 3}), 1)
    assert [(job.trial, job.end) for job in run.jobs] == [(0, 3), (1, 1)]
    assert table.known(1) == 3
    assert table.recorded(1) == 1


def test_a_configuration_tried_twice_is_recorded_once() -> None:
    table = Table([[1.0], [2.0], [3.0]], configs=[{"x": 1}, {"x": 2}, {"x": 1}])
    kept = without_repeats(table)
    assert kept.values.tolist() == [[1.0], [2.0]]
    assert without_repeats(kept) is kept


def test_an_experiment_without_a_report_is_no_table(tmp_path: Path) -> None:
    spec = ExperimentSpec("loss", "min", (1,), {"name": "fifo"}, {"name": "random"}, {}, {})
    with Store.open(tmp_path / "runs.db", create=True) as store:
        store.create("run", spec.to_json())
    with pytest.raises(InputError, match="holds no report yet"):
        recorded_table(Experiment.open("run", tmp_path / "runs.db"))


def test_another_metric_can_be_recorded_if_it_was_reported(tmp_path: Path) -> None:
    done = experiment(tmp_path, {"name": "asha"}, made())
    with pytest.raises(InputError, match="reported no 'accuracy'; its metrics are: none"):
        recorded_table(done, "accuracy")


def test_the_command_line_offers_every_part_of_the_paper() -> None:
    assert tuple(PARTS) == cli_paper.PARTS


@pytest.mark.parametrize("name", ["async-hyperband", "pbt"])
def test_a_scheduler_that_draws_does_so_with_the_seed_given(name: str) -> None:
    settings = parse_method(name, LADDER, 40, 7).settings
    assert settings is not None
    assert settings["seed"] == 7
    own = parse_method(f"{name},seed=3", LADDER, 40, 7).settings
    assert own is not None
    assert own["seed"] == 3


def test_a_table_without_configurations_has_no_repeats() -> None:
    table = made()
    assert without_repeats(table) is table
