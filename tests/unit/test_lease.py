"""One tuner at a time: the lease of an experiment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rungwise.api.lease import HeldError, lease
from rungwise.api.names import experiment_folder
from rungwise.core.errors import StoreError

HOLD = """
import sys
from pathlib import Path
from rungwise.api.lease import lease
with lease(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holding(store: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def lock(store: Path) -> Path:
    return experiment_folder(store, "it") / "lock"


def test_the_second_is_told_who_holds_it_and_gets_it_when_the_first_is_done(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with holding(store) as first:
        with (
            pytest.raises(HeldError, match=f"'it' is being run by process {first.pid} on ") as refused,
            lease(store, "it"),
        ):
            pass
        assert "since 20" in str(refused.value)
        first.communicate()
    with lease(store, "it"):
        assert json.loads(lock(store).read_text())["pid"] == os.getpid()
    assert lock(store).read_text() == ""


def test_a_dead_holders_lease_is_taken_over(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    with holding(store) as first:
        first.kill()
        first.wait()
        assert json.loads(lock(store).read_text())["pid"] == first.pid
        with lease(store, "it"):
            assert json.loads(lock(store).read_text())["pid"] == os.getpid()


def test_a_dead_holders_lease_is_waited_for_while_its_trials_end(tmp_path: Path) -> None:
    """Whoever ends the trials of a tuner has inherited the lock, and keeps it for a moment longer."""
    store = tmp_path / "store.db"
    with lease(store, "it") as descriptor:
        program = "import sys; sys.stdin.readline()"
        heir = subprocess.Popen([sys.executable, "-c", program], pass_fds=(descriptor,), stdin=subprocess.PIPE)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = os.uname().nodename
    lock(store).write_text(json.dumps({"pid": gone.pid, "host": host, "since": "2026-01-01 00:00:00"}))
    assert heir.stdin is not None
    asked = []

    def look(seconds: float) -> None:
        asked.append(seconds)
        assert heir.stdin is not None
        heir.stdin.close()
        heir.wait()

    with lease(store, "it", wait=look):
        assert len(asked) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}', '{"pid": 1}'])
def test_a_lock_without_a_legible_holder_is_held_all_the_same(tmp_path: Path, text: str) -> None:
    store = tmp_path / "store.db"
    with holding(store) as first:
        lock(store).write_text(text)
        with pytest.raises(HeldError, match="by another process"), lease(store, "it"):
            pass
        first.communicate()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be written"), lease(tmp_path / "store.db", "it"):
        pass


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db-checkpoints").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written"), lease(tmp_path / "store.db", "it"):
        pass
