"""The design's section 5, "Simulation, exactly", step by step, on plain lists. Values are minimised; NaN: diverged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from twins.schedulers import EndReason, Slow


@dataclass(frozen=True)
class End:
    """How a trial ends for a reason of its own.

    It comes instead of the first report at `unit` or later; `saving`: instead of the first pause there.
    """

    unit: int
    reason: EndReason
    saving: bool = False


@dataclass
class SlowJob:
    """A trial in a slot. `due` is when its next report comes, or when it ends where none is to come."""

    trial: int
    start: int
    milestone: int
    began: float
    ahead: list[int]
    reached: int
    due: float = 0.0


@dataclass
class SlowRun:
    """What came of it. `jobs` are (trial, from, to, began, ended)."""

    jobs: list[tuple[int, int, int, float, float]] = field(default_factory=list)
    reports: list[tuple[int, int, float]] = field(default_factory=list)
    time: float = 0.0
    unclean: set[int] = field(default_factory=set)  # who may not win while anybody else can

    @property
    def resource(self) -> int:
        return sum(end - start for _, start, end, _, _ in self.jobs)

    @property
    def max_resource(self) -> int:
        return max((resource for _, resource, _ in self.reports), default=0)

    @property
    def winner(self) -> tuple[int, float] | None:
        """The best value over all reports, the earliest if tied; of those that may win, if any has a value."""
        finite = [(value, i) for i, (_, _, value) in enumerate(self.reports) if isfinite(value)]
        if not finite:
            return None
        value, i = min([each for each in finite if self.reports[each[1]][0] not in self.unclean] or finite)
        return self.reports[i][0], value

    def winner_in_top_rung(self, levels: Sequence[int]) -> tuple[int, int | None]:
        """The highest milestone reached (0: none), and the best on entering the highest that holds a finite value."""
        top = 0
        for level in reversed(levels):
            arrivals: dict[int, float] = {}
            for trial, resource, value in self.reports:
                if resource >= level and trial not in arrivals:
                    arrivals[trial] = value
            if arrivals:
                top = max(top, level)
            finite = [(value, i, trial) for i, (trial, value) in enumerate(arrivals.items()) if isfinite(value)]
            if finite:
                return top, min(finite)[2]
        return top, None


class OneTooMany(Exception):
    """Trial N+1 would start."""


class SlowSimulator:
    """`values[trial][unit - 1]` and `seconds` of each unit, same shape."""

    def __init__(
        self,
        values: Sequence[Sequence[float]],
        seconds: Sequence[Sequence[float]],
        scheduler: Slow,
        workers: int,
        stop: str,
        report_at: Sequence[int] | None,
        ends: Mapping[int, End] | None = None,
    ) -> None:
        self.values, self.seconds, self.scheduler, self.stop = values, seconds, scheduler, stop
        self.ends = ends or {}
        self.units = list(range(1, len(values[0]) + 1)) if report_at is None else list(report_at)
        self.slots: list[SlowJob | None] = [None] * workers
        self.started = 0
        self.at: dict[int, int] = {}  # where each trial paused
        self.run = SlowRun()

    def go(self) -> SlowRun:
        try:
            self.idle_slots_ask()
            while any(self.slots):
                self.next_event()
                self.idle_slots_ask()
        except OneTooMany:
            for slot, job in enumerate(self.slots):
                if job is not None:
                    self.leave(slot, job)
        return self.run

    def next_event(self) -> None:
        """Events are taken in the order (time, slot). A slot whose job ends asks at once."""
        now, slot = min((job.due, slot) for slot, job in enumerate(self.slots) if job is not None)
        job = self.slots[slot]
        assert job is not None
        self.run.time = now
        stopped = False
        if job.ahead and self.ends_at(job.ahead[0], job, saving=False):
            self.over(slot, job, self.ends[job.trial].reason)
            return
        if job.ahead:
            job.reached = job.ahead.pop(0)
            value = self.values[job.trial][job.reached - 1]
            self.run.reports.append((job.trial, job.reached, value))
            stopped = self.scheduler.report(job.trial, job.reached, value)
        if job.ahead and not stopped:
            job.due = now + self.cost(job)
            return
        if stopped:
            self.over(slot, job, "stopped")
        elif job.reached < job.milestone or job.reached >= self.scheduler.levels[-1]:
            self.over(slot, job, "completed")
        elif self.ends_at(job.reached, job, saving=True):
            self.over(slot, job, self.ends[job.trial].reason)
        else:
            self.leave(slot, job)
            self.ask(slot)

    def ends_at(self, unit: int, job: SlowJob, *, saving: bool) -> bool:
        end = self.ends.get(job.trial)
        return end is not None and unit >= end.unit and saving == end.saving

    def over(self, slot: int, job: SlowJob, reason: EndReason) -> None:
        self.leave(slot, job)
        self.scheduler.end(job.trial, reason)
        self.ask(slot)

    def cost(self, job: SlowJob) -> float:
        """The seconds to the next report: of every unit since the one before."""
        return sum(self.seconds[job.trial][job.reached : job.ahead[0]]) if job.ahead else 0.0

    def leave(self, slot: int, job: SlowJob) -> None:
        self.slots[slot] = None
        self.at[job.trial] = job.reached
        self.run.jobs.append((job.trial, job.start, job.reached, job.began, self.run.time))

    def idle_slots_ask(self) -> None:
        for slot, job in enumerate(self.slots):
            if job is None:
                self.ask(slot)

    def ask(self, slot: int) -> None:
        all_started = self.started == len(self.values)
        if all_started and self.stop == "drain":
            self.scheduler.close()
        promotion = self.scheduler.promotion()
        if promotion is not None:
            self.launch(slot, *promotion)
            return
        if all_started and self.stop == "drain":
            return
        milestone = self.scheduler.start(self.started)
        if milestone is None:
            return
        if all_started:
            raise OneTooMany
        self.started += 1
        self.launch(slot, self.started - 1, milestone)

    def launch(self, slot: int, trial: int, milestone: int) -> None:
        """A resumed trial pays only for its new units; a job ends at the first report at or past its milestone."""
        start = self.at.get(trial, 0)
        ahead = [unit for unit in self.units if unit > start]
        before = [unit for unit in ahead if unit < milestone]
        job = SlowJob(trial, start, milestone, self.run.time, ahead[: len(before) + 1], start)
        job.due = self.run.time + self.cost(job)
        self.slots[slot] = job
