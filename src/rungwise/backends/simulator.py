"""The simulator: trials read from recorded learning curves, on a virtual clock.

Events are taken in the order (time, slot). A resumed trial pays only for its new units. A job goes to the slot that has
just become free, else to the lowest idle one. A pause takes effect at the next report, and saving comes after it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal, assert_never

from rungwise.core.commands import Command, Halt, Launch, Pause, Wake
from rungwise.core.events import BackendEvent, CapacityChanged, TimePassed, TrialEnded, TrialPaused, TrialReported
from rungwise.core.scaling import Scaling

NO_METRICS: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class Curve:
    """What a job will report: resources (rising), values (minimised), and the seconds from each report to the next.

    The first report comes `before` seconds later, and the last one `after` seconds: on however many slots.
    """

    resources: Sequence[int]
    values: Sequence[float]
    seconds: Sequence[float]
    before: float = 0.0
    after: float = 0.0

    def delayed(self, seconds: Sequence[float]) -> Sequence[float]:
        """The seconds of its reports, as many slots take them, with what comes before and after."""
        if not seconds or not (self.before or self.after):
            return seconds
        first, *rest = seconds
        whole = [first + self.before, *rest]
        whole[-1] += self.after
        return whole


@dataclass(slots=True)
class _Job:
    trial: int
    start: int
    milestone: int
    slots: list[int]
    resources: Sequence[int]
    values: Sequence[float]
    seconds: Sequence[float]
    after: float
    done: int = 0
    live: bool = True
    pausing: bool = False

    @property
    def resource(self) -> int:
        return self.resources[self.done - 1] if self.done else self.start

    def leave_here(self) -> None:
        """It was told to pause, and has reported since: it saves, and that is all."""
        self.milestone, self.resources = self.resource, self.resources[: self.done]


class Simulator:
    """A backend without training: `curve(launch)` is what a job would report, from `launch.start` to its milestone.

    A trial that reaches `max_resource`, or whose curve ends before its milestone, is completed. The clock begins at
    `start_at` seconds, for an experiment that goes on. The seconds of a curve are those on one slot; `scaling` says how
    fast more of them are (None: no faster).
    """

    def __init__(
        self, curve: Callable[[Launch], Curve], *, workers: int, max_resource: int, start_at: float = 0.0,
        scaling: Scaling | None = None,
    ) -> None:  # fmt: skip
        self._curve = curve
        self._scaling = scaling
        self._workers = workers
        self._max_resource = max_resource
        self._now = start_at
        self._idle = list(range(workers))  # a heap: the lowest slot first
        self._freed: list[int] = []  # by the event being told: they are the next to be taken
        self._jobs: dict[int, _Job] = {}
        self._due: list[tuple[float, int, int, _Job]] = []
        self._cuts: list[tuple[list[int], _Job]] = []  # those of one moment are told by slot
        self._serial = 0
        self._alarm: float | None = None

    def submit(self, command: Command) -> None:
        """Start or cut a job at the present moment of the virtual clock."""
        match command:
            case Launch():
                curve, slots = self._curve(command), self._take(command.slots)
                seconds = curve.seconds
                if self._scaling is not None and len(slots) > 1:
                    seconds = self._scaling.scaled(seconds, len(slots))
                job = _Job(
                    command.trial, command.start, command.milestone, slots, curve.resources, curve.values,
                    curve.delayed(seconds), curve.after,
                )  # fmt: skip
                self._jobs[command.trial] = job
                self._schedule(job, 0)
            case Halt(trial):
                self._cut(trial)
            case Pause(trial):
                if trial in self._jobs:
                    self._jobs[trial].pausing = True
            case Wake(at):
                self._alarm = at
            case _:
                assert_never(command)

    def events(self) -> Iterator[tuple[BackendEvent]]:
        """Facts in the order of the virtual clock, one by one: each may change the next. Ends when nothing runs."""
        yield (CapacityChanged(self._now, self._workers),)
        due = self._due
        while True:
            while self._cuts:
                _, job = heappop(self._cuts)
                yield (self._end(job, "stopped"),)
                self._put_back()
            if not due:
                return
            if self._alarm is not None and self._alarm < due[0][0]:
                self._now, self._alarm = max(self._now, self._alarm), None
                yield (TimePassed(self._now),)
                continue
            self._now, _, _, job = heappop(due)
            if not job.live:
                continue
            resources, done = job.resources, job.done
            if done < len(resources):
                job.done = done + 1
                resource, leaving = resources[done], job.pausing
                yield (TrialReported(self._now, job.trial, resource, job.values[done], NO_METRICS),)
                if not job.live:
                    continue
                if resource < job.milestone and done + 1 < len(resources):
                    if not leaving:
                        self._schedule(job, done + 1)
                        continue
                    job.leave_here()
                    if job.after:
                        self._push(job, job.after)
                        continue
            completed = job.resource >= self._max_resource or job.resource < job.milestone
            yield (self._end(job, "completed" if completed else "paused"),)
            self._put_back()

    def _schedule(self, job: _Job, done: int) -> None:
        """The next event of a job: the report after `done` others, or its end where there is none."""
        seconds = job.seconds
        self._push(job, seconds[done] if done < len(seconds) else 0.0)

    def _push(self, job: _Job, seconds: float) -> None:
        self._serial += 1
        heappush(self._due, (self._now + seconds, job.slots[0], self._serial, job))

    def _take(self, count: int) -> list[int]:
        """So many slots: what has just become free, then the lowest that are idle."""
        taken, self._freed = self._freed[:count], self._freed[count:]
        while len(taken) < count:
            taken.append(heappop(self._idle))
        return taken

    def _put_back(self) -> None:
        """What nobody took when it became free is idle like any other."""
        for slot in self._freed:
            heappush(self._idle, slot)
        self._freed = []

    def _cut(self, trial: int) -> None:
        job = self._jobs.get(trial)
        if job is not None and job.live:
            job.live = False
            heappush(self._cuts, (job.slots, job))

    def _end(self, job: _Job, how: Literal["paused", "completed", "stopped"]) -> BackendEvent:
        job.live = False
        trial = job.trial
        del self._jobs[trial]
        self._freed = job.slots
        if how == "paused":
            return TrialPaused(self._now, trial, job.resource)
        return TrialEnded(self._now, trial, how)
