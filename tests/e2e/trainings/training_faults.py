"""Small trainings as functions that go wrong in one way or another; the working directory remembers what happened."""

import os
import select
import signal
import sys
from pathlib import Path

import rungwise as rw


def _first_time(trial: rw.Trial) -> bool:
    mark = Path(f"been-{trial.id}")
    if mark.exists():
        return False
    mark.touch()
    return True


def _train(trial: rw.Trial, size: int = 0) -> None:
    folder = trial.load()
    units = 0 if folder is None else int((folder / "units").read_text())
    assert units == trial.start
    for unit in trial.epochs():
        with Path("trained").open("a") as file:
            file.write(f"{trial.id} {unit}\n")
        trial.report(
            unit, loss=trial.config["lr"] + 1.0 / unit, save=lambda folder, unit=unit: _save(folder, unit, size)
        )


def _save(folder: Path, unit: int, size: int) -> None:
    (folder / "units").write_text(str(unit))
    (folder / "weights").write_bytes(b"w" * size)


def heavy(trial: rw.Trial) -> None:
    """Checkpoints of 10,000 bytes and a little."""
    _train(trial, 10_000)


def killed_once(trial: rw.Trial) -> None:
    """Every trial is killed after its fourth unit, the first time."""
    for unit in trial.epochs():
        with Path("trained").open("a") as file:
            file.write(f"{trial.id} {unit}\n")
        trial.report(unit, loss=trial.config["lr"] + 1.0 / unit, save=lambda folder: None)
        if unit == 4 and _first_time(trial):
            os.kill(os.getpid(), signal.SIGKILL)


def dies_in_many_ways(trial: rw.Trial) -> None:
    """Trial 0 raises, 1 leaves with an exit code, 2 is killed, 3 has no memory, 4 hangs; the others are well."""
    trial.report(1, loss=1.0)
    match trial.id:
        case 0:
            raise RuntimeError("no luck")
        case 1:
            sys.stdout.flush()
            os._exit(7)
        case 2:
            os.kill(os.getpid(), signal.SIGSEGV)
        case 3:
            raise MemoryError("3 TB")
        case 4:
            select.select([], [], [], 600)
        case _:
            trial.report(2, loss=0.5)


def broken(trial: rw.Trial) -> None:
    """Nothing works until somebody mends it."""
    if not Path("mended").exists():
        raise FileNotFoundError(f"no data for trial {trial.id}")
    _train(trial)


def stubborn(trial: rw.Trial) -> None:
    """One unit, then one that never ends."""
    trial.report(1, loss=1.0, save=lambda folder: (folder / "units").write_text("1"))
    Path("waiting").touch()
    select.select([], [], [], 600)


def tells_its_environment(trial: rw.Trial) -> None:
    """The value is what the environment says."""
    trial.report(1, loss=float(os.environ["LEVEL"]) if "SECRET" not in os.environ else 99.0)
