"""Jobs for which there is no place at the moment: each is started, in their order, when there is one."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from rungwise.backends.local.jobs import unstarted
from rungwise.core.events import BackendEvent
from rungwise.trial.job import Wish


@dataclass(frozen=True, slots=True)
class Queued:
    """A trial whose checkpoint stands at `resource`; `again` starts its job of so many slots."""

    trial: int
    resource: int
    slots: int
    again: Callable[[], object]


class Queue:
    """Nobody who comes later is started first. What becomes of those who need not wait any more goes to `events`."""

    __slots__ = ("_events", "_has_room", "_now", "_serving", "_waiting")

    def __init__(
        self, events: deque[BackendEvent], now: Callable[[], float], has_room: Callable[[int], bool]
    ) -> None:  # fmt: skip
        self._events = events
        self._now = now
        self._has_room = has_room
        self._waiting: dict[int, Queued] = {}
        self._serving = False

    def must_wait(self, slots: int) -> bool:
        """Whether a job of so many slots cannot be started now."""
        return (bool(self._waiting) and not self._serving) or not self._has_room(slots)

    def hold(self, waiting: Queued) -> None:
        """Let a job wait."""
        self._waiting[waiting.trial] = waiting

    def go_on(self) -> None:
        """Start those for which there is a place now."""
        self._serving = True
        try:
            while self._waiting:
                first = next(iter(self._waiting.values()))
                if not self._has_room(first.slots):
                    break
                del self._waiting[first.trial]
                first.again()
        finally:
            self._serving = False

    def ask(self, trial: int, wish: Wish) -> None:
        """Let a trial that waits end instead; nothing if it does not wait."""
        waiting = self._waiting.pop(trial, None)
        if waiting is None:
            return
        self._events.append(unstarted(trial, waiting.resource, wish, self._now()))
        self.go_on()
