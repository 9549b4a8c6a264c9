"""The live view: what a terminal shows, and what a build log gets."""

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from math import nan
from typing import Any

import numpy as np
import pytest
from report_runs import SCHEDULERS, Run, curves, failing, losers, simulated
from rich.console import Console

from rungwise.core.decisions import Disagreement, Divergence, OpenRung, Resize
from rungwise.core.events import CapacityChanged, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.report.lines import shares, situation
from rungwise.report.live import LiveView
from rungwise.report.screen import screen, time_text
from rungwise.report.summary import summarise


class Clock:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def watched(run: Run, console: Console, seconds: float = 0.01, steps: Sequence[Sequence[Record]] | None = None) -> str:
    """Everything that the view of a run writes, `seconds` of the clock from one event to the next."""
    ledger = Ledger(run.spec.milestones)
    clock = Clock()
    with LiveView("digits-1", run.spec, ledger, console, clock=clock) as view:
        for records in run.steps() if steps is None else steps:
            clock.now += seconds
            for record in records:
                ledger.apply(record)
            view(records)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def pipe() -> Console:
    return Console(file=StringIO(), force_terminal=False)


def terminal(width: int = 80) -> Console:
    return Console(file=StringIO(), force_terminal=True, width=width, height=30, record=True, legacy_windows=False)


def last_screen(run: Run, width: int) -> str:
    console = terminal(width)
    watched(run, console)
    text = console.export_text()
    return text[text.rindex("digits-1  ") :]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_terminal_shows_every_part(name: str) -> None:
    run = simulated(name)
    summary = summarise("digits-1", run.spec, run.ledger)
    text = last_screen(run, 80)
    assert f"{name}, highest accuracy, finished" in text
    assert "27 of 27 started  0 running" in text
    for row in summary.ladder:
        line = next(line for line in text.splitlines() if line.split()[:1] == [str(row.milestone)])
        assert ("not opened" in line) is not row.open
        assert not row.open or str(row.entries) in line.split()
    assert summary.best is not None
    assert f"{summary.best.value:.4f} by trial {summary.best.trial} at {summary.best.resource} epochs" in text
    assert "lr=0.0" in text
    assert f"{summary.spent} epochs" in text


def test_the_cap_of_a_growing_ladder_is_marked() -> None:
    run = simulated("pasha", values=np.linspace(0.1, 0.9, 27)[:, None] + np.linspace(0, 0.1, 27)[None, :])
    lines = last_screen(run, 80).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("cap")] == ["3"]
    assert [line.split()[0] for line in lines if line.endswith("not opened")] == ["27", "9"]


@pytest.mark.parametrize("width", [20, 40, 80, 120, 300])
@pytest.mark.parametrize("count", [0, 1, 40, 10_000])
def test_the_screen_keeps_to_its_width_at_every_moment(width: int, count: int) -> None:
    run = failing(simulated("pasha"), losers(simulated("pasha"))[0])
    part = Run(run.spec, run.records[:count])
    summary = summarise("a-rather-long-name-of-an-experiment", part.spec, part.ledger)
    for ascii_only in (False, True):
        text = screen(summary, (), width=width, elapsed=3.0, unit="epochs", ascii_only=ascii_only).plain
        assert max(map(len, text.splitlines())) < width
        assert text.isascii() or not ascii_only


def test_time_left_is_told_as_far_as_it_is_known() -> None:
    fifo, asha = simulated("fifo"), simulated("asha")
    middle = summarise("x", fifo.spec, Run(fifo.spec, fifo.records[:90]).ledger)
    assert middle.left is not None
    rate = middle.spent / middle.elapsed
    assert middle.seconds_left() == pytest.approx(middle.left.units / rate)
    assert "about" in time_text(middle, middle.elapsed)
    assert "at least" in time_text(summarise("x", asha.spec, Run(asha.spec, asha.records[:90]).ledger), 5.0)
    assert "unknown" in time_text(summarise("x", asha.spec, Run(asha.spec, asha.records[:1]).ledger), 5.0)
    assert time_text(summarise("x", asha.spec, asha.ledger), 61.0) == "1 min 1 s"


@pytest.mark.parametrize(
    ("allocation", "said"),
    [
        ({"name": "fixed", "slots": 1}, ""),
        ({"name": "fixed", "slots": 2}, ", 2 slots a trial"),
        ({"name": "by-rung", "slots": 1, "most": 4}, ", 1 to 4 slots a trial"),
        ({"name": "by-rung", "slots": 1, "most": 1}, ""),
    ],
)
def test_what_a_trial_gets_of_the_workers_is_told_where_it_is_more_than_one(allocation: Any, said: str) -> None:
    assert shares(replace(simulated("pasha").spec, allocation=allocation)) == said


def test_a_pipe_gets_plain_lines() -> None:
    run = failing(simulated("pasha"), losers(simulated("pasha"))[0])
    text = watched(run, pipe())
    lines = text.splitlines()
    assert "\x1b" not in text
    assert lines[0] == "digits-1: pasha, highest accuracy, 27 trials, 3 workers, rungs 1 3 9 27 epochs"
    assert sum("opened" in line for line in lines) == len(run.ledger.openings) > 0
    assert any(line.endswith("failed: ValueError: bad [bold]lr[/]") for line in lines)
    assert "27 of 27 trials: " in lines[-1]
    assert "finished after" in lines[-1]


def test_a_pipe_hears_of_a_better_incumbent_once_a_second_at_most_and_of_the_last_one() -> None:
    run = simulated("fifo")
    quick = [line for line in watched(run, pipe(), seconds=0.0).splitlines() if " best accuracy " in line]
    slow = [line for line in watched(run, pipe(), seconds=1.0).splitlines() if " best accuracy " in line]
    assert len(quick) == 2  # the first, and at the end the last
    assert len(slow) > 5
    assert quick[-1] == slow[-1].replace(slow[-1].split("best")[0], quick[-1].split("best")[0])
    best = run.ledger.incumbent
    assert best is not None
    assert f"best accuracy {-best.value:.4f}: trial {best.trial} at {best.resource} epochs" in quick[-1]


def test_a_pipe_gets_the_state_every_ten_seconds() -> None:
    run = simulated("asha")
    steps = list(run.steps())
    lines = [line for line in watched(run, pipe(), seconds=2.5).splitlines() if " of 27 trials: " in line]
    assert len(lines) == len(steps) // 4 + 1


def test_nan_is_warned_of_once_for_each_trial() -> None:
    values = curves()
    values[4] = np.nan
    values[5] = -np.inf
    text = watched(simulated("fifo", values=values), pipe())
    assert text.count("warning: trial 4 reported nan at 1 epoch") == text.count("warning: trial 4") == 1
    assert text.count("warning: trial 5 reported -inf at 1 epoch") == text.count("warning: trial 5") == 1


def test_a_late_or_repeated_nan_is_no_news() -> None:
    run = simulated("stopping-asha")
    stopped = next(entry.trial for entry in run.ledger.trials.values() if entry.status == "stopped")
    late = TrialReported(999.0, stopped, 27, nan, {})
    assert "warning" not in watched(run, pipe(), steps=[*run.steps(), [late]])


def test_an_opening_tells_whose_places_changed() -> None:
    run = simulated("pasha")
    first = next(iter(run.steps()))
    opened: list[Record] = [OpenRung(9, Disagreement((12, 31), 0.0031)), OpenRung(27, Disagreement(None, None))]
    text = watched(run, pipe(), steps=[first, opened])
    assert "rung 9 opened: trial 12 took trial 31's place (noise: up to 0.0031)" in text
    assert "rung 27 opened: the top two rungs rank their trials differently" in text


def test_a_trial_that_gets_idle_slots_is_news_once() -> None:
    run = simulated("pasha")
    first = next(iter(run.steps()))
    text = watched(run, pipe(), steps=[first, [Resize(0, 3)], [Resize(0, 4)]])
    assert text.count("trial 0 pauses, to go on with") == 1
    assert "trial 0 pauses, to go on with 3 slots: those that nobody else needs" in text


def test_a_gate_that_rises_is_news_and_says_why() -> None:
    run = simulated("pasha")
    moved: list[Record] = [OpenRung(9, Disagreement((12, 31), 0.5, 9)), OpenRung(27, Divergence(3, 9, None))]
    text = watched(run, pipe(), steps=[next(iter(run.steps())), moved])
    assert "the gate rose to rung 9: trial 12 took trial 31's place (noise: up to 0.5)" in text
    assert "the gate rose to rung 27: trial 3, a scout, had diverged at 9" in text


def test_an_interruption_is_news() -> None:
    run = simulated("asha")
    steps = list(run.steps())[:6]
    running = Run(run.spec, [record for step in steps for record in step]).ledger.running
    text = watched(run, pipe(), steps=[*steps, [CapacityChanged(9.0, 0)]])
    assert f"pausing: {running} running trials at their next report" in text


def test_a_resumed_experiment_starts_from_its_ledger() -> None:
    run = simulated("asha")
    ledger = run.ledger
    console = pipe()
    with LiveView("digits-1", run.spec, ledger, console) as view:
        view([])
    assert isinstance(console.file, StringIO)
    assert " best accuracy " not in console.file.getvalue()


def test_the_view_only_reads_the_ledger() -> None:
    run = simulated("pasha")
    for console in (pipe(), terminal()):
        ledger = run.ledger
        with LiveView("digits-1", run.spec, ledger, console) as view:
            view(list(run.records))
        assert ledger == run.ledger


def test_a_terminal_is_given_back_when_the_run_breaks_off() -> None:
    run = simulated("pasha")
    console = terminal()
    with pytest.raises(KeyboardInterrupt), LiveView("digits-1", run.spec, run.ledger, console):
        raise KeyboardInterrupt
    assert isinstance(console.file, StringIO)
    assert console.file.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is back


@pytest.mark.parametrize("width", [80, 120])
def test_a_run_begins_with_its_situation_and_what_is_known_there(width: int) -> None:
    run = simulated("pasha")
    console = terminal(width)
    watched(run, console)
    text = console.export_text()
    head = text[: text.index("digits-1  ")]
    assert " ".join(head.split()).startswith(
        "4 rungs, 27 trials, 3 workers: taper,gamma=1.2 would be expected to take 1.2x less training here"
    )
    assert text.count("would be expected") == 1
    assert max(map(len, head.splitlines())) <= width
    piped = watched(run, pipe()).splitlines()
    assert piped[1].strip().startswith("taper,gamma=1.2 would be expected to take 1.2x less training here")
    unlimited = replace(run.spec, trials=None)
    assert situation(unlimited) == "4 rungs, any number of trials, 3 workers"


def test_nothing_is_said_of_schedulers_that_have_another_purpose() -> None:
    assert "expected" not in watched(simulated("fifo"), pipe())
