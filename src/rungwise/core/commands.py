"""Commands: instructions to a backend. One launch is one job: a trial from one resource to the next milestone."""

from collections.abc import Mapping
from dataclasses import dataclass

Configuration = Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True)
class Launch:
    """Train `trial` from its checkpoint at `start` (0: from scratch) until it reports `milestone` or more.

    With a `parent` the trial is new, and the checkpoint that of the parent: it becomes the trial's own.
    """

    trial: int
    configuration: Configuration
    start: int
    milestone: int
    slots: int
    seed: int
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Let a running trial save a checkpoint at its next report and end its job."""

    trial: int


@dataclass(frozen=True, slots=True)
class Halt:
    """End a running trial; nothing need be kept."""

    trial: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Let there be a TimePassed at `at` seconds; a later Wake takes the place of one whose time has not come."""

    at: float


Command = Launch | Pause | Halt | Wake
