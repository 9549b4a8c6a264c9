"""The picture of the ladder: files of three kinds, and one sentence where there is nothing to draw."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_runs import SCHEDULERS, Run, curves, failing, losers, simulated, without_matplotlib

from rungwise.core.errors import InputError
from rungwise.report.pictures.ladder import ladder_picture

STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
pytest.importorskip("matplotlib")


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of every figure that is saved."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    found: list[str] = []
    save = Figure.savefig

    def saved(figure: Figure, *args: Any, **options: Any) -> None:
        save(figure, *args, **options)
        found.extend(text.get_text() for text in figure.findobj(Text) if text.get_text())

    monkeypatch.setattr(Figure, "savefig", saved)
    return found


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_suffix_chooses_the_kind(tmp_path: Path, suffix: str) -> None:
    run = simulated("pasha")
    path = ladder_picture("digits-1", run.spec, iter(run.records), tmp_path / f"ladder{suffix}")
    assert path.read_bytes().startswith(STARTS[suffix])
    assert [each.name for each in tmp_path.iterdir()] == [f"ladder{suffix}"]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_it_says_what_was_saved_who_won_and_how_many_reached_each_rung(
    tmp_path: Path, texts: list[str], name: str
) -> None:
    run = simulated(name, "min")
    ledger = run.ledger
    ladder_picture("digits-1", run.spec, run.records, tmp_path / "ladder.png")
    best = ledger.incumbent
    assert best is not None
    assert any(text.startswith(f"trial {best.trial}\n") for text in texts)
    saving = f" instead of 729, {729 / ledger.spent:.1f}× less" if name != "fifo" else ""
    assert f"digits-1: {ledger.spent} epochs{saving}" in texts
    assert {str(rung.entries) for rung in ledger.rungs if rung.entries} <= set(texts)
    assert "error (lower is better)" in texts


def test_what_pasha_never_opened_is_shaded(tmp_path: Path, texts: list[str]) -> None:
    steady = np.linspace(0.1, 0.9, 27)[:, None] + np.linspace(0, 0.1, 27)[None, :]
    run = simulated("pasha", values=steady)
    ladder_picture("digits-1", run.spec, run.records, tmp_path / "ladder.png")
    assert "not opened:\nnot paid for" in texts
    texts.clear()
    asha = simulated("asha", values=steady)
    ladder_picture("digits-1", asha.spec, asha.records, tmp_path / "ladder.png")
    assert "not opened:\nnot paid for" not in texts


def test_nan_outliers_failures_and_odd_names_are_drawn(tmp_path: Path, texts: list[str]) -> None:
    values = curves()
    values[4] = np.nan
    values[5, 2:] = np.nan
    values[6] = -1e9
    plain = simulated("fifo", values=values)
    run = Run(plain.spec, plain.records)
    ladder_picture("$x_1", run.spec, run.records, tmp_path / "ladder.png")
    (note,) = [text for text in texts if "beyond" in text]
    assert "2 trials reported NaN or infinity (crosses)" in note
    assert any(text.startswith("$x_1: ") for text in texts)
    asha = simulated("asha")
    failed = failing(asha, losers(asha)[0])
    ladder_picture("digits-1", failed.spec, failed.records, tmp_path / "ladder.png")
    assert any(text.endswith("1 trial failed") for text in texts)


@pytest.mark.parametrize("values", [np.full((1, 9), 0.5), np.full((4, 9), 0.0), curves(1, 1), curves(2, 10)])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_few_trials_and_flat_curves_are_drawn(tmp_path: Path, name: str, values: np.ndarray) -> None:
    run = simulated(name, values=values)
    assert ladder_picture("digits-1", run.spec, run.records, tmp_path / "ladder.png").exists()


def refused(run: Run, path: Path, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as error:
        ladder_picture("digits-1", run.spec, run.records, path)
    assert "\n" not in str(error.value)


def test_what_cannot_be_drawn_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    run = simulated("asha")
    refused(run, tmp_path / "ladder.gif", "must end in .png, .svg or .pdf")
    refused(run, tmp_path / "nowhere" / "ladder.png", "there is no folder")
    refused(Run(run.spec, run.records[:3]), tmp_path / "ladder.png", "no finite report of 'accuracy'")
    refused(Run(run.spec, []), tmp_path / "ladder.png", "see `rungwise show digits-1`")
    assert not list(tmp_path.iterdir())
    (tmp_path / "ladder.png").mkdir()
    refused(run, tmp_path / "ladder.png", "cannot be written")
    assert [each.name for each in tmp_path.iterdir()] == ["ladder.png"]


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_matplotlib(monkeypatch)
    refused(simulated("asha"), tmp_path / "ladder.png", "pip install 'rungwise[plot]'")


def test_matplotlibs_own_state_is_left_alone(tmp_path: Path) -> None:
    import matplotlib as mpl

    before, backend = dict(mpl.rcParams), mpl.get_backend()
    run = simulated("asha")
    ladder_picture("digits-1", run.spec, run.records, tmp_path / "ladder.svg")
    assert dict(mpl.rcParams) == before
    assert mpl.get_backend() == backend
