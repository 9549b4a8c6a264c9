"""`rungwise compare`, `record` and `paper`: what recorded curves tell, and what is refused in one sentence."""

import csv
from pathlib import Path

import numpy as np
import pytest
from commandline import Cli, rungwise, sentence

import rungwise as rw
from rungwise.benchmarks import load, save

SMALL = ("--trials", "30", "--repetitions", "2", "--jobs", "1")


def test_the_schedulers_on_the_table_that_comes_with_it(cli: Cli) -> None:
    done = cli("compare", "--table", "digits", "--scheduler", "fifo,resource=1", "--scheduler", "asha")
    assert (done.code, done.err) == (0, "")
    header, one, asha, *_ = done.out.splitlines()
    assert header.split()[:3] == ["scheduler", "val_accuracy", "trial"]
    assert one.split()[0] == "fifo,resource=1"
    assert one.split()[3] == "256"  # epochs
    assert asha.split()[0] == "asha"
    assert "as it ran" not in done.out
    same = cli("compare", "--table", "digits", "--scheduler", "fifo,resource=1", "--scheduler", "asha", "--json").json()
    assert [(each["scheduler"], each["resource"]) for each in same["answers"]] == [
        ("fifo,resource=1", 256),
        ("asha", int(asha.split()[3])),
    ]
    assert same["ran"] is None


def test_an_experiment_answers_as_far_as_it_was_recorded(cli: Cli, finished: Path) -> None:
    store = ("--store", finished / "runs.db")
    answers = cli("compare", "digits", "--scheduler", "fifo", "--scheduler", "pasha", *store, "--json").json()
    fifo, pasha = answers["answers"]
    assert "would train to 27 epochs, but its curve was recorded to" in fifo["unknown"]
    assert "resource" not in fifo
    assert pasha["unknown"] is None
    assert pasha["value"] == answers["ran"]["value"]
    text = cli("compare", "digits", "--scheduler", "fifo", *store)
    assert text.code == 0
    assert "as it ran" in text.out
    assert "fifo: not known; trial" in text.out


def test_a_recorded_experiment_is_a_table_like_any_other(cli: Cli, finished: Path) -> None:
    store = ("--store", finished / "runs.db")
    done = cli("record", "digits", "-o", "mine.npz", *store)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("written to mine.npz: 9 configurations, 27 epochs")
    table = load("mine.npz")
    assert (table.metric, table.mode, table.unit, table.configurations) == ("loss", "min", "epochs", 9)
    assert table.configs is not None
    assert set(table.configs[0]) == {"lr", "act"}
    again = cli("compare", "--table", "mine.npz", "--scheduler", "pasha", "--workers", "1", "--json").json()
    assert again["answers"][0]["value"] == pytest.approx(table.quality.min())


def test_the_paper_in_a_process_of_its_own_writes_pages_numbers_and_pictures(tmp_path: Path) -> None:
    done = rungwise(tmp_path, "paper", "digits", *SMALL[:4], "--only", "main", "--only", "eta", "-o", "out")
    assert done.code == 0, done
    assert "ASHA, PASHA and the baselines" in done.out
    assert "Reduction factors" in done.out
    assert "ranking functions" not in done.out
    page = (tmp_path / "out" / "paper.md").read_text()
    assert "Made by `rungwise paper digits --trials 30 --repetitions 2 --only main --only eta -o out`" in page
    rows = list(csv.DictReader((tmp_path / "out" / "paper.csv").open()))
    assert {row["part"] for row in rows} == {"main", "eta"}
    assert {row["approach"] for row in rows} >= {"ASHA", "PASHA", "1 epoch", "random", "ASHA, eta 2"}
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == [
        f"digits-{what}.png" for what in ("all-curves", "epsilon", "ladder", "soft-ranking", "top-three")
    ]


def test_the_paper_as_json_and_without_pictures(cli: Cli, tmp_path: Path) -> None:
    done = cli("paper", "digits", *SMALL, "--only", "main", "--json", "-o", "out", "--no-figures")
    rows = done.json()
    assert [row["approach"] for row in rows] == ["ASHA", "PASHA", "Taper", "GatedPASHA", "1 epoch", "random"]
    assert rows[0]["speedup"] == 1.0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["paper.csv", "paper.md"]
    assert (
        cli("paper", "digits", *SMALL, "--only", "main", "--json").json() == rows
    )  # the same again, number for number


def test_without_matplotlib_it_says_so_before_anything_runs(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rungwise.cli.options.find_spec", lambda name: None)
    assert "or add --no-figures" in sentence(cli("paper", "digits", *SMALL, "-o", "out"))
    assert not Path("out").exists()
    assert cli("paper", "digits", *SMALL, "--only", "main", "-o", "out", "--no-figures").code == 0


def test_several_tables_are_summed_up(cli: Cli) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        values = np.random.default_rng(seed).normal(size=(40, 9)).cumsum(axis=1)
        save(rw.Table(values, name=name, note="semi-synthetic: for the test"), f"{name}.npz")
    done = cli("paper", "a.npz", "b.npz", *SMALL, "--only", "main")
    assert done.code == 0
    assert done.out.count("semi-synthetic: for the test") == 2
    assert "PASHA against ASHA on all tables" in done.out
    assert "geometric mean" in done.out


def test_paths_and_names_that_are_not_there(cli: Cli, finished: Path) -> None:
    store = ("--store", str(finished / "runs.db"))
    assert "digits" in sentence(cli("paper", "digit"))
    assert "no table's name matches 'nothing*'" in sentence(cli("paper", "nothing*"))
    assert "nosuch" in sentence(cli("compare", "nosuch", *store))
    assert "give the NAME of an experiment, or --table" in sentence(cli("compare", *store))
    assert "give the NAME of an experiment, or --table" in sentence(cli("compare", "digits", "--table", "digits"))
    assert "ends in '.txt'" in sentence(cli("record", "digits", "-o", "mine.txt", *store))
    assert "cannot be written" in sentence(cli("record", "digits", "-o", "no/such/mine.npz", *store))
    assert "reported no 'speed'" in sentence(cli("record", "digits", "--metric", "speed", "-o", "mine.npz", *store))
    assert not Path("mine.npz").exists()


REFUSED = {
    "no such scheduler": (["--scheduler", "bohb"], "scheduler is 'bohb'"),
    "no such option": (["--scheduler", "asha,speed=3"], "no option 'speed'"),
    "a percentile above 100": (["--scheduler", "pasha,ranking=auto,ranking.percentile=101"], "percentile is 101"),
    "a threshold above 1": (["--scheduler", "pasha,ranking=rbo,ranking.threshold=1.5"], "threshold is 1.5"),
    "a negative epsilon": (["--scheduler", "pasha,ranking=fixed,ranking.epsilon=-1"], "epsilon is -1"),
    "more than is recorded": (["--max-resource", "82"], "max_resource is 82"),
    "less than the minimum": (["--min-resource", "82"], "min_resource is 82, above max_resource 81"),
    "no workers": (["--workers", "0"], "workers is 0"),
    "a population": (["--scheduler", "pbt,interval=9"], "table"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_compared_is_told_in_one_sentence(cli: Cli, case: str) -> None:
    arguments, told = REFUSED[case]
    assert told in sentence(cli("compare", "--table", "digits", *arguments))


PAPER = {
    "more configurations than there are": (["--trials", "300"], "trials is 300, but the table 'digits' holds 256"),
    "no repetition": (["--repetitions", "0"], "repetitions is 0"),
    "fewer units than the minimum": (["--min-resource", "82"], "min_resource is 82"),
    "more units than there are": (["--max-resource", "100"], "max_resource is 100"),
    "no workers": (["--workers", "0"], "workers is 0"),
    "eta 1": (["--eta", "1"], "eta is 1"),
    "no jobs": (["--jobs", "0"], "jobs is 0"),
    "no such part": (["--only", "mean"], "'mean' is not one of"),
    "a negative seed": (["--seed", "-1"], "seed is -1"),
}


@pytest.mark.parametrize("case", PAPER)
def test_what_the_paper_cannot_be_run_with_is_told_in_one_sentence(cli: Cli, tmp_path: Path, case: str) -> None:
    arguments, told = PAPER[case]
    assert told in sentence(cli("paper", "digits", "-o", "out", *arguments))
    assert not (tmp_path / "out").exists()


def _own(**changed: object) -> None:
    save(rw.Table([[2.0, 1.0], [1.0, 2.0]], configs=[{"x": 1}, {"x": 2}]), "t.npz")
    with np.load("t.npz") as stored:
        arrays = {name: stored[name] for name in stored}
    for name, value in changed.items():
        arrays[name] = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else np.array(value)
    np.savez("t.npz", **arrays)


def _cut() -> None:
    _own()
    whole = Path("t.npz").read_bytes()
    Path("t.npz").write_bytes(whole[: len(whole) // 2])


TABLES = {
    "begins with nan": (
        lambda: np.savez("t.npz", values=[[np.nan, 1.0]]),
        "header",
    ),
    "negative seconds": (lambda: _own(seconds=[[-1.0, 1.0], [1.0, 1.0]]), "takes -1.0 s"),
    "nan at the start": (lambda: _own(values=[[np.nan, 1.0], [1.0, 2.0]]), "row 0 begins with nan at unit 1"),
    "one configuration twice": (lambda: _own(configs=b'[{"x": 1}, {"x": 1}]'), "rows 0 and 1 have one configuration"),
    "cut short": (_cut, "t.npz"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_wrong_table_is_told_in_one_sentence(cli: Cli, case: str) -> None:
    make, told = TABLES[case]
    make()
    for command in (("paper", "t.npz", "--trials", "2"), ("compare", "--table", "t.npz")):
        assert told in sentence(cli(*command))
