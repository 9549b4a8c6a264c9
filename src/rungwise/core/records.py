"""A record is one item of the log, in the order in which things happened."""

from rungwise.core.commands import Command, Halt, Launch, Pause, Wake
from rungwise.core.decisions import (
    Decision,
    FailTrial,
    Finish,
    OpenRung,
    PromoteTrial,
    Resize,
    StartTrial,
    StopTrial,
    Suspend,
)
from rungwise.core.events import (
    BackendEvent,
    CapacityChanged,
    Draining,
    Event,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)

Record = BackendEvent | Draining | Decision | Command

RECORDS: tuple[type[Record], ...] = (
    TrialReported, TrialRewound, TrialPaused, TrialFailed, TrialEnded, CapacityChanged, TimePassed, Draining,
    StartTrial, PromoteTrial, StopTrial, FailTrial, OpenRung, Resize, Suspend, Finish,
    Launch, Pause, Halt, Wake,
)  # fmt: skip
BACKEND_EVENTS = (TrialReported, TrialRewound, TrialPaused, TrialFailed, TrialEnded, CapacityChanged, TimePassed)
COMMANDS = (Launch, Pause, Halt, Wake)


def heard(record: Record, now: float) -> Event | None:
    """What schedulers are told when a record is written at `now` seconds, if anything: a failed trial has ended."""
    match record:
        case TrialReported() | TrialPaused() | TrialEnded() | CapacityChanged() | Draining():
            return record
        case FailTrial(trial):
            return TrialEnded(now, trial, "failed")
        case _:
            return None
