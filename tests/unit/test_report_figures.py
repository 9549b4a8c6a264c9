"""The paper's figures on any table: five files, what each says, and the two things they are drawn from."""

import re
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_runs import curves, without_matplotlib

import rungwise as rw
from rungwise.core.decisions import OpenRung
from rungwise.core.errors import InputError, ReplayError
from rungwise.core.events import TrialReported
from rungwise.report.pictures import drawing
from rungwise.report.pictures.curves import all_figure, best_rows, top_figure
from rungwise.report.pictures.drawing import worth_showing
from rungwise.report.pictures.figures import FIGURES, draw_figures
from rungwise.report.pictures.softranking import soft_ranking
from rungwise.report.pictures.tracing import trace
from rungwise.schedulers import PASHA, ranking
from rungwise.schedulers.named import RANKINGS, make_scheduler

pytest.importorskip("matplotlib")
NOTE = "semi-synthetic: the end points are measured, the curves between them are modelled"


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few dots: nobody looks at these pictures."""
    monkeypatch.setattr(drawing, "DOTS_PER_INCH", 20)


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of every figure that is saved, figure by figure; what is saved is empty, as drawing takes its time."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    found: list[list[str]] = []

    def saved(figure: Figure, *_: Any, **__: Any) -> None:
        found.append([text.get_text() for text in figure.findobj(Text) if text.get_text()])

    monkeypatch.setattr(Figure, "savefig", saved)
    return found


def settings(units: int, **options: Any) -> dict[str, Any]:
    return {"name": "pasha", "min_resource": 1, "max_resource": units, "eta": 3, **options}


def make_table(values: Any = None, mode: Any = "max", **options: Any) -> rw.Table:
    accuracy = curves() if values is None else np.asarray(values, dtype=float)
    options = {"name": "digits", "metric": "accuracy", "unit": "epochs", **options}
    return rw.Table(accuracy if mode == "max" else 1 - accuracy, mode=mode, **options)


# --- the pictures


@pytest.mark.parametrize("mode", ["min", "max"])
def test_each_figure_says_what_it_shows(tmp_path: Path, texts: list[list[str]], mode: str) -> None:
    table = make_table(mode=mode, note=NOTE)
    draw_figures(table, settings(27), tmp_path, stem="a", workers=3)
    ladder, soft, top, all_curves, epsilon = texts
    assert all(any(NOTE in text.replace("\n", " ") for text in figure) for figure in texts)
    direction = f"accuracy ({'higher' if mode == 'max' else 'lower'} is better)"
    assert direction in ladder
    assert any(text.startswith(f"{direction} at ") for text in soft)
    assert {direction, "epochs of training", "digits: the best three configurations of 27"} <= set(top)
    assert {direction, "epochs of training", "digits: all 27 learning curves"} <= set(all_curves)
    assert {"ε: difference in accuracy that passes as noise", "seconds of the simulated run"} <= set(epsilon)
    best = best_rows(table)
    assert [text.split(":")[0] for text in top if text.startswith("trial ")] == [f"trial {row}" for row in best]


def test_no_note_is_printed_where_there_is_none(tmp_path: Path, texts: list[list[str]]) -> None:
    draw_figures(make_table(), settings(27), tmp_path, stem="a")
    assert not any("semi-synthetic" in text for figure in texts for text in figure)


def test_what_is_drawn_is_what_happened(tmp_path: Path, texts: list[list[str]]) -> None:
    table = make_table()
    draw_figures(table, settings(27), tmp_path, stem="a", workers=3)
    run = rw.simulate(table, make_scheduler(settings(27)), workers=3)
    seen = trace(run.log, PASHA(1, 27, 3))
    opened = [record.milestone for record in run.log if isinstance(record, OpenRung)]
    _, soft, _, _, epsilon = texts
    assert [text for text in epsilon if text.endswith("epochs opened")] == [f"{each} epochs opened" for each in opened]
    assert opened
    assert seen.compared is not None
    assert f"digits: do {seen.compared.lower} and {seen.compared.upper} epochs rank alike?" in soft
    assert f"PASHA's last comparison of its top two rungs, {len(seen.compared.trials)} trials in both" in soft
    assert {str(trial) for trial in seen.compared.trials} <= set(soft)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_five_files_of_the_kind_that_the_suffix_chooses(tmp_path: Path, suffix: str) -> None:
    paths = draw_figures(make_table(curves(9, 9)), settings(9), tmp_path, stem="a", suffix=suffix)
    assert [path.name for path in paths] == [f"a-{figure}{suffix}" for figure in FIGURES]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(path.name for path in paths)
    starts = {".png": b"\x89PNG", ".svg": b"<?xml"}
    assert all(path.read_bytes().startswith(starts[suffix]) for path in paths)


@pytest.mark.parametrize(("units", "rungs"), [(1, 1), (2, 2), (3, 2)])
def test_with_one_and_two_rungs_no_two_are_compared(
    tmp_path: Path, texts: list[list[str]], units: int, rungs: int
) -> None:
    table = make_table(curves(6, 3))
    assert len(PASHA(1, units, 3).milestones) == rungs
    draw_figures(table, settings(units), tmp_path, stem="a")
    assert "digits: no two rungs were compared" in texts[1]
    assert any("nothing is compared any more" in text for text in texts[4])


@pytest.mark.parametrize("values", [curves(1, 1), curves(2, 9), np.full((6, 9), 0.0)],
                         ids=["one value", "two curves", "flat"])  # fmt: skip
def test_small_and_flat_tables_are_drawn(tmp_path: Path, values: np.ndarray) -> None:
    paths = draw_figures(make_table(values), settings(values.shape[1]), tmp_path, stem="a", workers=1)
    assert all(path.stat().st_size for path in paths)


def diverging() -> np.ndarray:
    values = curves()
    values[3] = nan
    values[4, 5:] = nan
    values[5, 8] = inf
    values[6, 20] = -1e300
    values[7, 1:] = nan  # a single value, which no line would show
    return values


def test_curves_that_diverge_and_outliers_are_drawn(tmp_path: Path) -> None:
    paths = draw_figures(make_table(diverging()), settings(27), tmp_path, stem="a")
    assert all(path.stat().st_size for path in paths)


def test_curves_that_diverge_and_outliers_are_counted(tmp_path: Path, texts: list[list[str]]) -> None:
    draw_figures(make_table(diverging()), settings(27), tmp_path, stem="a")
    (small,) = [text for text in texts[3] if "beyond" in text]
    assert small == (
        "1 curve in part or whole beyond the range shown; 4 curves with NaN or infinity, where the line breaks off"
    )


def test_units_that_were_not_recorded_are_no_divergence(tmp_path: Path, texts: list[list[str]]) -> None:
    reported = np.ones((27, 27), dtype=bool)
    reported[:, 4] = False
    reported[2, 10:-1] = False
    values = np.where(reported, curves(), nan)
    draw_figures(make_table(values, reported=reported), settings(27), tmp_path, stem="a")
    assert not any("NaN" in text for text in texts[3])


def test_ties_are_no_swap(tmp_path: Path, texts: list[list[str]]) -> None:
    values = np.repeat(np.linspace(0.1, 0.9, 9)[:, None], 27, axis=1)
    values = np.repeat(values, 3, axis=0)
    draw_figures(make_table(values), settings(27, ranking="direct"), tmp_path, stem="a")
    assert any(text.startswith("Yes: every trial stays within ε") for text in texts[1])
    assert any("no rung was opened" in text for text in texts[4])


@pytest.mark.parametrize("name", sorted(RANKINGS))
def test_every_ranking_function_is_drawn(tmp_path: Path, texts: list[list[str]], name: str) -> None:
    chosen = {"name": name, "epsilon": 0.02} if name == "fixed" else name
    draw_figures(make_table(), settings(27, ranking=chosen), tmp_path, stem="a")
    verdict = next(text for text in texts[1] if re.match("Yes|No", text))
    whole = name in ("rbo", "rrr", "arrr")
    assert (f"says the ranking function {name}" in verdict) == whole
    assert any("knows no ε" in text for text in texts[4]) == whole


def test_ninety_trials_in_both_rungs_are_drawn(tmp_path: Path, texts: list[list[str]]) -> None:
    values = curves(300, 9)
    draw_figures(make_table(values), settings(9, ranking={"name": "fixed", "epsilon": 1.0}), tmp_path, stem="a")
    (small,) = [text for text in texts[1] if "trials in both" in text]
    assert int(re.findall(r"\d+", small)[0]) > 80


# --- what cannot be drawn


def refused(table: rw.Table, chosen: dict[str, Any], folder: Path, words: str, **options: Any) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as error:
        draw_figures(table, chosen, folder, stem="a", **options)
    assert "\n" not in str(error.value)


def test_what_cannot_be_drawn_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    table = make_table()
    refused(table, settings(27), tmp_path, "must end in .png, .svg or .pdf", suffix=".gif")
    refused(table, settings(27), tmp_path / "nowhere", "there is no folder")
    refused(table, settings(81), tmp_path, "the table holds 27 units")
    refused(table, settings(27) | {"name": "asha"}, tmp_path, "the scheduler is 'asha'")
    refused(make_table(), settings(27), tmp_path, "with 64 workers no trial of the table", workers=64)
    refused(make_table(np.full((4, 9), nan)), settings(9), tmp_path, "reports a finite 'accuracy'")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_matplotlib(monkeypatch)
    refused(make_table(), settings(27), tmp_path, "pip install 'rungwise[plot]'")
    for figure in (top_figure, all_figure):
        with pytest.raises(InputError, match="pip install"):
            figure(make_table())
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_in_the_way_leaves_none_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a-epsilon.png").mkdir()
    refused(make_table(), settings(27), tmp_path, "there is a folder of that name")
    assert [each.name for each in tmp_path.iterdir()] == ["a-epsilon.png"]


# --- soft ranking by hand


def test_the_groups_of_the_papers_second_figure() -> None:
    """Two configurations closer than epsilon, and a third far off: the first two lists hold both, the last but one."""
    places = soft_ranking([0, 1, 2], [0.20, 0.22, 0.40], [0.10, 0.12, 0.30], epsilon=0.05)
    assert [place.group for place in places] == [(0, 1), (0, 1), (2,)]
    assert [(place.below, place.above, place.leaves) for place in places] == [
        (0, 0, False), (1, 1, False), (2, 2, False),
    ]  # fmt: skip


def test_a_swap_within_epsilon_stays_and_one_beyond_leaves() -> None:
    """Above, 7 overtakes 5, which was 0.5 better, and 9 overtakes 8, which was 2 better."""
    places = soft_ranking([5, 7, 8, 9], [1.0, 1.5, 4.0, 6.0], [0.8, 0.7, 3.5, 3.0], epsilon=1.0)
    assert [place.below for place in places] == [5, 7, 8, 9]
    assert [place.above for place in places] == [7, 5, 9, 8]
    assert [(place.value, place.came) for place in places] == [(1.0, 1.5), (1.5, 1.0), (4.0, 6.0), (6.0, 4.0)]
    assert [place.group for place in places] == [(5, 7), (5, 7), (8,), (9,)]
    assert [place.leaves for place in places] == [False, False, True, True]


def test_epsilon_is_inclusive_and_zero_admits_ties_alone() -> None:
    lower, upper = [1.0, 1.5, 1.5], [3.0, 2.0, 1.0]
    assert not any(place.leaves for place in soft_ranking([0, 1, 2], lower, upper, epsilon=0.5))
    places = soft_ranking([0, 1, 2], lower, upper, epsilon=0.0)
    assert [place.below for place in places] == [0, 2, 1], "tied below: as the upper rung has them"
    assert [place.group for place in places] == [(0,), (2, 1), (2, 1)]
    assert [place.leaves for place in places] == [True, False, True]


def test_trials_tied_above_stand_as_the_lower_rung_has_them() -> None:
    places = soft_ranking([0, 1], [2.0, 1.0], [0.5, 0.5], epsilon=0.0)
    assert [(place.below, place.above) for place in places] == [(1, 1), (0, 0)]


def test_leaving_is_what_the_ranking_function_calls_disagreement() -> None:
    rng = np.random.default_rng(0)
    answers = set()
    for _ in range(200):
        count = int(rng.integers(2, 9))
        lower, upper = rng.integers(0, 6, count) / 4, rng.integers(0, 6, count) / 4
        epsilon = float(rng.integers(0, 4)) / 4
        agree = ranking.Fixed(epsilon).agree(lower, upper)
        places = soft_ranking(range(count), lower.tolist(), upper.tolist(), epsilon)
        assert agree == (not any(place.leaves for place in places))
        answers.add(agree)
    assert answers == {True, False}


# --- the trace of a run


@pytest.mark.parametrize("stop", ["instant", "drain"])
def test_the_trace_tells_what_the_scheduler_saw(stop: Any) -> None:
    table = make_table(mode="min")
    run = rw.simulate(table, PASHA(1, 27, 3), workers=3, stop=stop)
    scheduler = PASHA(1, 27, 3)
    seen = trace(run.log, scheduler)
    reports = [record for record in run.log if isinstance(record, TrialReported)]
    openings = [record for record in run.log if isinstance(record, OpenRung)]
    assert seen.times == tuple(report.at for report in reports)
    assert seen.epsilons[-1] == scheduler.epsilon
    assert [opening.milestone for opening in seen.openings] == [opening.milestone for opening in openings]
    assert seen.complete == (scheduler.cap == 27)
    assert openings
    assert seen.compared is not None
    if seen.compared.opened is not None:
        assert seen.compared.epsilon == openings[-1].reason.epsilon


def test_the_last_comparison_by_hand() -> None:
    """Rungs 1, 2, 4 (one worker, eta 2): trials 0 and 1 swap at 2 units, which opens 4; then nothing is compared."""
    table = rw.Table([[1, 9, 9, 9], [2, 3, 3, 3], [8, 8, 8, 8], [8.5, 8, 8, 8], [8.6, 8, 8, 8]], mode="min")
    run = rw.simulate(table, PASHA(1, 4, 2, ranking=ranking.Direct()), workers=1, stop="drain")
    seen = trace(run.log, PASHA(1, 4, 2, ranking=ranking.Direct()))
    compared = seen.compared
    assert compared is not None
    assert (compared.lower, compared.upper, compared.opened, compared.epsilon) == (1, 2, 4, 0.0)
    assert dict(zip(compared.trials, zip(compared.below, compared.above, strict=True), strict=True)) == {
        0: (1.0, 9.0), 1: (2.0, 3.0),
    }  # fmt: skip
    assert [(opening.milestone, opening.at) for opening in seen.openings] == [(4, compared.at)]
    assert seen.complete


def test_trials_that_diverged_are_left_out_of_the_comparison() -> None:
    table = rw.Table([[1, nan, nan], [2, 2, 2], [3, 3, 3], [4, 4, 4]] + [[9, 9, 9]] * 4, mode="min")
    run = rw.simulate(table, PASHA(1, 3, 2, ranking=ranking.Direct()), workers=1, stop="drain")
    compared = trace(run.log, PASHA(1, 3, 2, ranking=ranking.Direct())).compared
    assert compared is not None
    assert 0 not in compared.trials
    assert compared.opened is None


def test_a_log_of_other_settings_is_refused() -> None:
    run = rw.simulate(make_table(), PASHA(1, 27, 3), workers=3)
    with pytest.raises(ReplayError, match="replaying decides"):
        trace(run.log, PASHA(2, 27, 3))


# --- what is worth showing, and the best


def test_the_range_leaves_outliers_out_and_shows_everything_else() -> None:
    steady = np.linspace(1.0, 2.0, 101)
    low, high = worth_showing(steady, "min")
    assert low < 1.0
    assert high > 2.0
    low, high = worth_showing(np.append(steady, [1e9, nan, inf]), "min")
    assert low < 1.0
    assert 2.0 < high < 4.0
    low, high = worth_showing(np.append(-steady, [-1e9]), "max")
    assert -4.0 < low < -2.0
    assert high > -1.0
    low, high = worth_showing(np.array([0.0, 0.0]), "max")
    assert low < 0.0 < high


@pytest.mark.parametrize(("mode", "rows"), [("max", [3, 1, 2]), ("min", [0, 1, 2])])
def test_the_best_rows_are_those_of_best_quality(mode: Any, rows: list[int]) -> None:
    values = [[1.0, 1.0], [2.0, nan], [2.0, 2.0], [5.0, 0.0], [nan, nan]]
    table = rw.Table(values, mode=mode, quality=[1.0, 2.0, 2.0, 5.0, 9.0 if mode == "max" else 0.0])
    assert best_rows(table) == rows


def test_an_unknown_quality_comes_last() -> None:
    table = rw.Table([[1.0], [2.0], [3.0]], mode="min", quality=[nan, 5.0, 4.0])
    assert best_rows(table) == [2, 1, 0]
