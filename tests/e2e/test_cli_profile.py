"""`rungwise profile`: the real training, measured briefly, and what is refused in one sentence."""

import sys
from pathlib import Path

import pytest
from commandline import Cli, lines, sentence

from rungwise.planner import Profile, read_profile

TRAIN = """
import time
import rungwise as rw

def waiting(trial):
    trial.load()
    for unit in trial.epochs():
        time.sleep(0.02)
        with open("trained", "a") as file:
            file.write(f"{trial.id} {unit} {trial.slots} {trial.config['lr']}\\n")
        trial.report(unit, loss=1.0, save=lambda folder: (folder / "state").touch())

def forgetful(trial):
    for unit in trial.epochs():
        trial.report(unit, loss=1.0)

def broken(trial):
    raise RuntimeError("no data")

def silent(trial):
    pass
"""


@pytest.fixture(autouse=True)
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of trainings, with its space."""
    monkeypatch.delitem(sys.modules, "work", raising=False)  # that of another test
    (tmp_path / "work.py").write_text(TRAIN)
    (tmp_path / "space.yaml").write_text("lr: {range: [0.1, 1.0]}\n")


def test_it_measures_the_real_training_and_keeps_nothing_but_the_profile(cli: Cli) -> None:
    before = {path.name for path in Path.cwd().iterdir()}
    done = cli("profile", "work.py:waiting", "--workers", "2", "--units", "3", "--configurations", "2", "-o", "p.yaml",
               "--unit", "epochs")  # fmt: skip
    assert done.code == 0, done
    assert "Each job: start-up" in done.out
    assert "Next: rungwise plan p.yaml" in done.out
    assert "trials on 1 of 2 slots: 2, 2 at once, 6 epochs each" in done.err
    profile = read_profile("p.yaml")
    assert profile.shares == (1,)
    assert profile.base >= 0.02, "no unit is quicker than it sleeps"
    assert profile.unit == "epochs"
    trained = [line.split() for line in lines(Path("trained").read_text())]
    units = {trial: [int(unit) for each, unit, *_ in trained if each == trial] for trial in ("0", "1", "2")}
    assert units == {"0": [1], "1": [1, 2, 3, 4, 5, 6], "2": [1, 2, 3, 4, 5, 6]}, "each unit once, from a checkpoint"
    configs = {trial: {config for each, *_, config in trained if each == trial} for trial in units}
    assert configs["0"] == configs["1"] == {"0.55"}, "the default configuration"
    assert configs["2"] != configs["1"]
    left = {path.name for path in Path.cwd().iterdir()} - before - {"__pycache__"}
    assert left == {"p.yaml", "trained"}


def test_several_numbers_of_trials_on_a_device_are_measured_each_and_compared(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    done = cli("profile", "work.py:waiting", "--gpus", "1", "--per-gpu", "1,2", "--units", "3", "-o", "p.yaml")
    assert done.code == 0, done
    assert [path.name for path in sorted(Path.cwd().glob("p*.yaml"))] == ["p.per-gpu-1.yaml", "p.per-gpu-2.yaml"]
    assert read_profile("p.per-gpu-2.yaml").note == "measured with 2 workers, the default configuration"
    told = lines(done.out)
    assert "1 trial on a device" in told
    assert "2 trials on a device" in told
    assert "Units that a device trains, beside 1 trial at once: 2: " in done.out
    assert "Next: rungwise plan p.per-gpu-1.yaml" in done.out
    found = cli("profile", "work.py:forgetful", "--gpus", "1", "--per-gpu", "1,2", "--units", "3", "--json").json()
    assert [each["per_gpu"] for each in found] == [1, 2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--per-gpu", "1,2"), "say with --gpus how many devices there are"),
        (("--per-gpu", "1,2", "--gpus", "1", "--workers", "2"), "--workers does not go with it"),
        (("--per-gpu", "half"), "--per-gpu is 'half', but must be whole numbers between commas"),
        (("--per-gpu", "0", "--gpus", "1"), "per_gpu is 0, but must be a whole number of 1 or more"),
    ],
)
def test_what_cannot_be_on_a_device_is_told_in_a_sentence(cli: Cli, words: tuple[str, ...], said: str) -> None:
    assert said in sentence(cli("profile", "work.py:waiting", *words))


def test_as_json_it_says_what_could_not_be_measured(cli: Cli) -> None:
    found = cli("profile", "work.py:forgetful", "--json", "--units", "3").json()
    unknown = found.pop("unknown")
    assert any("saves no checkpoint, so a promoted trial starts afresh" in told for told in unknown)
    assert Profile.from_json(found).shares == (1,)


def test_a_training_that_fails_is_told_in_a_sentence(cli: Cli) -> None:
    done = cli("profile", "work.py:broken", "-o", "p.yaml")
    assert done.code == 1
    assert lines(done.err)[-1] == (
        "rungwise: with 1 slot a trial failed, so that nothing can be measured: RuntimeError: no data"
    )
    assert "Traceback" not in done.err
    assert not Path("p.yaml").exists()


REFUSED = {
    "nothing": ([], "there is no training to measure"),
    "no such file": (["nosuch.py:train"], "'nosuch.py' is not a file"),
    "no slots": (["work.py:waiting", "--slots", "0"], "a share of slots is 0"),
    "slots that are words": (["work.py:waiting", "--slots", "one"], "--slots is 'one'"),
    "more slots than there are": (["work.py:waiting", "--slots", "2", "--workers", "1"], "a trial is to have 2 slots"),
    "too few units": (["work.py:waiting", "--units", "2"], "units is 2, but must be a whole number of 3 or more"),
    "no configurations": (["work.py:waiting", "--configurations", "0"], "configurations is 0"),
    "no such folder": (["work.py:waiting", "-o", "nosuch/p.yaml"], "there is no folder 'nosuch'"),
    "no reports": (["work.py:silent"], "without reporting anything"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_told_in_one_sentence(cli: Cli, case: str) -> None:
    arguments, told = REFUSED[case]
    said = cli("profile", *arguments)
    assert said.code == 2, said
    assert told in lines(said.err)[-1]
    assert "Traceback" not in said.err


def test_without_a_space_beside_it_one_is_asked_for(cli: Cli) -> None:
    Path("space.yaml").unlink()
    assert "space is missing" in sentence(cli("profile", "work.py:waiting"))


def test_more_slots_than_cores_are_measured_but_not_without_a_word(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rungwise.backends.local.slots.usable_cores", lambda: 1)
    done = cli("profile", "work.py:waiting", "--slots", "2", "--units", "3", "--one-process")
    assert done.code == 0, done
    assert "2 slots on 1 cores: they take time from one another" in done.err
