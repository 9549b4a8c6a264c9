"""A full disk: all or none of an append is there, it is called by its name, and the run waits until there is room.

A small disk is mounted in a process of its own, which needs root, or a system that lets anyone make namespaces.
"""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rungwise.core.errors import StoreError
from rungwise.core.events import TrialReported
from rungwise.core.records import Record
from rungwise.store import DiskFullError, MemoryLog, PatientLog, Store

PAGE = 4096
SIZE = 512 * 1024


def reports(count: int) -> list[Record]:
    return [TrialReported(float(index), 0, index + 1, 0.5, {"loss": 0.5, "x": index / 7}) for index in range(count)]


class Ballast:
    """A file that takes up all of a disk but some pages."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ballast"

    def leave(self, pages: int) -> None:
        """Leave so much room."""
        self.drop()
        free = shutil.disk_usage(self._file.parent).free
        self._file.write_bytes(bytes(max(0, free - pages * PAGE)))

    def drop(self) -> None:
        self._file.unlink(missing_ok=True)


def creations(folder: Path, ballast: Ballast) -> dict[str, int]:
    """Make a store where there is room for 0, 1, 2… pages."""
    counts = {"full": 0, "made": 0}
    path = folder / "new.db"
    for pages in range(24):
        ballast.leave(pages)
        with Store.open(path, create=True) as store:
            try:
                store.create("x", {"long": "x" * 9000})
                counts["made"] += 1
            except DiskFullError as error:
                counts["full"] += 1
                assert str(path) in str(error), error
                assert [file.name for file in folder.iterdir()] == ["ballast"]
                ballast.drop()
                store.create("x", {})
        assert path.exists()
        path.unlink()
    return counts


def appends(folder: Path, ballast: Ballast) -> dict[str, int]:
    """Append where there is room for 0, 1, 2… pages; then give room and append the same."""
    counts = {"full": 0, "appended": 0}
    for pages in range(14):
        path = folder / f"{pages}.db"
        ballast.drop()
        with Store.open(path, create=True) as store:
            log = store.create("x", {})
            log.append(reports(3))
            ballast.leave(pages)
            for _ in range(2):
                try:
                    log.append(reports(200))
                    counts["appended"] += 1
                    break
                except DiskFullError:
                    counts["full"] += 1
                    assert list(log.records()) == reports(3)
            else:
                ballast.drop()
                log.append(reports(200))
            assert list(log.records()) == reports(3) + reports(200)
        with Store.open(path) as store:
            assert list(store.experiment("x").records()) == reports(3) + reports(200)
        path.unlink()
    return counts


def openings(folder: Path, ballast: Ballast) -> dict[str, int]:
    """Open and go on with a store on a disk that is full already: no file can be made beside it."""
    path = folder / "old.db"
    ballast.drop()
    with Store.open(path, create=True) as store:
        store.create("x", {}).append(reports(3))
    ballast.leave(0)
    counts = {"full": 0}
    try:
        with Store.open(path) as store:
            assert list(store.experiment("x").records()) == reports(3)
            store.experiment("x").append(reports(1))
    except DiskFullError:
        counts["full"] += 1
    ballast.drop()
    with Store.open(path) as store:
        assert list(store.experiment("x").records()) == reports(3)
    path.unlink()
    return counts


def waiting(folder: Path, ballast: Ballast) -> dict[str, Any]:
    """A patient log, whose third pause gives room."""
    pauses: list[float] = []

    def wait(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            ballast.drop()

    with Store.open(folder / "patient.db", create=True) as store:
        log = store.create("x", {})
        patient = PatientLog(log, wait)
        patient.append(reports(3))
        ballast.leave(0)
        patient.append(reports(200))
        return {"pauses": pauses, "whole": list(log.records()) == reports(3) + reports(200)}


def main(folder: Path) -> None:
    """All of the above, on a disk that is mounted at `folder`."""
    ballast = Ballast(folder)
    works: Sequence[Callable[[Path, Ballast], dict[str, Any]]] = (creations, appends, openings, waiting)
    print(json.dumps({work.__name__: work(folder, ballast) for work in works}))


def test_on_a_small_disk_that_is_full_nothing_is_half_written_and_it_works_when_there_is_room(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size={SIZE} none "$1"'
    inside = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None:
        pytest.skip("a small disk is mounted by unshare, which is not there")
    if subprocess.run([*inside, mount, "sh", tmp_path], check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody mount a small disk: it takes root, or namespaces for users")
    done = subprocess.run(
        [*inside, f'{mount} && exec "$2" "$3" "$1"', "sh", tmp_path, sys.executable, __file__],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    for name, worked in (("creations", "made"), ("appends", "appended")):
        assert counts[name]["full"] > 2
        assert counts[name][worked] > 2
    assert counts["openings"] == {"full": 1}
    assert counts["waiting"] == {"pauses": [0.1, 0.2, 0.4], "whole": True}
    assert done.stderr.count("is full, or your quota on it is") == 1
    assert done.stderr.count("there is room on the disk again") == 1


class FullFor:
    """A log whose disk is full for so many attempts."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts
        self.log = MemoryLog()

    def append(self, records: Sequence[Record]) -> None:
        if self.attempts:
            self.attempts -= 1
            raise DiskFullError("the disk that holds the store /somewhere/runs.db is full")
        self.log.append(records)


def test_the_pauses_grow_to_five_seconds_and_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    pauses: list[float] = []
    full = FullFor(9)
    patient = PatientLog(full, pauses.append)
    with caplog.at_level(logging.INFO, logger="rungwise"):
        patient.append(reports(2))
        patient.append(reports(1))
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert list(full.log.records()) == reports(2) + reports(1)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("the disk that holds the store /somewhere/runs.db is full; the run waits")
    assert "there is room" in second


def test_each_time_that_the_disk_is_full_is_said(caplog: pytest.LogCaptureFixture) -> None:
    full = FullFor(1)
    patient = PatientLog(full, lambda _: None)
    for _ in range(2):
        full.attempts = 1
        patient.append(reports(1))
    assert len(caplog.records) == 4
    assert list(full.log.records()) == reports(1) * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError])
def test_what_else_happens_passes_through_a_patient_log(error: type[BaseException]) -> None:
    class Broken:
        def append(self, records: Sequence[Record]) -> None:
            raise error

    def no_wait(seconds: float) -> None:
        pytest.fail("nothing to wait for")

    with pytest.raises(error):
        PatientLog(Broken(), no_wait).append(reports(1))


def test_an_interrupted_wait_passes_through_and_nothing_is_written() -> None:
    full = FullFor(3)

    def wait(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        PatientLog(full, wait).append(reports(1))
    assert list(full.log.records()) == []


if __name__ == "__main__":
    main(Path(sys.argv[1]))
