"""Events: facts, stamped in seconds since the experiment began."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

EndReason = Literal["completed", "stopped", "failed", "lost"]
Cause = Literal["exception", "exit", "signal", "memory", "timeout", "contract", "checkpoint", "lost"]
"""Why a job died: the training raised; its process left with an exit code, or was killed by a signal; it ran out of
memory; it said nothing for too long; it broke its contract; its checkpoint could not be kept or taken over; the process
that starts trials died with it, or the places where it ran were lost, one after another.
"""


@dataclass(frozen=True, slots=True)
class TrialReported:
    """A trial measured itself after `resource` units; `value` is minimised, `metrics` are as reported."""

    at: float
    trial: int
    resource: int
    value: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrialRewound:
    """The checkpoint that a job was to go on from is gone or torn: it goes on from one at `resource`, 0 from scratch.

    Schedulers are not told.
    """

    at: float
    trial: int
    resource: int


@dataclass(frozen=True, slots=True)
class TrialPaused:
    """A job ended and the trial can go on from its checkpoint at `resource` (0: it saved none and starts afresh)."""

    at: float
    trial: int
    resource: int


@dataclass(frozen=True, slots=True)
class TrialFailed:
    """A job died; the trial can be tried again from its checkpoint at `resource` (0: it has none and starts afresh).

    Schedulers are not told: either it is tried again, or they hear of its end. `detail` is for people: the end of a
    traceback, an exit code.
    """

    at: float
    trial: int
    resource: int
    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True)
class TrialEnded:
    """A trial is over. `detail` is for people: the end of a traceback, an exit code."""

    at: float
    trial: int
    reason: EndReason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CapacityChanged:
    """So many slots may be used from now on; 0 asks every running trial to pause."""

    at: float
    slots: int


@dataclass(frozen=True, slots=True)
class Draining:
    """The tuner's own fact: no further trial will be started, promotions go on."""

    at: float


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The moment has come that a `Wake` asked for; schedulers are not told."""

    at: float


Event = TrialReported | TrialPaused | TrialEnded | CapacityChanged | Draining
"""What schedulers are told."""
BackendEvent = TrialReported | TrialRewound | TrialPaused | TrialFailed | TrialEnded | CapacityChanged | TimePassed
"""What backends tell."""
