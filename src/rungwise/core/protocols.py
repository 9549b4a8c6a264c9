"""The parts of the house that can be exchanged, and what each must do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from rungwise.core.commands import Command, Configuration, Launch
from rungwise.core.decisions import OpenRung, Request, Resize, StartTrial, StopTrial
from rungwise.core.events import BackendEvent, Event
from rungwise.core.incumbent import Winner
from rungwise.core.ledger import TrialEntry
from rungwise.core.records import Record


class Scheduler(Protocol):
    """What next: a pure state machine, events in, decisions out."""

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources at which it may decide, rising; the last is the most that any trial can get."""
        ...

    def tell(self, event: Event) -> Sequence[StopTrial | OpenRung]:
        """Take note of a fact; answer with what follows from it at once."""
        ...

    def ask(self) -> Request | None:
        """What a free slot should do; None: nothing to start now."""
        ...


@runtime_checkable
class Foresight(Protocol):
    """What a scheduler may know beyond the Scheduler protocol: whose checkpoint can still be needed."""

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted or inherited from, whatever may yet be reported."""
        ...


@runtime_checkable
class Choosy(Protocol):
    """What a scheduler may say beyond the Scheduler protocol: which trials may win."""

    @property
    def winner(self) -> Winner:
        """Whose values count for the incumbent, see `rungwise.core.incumbent`."""
        ...


def winner_of(scheduler: Scheduler) -> Winner:
    """Who may win: any trial, unless the scheduler says otherwise."""
    return scheduler.winner if isinstance(scheduler, Choosy) else "any"


class History(Protocol):
    """What a searcher may look at: every trial so far."""

    @property
    def now(self) -> float:
        """When the last event happened, in seconds since the experiment began."""
        ...

    @property
    def milestones(self) -> Sequence[int]:
        """The resources of the rungs, rising."""
        ...

    @property
    def trials(self) -> Mapping[int, TrialEntry]:
        """Every trial that was launched, by number."""
        ...


class Searcher(Protocol):
    """Which configuration. It is built with the experiment's seed and keys every draw by the trial."""

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The configuration of a trial that is about to start; None: the space is exhausted."""
        ...


@runtime_checkable
class Ahead(Protocol):
    """What a searcher may do beyond the Searcher protocol: begin early on what its next suggestions will need."""

    def prepare(self, history: History) -> None:
        """Begin it, elsewhere; returns at once. It changes no suggestion, only how long one takes."""
        ...


def prepare(searcher: Searcher, history: History) -> None:
    """Let a searcher that can think ahead do so."""
    if isinstance(searcher, Ahead):
        searcher.prepare(history)


class Allocation(Protocol):
    """How many slots a job gets: a pure function of the request, so that a log says it again."""

    def slots(self, request: Request, capacity: int) -> int:
        """The slots that one job should get, where there are `capacity` in all.

        It is asked again as long as the request is held. The tuner gives at least one, and no more than there are.
        """
        ...


@runtime_checkable
class Elastic(Protocol):
    """What an allocation may do beyond the Allocation protocol: give idle slots to trials. A pure state machine."""

    def tell(self, record: Record) -> bool:
        """Take note of an event or a command; true where `widen` may find something since, though no job has ended."""
        ...

    def widen(self, launches: Sequence[Launch], idle: int) -> Sequence[Resize]:
        """Which of the `launches` to be made now, and of the running trials, get some of the `idle` slots.

        It is asked when nothing more can be started and nothing waits. Running trials named here will be told to pause.
        """
        ...


class Backend(Protocol):
    """Where trials run. Its first event is the CapacityChanged that tells how many slots there are."""

    def submit(self, command: Command) -> None:
        """Carry out a command; returns at once."""
        ...

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        """Facts in the order in which they became known, in groups of all there are; blocks until there is one.

        The clock may be virtual or real. Asked for the next group, the backend knows that what it told before is
        recorded, and that the commands which follow from it have been submitted.
        """
        ...


class Log(Protocol):
    """Where records go before they are acted on."""

    def append(self, records: Sequence[Record]) -> None:
        """Write records, all or none; they are durable on return."""
        ...
