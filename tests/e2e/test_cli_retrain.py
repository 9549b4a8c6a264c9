"""`rungwise retrain`: the winner from scratch, and what happens when it falls apart."""

from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from commandline import TRAININGS, Cli, lines, rungwise


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished experiment `it`, whose trials were trained for three units at most."""
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "space.yaml").write_text("lr: {range: [0.1, 1.0]}\n")
    done = rungwise(
        folder, "tune", f"{TRAININGS / 'training_functions.py'}:fickle", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", "9", "--trials", "9", "--name", "it", "--json",
    )  # fmt: skip
    assert done.json()["cap"] == 3
    return folder


@pytest.fixture
def folder(tuned: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return copytree(tuned, tmp_path, dirs_exist_ok=True)


def ranked(cli: Cli) -> list[int]:
    """The trials of the tuning, best first."""
    return [trial["trial"] for trial in cli("show", "it", "--json").json()["trials"]]


def verdicts(told: Any) -> list[tuple[int, str]]:
    return [(candidate["trial"], candidate["verdict"]) for candidate in told["candidates"]]


def test_a_winner_that_holds_is_kept_with_its_checkpoint(folder: Path, cli: Cli) -> None:
    winner = ranked(cli)[0]
    done = rungwise(folder, "retrain", "it")
    assert (done.code, done.err) == (0, "")
    assert f"Take trial {winner}" in done.out
    (checkpoint,) = (line.rpartition(" ")[2] for line in lines(done.out) if "checkpoint" in line)
    assert (Path(checkpoint) / "state").exists()

    again = cli("retrain", "it", "--seed", "5", "--json")
    assert again.code == 0
    told = again.json()
    assert (told["name"], told["of"], told["held"]) == ("it.retrain-2", "it", True)
    assert verdicts(told) == [(winner, "kept")]
    assert told["chosen"]["final"] == pytest.approx(told["chosen"]["config"]["lr"] + 1 / 9)
    assert [row["name"] for row in cli("list", "--json").json()] == ["it", "it.retrain-1", "it.retrain-2"]
    assert cli("show", "it.retrain-1").code == 0


@pytest.mark.parametrize(
    ("fall", "verdict", "said"),
    [
        ("collapse", "fell short", "it falls short, so the next one is tried"),
        ("nan", "diverged", "retrained it diverges, so the next one is tried"),
        ("raise", "failed", "retraining it fails, so the next one is tried"),
    ],
)
def test_a_winner_that_falls_apart_gives_way_to_the_runner_up(
    folder: Path, cli: Cli, fall: str, verdict: str, said: str
) -> None:
    first, second, *_ = ranked(cli)
    done = cli("retrain", "it", FALL=f"0 {fall}")
    assert (done.code, done.err) == (0, "")
    assert f"trial {first}: tuning saw" in done.out
    assert said in done.out
    assert f"Take trial {second}" in done.out
    told = cli("retrain", "it", "--json", FALL=f"0 {fall}").json()
    assert verdicts(told) == [(first, verdict), (second, "kept")]
    assert told["chosen"]["trial"] == second


def test_if_the_best_all_fall_apart_it_says_so(folder: Path, cli: Cli) -> None:
    first, second, *_ = ranked(cli)
    done = cli("retrain", "it", FALL="0 collapse 1 nan 2 raise")
    assert (done.code, done.err) == (1, "")
    assert "None of those tried kept what tuning saw" in done.out
    told = cli("retrain", "it", "--top", "2", "--json", FALL="0 collapse 1 nan")
    assert told.code == 1
    assert told.json()["held"] is False
    assert verdicts(told.json()) == [(first, "fell short"), (second, "diverged")]
    resumed = cli("resume", "it.retrain-2", "--json")
    assert (resumed.code, resumed.out) == (1, told.out), "whoever goes on with a retraining hears the same"
    nothing = cli("retrain", "it", FALL="0 nan 1 nan 2 nan")
    assert nothing.code == 1
    assert "rungwise: none of the 3 best configurations could be retrained" in nothing.err
