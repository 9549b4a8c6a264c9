"""Decisions: intents of a scheduler, or of the tuner itself."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["done", "trials", "space", "time", "resource", "cost", "target", "patience"]


@dataclass(frozen=True, slots=True)
class StartTrial:
    """Start a new trial and train it to `milestone` units; `parent` is the trial it inherits from, if any."""

    trial: int
    milestone: int
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class PromoteTrial:
    """Let a paused trial go on to `milestone` units."""

    trial: int
    milestone: int


@dataclass(frozen=True, slots=True)
class StopTrial:
    """End a running trial for good."""

    trial: int


@dataclass(frozen=True, slots=True)
class FailTrial:
    """A trial whose job died is not tried again: it counts as failed, and schedulers hear that it has ended."""

    trial: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Why two rungs do not rank alike.

    `pair` holds the trial that the upper rung and the trial that the lower rung has at the position where they differ
    most (None where a ranking function judges the rungs as a whole); `epsilon` is the difference that would have passed
    as noise (None where the function knows no such thing). The upper rung is at `seen` units (None: it was the top open
    one).
    """

    pair: tuple[int, int] | None
    epsilon: float | None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Divergence:
    """Why early values are not to be trusted: a `trial` promoted for them came to nothing at `seen` units.

    It was worse there than the `median` of the rung below; None: it had reported NaN or infinity.
    """

    trial: int
    seen: int
    median: float | None


@dataclass(frozen=True, slots=True)
class OpenRung:
    """The ladder grows: PASHA's jobs may now run to `milestone`, or GatedPASHA's gate has risen to it."""

    milestone: int
    reason: Disagreement | Divergence


@dataclass(frozen=True, slots=True)
class Resize:
    """A running trial pauses at its next report, to go on from there with `slots` slots: idle ones go to it.

    That is what it was to get: its next launch says what it got.
    """

    trial: int
    slots: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The experiment is over: nothing is left to do ("done"), one trial too many would start ("trials", "space"), or
    another limit is reached (see `rungwise.core.limits`).
    """

    reason: FinishReason


@dataclass(frozen=True, slots=True)
class Suspend:
    """Nothing more is started and running trials pause: so many trials failed in a row, of which `first` was the first.

    Resuming goes on.
    """

    failures: int
    first: int


Request = StartTrial | PromoteTrial
Decision = StartTrial | PromoteTrial | StopTrial | FailTrial | OpenRung | Resize | Suspend | Finish
