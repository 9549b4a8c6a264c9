"""What is said of an experiment: sums, tables, the last word."""

import json
from dataclasses import replace
from io import StringIO
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_runs import SCHEDULERS, Run, curves, failing, fold, losers, simulated
from rich.console import Console

import rungwise as rw
from rungwise.core.decisions import Disagreement, Divergence, Finish, OpenRung
from rungwise.core.events import CapacityChanged, TrialEnded, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.objective import Mode
from rungwise.core.spec import ExperimentSpec
from rungwise.report.ending import ending, print_ending
from rungwise.report.summary import Summary, summarise, trial_rows
from rungwise.report.tables import Listed, listed, print_best, print_list, print_show
from rungwise.schedulers import ASHA
from rungwise.space import parse


def summed(run: Run) -> Summary:
    return summarise("digits-1", run.spec, run.ledger)


def console(width: int | None = None) -> Console:
    """A terminal of that width, or a pipe."""
    return Console(file=StringIO(), force_terminal=width is not None, width=width, color_system=None)


def printed(screen: Console) -> str:
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def shown(run: Run, width: int | None, **options: Any) -> str:
    screen = console(width)
    print_show(summed(run), trial_rows(run.spec, run.ledger), screen, **options)
    return printed(screen)


def cut(run: Run, count: int) -> Run:
    """The run as its log stood after so many records."""
    return Run(run.spec, run.records[:count])


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_summary_adds_up_at_every_moment(name: str, mode: Mode) -> None:
    run = simulated(name, mode)
    for count in range(1, len(run.records), 7):
        summary, ledger = summed(cut(run, count)), cut(run, count).ledger
        counts = summary.counts
        by_status = (counts.running, counts.paused, counts.stopped, counts.completed, counts.failed, counts.lost)
        assert sum(by_status) == counts.started == len(ledger.trials)
        assert counts.running == ledger.running
        entries = [row.entries for row in summary.ladder]
        assert entries == sorted(entries, reverse=True)
        assert entries[0] <= counts.started
        assert summary.full_cost == counts.started * 27
        assert summary.saving is None or summary.saving * summary.spent == pytest.approx(summary.full_cost)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_values_are_in_the_metrics_own_direction(mode: Mode) -> None:
    run = simulated("asha", mode)
    values = [run.spec.objective.shown(record.value) for record in run.records if isinstance(record, TrialReported)]
    summary = summed(run)
    best = min if mode == "min" else max
    assert summary.best is not None
    assert summary.best.value == best(values)
    rows = [row.best for row in trial_rows(run.spec, run.ledger) if row.best is not None]
    assert len(rows) == 27
    assert rows == sorted(rows, reverse=mode == "max")
    bests = [row.best for row in summary.ladder if row.best is not None]
    assert all(0 <= value <= 1 for value in bests)
    assert summary.best_in_top_rung is not None
    assert summary.best_in_top_rung.value == bests[-1]


def test_the_winner_is_the_same_in_both_directions() -> None:
    least, most = summed(simulated("pasha", "min")), summed(simulated("pasha", "max"))
    assert least.best is not None
    assert most.best is not None
    assert (least.best.trial, least.best.resource) == (most.best.trial, most.best.resource)
    assert least.best.value == pytest.approx(1 - most.best.value)


def test_pasha_begins_with_two_open_rungs_and_the_others_with_all() -> None:
    for name, opened in (("pasha", [1, 3]), ("asha", [1, 3, 9, 27]), ("stopping-asha", [1, 3, 9, 27]), ("fifo", [27])):
        begun = summed(cut(simulated(name), 1))
        assert begun.cap == opened[-1]
        assert [row.milestone for row in begun.ladder if row.open] == opened


def test_an_opened_rung_raises_the_cap_and_tells_what_the_record_holds() -> None:
    spec = simulated("pasha").spec
    opened = OpenRung(9, Disagreement((12, 31), 0.0031))
    summary = summarise("x", spec, fold(spec, [opened]))
    assert summary.cap == 9
    (opening,) = summary.openings
    assert (opening.upper, opening.lower, opening.pair, opening.epsilon) == (3, 1, (12, 31), 0.0031)
    told = ending(summary)
    assert "grew to 9 of 27 units" in told
    assert "rung 3 ranked trial 12 where rung 1 ranked trial 31; differences up to 0.0031 passed as noise" in told


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Disagreement(None, None), "rung 3 ranked its trials otherwise than rung 1"),
        (Disagreement((4, 5), None), "rung 3 ranked trial 4 where rung 1 ranked trial 5."),
        (Disagreement((4, 5), 0.0), "rung 3 ranked trial 4 where rung 1 ranked trial 5; no difference passed as noise"),
    ],
)
def test_an_opening_is_told_without_what_the_record_lacks(reason: Disagreement, words: str) -> None:
    spec = simulated("pasha").spec
    assert words in ending(summarise("x", spec, fold(spec, [OpenRung(9, reason)])))


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Disagreement((4, 5), 0.5, 27), "rung 27 ranked trial 4 where rung 9 ranked trial 5; differences up to 0.5"),
        (Divergence(4, 9, -0.25), "trial 4 was worse on rung 9 than the median of rung 3, 0.2500."),
        (Divergence(4, 9, None), "trial 4 came to rung 9, and had reported NaN or infinity."),
    ],
)
def test_a_gate_that_rose_is_told_with_its_reason(reason: Disagreement | Divergence, words: str) -> None:
    spec = replace(simulated("asha").spec, scheduler={"name": "gated-pasha"})
    summary = summarise("x", spec, fold(spec, [OpenRung(27, reason)]))
    assert summary.cap == 27
    assert all(row.open for row in summary.ladder)
    assert f"The gate rose to 27: {words}" in ending(summary)
    assert json.loads(json.dumps(summary.to_json(), allow_nan=False))["openings"][0]["gate"] is True


def test_where_only_clean_trials_may_win_those_that_diverged_are_listed_last() -> None:
    values = curves()
    best = int(np.argmax(values[:, 0]))
    values[best, 1:] = np.nan
    run = simulated("asha", values=values)
    ledger = Ledger(run.spec.milestones, winner="clean")
    for record in run.records:
        ledger.apply(record)
    assert run.ledger.trials[best].diverged
    rows = trial_rows(run.spec, ledger)
    assert ledger.incumbent is not None
    assert rows[0].trial == ledger.incumbent.trial
    assert [row.diverged for row in rows] == sorted(row.diverged for row in rows)
    assert any(row.diverged for row in rows)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_summary_is_plain_json_even_of_nan(name: str) -> None:
    values = curves()
    values[4] = np.nan
    run = failing(simulated(name, values=values), 3)
    last = OpenRung(9, Disagreement((1, 2), nan))
    for records in ([], run.records[:1], run.records, [*run.records, last]):
        part = Run(run.spec, list(records))
        data = {**summed(part).to_json(), "trials": [row.to_json() for row in trial_rows(part.spec, part.ledger)]}
        assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_a_diverged_trial_is_named_and_is_never_the_best() -> None:
    values = curves()
    values[4] = np.nan
    values[5] = np.inf
    run = simulated("asha", values=values)
    summary = summed(run)
    assert set(summary.diverged) == {4, 5}
    assert summary.best is not None
    assert summary.best.trial not in (4, 5)
    assert {row.trial for row in trial_rows(run.spec, run.ledger)[-2:]} == {4, 5}
    assert "2 trials reported NaN or infinity." in ending(summary)
    assert "trials 4, 5" in shown(run, 80)


def test_all_tell_the_same_best_where_the_top_rung_holds_nothing_finite() -> None:
    table = rw.Table([[0.5, np.nan, np.nan], [0.4, 0.4, 0.4], [0.3, 0.3, 0.3]], mode="max")
    simulation = rw.simulate(table, ASHA(1, 3, 3), workers=1, stop="drain")
    spec = replace(simulated("asha", "max").spec, milestones=(1, 3))
    run = Run(spec, simulation.log)
    experiment = rw.Experiment("digits-1", spec, run.ledger, Path("runs.db"))
    told = summed(run).best_in_top_rung
    assert told is not None
    assert (told.trial, told.value, told.resource) == (0, 0.5, 1)
    assert experiment.best_in_top_rung == rw.Best(0, told.config, 0.5, 1)
    assert (simulation.best_in_top_rung.trial, simulation.best_in_top_rung.value, simulation.top_rung) == (0, 0.5, 3)


def test_nothing_finite_is_no_winner() -> None:
    run = simulated("asha", values=np.full((3, 9), np.nan))
    summary = summed(run)
    assert summary.best is summary.best_in_top_rung is None
    assert ending(summary).startswith("No winner: none of 3 trials reported a finite accuracy.")
    screen = console(80)
    print_best(summary, screen)
    assert "has no best trial" in printed(screen)
    assert "nothing finite reported yet" in shown(run, 80)


@pytest.mark.parametrize(
    ("name", "exact"), [("fifo", True), ("asha", False), ("pasha", False), ("stopping-asha", False)]
)
def test_what_is_left_is_never_more_than_what_came(name: str, exact: bool) -> None:
    run = simulated(name)
    total = run.ledger.spent
    for count in range(1, len(run.records) - 1, 5):
        part = cut(run, count)
        left = summed(part).left
        assert left is not None
        assert left.exact is exact
        came = total - part.ledger.spent
        assert left.units == came if exact else left.units <= came
    assert summed(run).left is None


def test_no_time_left_is_made_up() -> None:
    run = simulated("asha")
    middle = cut(run, 60)
    assert summarise("x", replace(run.spec, stop="instant"), middle.ledger).left is None
    assert summarise("x", replace(run.spec, scheduler={"name": "custom"}), middle.ledger).left is None
    unlimited = summarise("x", replace(run.spec, trials=None), middle.ledger).left
    grid = summarise("x", replace(run.spec, searcher={"name": "grid"}), middle.ledger).left
    known = summed(middle).left
    assert unlimited is not None
    assert unlimited == grid
    assert known is not None
    assert known.units > unlimited.units
    assert summed(cut(run, 1)).seconds_left() is None


def test_the_state_tells_finished_from_interrupted() -> None:
    run = simulated("asha")
    assert summed(run).state == "finished"
    assert summed(cut(run, 40)).state == "unfinished"
    part = cut(run, 40)
    running = [entry.trial for entry in part.ledger.trials.values() if entry.status == "running"]
    interrupted = [*part.records, CapacityChanged(99.0, 0), *(TrialPaused(99.0, trial, 0) for trial in running)]
    summary = summed(Run(run.spec, interrupted))
    assert summary.state == "interrupted"
    assert "It is not finished: go on with `rungwise resume digits-1`." in ending(summary)


def test_the_ending_tells_the_winner_the_cost_and_the_ladder() -> None:
    run = simulated("pasha")
    summary = summed(run)
    best = summary.best
    assert best is not None
    assert summary.saving is not None
    lines = ending(summary, unit="epochs").splitlines()
    assert lines[0] == (
        f"The best of 27 trials is trial {best.trial}: accuracy {best.value:.4f} at {best.resource} epochs."
    )
    assert lines[1].startswith("    lr=0.0")
    assert (
        f"It took {summary.spent} epochs where training all 27 trials to 27 takes 729: {summary.saving:.1f}× less."
        in lines
    )
    assert any(line.startswith("The ladder grew to") for line in lines)
    assert "epoch" not in ending(summary)


def test_the_ending_says_when_the_ranking_never_changed() -> None:
    steady = np.linspace(0.1, 0.9, 27)[:, None] + np.linspace(0, 0.1, 27)[None, :]
    summary = summed(simulated("pasha", values=steady))
    assert not summary.openings
    assert "The ranking never changed: the ladder stayed at its first two rungs, 1 and 3, of 4." in ending(summary)
    short = summed(simulated("pasha", values=steady[:, :3]))
    assert "The ladder has only two rungs, 1 and 3: it could not grow." in ending(short)


def test_the_ending_of_other_schedulers_says_who_got_to_the_top() -> None:
    summary = summed(simulated("asha"))
    assert f"{summary.ladder[-1].entries} trials of 27 reached the full 27 units." in ending(summary)
    fifo = ending(summed(simulated("fifo")), unit="epochs")
    assert "It took 729 epochs." in fifo
    assert "less" not in fifo


def test_the_ending_tells_that_the_space_was_exhausted() -> None:
    run = simulated("asha")
    for trials in (28, None):
        spec = replace(run.spec, trials=trials)
        assert run.ledger.ended(trials) == summed(Run(spec, run.records)).finish == "space"
        assert "It ended because no configuration was left to try: the search space is exhausted." in ending(
            summed(Run(spec, run.records))
        )
    assert run.ledger.ended(27) == summed(run).finish == "done"
    assert cut(run, 40).ledger.ended(None) is None
    assert "exhausted" not in ending(summed(run))


def test_what_is_left_is_certain_only_where_configurations_cannot_run_out() -> None:
    run = cut(simulated("fifo"), 40)
    rungs = {"mode": run.spec.mode, "trials": 27, "searcher": {"name": "random", "repeats": False}}

    def left(form: dict[str, Any]) -> Any:
        return summed(Run(replace(run.spec, **rungs, space=parse(form).to_json()), run.records)).left

    always = summed(run).left
    assert always is not None
    assert left({"x": (0.0, 1.0)}) == left({"n": (1, 27)}) == always
    for form in ({"n": (1, 26)}, {"n": (1, 27), "o": ["a", "b"], "forbidden": [{"o": "b", "n": 3}]}):
        assert left(form).units < always.units


def test_a_failure_is_shown_by_its_last_line_without_escapes_or_markup() -> None:
    run = simulated("asha")
    loser = losers(run)[0]
    run = failing(run, loser)
    summary = summed(run)
    assert [(each.trial, each.reason, each.line) for each in summary.failures] == [
        (loser, "failed", "ValueError: bad [bold]lr[/]")
    ]
    assert f"1 trial failed, trial {loser}: ValueError: bad [bold]lr[/]" in ending(summary)
    for width in (80, None):
        text = shown(run, width)
        assert f"trial {loser} failed: ValueError: bad [bold]lr[/]" in text
        assert "\x1b[31m" not in text


@pytest.mark.parametrize("width", [40, 80, 120])
def test_show_keeps_to_a_terminals_width(width: int) -> None:
    run = failing(simulated("pasha"), losers(simulated("pasha"))[0])
    text = shown(run, width)
    assert max(map(len, text.splitlines())) <= width


def test_show_lists_the_best_trials_with_their_configurations() -> None:
    run = simulated("pasha")
    rows = trial_rows(run.spec, run.ledger)
    text = shown(run, 120, top=3, unit="epochs")
    table = text[text.index("the best 3 of 27 trials") :].splitlines()
    assert table[1].split() == ["trial", "status", "epochs", "best", "at", "lr", "width", "optimizer", "momentum"]
    for line, row in zip(table[2:5], rows, strict=False):
        cells = line.split()
        assert cells[0] == str(row.trial)
        assert float(cells[3]) == pytest.approx(row.best, abs=1e-4)
        assert cells[-1] == ("0.9" if row.trial % 2 else "-")
    assert "the ladder grew" in text
    narrow = shown(run, 60, top=3)
    assert "configuration" in narrow
    assert "lr=" in narrow


def test_show_of_an_experiment_that_has_not_begun() -> None:
    spec = simulated("pasha").spec
    screen = console(80)
    print_show(summarise("new", spec, Ledger(spec.milestones)), [], screen)
    assert "0 of 27 started" in printed(screen)


def test_best_shows_the_highest_rungs_best_beside_it_where_it_is_another() -> None:
    values = curves()
    values[:, :] *= 0.5
    values[3, :3] = 0.9  # leads early, then falls apart
    values[3, 3:] = 0.01
    summary = summed(simulated("asha", values=values))
    assert summary.best is not None
    assert summary.best_in_top_rung is not None
    assert (summary.best.trial, summary.best_in_top_rung.trial) != (3, 3)
    screen = console()
    print_best(summary, screen, unit="epochs")
    lines = printed(screen).splitlines()
    assert lines[0].split("  ")[-1] == "best in the highest rung"
    assert lines[3].split() == ["trial", "3", str(summary.best_in_top_rung.trial)]
    assert any(line.split()[:2] == ["lr", "0.00493824"] for line in lines)
    assert f"trial {summary.best_in_top_rung.trial} is the best" in ending(summary)


def test_best_says_where_both_are_the_same() -> None:
    summary = summed(simulated("asha", values=np.linspace(0.1, 0.9, 9)[:, None] + np.arange(9) / 100))
    screen = console(80)
    print_best(summary, screen, unit="epochs")
    assert "It is also the best in the highest rung" in printed(screen)


def test_list_aligns_and_leaves_out_what_nobody_knows() -> None:
    run = simulated("pasha")
    known = listed(summed(run), "2026-05-01T10:00:00+00:00")
    unknown = Listed("a-longer-name", "fifo", "unfinished", 3, None, "loss", None, 4, "2026-05-02T10:00:00+00:00")
    screen = console(120)
    print_list([known, unknown], screen)
    header, first, second = printed(screen).splitlines()
    assert header.split() == ["name", "scheduler", "status", "trials", "best", "spent", "begun", "metric"]
    assert first.index("pasha") == second.index("fifo") == header.index("scheduler")
    assert f"{known.best:.4f}" in first
    screen = console(120)
    print_list([unknown], screen)
    assert "best" not in printed(screen)
    screen = console()
    print_list([], screen)
    assert "no experiments yet" in printed(screen)


def test_lines_into_a_pipe_are_whole() -> None:
    long = Listed("n" * 100, "pasha", "finished", 1, 1, "m" * 60, 0.5, 12, "2026-05-01T10:00:00+00:00")
    screen = console()
    print_list([long], screen)
    lines = printed(screen).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("n" * 100)
    assert lines[1].endswith("m" * 60)
    screen = console()
    print_ending(summed(simulated("pasha")), screen)
    assert printed(screen).splitlines() == ending(summed(simulated("pasha"))).splitlines()


def test_a_terminal_wraps_the_ending_and_keeps_its_indent() -> None:
    summary = summed(simulated("pasha"))
    screen = console(30)
    print_ending(summary, screen)
    lines = [line.rstrip() for line in printed(screen).splitlines()]
    assert max(map(len, lines)) <= 30
    assert " ".join(" ".join(lines).split()) == " ".join(ending(summary).split())
    assert sum(line.startswith("    ") for line in lines) == 2  # the configuration, on two lines


def test_a_lost_trial_and_an_infinite_value_need_no_special_reader() -> None:
    spec = ExperimentSpec(
        metric="loss", mode="min", milestones=(1, 3), scheduler={"name": "asha"}, searcher={"name": "random"},
        space={}, training={}, trials=2,
    )  # fmt: skip
    run = Run(spec, list(simulated("asha", "min", values=curves(2, 3)).records))
    last = run.records[-1]
    assert isinstance(last, Finish)
    ledger = run.ledger
    ledger.apply(TrialEnded(9.0, 0, "lost"))
    ledger.trials[1].best = inf
    summary = summarise("x", spec, ledger)
    assert summary.counts.lost == 1
    assert "1 trial failed, trial 0: no reason is known" in ending(summary)
    assert trial_rows(spec, ledger)[-1].best is None
