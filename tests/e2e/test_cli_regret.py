"""`rungwise regret`: from tables to a page, numbers and a picture, and what is refused in one sentence."""

import csv
from pathlib import Path

import numpy as np
import pytest
from commandline import Cli, lines, sentence

import rungwise as rw
from rungwise.benchmarks import save
from rungwise.cli import regret as cli_regret
from rungwise.report.pictures import drawing
from rungwise.searchers import OPTIONS

SMALL = ("--repetitions", "2", "--trials", "15", "--jobs", "1", "--searcher", "kde")
SHARES = [0.25, 0.5, 0.75, 1.0]


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two small tables in files, one with a note; pictures are drawn coarsely."""
    monkeypatch.setattr(drawing, "DOTS_PER_INCH", 20)
    names = []
    for place, name in enumerate(("near", "far")):
        draw = np.random.default_rng(place)
        x = draw.random((80, 2))
        curves = np.hypot(*x.T)[:, None] + 1 / np.arange(1, 10) + draw.normal(0, 0.02, (80, 9))
        configs = [{"a": a, "b": b} for a, b in x.tolist()]
        note = "semi-synthetic: for the test" if place else ""
        path = tmp_path / f"{name}.npz"
        save(rw.Table(-curves, mode="max", configs=configs, name=name, unit="epochs", note=note), path)
        names.append(str(path))
    return names


def test_it_is_told_written_and_drawn(cli: Cli, tables: list[str]) -> None:
    pytest.importorskip("matplotlib")
    done = cli("regret", *tables, *SMALL, "-o", "out")
    assert done.code == 0, done
    for told in (
        "asha: mean regret, by share of the budget",
        "hyperband: mean rank",
        "PASHA against ASHA with the same searcher, both to their own end: mean regret, speedup (pasha; asha)",
        "2 tables; 15 configurations, 4 workers, 2 repetitions; eta = 3, stop drain, seed 0.",
        "far: semi-synthetic: for the test",
    ):
        assert told in done.out
    assert len(lines(done.err)) == 4  # a line for each repetition on a table
    assert "6 of 24: near, repetition 1 of 2; regret at the end: asha random" in done.err
    page = Path("out/regret.md").read_text()
    assert "Made by `rungwise" in page
    assert "![Mean regret over the share of the budget](regret.png)" in page
    assert page.count("table by table") == 4  # one for each scheduler, one for the pair
    assert Path("out/regret.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader(Path("out/regret.csv").read_text().splitlines()))
    assert len(rows) == 2 * 3 * 2 * 4
    assert {(row["table"], row["scheduler"], row["searcher"]) for row in rows} == {
        (table, scheduler, searcher)
        for table in ("near", "far")
        for scheduler in ("asha", "pasha", "hyperband")
        for searcher in ("random", "kde")
    }
    assert [float(row["share"]) for row in rows[::2]][:4] == SHARES
    units = [int(row["units"]) for row in rows[::2]][:4]
    assert units == [round(share * units[-1]) for share in SHARES]


def test_it_goes_on_from_the_runs_that_it_kept(cli: Cli, tables: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    one = ("regret", tables[0], *SMALL, "--scheduler", "asha")
    first = cli(*one, "-o", "out")
    assert cli(*one).out == first.out  # kept or not, it comes to the same
    again = cli(*one, "-o", "out")
    assert (again.out, again.err) == (first.out, "4 of 4 runs are taken from out/runs.jsonl\n")
    more = cli(*one, "--searcher", "grid,points=3", "-o", "out")
    assert lines(more.err)[0] == "4 of 6 runs are taken from out/runs.jsonl"
    assert len(lines(more.err)) == 3
    assert "asha kde" not in more.err
    assert "asha grid,points=3" in more.err


def test_as_json_there_are_points_over_all_tables_and_of_each(cli: Cli, tables: list[str]) -> None:
    done = cli("regret", *tables, *SMALL, "--scheduler", "asha", "--scheduler", "pasha", "--json", "--stop", "instant")
    found = done.json()
    assert len(found["points"]) == 3 * 2 * 2 * 4
    assert [point["table"] for point in found["points"]].count(None) == 16
    random = [point for point in found["points"] if point["searcher"] == "random"]
    assert all(point["difference_mean"] == 0 for point in random)
    assert {(pair["table"], pair["searcher"]) for pair in found["pairs"]} == {
        (table, searcher) for table in ("near", "far") for searcher in ("random", "kde")
    }
    ranks = {}
    for point in found["points"]:
        ranks.setdefault((point["table"], point["scheduler"], point["share"]), []).append(point["rank_mean"])
    assert all(sum(each) == pytest.approx(3) for each in ranks.values())


def test_the_searchers_that_it_runs_by_default_are_there() -> None:
    assert set(cli_regret.SEARCHERS) <= set(OPTIONS)


def test_without_matplotlib_it_says_so_before_anything_runs(
    cli: Cli, tables: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.cli.options.find_spec", lambda name: None)
    assert "needs matplotlib" in sentence(cli("regret", *tables, *SMALL, "-o", "out"))
    assert not Path("out").exists()


REFUSED = {
    "no such searcher": (["--searcher", "bayes"], "the searcher is 'bayes'"),
    "no such option": (["--searcher", "kde,points=3"], "the searcher 'kde' has no option 'points'"),
    "no such scheduler": (["--scheduler", "bohb"], "scheduler is 'bohb'"),
    "more configurations than there are": (["--trials", "81"], "trials is 81, but the table 'near' holds 80"),
    "no repetition": (["--repetitions", "0"], "repetitions is 0"),
    "no workers": (["--workers", "0"], "workers is 0"),
    "eta 1": (["--eta", "1"], "eta is 1"),
    "no jobs": (["--jobs", "0"], "jobs is 0"),
    "a negative seed": (["--seed", "-1"], "seed is -1"),
    "a ladder beyond the table": (["--scheduler", "asha,max_resource=10"], "max_resource is 10"),
    "a population": (["--scheduler", "pbt,trials=4,interval=3"], "a table has no curve of such a trial"),
    "another file": (["nosuch.npz"], "nosuch.npz"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_told_in_one_sentence(cli: Cli, tables: list[str], case: str) -> None:
    arguments, told = REFUSED[case]
    assert told in sentence(cli("regret", tables[0], *SMALL, *arguments))


def test_tables_without_configurations_and_runs_that_are_no_runs(cli: Cli, tables: list[str]) -> None:
    save(rw.Table(np.arange(40.0).reshape(20, 2), name="bare"), "bare.npz")
    assert "does not say which configurations its rows are" in sentence(cli("regret", "bare.npz", *SMALL))
    assert "two tables are called 'near'" in sentence(cli("regret", tables[0], "near.npz", *SMALL))
    Path("out").mkdir()
    Path("out/runs.jsonl").write_bytes(b"\xff\xfe")
    pytest.importorskip("matplotlib")
    assert "cannot be read as the runs of a contest" in sentence(cli("regret", tables[0], *SMALL, "-o", "out"))
    Path("file").touch()
    for scheduler in ("pbt,trials=4,interval=3", "asha,max_resource=10"):
        assert sentence(cli("regret", tables[0], *SMALL, "--scheduler", scheduler, "-o", "new"))
    assert not Path("new").exists()
    assert "cannot write to the folder 'file'" in sentence(cli("regret", tables[0], *SMALL, "-o", "file"))
