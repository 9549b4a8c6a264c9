"""What a run tells of its own speed: seconds of units, what a restart takes, and what more slots are worth.

1. A unit of a job takes what passes between its first report and its last, or its last but one once it has ended: the
   last of all may have been sent after saving.
2. A restart takes what a job that went on from a checkpoint took beside its units: start-up, loading and saving.
3. Where nobody says how fast more slots are, so much of the work is shared out evenly and the rest is not (Amdahl's
   law): `PARALLEL` to begin with, then the mean of that and of what each trial showed that has trained with two shares.
4. Only jobs with three reports or more teach anything. Everything follows from the records told, one at a time.
"""

from dataclasses import dataclass

from rungwise.core.scaling import Scaling

PARALLEL = 0.9
"""The part of the work that more slots share, as long as nothing has been seen."""
ENOUGH = 3
"""Reports of a job that tell its units from all else."""


@dataclass(slots=True)
class Job:
    """A running job: when it was launched, in seconds, and its first report and its last two, as (resource, at).

    `wanted` is the share that it was to get by a restart that is under way, `slots` where there is none; `leaving`: it
    was told to pause.
    """

    trial: int
    start: int
    milestone: int
    slots: int
    began: float
    wanted: int = 0
    leaving: bool = False
    reports: int = 0
    first: tuple[int, float] = (0, 0.0)
    before: tuple[int, float] = (0, 0.0)
    last: tuple[int, float] = (0, 0.0)

    def report(self, resource: int, at: float) -> None:
        """Take in a report; one that tells of nothing new is none."""
        if self.reports and resource <= self.last[0]:
            return
        self.before, self.last = self.last, (resource, at)
        self.reports += 1
        if self.reports == 1:
            self.first = self.last

    def rewind(self, resource: int) -> None:
        """It goes on from elsewhere: what was reported before tells nothing."""
        self.start, self.reports = resource, 0

    @property
    def position(self) -> int:
        """Where its training stands, in units."""
        return self.last[0] if self.reports else self.start

    @property
    def unit(self) -> float | None:
        """Seconds that a unit takes while it runs; None: not known before the second report."""
        return _between(self.first, self.last) if self.reports > 1 else None


class Pace:
    """What the jobs of a run have taught. `scaling` and `restart` (seconds), where given, are taken for granted."""

    def __init__(self, scaling: Scaling | None = None, restart: float | None = None) -> None:
        self._scaling = scaling
        self._given = restart
        self._restarts = (0.0, 0)
        self._parallel = (PARALLEL, 1)
        self._speeds: dict[int, float] = {}
        self._units: dict[int, tuple[int, float]] = {}
        self._mean = (0.0, 0)

    @property
    def restart(self) -> float | None:
        """Seconds that a restart takes; None: nothing has been seen of it."""
        total, count = self._restarts
        return self._given if self._given is not None else total / count if count else None

    @property
    def largest(self) -> int | None:
        """The share above which no other is known to be faster; None: there is none."""
        return None if self._scaling is None else self._scaling.largest

    def speed(self, slots: int) -> float:
        """How many times as fast as on one slot."""
        found = self._speeds.get(slots)
        if found is None:
            found = self._speeds[slots] = self._speed(slots)
        return found

    def top(self, most: int) -> float:
        """The highest speed of shares up to `most`."""
        if self._scaling is None:
            return self.speed(most)
        return max(self.speed(min(slots, most)) for slots, _ in self._scaling.seconds)

    def _speed(self, slots: int) -> float:
        if self._scaling is not None:
            return self._scaling.speed(slots)
        total, count = self._parallel
        share = total / count
        return 1 / (1 - share + share / slots)

    def work(self, trial: int) -> float:
        """Seconds of a trial's unit on one slot, by its last job; by the mean of all where it has taught nothing."""
        if trial in self._units:
            slots, unit = self._units[trial]
            return unit * self.speed(slots)
        total, count = self._mean
        return total / count if count else 1.0

    def learn(self, job: Job, at: float) -> None:
        """A job has ended well at `at` seconds."""
        if job.reports < ENOUGH:
            return
        unit = _between(job.first, job.before)
        self._learn_parallel(job, unit)
        self._units[job.trial] = (job.slots, unit)
        total, count = self._mean
        self._mean = (total + unit * self.speed(job.slots), count + 1)
        if job.start:
            total, count = self._restarts
            self._restarts = (total + max(0.0, at - job.began - unit * (job.position - job.start)), count + 1)

    def _learn_parallel(self, job: Job, unit: float) -> None:
        """How much of the work is shared, by a trial's units on two shares: u(w) = 1 - p + p / w of that on one."""
        fewer, took = self._units.get(job.trial, (job.slots, unit))
        if job.slots == fewer or not took:
            return
        ratio = unit / took
        below = (1 - 1 / job.slots) - ratio * (1 - 1 / fewer)
        if below:
            total, count = self._parallel
            self._parallel = (total + min(1.0, max(0.0, (1 - ratio) / below)), count + 1)
            self._speeds.clear()


def _between(one: tuple[int, float], other: tuple[int, float]) -> float:
    """Seconds per unit."""
    return (other[1] - one[1]) / (other[0] - one[0])
