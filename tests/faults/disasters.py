"""What happens around a tuner: a full disk, an order to end, folders and files that vanish, a clock that jumps."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.judge import logged, trained
from faults.killings import RECORDS, Scenario
from faults.ordeal import Ordeal, Stage
from faults.outcomes import Outcome
from faults.processes import descendants, kill
from faults.session import Acknowledged, After, Session
from faults.settings import NAME, STORE, Setting

DISK = 6 << 20
FULL_FOR = 0.5
"""Seconds for which a disk stays full."""
ORDERLY = 10.0


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of DISK bytes; raises PermissionError where this process may not mount one."""
    folder = place / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise PermissionError(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        shutil.copytree(folder, place / "run")
        subprocess.run(["umount", "-l", str(folder)], check=True)


def disk_full(setting: Setting) -> Scenario:
    """The disk with the store and the checkpoints is full for a while; the same tuner goes on when there is room."""

    def scenario(stage: Stage) -> Outcome:
        with small_disk(stage.place) as disk:
            ordeal = Ordeal(stage, setting, folder=disk, tampered=True)
            session = ordeal.begin()
            alive = session.go_until(Acknowledged(1))
            while alive and ordeal.tried < stage.faults:
                alive = session.go_until(Acknowledged(len(session.acknowledged) + stage.rng.randint(1, RECORDS)))
                if alive:
                    alive = _fill_for_a_while(disk, session)
                    ordeal.tried += 1
            ordeal.bury(session)
            if session.outcome is None or "error" in session.outcome:
                ordeal.notes.append(f"the tuner did not outlast the full disk: {session.outcome}")
            if ordeal.tried and "full" not in ordeal.output.read_text():
                ordeal.notes.append("nobody was told that the disk is full")
            return ordeal.conclude()

    return scenario


def _fill_for_a_while(disk: Path, session: Session) -> bool:
    """Fill the disk to its last byte, and make room again; whether the tuner lives still."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 9, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue
    alive = session.go_until(After(session.elapsed + FULL_FOR))
    ballast.unlink()
    return alive


def told_to_end(setting: Setting, *, everybody: bool = False) -> Scenario:
    """SIGTERM to the tuner, or (some clusters do that) to all of its processes: an orderly end, which costs nothing."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        while ordeal.tried < stage.faults and ordeal.winner is None:
            session = ordeal.begin()
            when = (
                After(stage.rng.uniform(0, stage.span)) if stage.span else Acknowledged(stage.rng.randint(1, RECORDS))
            )
            if session.go_until(when):
                ordeal.tried += 1
                began = session.elapsed
                for pid in (session.pid, *(descendants(session.pid) if everybody else ())):
                    kill(pid, signal.SIGTERM)
                ordeal.bury(session)
                if session.lasted - began > ORDERLY:
                    ordeal.notes.append(f"it took {session.lasted - began:.1f} s to end in order")
            else:
                ordeal.bury(session)
        outcome = ordeal.conclude()
        found = logged(ordeal.folder)
        if not everybody and found is not None and (again := trained(found.records).again):
            return outcome + Outcome(notes=(f"orders to end cost {again} units, trained again",))
        return outcome

    return scenario


def checkpoints_deleted(setting: Setting) -> Scenario:
    """Somebody deletes checkpoints, of one trial or of all, while trials run."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting, lenient=True)
        session = ordeal.begin()
        alive = session.go_until(Acknowledged(1))
        experiment = ordeal.folder / f"{STORE}-checkpoints" / NAME
        while alive and ordeal.tried < stage.faults:
            alive = session.go_until(Acknowledged(len(session.acknowledged) + stage.rng.randint(1, RECORDS)))
            folders = sorted(experiment.glob("trial-*")) + sorted(experiment.glob("trial-*/[0-9]*"))
            if alive and folders:
                shutil.rmtree(stage.rng.choice([*folders, experiment]), ignore_errors=True)
                ordeal.tried += 1
        ordeal.bury(session)
        return ordeal.conclude()

    return scenario


def store_moved(setting: Setting) -> Scenario:
    """The store vanishes: the tuner says so and ends; the store is put back, and the experiment goes on."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        away = stage.place / "away"
        away.mkdir()

        def put_back(_: Session) -> None:
            _move(away, ordeal.folder)

        while ordeal.tried < stage.faults and ordeal.winner is None:
            session = ordeal.begin()
            struck = session.go_until(Acknowledged(stage.rng.randint(1, RECORDS)))
            if struck:
                _move(ordeal.folder, away)
            ordeal.bury(session, put_back)
            if struck and ordeal.winner is None:
                ordeal.tried += 1
                if session.outcome is None or "deleted or moved" not in session.outcome.get("sentence", ""):
                    ordeal.notes.append(f"the tuner of a store that vanished said {session.outcome}")
        return ordeal.conclude()

    return scenario


def _move(source: Path, target: Path) -> None:
    for file in [each for each in source.glob(f"{STORE}*") if each.is_file()]:
        file.rename(target / file.name)


def second_tuner(setting: Setting) -> Scenario:
    """Somebody resumes an experiment that runs: the second tuner is told, the first does not notice."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        first = ordeal.begin()
        alive = first.go_until(Acknowledged(1))
        while alive and ordeal.tried < stage.faults:
            second = ordeal.begin("resume")
            second.end()
            alive = first.go_until(After(0))
            if not alive and second.outcome is not None and "trial" in second.outcome:
                break  # the first had come to its end before
            ordeal.tried += 1
            if second.outcome is None or "being run by" not in second.outcome.get("sentence", ""):
                ordeal.notes.append(f"the second tuner of an experiment said {second.outcome}")
            alive = alive and first.go_until(Acknowledged(len(first.acknowledged) + 1))
        ordeal.bury(first)
        return ordeal.conclude()

    return scenario
