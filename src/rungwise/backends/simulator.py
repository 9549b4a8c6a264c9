"""The simulator: trials read from recorded learning curves, on a virtual clock.

Events are taken in the order (time, slot). A resumed trial pays only for its new units. A job goes to the slot that has
just become free, else to the lowest idle one.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import assert_never

from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.events import CapacityChanged, Event, TrialEnded, TrialPaused, TrialReported

NO_METRICS: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Curve:
    """What a job will report: resources (rising), values (minimised), and the seconds from each report to the next."""

    resources: Sequence[int]
    values: Sequence[float]
    seconds: Sequence[float]


@dataclass(slots=True)
class _Job:
    launch: Launch
    slots: list[int]
    curve: Curve
    done: int = 0
    live: bool = True

    @property
    def resource(self) -> int:
        return self.curve.resources[self.done - 1] if self.done else self.launch.start


class Simulator:
    """A backend without training: `curve(launch)` is what a job would report, from `launch.start` to its milestone.

    A trial that reaches `max_resource`, or whose curve ends before its milestone, is completed. The clock begins at
    `start_at` seconds, for an experiment that goes on.
    """

    def __init__(
        self, curve: Callable[[Launch], Curve], *, workers: int, max_resource: int, start_at: float = 0.0
    ) -> None:
        self._curve = curve
        self._workers = workers
        self._max_resource = max_resource
        self._now = start_at
        self._idle = list(range(workers))
        self._freed: list[int] = []
        self._jobs: dict[int, _Job] = {}
        self._due: list[tuple[float, int, int, _Job]] = []
        self._cuts: list[tuple[list[int], str, _Job]] = []  # those of one moment are told by slot
        self._serial = 0

    def submit(self, command: Command) -> None:
        """Start or cut a job at the present moment of the virtual clock."""
        match command:
            case Launch():
                job = _Job(command, self._take(command.slots), self._curve(command))
                self._jobs[command.trial] = job
                self._schedule(job)
            case Halt(trial):
                self._cut(trial, "stopped")
            case Pause(trial):
                self._cut(trial, "paused")
            case _:
                assert_never(command)

    def events(self) -> Iterator[Event]:
        """Facts in the order of the virtual clock; ends when nothing runs."""
        yield CapacityChanged(self._now, self._workers)
        while True:
            while self._cuts:
                _, how, job = heappop(self._cuts)
                yield self._end(job, how)
            self._freed = []
            if not self._due:
                return
            self._now, _, _, job = heappop(self._due)
            if not job.live:
                continue
            curve = job.curve
            if job.done < len(curve.resources):
                resource = curve.resources[job.done]
                job.done += 1
                yield TrialReported(self._now, job.launch.trial, resource, curve.values[job.done - 1], NO_METRICS)
                if not job.live:
                    continue
                if resource < job.launch.milestone and job.done < len(curve.resources):
                    self._schedule(job)
                    continue
            completed = job.resource >= self._max_resource or job.resource < job.launch.milestone
            yield self._end(job, "completed" if completed else "paused")

    def _schedule(self, job: _Job) -> None:
        seconds = job.curve.seconds
        due = self._now + (seconds[job.done] if job.done < len(seconds) else 0.0)
        self._serial += 1
        heappush(self._due, (due, job.slots[0], self._serial, job))

    def _take(self, count: int) -> list[int]:
        preferred = self._freed + [slot for slot in self._idle[:count] if slot not in self._freed]
        taken, self._freed = preferred[:count], self._freed[count:]
        for slot in taken:
            self._idle.remove(slot)
        return taken

    def _cut(self, trial: int, how: str) -> None:
        job = self._jobs.get(trial)
        if job is not None and job.live:
            job.live = False
            heappush(self._cuts, (job.slots, how, job))

    def _end(self, job: _Job, how: str) -> Event:
        job.live = False
        trial = job.launch.trial
        del self._jobs[trial]
        for slot in job.slots:
            insort(self._idle, slot)
        self._freed = list(job.slots)
        if how == "paused":
            return TrialPaused(self._now, trial, job.resource)
        return TrialEnded(self._now, trial, "stopped" if how == "stopped" else "completed")
