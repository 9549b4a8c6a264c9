"""Searchers against one another: what is cut where, how ranks and intervals come about, and what is kept."""

import json
import pickle
from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rungwise as rw
from rungwise.benchmarks import Table
from rungwise.comparison.beside import pairs
from rungwise.comparison.contest import BASELINE, Contest, Held, Run, _carry_out, _tasks, hold, method, settings_of
from rungwise.comparison.kept import Kept
from rungwise.comparison.outcomes import Outcome
from rungwise.comparison.regret import SHARES, Regrets, ranked
from rungwise.comparison.repetitions import Setting
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.comparison.traces import Scale, Step, Trace, traced
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.schedulers import FIFO, Hyperband
from rungwise.searchers import OPTIONS

SMALL = Setting(repetitions=2, trials=12, workers=2)
OUTCOME = Outcome(0, 1.0, 1.0, 60.0, 40, 9)


def hill(rows: int = 60, name: str = "hill", seed: int = 0, **more: Any) -> Table:
    """The nearer to a corner of the square the better, and the more units."""
    draw = np.random.default_rng(seed)
    places = draw.random((rows, 2))
    curves = np.hypot(*places.T)[:, None] + 1 / np.arange(1, 10) + draw.normal(0, 0.05, (rows, 9))
    configs = [{"a": a, "b": b} for a, b in places.tolist()]
    return Table(curves, configs=configs, name=name, space={"a": (0.0, 1.0), "b": (0.0, 1.0)}, **more)


def contest(*searchers: str, **more: Any) -> Contest:
    given = {"tables": [[hill()]], "schedulers": ["asha"], "searchers": searchers, "setting": SMALL, **more}
    return Contest(**given)


def made(contest: Contest, traces: dict[tuple[str, str, str], Sequence[Trace]]) -> Held:
    """As if it had been held, with these traces (table, scheduler, searcher), one a repetition."""
    runs = {Run(*which, repetition): trace for which, each in traces.items() for repetition, trace in enumerate(each)}
    return Held(contest, runs)


def trace(*steps: tuple[int, float], resource: int = 40, seconds: float = 60.0, most: int = 9) -> Trace:
    """Steps of (units spent, regret)."""
    outcome = replace(OUTCOME, resource=resource, seconds=seconds, max_resource=most)
    return Trace([Step(spent, 10 * regret, regret) for spent, regret in steps], outcome)


def test_what_counts_is_the_incumbent_when_the_units_are_spent() -> None:
    run = trace((3, 0.9), (10, 0.4), (30, 0.1))
    assert [run.regret(units) for units in (2, 2.9, 3, 9.99, 10, 29, 30, 1000)] == [1, 1, 0.9, 0.9, 0.4, 0.4, 0.1, 0.1]
    assert run.at(2) is None
    assert run.regret() == 0.1
    assert trace().regret() == 1.0


def test_regret_is_measured_between_the_best_row_and_the_median() -> None:
    up = Scale.of(Table([[0.5], [0.7], [0.9], [nan]], mode="max"))  # of the finite ones the median is 0.7
    assert (up.best, up.median) == (-0.9, -0.7)
    assert [up.regret(-quality) for quality in (0.9, 0.7, 0.5)] == pytest.approx([0, 1, 2])
    assert up.regret(nan) == up.regret(inf) == 1.0
    for flat in (Table([[1.0], [1.0], [2.0]]), Table([[nan]])):
        with pytest.raises(InputError, match="regret has no scale there"):
            Scale.of(flat)


def test_a_trace_is_the_run_unit_by_unit_judged_by_quality() -> None:
    """Trial 0 reports 5 and 4, trial 1 reports 3 and then 9; trial 2 is best in the end, but never reports it."""
    table = Table([[5.0, 4.0], [3.0, 9.0], [6.0, 1.0]], quality=[4.0, 8.0, 1.0])
    run = rw.simulate(table, FIFO(2, max_trials=2), workers=1)
    found = traced(run, table, FIFO(2), Scale.of(table))
    assert [(step.spent, step.quality) for step in found.steps] == [(1, 4.0), (2, 4.0), (3, 8.0)]
    assert [step.regret for step in found.steps] == pytest.approx([1.0, 1.0, 7 / 3])
    assert (found.outcome.row, found.outcome.value, found.outcome.quality, found.outcome.resource) == (1, 3.0, 8.0, 4)


def test_a_trace_knows_rows_where_trials_have_others() -> None:
    table = hill(rows=30)
    run = rw.simulate(table, FIFO(9), searcher="random", trials=8, workers=2, stop="drain")
    found = traced(run, table, FIFO(9), Scale.of(table))
    assert found.outcome.row == run.rows[run.best.trial or 0]
    reports = [record for record in run.log if isinstance(record, TrialReported)]
    assert found.steps[0].spent == 1
    assert found.outcome.resource == len(reports) == 72
    best = min(reports, key=lambda report: report.value)
    assert found.steps[-1].spent == reports.index(best) + 1
    assert found.steps[-1].quality == table.quality[run.rows[best.trial]]


def test_ties_share_their_ranks() -> None:
    values = np.array([[0.1, 0.5], [0.1, 0.2], [0.3, 0.2], [0.0, 0.2]])
    assert ranked(values).T.tolist() == [[2.5, 2.5, 4.0, 1.0], [4.0, 2.0, 2.0, 2.0]]


def test_an_interval_holds_the_mean_and_narrows_with_repetitions() -> None:
    draw = np.random.default_rng(0)
    few, many = draw.normal(size=(1, 8)), draw.normal(size=(1, 800))
    narrow, wide = Resamples(1, 800, 0).estimate(many), Resamples(1, 8, 0).estimate(few)
    assert narrow.low < narrow.mean < narrow.high
    assert narrow.mean == pytest.approx(many.mean())
    assert narrow.high - narrow.low == pytest.approx(2 * 1.96 / 800**0.5, rel=0.15)  # that of a normal mean
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)
    assert Resamples(1, 8, 0).estimate(few) == wide != Resamples(1, 8, 1).estimate(few)


def test_tables_are_resampled_and_repetitions_within_them() -> None:
    apart = np.array([[0.0] * 4, [1.0] * 4])
    assert Resamples(2, 4, 0).estimate(apart) == Estimate(0.5, 0.0, 1.0)  # either table can be drawn twice
    alike = np.array([[0.0, 1.0] * 50] * 2)
    found = Resamples(2, 100, 0).estimate(alike)
    assert found.mean == 0.5
    assert 0.4 < found.low < 0.46
    same = Resamples(2, 4, 0).estimate(apart - apart)
    assert same == Estimate(0.0, 0.0, 0.0)  # a paired difference of equals is no difference


def test_the_budget_is_what_random_search_spends_and_all_are_looked_at_there() -> None:
    held = made(
        contest("kde"),
        {
            ("hill", "asha", "random"): [trace((1, 0.8), (20, 0.6), resource=40), trace((1, 0.8), resource=60)],
            ("hill", "asha", "kde"): [trace((1, 0.8), (39, 0.2), resource=39), trace((1, 0.8), (41, 0.0), resource=80)],
        },
    )
    regrets = Regrets(held)
    assert regrets.budgets == {("hill", "asha"): 40}
    points = {(point.searcher, point.share): point for point in regrets.by_table}
    assert [points["random", share].regret.mean for share in SHARES] == pytest.approx([0.8, 0.7, 0.7, 0.7])
    assert [points["kde", share].regret.mean for share in SHARES] == pytest.approx([0.8, 0.8, 0.8, 0.5])
    last = points["kde", 1.0]
    assert (last.units, last.difference.mean, last.rank.mean) == (40, pytest.approx(-0.2), 1.25)
    assert (last.better, last.ended) == (1.0, 0.5)
    assert last.quality is not None
    assert last.quality.mean == pytest.approx(5.0)
    assert points["random", 1.0].ended == 0.0


def test_over_all_tables_each_counts_alike() -> None:
    two = contest("kde", tables=[[hill()], [hill(name="other")]])
    good, bad = [trace((1, 0.1))] * 2, [trace((1, 0.5))] * 2
    held = made(
        two,
        {
            ("hill", "asha", "random"): bad, ("hill", "asha", "kde"): good,
            ("other", "asha", "random"): bad, ("other", "asha", "kde"): bad,
        },
    )  # fmt: skip
    last = next(point for point in Regrets(held).overall if (point.searcher, point.share) == ("kde", 1.0))
    assert last.regret.mean == pytest.approx(0.3)
    assert (last.difference.mean, last.difference.low, last.difference.high) == pytest.approx((-0.2, -0.4, 0.0))
    assert last.better == 1.5  # a tie is half a table
    assert (last.table, last.units, last.quality) == (None, None, None)


def test_pasha_stands_beside_asha_with_the_same_rule_and_searcher() -> None:
    given = ["asha", "asha,rule=quantile", "pasha,ranking=direct", "pasha,rule=quantile", "hyperband"]
    one = contest(schedulers=given)
    traces = {("hill", text, BASELINE): [trace((1, 0.4), seconds=60.0)] * 2 for text in given}
    traces["hill", "pasha,ranking=direct", BASELINE] = [trace((1, 0.5), seconds=20.0, most=3)] * 2
    found = pairs(made(one, traces))
    assert [pair.names for pair in found] == [
        ("asha", "pasha,ranking=direct"),
        ("asha,rule=quantile", "pasha,rule=quantile"),
    ]
    (beside,) = found[0].tables
    assert (found[0].speedup, beside.speedup, beside.pasha.most.mean) == (pytest.approx(3.0), 3.0, 3.0)
    assert found[0].difference.mean == pytest.approx(0.1)
    assert found[1].speedup == pytest.approx(1.0)


def test_a_contest_is_paired_and_comes_out_the_same_again() -> None:
    one = contest("evolution,population=4", schedulers=["asha", "pasha"])
    assert one.searchers == ("random", "evolution,population=4")
    held = hold(one)
    assert hold(one).traces == held.traces
    assert len(held.traces) == 2 * 2 * 2
    other = hold(contest(schedulers=["pasha"], tables=[[hill(name="x", seed=1)], [hill()]]))
    for repetition in range(2):  # neither the other searchers nor the other tables play a part
        run = Run("hill", "pasha", "random", repetition)
        assert other.traces[run] == held.traces[run]
    first, second = held.of("hill", "asha", "random")
    assert first != second


def test_in_another_process_it_would_be_the_same() -> None:
    """What is sent there is all that it needs; how it is sent is tested with the paper's experiments."""
    one = contest("kde")
    sent = [pickle.loads(pickle.dumps(task)) for task in _tasks(one, one.runs())]
    found = {run: each for task in sent for run, each in zip(task.runs, _carry_out(task), strict=True)}
    assert found == hold(one).traces


def test_variants_of_a_table_are_taken_in_turn() -> None:
    both = [hill(name="hill, seed 0"), hill(name="hill, seed 1", seed=5)]
    held = hold(contest(tables=[both]))
    qualities = [one.steps[-1].quality for one in held.of("hill", "asha", "random")]
    assert [quality in table.quality for quality, table in zip(qualities, both, strict=True)] == [True, True]


def test_hyperband_has_room_for_all_trials() -> None:
    settings = method("hyperband", hill(), 3, 100, 0).settings
    assert settings is not None
    assert settings["rounds"] == 6  # 9, 5 and 3 configurations a round
    assert method("hyperband,rounds=1", hill(), 3, 100, 0).scheduler().milestones == Hyperband(1, 9, 3).milestones


def test_every_searcher_that_there_is_can_be_named() -> None:
    assert [settings_of(name)["name"] for name in OPTIONS] == list(OPTIONS)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown searcher": ({"searchers": ["kdee"]}, "did you mean 'kde'"),
    "a searcher's option": ({"searchers": ["kde,population=3"]}, "'kde' has no option 'population'"),
    "no option": ({"searchers": ["kde,3"]}, "has '3' where an option such as population=30"),
    "a population of one": ({"searchers": ["evolution,population=1"]}, "population of the searcher 'evolution' is 1"),
    "an unknown scheduler": ({"schedulers": ["ash"]}, "scheduler is 'ash'"),
    "too many trials": ({"setting": replace(SMALL, trials=61)}, "trials is 61, but the table 'hill' holds 60"),
    "one name twice": ({"tables": [[hill()], [hill(seed=1)]]}, "two tables are called 'hill'"),
    "no configurations": ({"tables": [[Table(np.eye(20)[:, :9] + 1)]]}, "does not say which configurations"),
    "a flat table": ({"tables": [[Table([[1.0]] * 20, configs=[{"x": x} for x in range(20)])]]}, "no scale"),
    "eta 1": ({"eta": 1}, "eta is 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_contest_can_be_is_told_before_anything_runs(case: str) -> None:
    given, told = REFUSED[case]
    with pytest.raises(InputError) as error:
        contest(**{"searchers": (), **given}) if "searchers" not in given else contest(*given["searchers"])
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_runs_are_kept_as_they_are_done_and_taken_over(tmp_path: Path) -> None:
    one = contest("kde")
    kept = Kept(tmp_path / "runs.jsonl", one, "1")
    assert kept.read() == {}
    held = hold(one, told=lambda new, done, total: kept.add(new))
    assert kept.read() == held.traces
    counted: list[tuple[int, int]] = []
    again = hold(contest("kde", "grid"), kept.read(), lambda new, done, total: counted.append((done, total)))
    assert counted == [(5, 6), (6, 6)]  # only the grid's runs are new, one a repetition
    assert {run: each for run, each in again.traces.items() if run.searcher != "grid"} == held.traces


def test_runs_of_another_contest_are_not_taken_over(tmp_path: Path) -> None:
    one = contest("kde")
    path = tmp_path / "runs.jsonl"
    Kept(path, one, "1").add(hold(one).traces)
    others = [
        Kept(path, one, "2"),
        Kept(path, contest("kde", tables=[[hill(seed=1)]]), "1"),
        Kept(path, contest("kde", setting=replace(SMALL, seed=1)), "1"),
        Kept(path, contest("kde", setting=replace(SMALL, trials=11)), "1"),
        Kept(path, contest("kde", eta=2), "1"),
    ]
    assert [each.read() for each in others] == [{}] * 5
    more = Kept(path, contest("kde", setting=replace(SMALL, repetitions=3, jobs=2)), "1")
    assert len(more.read()) == 4


def test_a_torn_line_is_passed_over_and_what_comes_after_it_is_not(tmp_path: Path) -> None:
    one = contest()
    traces = dict(hold(one).traces)
    kept = Kept(tmp_path / "runs.jsonl", one, "1")
    first, second = traces
    kept.add({first: traces[first]})
    whole = kept.path.read_text()
    kept.path.write_text(whole[: len(whole) // 2])
    assert kept.read() == {}
    kept.add({second: traces[second]})
    assert kept.read() == {second: traces[second]}
    kept.path.write_text(f"{json.dumps([1])}\n{json.dumps({'run': 3})}\nnot json\n{whole}")
    assert kept.read() == {first: traces[first]}
    kept.path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="take it away"):
        kept.read()
