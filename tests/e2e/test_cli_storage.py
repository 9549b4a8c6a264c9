"""Checkpoints on a storage given by a URL, as users meet them: an experiment that moves, and what can be wrong."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import TRAININGS, Cli, Gate, handles_of, lines, rungwise, sentence, trained, under_way, wait_until_gone

sys.path.insert(0, str(Path(__file__).parents[1] / "storages"))

from places import Remote, make_remote

import rungwise as rw
from rungwise.api.storage import MARK

TRIALS, UNITS = 9, 9


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    (tmp_path / "space.yaml").write_text("lr: {range: [0.1, 1.0]}\n")
    return make_remote("faulty", tmp_path, monkeypatch)


def words(function: str, *more: str, storage: str) -> list[str]:
    return [
        "tune", f"{TRAININGS / 'training_functions.py'}:{function}", "--space", "../space.yaml", "--metric", "loss",
        "--max-resource", str(UNITS), "--scheduler", "asha", "--trials", str(TRIALS), "--name", "it",
        "--checkpoint-every", "1", "--storage", storage, *more,
    ]  # fmt: skip


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Path, Gate, Path, Gate]]:
    """Two folders, each with its gate."""
    made = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        made.append((tmp_path / name, Gate(tmp_path / name)))
    yield (*made[0], *made[1])
    for _, gate in made:
        gate.close()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for processes that are not its children")
def test_a_tuner_that_was_killed_goes_on_elsewhere_with_the_stores_file_alone(
    cli: Cli, tmp_path: Path, remote: Remote, machines: tuple[Path, Gate, Path, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, gate, other, other_gate = machines
    with under_way(one, *words("gated", storage=remote.url)) as tuner:
        gate.let_pass(13)
        waiting = gate.waiting(14)
        held = handles_of({pid for each in waiting[-1:] for pid in each.pids})
        tuner.process.kill()
        assert tuner.done().code == -9
        wait_until_gone(held)
    shutil.rmtree(one / "rungwise.db-checkpoints")
    for file in one.glob("rungwise.db*"):
        shutil.move(file, other / file.name)
    monkeypatch.chdir(other)
    other_gate.let_pass(200)
    resumed = cli("resume", "it", "--json")
    assert (resumed.code, resumed.err) == (0, "")

    quiet = tmp_path / "quiet"
    quiet.mkdir()
    monkeypatch.chdir(quiet)
    undisturbed = cli(*words("steady", "--json", storage=f"{remote.url}-2")).json()
    best = resumed.json()["best"]
    assert best == undisturbed["best"]
    # Nothing twice but what the log may not have heard of any more.
    twice = Counter(trained(one)) + Counter(trained(other)) - Counter(trained(quiet))
    last = tuple(map(int, lines((one / "trained").read_text())[-1].split()))
    assert twice in (Counter(), Counter([last]))

    monkeypatch.chdir(other)
    assert cli("replay", "it").code == 0
    assert {name.split("/")[1] for name in remote.names()} == {f"trial-{best['trial']}"}
    shutil.rmtree(other / "rungwise.db-checkpoints")
    checkpoint = Path(cli("best", "it", "--json").json()["checkpoint"])
    assert (checkpoint / "state").is_file()


def test_the_winner_is_brought_here_and_retrained_there(cli: Cli, remote: Remote, tmp_path: Path) -> None:
    done = cli(*[word.replace("../", "") for word in words("steady", storage=remote.url)])
    assert done.code == 0, done
    before = rw.Experiment.open("it")
    assert before.checkpoint_bytes > 0
    shutil.rmtree("rungwise.db-checkpoints")
    assert before.checkpoint is not None
    assert (before.checkpoint / "state").is_file()
    assert "in checkpoints" in cli("show", "it").out
    retrained = rw.retrain("it")
    assert retrained.checkpoint is not None
    assert remote.uploads(0, "it.retrain-1") == [UNITS]


def test_ranks_that_know_nothing_of_it_leave_one_checkpoint(cli: Cli, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text(
        'unit=0; [ -n "$RUNGWISE_LOAD" ] && unit=$(cat "$RUNGWISE_LOAD/rank-$RANK")\n'
        '[ "$unit" = "$RUNGWISE_START" ] || exit 9\n'
        'while [ $unit -lt $RUNGWISE_MILESTONE ]; do unit=$((unit + 1)); echo "$RUNGWISE_TRIAL $unit" >> trained\n'
        '[ $RANK = 0 ] && echo "{\\"resource\\": $unit, \\"loss\\": $RUNGWISE_TRIAL}"; done\n'
        'echo $unit > "$RUNGWISE_SAVE/rank-$RANK"\n'
    )
    done = cli(
        "tune", "--space", "space.yaml", "--metric", "loss", "--max-resource", "3", "--trials", "3", "--scheduler",
        "asha", "--workers", "2", "--slots", "2", "--name", "it", "--storage", remote.url, "--", "/bin/sh", "train.sh",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert trained(tmp_path) == sorted(2 * [(0, 1), (0, 2), (0, 3), (1, 1), (2, 1)])
    assert {name.split("/")[-1] for name in remote.names()} == {"rank-0", "rank-1", ".rungwise-manifest.json"}


def test_a_path_is_the_folder_itself(cli: Cli, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text(
        f"train: {TRAININGS / 'training_functions.py'}:steady\nspace: space.yaml\nmetric: loss\nmax_resource: 9\n"
        "trials: 5\nname: it\nstorage: shared\nstore: deep/runs.db\n"
    )
    (tmp_path / "deep").mkdir()
    assert cli("tune", "e.yaml").code == 0
    experiment = rw.Experiment.open("it", "deep/runs.db")
    assert experiment.checkpoint is not None
    assert experiment.checkpoint.parents[1] == tmp_path / "shared" / "it"
    assert not list((tmp_path / "deep").rglob("state"))
    shutil.move("deep/runs.db", "runs.db")
    assert cli("resume", "it", "--store", "runs.db").code == 0
    again = cli("tune", "e.yaml")
    assert "holds the checkpoints of an experiment 'it' already" in sentence(again)


BAD = {
    "an unknown scheme": ("nowhere://bucket", "", "storage is 'nowhere://bucket', which fsspec does not understand"),
    "a package that is missing": ("s3://bucket/it", "", "s3 needs a package that is missing"),
    "nobody may write": ("", "refuse-pipe", "cannot be used: writing faulty:///"),
    "nobody may remove": ("", "refuse-rm", "cannot be used: removing faulty:///"),
    "nobody may read": ("", "refuse-cat", "cannot be used: reading faulty:///"),
    "a folder below a file": ("space.yaml/x", "", "cannot be read: NotADirectoryError"),
    "nothing": ("", "empty", "storage is '', but must be a URL such as s3://bucket/folder, or the path of a folder"),
}


@pytest.mark.parametrize(("storage", "fault", "told"), BAD.values(), ids=BAD)
def test_a_storage_that_is_no_good_is_told_before_anything_is_trained(
    cli: Cli, remote: Remote, monkeypatch: pytest.MonkeyPatch, storage: str, fault: str, told: str
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    if fault.startswith("refuse"):
        remote.wrong(fault)
    url = storage or ("" if fault == "empty" else remote.url)
    assert told in sentence(cli(*[word.replace("../", "") for word in words("steady", storage=url)]))
    assert not Path("trained").exists()
    assert not Path("rungwise.db").exists()
    assert not Path("rungwise.db-checkpoints").exists()
    assert [name for name in remote.names() if "probe" not in name] == []


def test_a_name_that_is_taken_there_is_refused_and_a_name_of_ours_is_another(cli: Cli, remote: Remote) -> None:
    command = [word.replace("../", "") for word in words("steady", storage=remote.url)]
    assert cli(*command).code == 0
    before = remote.names()
    told = sentence(cli(*command, "--store", "another.db"))
    assert "holds the checkpoints of an experiment 'it' already: choose another name" in told
    assert remote.names() == before
    at = command.index("--name")
    unnamed = [*command[:at], *command[at + 2 :]]
    for number, store in ((1, "another.db"), (2, "third.db")):
        assert cli(*unnamed, "--store", store).code == 0
        assert cli("list", "--store", store, "--json").json()[0]["name"] == f"training_functions-{number}"


def test_a_storage_that_is_gone_or_anothers_is_told_when_it_goes_on(cli: Cli, remote: Remote) -> None:
    command = [word.replace("../", "") for word in words("steady", storage=remote.url)]
    assert cli(*command).code == 0
    remote.wrong("refuse-find")
    for asked in ("best", "show"):
        shown = cli(asked, "it")
        assert (shown.code, len(lines(shown.err))) == (0, 1)
        assert "no find for you" in shown.err
        assert "lr" in shown.out
    assert cli("resume", "it").code == 0  # it is finished, and only read


def test_what_is_not_where_it_was_is_told_when_it_goes_on(
    cli: Cli, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [word.replace("../", "") for word in words("dying", storage=remote.url)]
    assert cli(*command, "--max-failures", "2", "--max-retries", "0").code == 1
    mark = remote.folder / "it" / MARK
    text = mark.read_text()
    mark.write_text(text.replace('"mark": "', '"mark": "0'))
    assert "belongs to another experiment that is called 'it' too" in sentence(cli("resume", "it"))
    shutil.rmtree(remote.folder)
    assert "holds no experiment, but the checkpoints of 'it' were kept there" in sentence(cli("resume", "it"))
    remote.wrong("refuse-cat")
    assert "no cat for you" in sentence(cli("resume", "it"))


def test_uploads_that_fail_fail_their_trials_which_are_tried_again(cli: Cli, remote: Remote) -> None:
    remote.wrong("refuse-put")
    command = [word.replace("../", "") for word in words("steady", storage=remote.url)]
    told = cli(*command, "--trials", "2", "--scheduler", "fifo")
    assert "no put for you" in told.out
    assert "Traceback" not in told.out + told.err
    shown = cli("show", "it", "--json").json()
    assert {(each["cause"], each["attempts"]) for each in shown["failures"]} == {("checkpoint", 2)}
    assert shown["counts"]["failed"] == 2


def test_the_command_line_itself_shows_no_traceback(remote: Remote, tmp_path: Path) -> None:
    remote.wrong("refuse-pipe")
    done = rungwise(tmp_path, *[word.replace("../", "") for word in words("steady", storage=remote.url)])
    assert "cannot be used" in sentence(done)
