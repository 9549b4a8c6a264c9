"""What the backends' contract trains; a module of its own, so that trial processes need not import pytest."""

from pathlib import Path
from select import select

from rungwise.trial import Trial


def count_down(trial: Trial) -> None:
    """Report 1/n after n units; with `until_told`, the second report waits until a pause or a halt is asked for."""

    def save(folder: Path) -> None:
        (folder / "state").write_text("kept")

    for epoch in trial.epochs():
        while epoch == 2 and trial.config.get("until_told") and not trial.should_stop:
            select([], [], [], 0.01)
        trial.report(epoch, value=1 / epoch, save=save)
