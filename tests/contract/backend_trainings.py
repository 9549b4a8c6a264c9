"""What the backends' contract trains; a module of its own, so that trial processes need not import pytest."""

from pathlib import Path
from select import select

from rungwise.trial import Trial


def count_down(trial: Trial) -> None:
    """Report 1/n after n units; with `until_told`, as slowly as it takes to be told to pause or to halt."""

    def save(folder: Path) -> None:
        (folder / "state").write_text("kept")

    for epoch in trial.epochs():
        trial.report(epoch, value=1 / epoch, save=save)
        if trial.config.get("until_told") and epoch < trial.milestone - 1:
            select([], [], [], 0.1)


def settle(trial: Trial) -> None:
    """Tell where its slot's folder is and, with `do` "wait", train on only as the gate lets it."""
    unit = 0 if (folder := trial.load()) is None else int((folder / "unit").read_text())
    if unit != trial.start:
        raise ValueError(f"loaded {unit}, told {trial.start}")

    def save(draft: Path) -> None:
        (draft / "unit").write_text(str(unit))

    print(Path(str(trial._job.folder)).parent)
    for unit in trial.epochs():
        trial.report(unit, loss=1.0, save=save)
        if trial.config["do"] == "wait":
            Path(str(trial.config["gate"])).read_text()
