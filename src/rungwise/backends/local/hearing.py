"""What running trials say, over their channels or in printed lines: noted in their jobs, reports told as events.

1. Rank 0 speaks for a job. Another rank says no more than that it is there, and how it ended.
2. What a script prints counts as its reports until it has connected; a report that breaks the contract ends the job.
3. A training that has returned leaves its process a few graces to end: the slot is free when that is gone. Only a warm
   process lives on, and its job is over at once.
4. A script whose checkpoint is to go to the storage has its upload once its other ranks are gone.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from math import nan
from typing import Protocol

from rungwise.backends.local.child import Child
from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running, note, of_rank
from rungwise.backends.local.listening import Ears
from rungwise.backends.local.patience import LEAVING, Patience
from rungwise.backends.local.scripts import split_report
from rungwise.checkpoints.shipping import Shipped
from rungwise.core.errors import ContractError
from rungwise.core.events import BackendEvent, TrialReported, TrialRewound
from rungwise.core.objective import Objective
from rungwise.trial.channel import Message
from rungwise.trial.contract import check_report

logger = logging.getLogger("rungwise")


class Attendant(Protocol):
    """Who acts on what is heard."""

    def over(self, child: Child, running: Running, outcome: Outcome) -> None:
        """A warm process has ended its job, and waits for another."""
        ...

    def hung_up(self, child: Child) -> None:
        """A child has closed something that it spoke through."""
        ...

    def send(self, child: Child, number: int) -> None:
        """Send a signal to all ranks of a child's job."""
        ...


class Hearing:
    """Appends reports to `events`; `objective` gives their values (None: NaN), `now` the clock that stamps them.

    `refused` hears of a trial's checkpoint that was too large, and its bytes; `shipped` of every one that a job has put
    to the storage.
    """

    __slots__ = (
        "_attendant", "_ears", "_events", "_now", "_objective", "_patience", "_refused", "_shipped", "_warned",
    )  # fmt: skip

    def __init__(
        self, ears: Ears, attendant: Attendant, events: deque[BackendEvent], *, objective: Objective | None,
        patience: Patience, now: Callable[[], float], refused: Callable[[int, int], object],
        shipped: Callable[[Shipped], object],
    ) -> None:  # fmt: skip
        self._ears = ears
        self._attendant = attendant
        self._events = events
        self._objective = objective
        self._patience = patience
        self._now = now
        self._refused = refused
        self._shipped = shipped
        self._warned = False

    def listen_to(self, child: Child) -> None:
        """Hear whatever a child says from now on; nothing new if it is listened to already."""
        if child.listened_to:
            return
        child.listened_to = True
        self._ears.listen(child.channel, partial(self._on_channel, child))
        if child.printed >= 0:
            self._ears.listen(child.printed, partial(self._on_printed, child))
        if child.carried >= 0:
            self._ears.listen(child.carried, partial(self._on_carried, child))

    def forget(self, child: Child) -> None:
        """A child is about to be closed."""
        for descriptor in (child.channel.fileno(), child.printed, child.carried):
            self._ears.forget(descriptor)

    def hear(self, child: Child) -> None:
        """Hear what a child has said over its channel so far."""
        if child.closed:
            return
        for message in child.channel.poll():
            self._heard(child, message)
        if child.channel.closed and not child.closed:
            self._ears.forget(child.channel.fileno())

    def hear_out(self, child: Child) -> None:
        """Hear all that a child whose process is gone had said."""
        self.hear(child)
        self._read_to_end(child)

    def ask_for_draft(self, child: Child, running: Running) -> None:
        """A script has ended, and may have left a checkpoint: say what it is of, once the other ranks are gone."""
        if running.drafted_at != -1:
            return
        if len(child.ranks) > 1:
            self._patience.let_leave(running)
            return
        self._read_to_end(child)
        wanted = running.job.wants_checkpoint_at(running.reported) or running.asked == "pause"
        running.drafted_at = running.reported if wanted and running.breach is None else 0
        running.deadline, running.heard = None, time.monotonic()  # an upload takes its time
        child.send({"keep": running.drafted_at})

    # What has become readable

    def _on_channel(self, child: Child) -> None:
        self.hear(child)
        if child.channel.closed:
            self._attendant.hung_up(child)

    def _on_printed(self, child: Child) -> None:
        # A script that has connected said so before it printed this.
        self.hear(child)
        if child.printed < 0:
            return
        reports = child.read_printed()
        if reports is None:
            self._ears.forget(child.printed)
        for report in reports or ():
            self._printed_report(child, report)
        if child.reports_too and not self._warned:
            self._warned = True
            logger.warning(
                "rank %d of a trial reports as well as rank 0, which alone counts: a program that ignores its ranks"
                " trains the same thing in each of them, and should have all slots in one process (one_process)",
                child.rank,
            )
        if reports is None:
            self._attendant.hung_up(child)

    def _on_carried(self, child: Child) -> None:
        if child.carried < 0:
            return
        child.read_carried()
        if child.carried in child.over:
            self._ears.forget(child.carried)
            self._attendant.hung_up(child)

    def _read_to_end(self, child: Child) -> None:
        for report in child.read_to_end():
            self._printed_report(child, report)

    # What it says

    def _heard(self, child: Child, message: Message) -> None:
        running = child.running
        if running is None:
            if child.head is not None and child.head.running is not None:
                self._heard_of_rank(child, child.head.running, message)
            return
        match message:
            case {"resource": int(resource), "metrics": dict(metrics), "saved": bool(saved)}:
                if saved:
                    running.checkpoint = running.unrecorded = resource
                self._reported(running, resource, metrics)
            case {"hello": _}:
                child.connected = True
            case {"refused": int(size)}:
                self._refused(running.job.trial, size)
            case {"full": int(held), "at": int(resource)}:
                running.full = (resource, held)
            case {"kept": int(resource), "path": str(path), "bytes": int(size)}:
                if resource == running.drafted_at:
                    running.checkpoint = resource
                self._shipped(Shipped(running.job.trial, resource, path, size))
            case {"unkept": str(sentence), "at": int(resource)}:
                running.unkept = (resource, sentence)
            case {"rewound": int(resource)}:
                running.checkpoint = resource
                self._events.append(TrialRewound(self._now(), running.job.trial, resource))
            case {"saving": _}:
                running.saving = True
            case {"breach": str(sentence)}:
                running.breach = sentence
            case _ if (outcome := end_in(message)) is not None:
                self._told_end(child, running, outcome)

    def _heard_of_rank(self, child: Child, running: Running, message: Message) -> None:
        """Another rank than 0 says no more than that it is there, and how it ended."""
        if "hello" in message:
            child.connected = True
        elif (outcome := end_in(message)) is not None:
            child.told = of_rank(child.rank, outcome)
            if isinstance(outcome, Failed):
                note(running, child.rank, child.told)
                self._patience.let_leave(running)

    def _told_end(self, child: Child, running: Running, outcome: Outcome) -> None:
        if child.once or running.cut:
            # The slot is free, and the GPU's memory with it, when the process is gone.
            child.told = outcome
            note(running, 0, outcome)
            self._patience.let_leave(running, LEAVING)
        else:
            self._attendant.over(child, running, outcome)

    def _reported(self, running: Running, resource: int, metrics: dict[str, float]) -> None:
        value = nan if self._objective is None else self._objective.value(metrics)
        self._events.append(TrialReported(self._now(), running.job.trial, resource, value, metrics))
        running.reported = resource
        running.heard = time.monotonic()
        if running.is_over_at(resource):
            self._patience.give(running)

    def _printed_report(self, child: Child, report: Message) -> None:
        running = child.running
        if running is not None and "resource" not in report:  # it has ended, and may have left a checkpoint
            running.drafted_at = -1
            self.ask_for_draft(child, running)
            return
        if running is None or running.breach is not None:
            return
        metric = None if self._objective is None else self._objective.metric
        try:
            resource, metrics = check_report(*split_report(report), metric=metric, previous=running.reported)
        except ContractError as error:
            running.breach = str(error)
            running.outcome = Failed("contract", str(error))
            self._attendant.send(child, self._patience.cut(running))
        else:
            self._reported(running, resource, metrics)


def end_in(message: Message) -> Outcome | None:
    """How a process says that its job has ended; None: it says something else.

    >>> end_in({"done": True}), end_in({"failed": "KeyError: 'lr'", "cause": "exception"})
    (Returned(), Failed(cause='exception', detail="KeyError: 'lr'", status=None))
    """
    match message:
        case {"done": _}:
            return Returned()
        case {"failed": str(detail), "cause": "exception" | "exit" | "memory" | "checkpoint" as cause}:
            return Failed(cause, detail)
        case _:
            return None
