"""What is trained under faults: units of a few milliseconds, whose values are known beforehand.

The value after a unit follows from the state that the unit before left, so that a wrong checkpoint gives a wrong value.
"""

import json
import select
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

SPACE = {"floor": (0.1, 1.0), "rough": (0.1, 2.0)}
METRIC = "loss"
STATE = "state.json"
UNIT_SECONDS = 0.003
PADDING = 3000


def level_after(level: float) -> float:
    """What one more unit of training makes of the state."""
    return level * 0.8


def curve(config: Mapping[str, Any], units: int) -> list[float]:
    """The values after 1, 2, … units."""
    values, level = [], float(config["rough"])
    for _ in range(units):
        level = level_after(level)
        values.append(config["floor"] + level)
    return values


def pass_time(seconds: float = UNIT_SECONDS) -> None:
    """Let real time go by, in which a fault can strike."""
    select.select([], [], [], seconds)


def write_state(folder: Path, resource: int, level: float) -> None:
    """Write a checkpoint in two steps, so that a fault can strike between them."""
    text = json.dumps({"resource": resource, "level": level, "padding": "x" * PADDING})
    half = len(text) // 2
    with (folder / STATE).open("w") as file:
        file.write(text[:half])
        file.flush()
        pass_time(0.001)
        file.write(text[half:])


def read_state(folder: Path) -> tuple[int, float]:
    """The resource and the state in a checkpoint; raises ValueError where it is torn, OSError where it is gone."""
    state = json.loads((folder / STATE).read_text())
    return state["resource"], state["level"]


def train(trial: Any) -> None:
    """Train, as a function or as a script that has its trial."""
    level = float(trial.config["rough"])
    if (folder := trial.load()) is not None:
        resource, level = read_state(folder)
        if resource != trial.start:
            raise RuntimeError(f"the checkpoint at {trial.start} holds the state after {resource} units")
    for unit in trial.epochs():
        pass_time()
        level = level_after(level)
        trial.report(unit, loss=trial.config["floor"] + level, save=partial(_save, unit, level))


def _save(resource: int, level: float, folder: Path) -> None:
    write_state(folder, resource, level)
