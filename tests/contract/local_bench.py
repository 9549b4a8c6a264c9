"""What the tests of local trials share: the ways to run one, and a view of a backend for each test."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining, Training
from rungwise.backends.ray.backend import places_on
from rungwise.backends.ray.settings import RaySettings
from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.events import (
    BackendEvent,
    CapacityChanged,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.objective import Objective

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import local_trainings  # noqa: E402

MAX_RESOURCE = 9
TrialEvent = TrialReported | TrialRewound | TrialPaused | TrialFailed | TrialEnded


def forked(folder: Path) -> tuple[Training, dict[str, Any]]:
    return FunctionTraining(local_trainings.train), {}


def warm(folder: Path) -> tuple[Training, dict[str, Any]]:
    return FunctionTraining(local_trainings.train), {"reuse_workers": True}


def script(folder: Path) -> tuple[Training, dict[str, Any]]:
    file = folder / "train.py"
    file.write_text(local_trainings.SCRIPT.format(folder=str(HERE)))
    return ScriptTraining((str(file),)), {}


def program(folder: Path) -> tuple[Training, dict[str, Any]]:
    file = folder / "train.sh"
    file.write_text(local_trainings.PROGRAM)
    return ScriptTraining(("/bin/sh", str(file)), "env"), {}


def ray_warm(folder: Path) -> tuple[Training, dict[str, Any]]:
    return warm(folder)


def ray_script(folder: Path) -> tuple[Training, dict[str, Any]]:
    return script(folder)


def ray_program(folder: Path) -> tuple[Training, dict[str, Any]]:
    return program(folder)


WAYS = [forked, warm, script, program]
RAY_WAYS = [ray_warm, ray_script, ray_program]


def only(*ways: Callable[..., object]) -> pytest.MarkDecorator:
    """For a test to which the others would add nothing."""
    return pytest.mark.parametrize("way", ways, ids=[way.__name__ for way in ways], indirect=True)


@dataclass
class Floor:
    """A backend whose events may be taken by one test after another."""

    backend: LocalBackend
    folder: Path
    stream: Iterator[BackendEvent] = field(init=False)
    trials: int = 0

    def __post_init__(self) -> None:
        self.stream = chain.from_iterable(self.backend.events())
        assert next(self.stream) == CapacityChanged(100.0, 2)


@dataclass
class Bench:
    """One test's view of a backend: its trials count from 0, and `seen` are its events so far."""

    floor: Floor
    first: int = field(init=False)
    seen: list[TrialEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.first = self.floor.trials
        self.floor.trials += 10

    @property
    def backend(self) -> LocalBackend:
        return self.floor.backend

    @property
    def record(self) -> Path:
        return self.floor.folder / f"record-{self.first}"

    def launch(
        self, do: str, *, trial: int = 0, start: int = 0, milestone: int = 3, parent: int | None = None, **more: str
    ) -> None:
        config: dict[str, bool | int | float | str] = {"do": do, "record": str(self.record), "lr": 0.1, **more}
        heritage = None if parent is None else self.first + parent
        self.backend.submit(Launch(self.first + trial, config, start, milestone, slots=1, seed=7, parent=heritage))

    def pause(self, trial: int = 0) -> None:
        self.backend.submit(Pause(self.first + trial))

    def halt(self, trial: int = 0) -> None:
        self.backend.submit(Halt(self.first + trial))

    def until(self, wanted: Callable[[TrialEvent], bool]) -> TrialEvent:
        for fact in self.floor.stream:
            assert isinstance(fact, TrialReported | TrialRewound | TrialPaused | TrialFailed | TrialEnded)
            event = replace(fact, trial=fact.trial - self.first)
            self.seen.append(event)
            if wanted(event):
                return event
        raise AssertionError("the events have ended")

    def until_reported(self, trial: int = 0) -> TrialEvent:
        return self.until(lambda event: isinstance(event, TrialReported) and event.trial == trial)

    def until_over(self, trial: int = 0) -> TrialEvent:
        return self.until(
            lambda event: isinstance(event, TrialPaused | TrialFailed | TrialEnded) and event.trial == trial
        )

    def reports(self, trial: int = 0) -> list[tuple[int, float]]:
        return [
            (event.resource, event.metrics["acc"])
            for event in self.seen
            if isinstance(event, TrialReported) and event.trial == trial
        ]

    def kept(self, trial: int = 0) -> list[str]:
        folder = self.folder(trial)
        return sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.exists() else []

    def folder(self, trial: int = 0) -> Path:
        return self.floor.folder / "checkpoints" / f"trial-{self.first + trial}"


Way = Callable[[Path], tuple[Training, dict[str, Any]]]
Opener = Callable[..., Bench]


def build(way: Way, folder: Path, **options: Any) -> Floor:
    training, own = way(folder)
    others = {name: options.pop(name) for name in ("keeper",) if name in options}
    settings = LocalSettings(workers=2, **own, **options)
    backend = LocalBackend(
        training, settings, objective=Objective("acc", "max"),
        max_resource=MAX_RESOURCE, checkpoints=folder / "checkpoints", start_at=100.0, **others,
        places=places_on(RaySettings(), settings, folder / "checkpoints") if way in RAY_WAYS else None,
    )  # fmt: skip
    return Floor(backend, folder)
