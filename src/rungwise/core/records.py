"""A record is one item of the log, in the order in which things happened."""

from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.decisions import Decision, Finish, OpenRung, PromoteTrial, StartTrial, StopTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported

Record = Event | Decision | Command

RECORDS: tuple[type[Record], ...] = (
    TrialReported, TrialPaused, TrialEnded, CapacityChanged, Draining,
    StartTrial, PromoteTrial, StopTrial, OpenRung, Finish,
    Launch, Pause, Halt,
)  # fmt: skip
BACKEND_EVENTS = (TrialReported, TrialPaused, TrialEnded, CapacityChanged)
COMMANDS = (Launch, Pause, Halt)
