"""`rungwise list`, `show`, `best`, `resume`, and what the command line costs before it does anything."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import Cli, Done, lines, run, rungwise, sentence

Told = Callable[..., Done]


@pytest.fixture
def told(finished: Path, cli: Cli) -> Told:
    """Call a command on the store with two finished experiments; it must have nothing to complain of."""

    def call(*arguments: str) -> Done:
        done = cli(*arguments, "--store", finished / "runs.db")
        assert (done.code, done.err) == (0, "")
        return done

    return call


def test_list(told: Told, finished: Path) -> None:
    as_text = rungwise(finished, "list", "--store", "runs.db")
    assert as_text == told("list")
    title, digits, other = as_text.out.splitlines()
    assert title.split()[:3] == ["name", "scheduler", "status"]
    assert digits.split()[:4] == ["digits", "pasha", "finished", "9/9"]
    assert other.split()[:4] == ["other", "pasha", "finished", "8/8"]
    rows = told("list", "--json").json()
    assert [(row["name"], row["state"], row["counts"]["started"]) for row in rows] == [
        ("digits", "finished", 9),
        ("other", "finished", 8),
    ]


def test_show(told: Told) -> None:
    text = told("show", "digits", "--trials", "4").out
    assert "lowest loss, finished" in text
    assert "the best 4 of 9 trials" in text
    assert "epochs" in text
    shown = told("show", "digits", "--json").json()
    entries = [rung["entries"] for rung in shown["ladder"]]
    assert (entries[0], entries[2:]) == (9, [0, 0])
    assert entries[1] >= 3  # two workers: the order of arrival decides whether one more is promoted on the way
    assert [rung["open"] for rung in shown["ladder"]] == [True, True, False, False]
    assert shown["spent"] == 9 + entries[1] * 2
    assert shown["full_cost"] == 9 * 27
    assert sorted(trial["trial"] for trial in shown["trials"]) == list(range(9))
    assert [trial["best"] for trial in shown["trials"]] == sorted(trial["best"] for trial in shown["trials"])
    failed = told("show", "other").out
    assert "trial 0 failed 2 times: RuntimeError: no luck for 0" in failed
    assert 'raise RuntimeError(f"no luck for {trial}")' in failed


def test_best(told: Told) -> None:
    best = told("best", "digits", "--json").json()
    shown = told("show", "digits", "--json").json()
    assert (best["metric"], best["trial"], best["resource"]) == ("loss", shown["best"]["trial"], 3)
    assert best["value"] == pytest.approx(best["config"]["lr"] + 1 / 3)
    assert best["config"] == shown["best"]["config"]
    assert best["best_in_top_rung"]["trial"] == best["trial"]
    text = told("best", "digits").out
    assert f"{best['config']['lr']:.5g}"[:6] in text
    assert best["config"]["act"] in text


def test_a_finished_experiment_is_only_read_by_resume(finished: Path, told: Told) -> None:
    before = told("show", "digits", "--json").json()
    resumed = rungwise(finished, "resume", "digits", "--store", "runs.db")
    assert (resumed.code, resumed.err) == (0, "")
    assert f"The best of 9 trials is trial {before['best']['trial']}" in resumed.out
    assert told("resume", "digits", "--json").json()["best"] == before["best"]
    assert told("show", "digits", "--json").json() == before


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_a_picture_of_the_ladder(told: Told, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / f"ladder{suffix}"
    told("show", "digits", "--picture", str(picture))
    assert picture.stat().st_size > 5_000


def test_a_picture_that_cannot_be_is_refused(finished: Path, tmp_path: Path, cli: Cli) -> None:
    for picture in (tmp_path / "ladder.txt", tmp_path / "nowhere" / "ladder.png"):
        done = cli("show", "digits", "--store", finished / "runs.db", "--picture", picture)
        assert str(picture) in sentence(done)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_lists_nothing(tmp_path: Path, finished: Path, cli: Cli) -> None:
    (tmp_path / "silent.py").write_text("def train(trial): pass\n")
    done = cli(
        "tune", "silent.py:train", "--space", finished / "space.yaml", "--metric", "loss", "--max-resource", "3"
    )  # fmt: skip
    assert "returned without reporting" in sentence(done)
    assert cli("list", "--json").json() == []
    assert lines(cli("list").out) == ["no experiments yet: begin one with `rungwise tune`, or see `rungwise demo`"]


def test_names_count_up_in_one_store(tmp_path: Path, finished: Path, cli: Cli) -> None:
    (tmp_path / "training.py").write_text(
        "import rungwise as rw\n\n\ndef train(trial):\n    trial.report(1, loss=1.0)\n\n\nif __name__ == '__main__':\n"
        "    for _ in range(2):\n"
        "        print(rw.tune(train, {'lr': (0.1, 1.0)}, metric='loss', max_resource=1, trials=1).name)\n"
    )
    assert run(tmp_path, sys.executable, "training.py").out.split() == ["training-1", "training-2"]
    done = cli(
        "tune", "training.py:train", "--space", finished / "space.yaml", "--metric", "loss",
        "--max-resource", "1", "--trials", "1", "--json",
    )  # fmt: skip
    assert done.json()["name"] == "training-3"
    assert [row["name"] for row in cli("list", "--json").json()] == [
        "training-1",
        "training-2",
        "training-3",
    ]


HEAVY = ("numpy", "ConfigSpace", "scipy", "rich", "yaml", "sqlite3", "matplotlib", "multiprocessing")
MODULES = "import sys; {}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"


def test_help_and_the_bare_import_load_nothing_heavy(tmp_path: Path) -> None:
    bare = set(run(tmp_path, sys.executable, "-c", MODULES.format("pass")).out.split())
    imported = run(tmp_path, sys.executable, "-c", MODULES.format("import rungwise")).out.split()
    assert not {*HEAVY, "click"} & (set(imported) - bare)
    helped = run(tmp_path, sys.executable, "-c", MODULES.format("from rungwise.cli.main import run; run(['--help'])"))
    assert helped.out.startswith("Usage: rungwise")
    assert not set(HEAVY) & (set(helped.out.splitlines()[-1].split()) - bare)


def test_the_command_line_is_there_as_a_module_too(tmp_path: Path) -> None:
    module = run(tmp_path, sys.executable, "-m", "rungwise", "--version")
    assert module == rungwise(tmp_path, "--version")
    assert module.out.startswith("rungwise, version ")


def test_every_command_explains_itself(cli: Cli) -> None:
    for command in ("demo", "tune", "resume", "list", "show", "best", "retrain"):
        done = cli(command, "--help")
        assert done.code == 0
        assert "--store FILE" in done.out
    assert cli().code == 2
