"""Small trainings as functions, with checkpoints, and a note of every unit that they train."""

import math
import os
from pathlib import Path

import rungwise as rw


def _note(trial: rw.Trial, unit: int) -> None:
    with Path("trained").open("a") as file:
        file.write(f"{trial.id} {unit}\n")


def _save(folder: Path) -> None:
    (folder / "state").touch()


def steady(trial: rw.Trial) -> None:
    """The smaller the learning rate the better, at every unit."""
    for unit in trial.epochs():
        _note(trial, unit)
        trial.report(unit, loss=trial.config["lr"] + 1.0 / unit, save=_save)


def gated(trial: rw.Trial) -> None:
    """Say before every unit that it is about to be trained, and wait for a token."""
    for unit in trial.epochs():
        with Path("said").open("w") as said:
            said.write(f"{trial.id} {unit} {os.getpid()} {os.getppid()}\n")
        with Path("gate").open("rb", buffering=0) as gate:
            gate.read(1)
        _note(trial, unit)
        trial.report(unit, loss=trial.config["lr"] + 1.0 / unit, save=_save)


def fickle(trial: rw.Trial) -> None:
    """Steady, but that trials named in FALL change after three units: "0 collapse 1 nan 2 raise"."""
    words = os.environ.get("FALL", "").split()
    how = dict(zip(words[::2], words[1::2], strict=True)).get(str(trial.id))
    for unit in trial.epochs():
        loss = trial.config["lr"] + 1.0 / unit
        if unit > 3 and how == "raise":
            raise RuntimeError("out of luck")
        if unit > 3 and how is not None:
            loss = math.nan if how == "nan" else 10.0
        trial.report(unit, loss=loss, save=_save)


def mixed(trial: rw.Trial) -> None:
    """The first of each four trials dies, the second reports NaN twice, the third infinity, the fourth is well."""
    for unit in trial.epochs():
        match trial.id % 4:
            case 0:
                _die(trial.id)
            case 1:
                loss = math.nan
            case 2:
                loss = math.inf
            case _:
                loss = 1.0 / unit
        trial.report(unit, loss=loss, save=_save)


def dying(trial: rw.Trial) -> None:
    """Every trial dies."""
    _die(trial.id)


def deaf(trial: rw.Trial) -> None:
    """Report to the very end, whatever the tuner wants; the first trial is the best, and the others are stopped."""
    for unit in range(1, trial.max_resource + 1):
        trial.report(unit, loss=trial.id + 1.0 / unit)


def _die(trial: int) -> None:
    raise RuntimeError(f"no luck for {trial}")
