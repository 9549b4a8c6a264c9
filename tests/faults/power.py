"""The machine's power fails: everything dies at once, and the ends of files are torn."""

import os
import shutil
import signal
import struct
import tempfile
from pathlib import Path
from random import Random

from faults.judge import checkpoints, logged, missing
from faults.killings import Scenario, draw
from faults.ordeal import Ordeal, Stage
from faults.outcomes import Outcome
from faults.processes import descendants, kill
from faults.session import Session
from faults.settings import NAME, STORE, Setting
from faults.trainings import STATE

HEADER, FRAME_HEADER = 32, 24
GARBAGE = 8192


def power_lost(setting: Setting) -> Scenario:
    """Every process is killed at once, and what was not synced is lost, wholly or in parts."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting, tampered=True)
        while ordeal.tried < stage.faults and ordeal.winner is None:
            moment, strike = draw(stage.rng, stage.span)
            session = ordeal.begin(**strike, synced=True)
            if moment is not None and session.go_until(moment):
                processes = [session.pid, *descendants(session.pid)]
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    for pid in processes:
                        kill(pid, number)

            def tear(gone: Session) -> None:
                if gone.outcome is None:
                    tear_log(ordeal.folder, [*ordeal.acknowledged, *gone.acknowledged], stage.rng)
                    tear_checkpoint(ordeal.folder, stage.rng)

            ordeal.tried += ordeal.bury(session, tear) == -9
        return ordeal.conclude()

    return scenario


def tear_log(place: Path, acknowledged: list[str], rng: Random) -> None:
    """Cut the write-ahead file at a random byte after the last commit that was told of; zeros or garbage may follow."""
    wal = place / f"{STORE}-wal"
    if not wal.exists():
        return
    data = wal.read_bytes()
    needed = needed_bytes(place, data, acknowledged)
    cut = rng.randint(needed, max(needed, len(data)))
    tail = {"cut": b"", "zeros": bytes(rng.randint(1, GARBAGE)), "garbage": rng.randbytes(rng.randint(1, GARBAGE))}
    wal.write_bytes(data[:cut] + tail[rng.choice(("cut", "zeros", "garbage"))])
    (place / f"{STORE}-shm").unlink(missing_ok=True)  # memory, which no power loss leaves behind


def needed_bytes(place: Path, data: bytes, acknowledged: list[str]) -> int:
    """How much of the write-ahead file must be there for all that was acknowledged."""
    needed = len(data)
    for end in reversed([HEADER, *commits(data)]):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(place / STORE, folder)
            Path(folder, f"{STORE}-wal").write_bytes(data[:end])
            found = logged(Path(folder))
        if found is None or missing(acknowledged, found.records):
            break
        needed = end
    return min(needed, len(data))


def commits(data: bytes) -> list[int]:
    """Where each commit in a write-ahead file ends (https://sqlite.org/fileformat2.html, 4.1)."""
    if len(data) < HEADER:
        return []
    (size,) = struct.unpack_from(">I", data, 8)
    salts = data[16:24]
    found = []
    for start in range(HEADER, len(data) - size - FRAME_HEADER + 1, size + FRAME_HEADER):
        if data[start + 8 : start + 16] != salts:
            break
        if struct.unpack_from(">I", data, start + 4)[0]:
            found.append(start + FRAME_HEADER + size)
    return found


def tear_checkpoint(place: Path, rng: Random) -> None:
    """Cut a file in the newest checkpoint of one of the trials."""
    whole = checkpoints(place)
    if not whole:
        return
    trial = rng.choice(sorted(whole))
    file = place / f"{STORE}-checkpoints" / NAME / f"trial-{trial}" / str(max(whole[trial])) / STATE
    size = rng.randrange(file.stat().st_size)
    copy = file.read_bytes()[:size]
    file.unlink()  # not in place: a child may share it
    file.write_bytes(copy)
    os.sync()
