"""What a user sees of trials that fail, of limits, of checkpoints and of their quota: real trials, the real store."""

import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from commandline import TRAININGS, Cli, lines, rungwise, under_way

import rungwise as rw
from rungwise.checkpoints.folders import usage
from rungwise.core.events import TimePassed
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec

SPACE = {"lr": (0.1, 1.0)}


def tune(function: str, **options: Any) -> rw.Experiment:
    given: dict[str, Any] = {"metric": "loss", "max_resource": 9, "trials": 6, "workers": 2, "name": "it", **options}
    return rw.tune(f"{TRAININGS / 'training_faults.py'}:{function}", SPACE, **given)


def watching(look: Callable[[Ledger], object]) -> Any:
    @contextmanager
    def watch(name: str, spec: ExperimentSpec, ledger: Ledger) -> Iterator[Callable[[Sequence[Record]], None]]:
        yield lambda records: look(ledger) and None

    return watch


def test_a_killed_trial_goes_on_from_its_last_checkpoint(cli: Cli, tmp_path: Path) -> None:
    done = tune("killed_once", scheduler="fifo", trials=2, checkpoint_every=3)
    trained = Counter((tmp_path / "trained").read_text().split("\n"))
    for trial in (0, 1):
        assert [trained[f"{trial} {unit}"] for unit in range(1, 10)] == [1, 1, 1, 2, 1, 1, 1, 1, 1]
    assert done.ledger.spent == 2 * 10
    assert all(entry.failures == 1 and entry.status == "completed" for entry in done.ledger.trials.values())
    assert rw.replay("it").missing == 0
    assert "2 done  0 failed  2 retried" in cli("show", "it").out


def test_the_ways_to_die_are_told_apart(cli: Cli) -> None:
    tune("dies_in_many_ways", scheduler="fifo", max_resource=2, trial_timeout=1.0)
    shown = cli("show", "it", "--json").json()
    assert {each["trial"]: each["cause"] for each in shown["failures"]} == {
        0: "exception", 1: "exit", 2: "signal", 3: "memory", 4: "timeout",
    }  # fmt: skip
    assert {each["attempts"] for each in shown["failures"]} == {2}  # alike at the same place: not a third time
    text = cli("show", "it").out
    for told in ("RuntimeError: no luck", "exit code 7", "killed by SIGSEGV", "MemoryError: 3 TB", "1 s"):
        assert told in text


def test_a_training_that_is_broken_suspends_the_experiment_until_it_is_mended(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(rw.SuspendedError, match=r"3 trials in a row failed") as suspended:
        tune("broken", max_failures=3, trials=8, workers=1)
    assert "The first of them was trial 0:\n" in str(suspended.value)
    assert str(suspended.value).endswith("FileNotFoundError: no data for trial 0")
    assert "suspended" in cli("list").out
    (tmp_path / "mended").touch()
    done = cli("resume", "it")
    assert (done.code, done.err) == (0, "")
    counts = cli("show", "it", "--json").json()["counts"]
    assert (counts["started"], counts["failed"]) == (8, 3)


def test_a_broken_training_on_the_command_line_is_told_without_a_traceback_of_ours(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("lr: [0.1, 1.0]\n")
    told = cli(
        "tune", f"{TRAININGS / 'training_faults.py'}:broken", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", "3", "--max-failures", "2", "--max-retries", "0", "--name", "it",
    )  # fmt: skip
    assert told.code == 1
    assert lines(told.err)[0].startswith("rungwise: the experiment 'it' was suspended: 2 trials in a row failed")
    assert "cli/main.py" not in told.err
    assert "backends/local" not in told.err


def test_time_is_up(cli: Cli) -> None:
    done = tune("stubborn", limits={"time": 1.0})
    assert done.ledger.finish is not None
    assert done.ledger.finish.reason == "time"
    assert any(isinstance(record, TimePassed) for record in done.records())
    assert 1.0 <= done.ledger.now < 30.0
    assert "It ended when its time was up" in cli("resume", "it").out


def test_limits_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("lr: {range: [0.1, 1.0]}\n")
    done = cli(
        "tune", f"{TRAININGS / 'training_faults.py'}:heavy", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", "9", "--limit", "cost=6", "--limit", "price_per_unit=0.5", "--limit", "then=drain",
        "--name", "it",
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert "It ended when it had cost as much as it may." in done.out
    shown = cli("show", "it", "--json").json()
    assert shown["finish"] == "cost"
    assert shown["cost"] == shown["spent"] * 0.5 >= 6
    assert shown["counts"]["started"] < 64


def test_only_what_can_be_needed_is_kept_and_in_the_end_the_winner(cli: Cli, tmp_path: Path) -> None:
    kept: list[int] = []
    folder = tmp_path / "rungwise.db-checkpoints" / "it"
    done = tune("heavy", trials=18, scheduler="asha", watch=watching(lambda ledger: kept.append(usage(folder))))
    assert max(kept) < 18 * 10_000
    assert done.checkpoint is not None
    assert (done.checkpoint / "units").read_text() == done.checkpoint.name
    assert [path.parent for path in folder.rglob("weights")] == [done.checkpoint]
    assert " kB in checkpoints" in cli("show", "it").out
    assert str(done.checkpoint.name) in cli("best", "it").out
    assert cli("best", "it", "--json").json()["checkpoint"].endswith(f"trial-{done.best.trial}/{done.checkpoint.name}")


def test_the_quota_is_never_exceeded(cli: Cli, tmp_path: Path) -> None:
    kept: list[int] = []
    folder = tmp_path / "rungwise.db-checkpoints" / "it"
    tune(
        "heavy", trials=18, scheduler="asha", checkpoint_quota="95kB",
        watch=watching(lambda ledger: kept.append(usage(folder))),
    )  # fmt: skip
    assert 0 < max(kept) <= 95_000


def test_trials_see_the_environment_that_they_are_given(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEL", "5.0")
    done = tune("tells_its_environment", max_resource=1, trials=1, env={"LEVEL": "0.25"})
    assert done.best.value == 0.25


def test_sigterm_leaves_an_orderly_end_within_the_grace(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text("lr: [0.1, 1.0]\n")
    words = (
        "tune", f"{TRAININGS / 'training_faults.py'}:stubborn", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", "9", "--scheduler", "fifo", "--trials", "1", "--name", "it", "--grace", "1s",
        "--checkpoint-every", "1",
    )  # fmt: skip
    with under_way(tmp_path, *words) as tuner:
        tuner.wait_for("best")
        tuner.process.send_signal(signal.SIGTERM)
        done = tuner.done()
    assert done.code == 128 + signal.SIGTERM
    entry = rw.Experiment.open("it").ledger.trials[0]
    assert (entry.status, entry.checkpoint) == ("paused", 1)
    assert rw.replay("it").missing == 0


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--limit", "time"), "--limit is 'time', but must be KEY=VALUE"),
        (("--limit", "tiem=3"), "did you mean 'time'"),
        (("--trial-timeout", "soon"), "trial_timeout is 'soon'"),
        (("--checkpoint-quota", "5"), "checkpoint_quota is '5'"),
        (("--checkpoint-every", "0"), "checkpoint_every is '0'"),
        (("--max-retries", "-1"), "max_retries is -1"),
        (("--max-failures", "-1"), "max_failures is -1"),
        (("--env", "A"), "--env is 'A', but must be NAME=VALUE"),
        (("--env", "RUNGWISE_TRIAL=3"), "RUNGWISE_TRIAL"),
        (("--grace", "0"), "grace is '0'"),
    ],
)
def test_settings_out_of_range_leave_nothing(cli: Cli, tmp_path: Path, option: tuple[str, str], told: str) -> None:
    (tmp_path / "space.yaml").write_text("lr: [0.1, 1.0]\n")
    done = cli(
        "tune", f"{TRAININGS / 'training_faults.py'}:heavy", "--space", "space.yaml", "--metric", "loss",
        "--max-resource", "3", *option,
    )  # fmt: skip
    assert done.code == 2
    assert told in done.err
    assert len(lines(done.err)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["space.yaml"]


def test_strange_configurations_and_metrics_survive_a_resume(cli: Cli, tmp_path: Path) -> None:
    """Unicode, newlines, shell characters; metrics named like columns of the store."""
    (tmp_path / "strange.py").write_text(
        "def train(trial):\n"
        "    for unit in trial.epochs():\n"
        "        more = dict(trial=1.0, kind=2.0, at=3.0, rest=4.0, key=5.0, value=6.0)\n"
        "        trial.report(unit, **{'lo ss': float(len(trial.config['word; rm -rf ~'])) / unit}, **more)\n"
    )
    words = ["plain", "naïve ☃\n$(touch hacked) `id` '\"; drop table records --", "\x1b[31mred\x00"]
    space = {"word; rm -rf ~": words}
    tuned = rw.tune("strange.py:train", space, metric="lo ss", max_resource=3, trials=6, name="it")
    assert {entry.configuration["word; rm -rf ~"] for entry in tuned.ledger.trials.values()} <= set(words)
    again = rw.resume("it")
    assert again.trials == tuned.trials
    assert rw.replay("it").missing == 0
    assert not (tmp_path / "hacked").exists()
    assert "\x1b" not in rungwise(tmp_path, "show", "it").out
