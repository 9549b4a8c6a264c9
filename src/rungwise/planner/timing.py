"""What the log of a short run tells of a training's costs, seen from outside.

Of each trial there are two jobs, the second one from the checkpoint of the first:

    launch ── start-up ── unit ── unit ── unit, save ── report of the milestone ── leave
    launch ── start-up, load ── unit ── unit ── unit, save ── report ── leave

1. A unit takes what passes between two reports of a job, the last one left out: it is sent after saving.
2. Start-up is what the first report of a fresh job takes longer than its units; loading, what that of the second job
   takes longer still.
3. Saving is what the last report takes longer than its units, and what passes from there until the slot is free.
4. Where a job reports once, nothing of this can be told apart: a unit then takes the whole job's share.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from rungwise.backends.overhead import Overhead
from rungwise.core.commands import Launch
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling

ALIKE = Scaling.of({1: 1.0})
"""Of jobs that all have one share of slots."""


@dataclass(slots=True)
class Lap:
    """One job: when it was launched and ended, in seconds, from which resource, and its reports as (resource, at)."""

    trial: int
    start: int
    slots: int
    began: float
    ended: float = 0.0
    reports: list[tuple[int, float]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one share of slots: `begin` until a first trial can start, once; a unit; what each job costs besides.

    `apart`: reports tell these from one another; `resumed`: second jobs went on from a checkpoint.
    """

    begin: float
    unit: float
    startup: float
    load: float
    save: float
    apart: bool
    resumed: bool


def laps(records: Sequence[Record]) -> list[Lap]:
    """The jobs of a log that ended well, in order of completion."""
    now, under, found = 0.0, dict[int, Lap](), list[Lap]()
    for record in records:
        match record:
            case Launch(trial, _, start, _, slots):
                under[trial] = Lap(trial, start, slots, now)
            case TrialReported(now, trial, resource):
                if trial in under:  # a late report tells nothing
                    under[trial].reports.append((resource, now))
            case TrialPaused(now, trial) | TrialEnded(now, trial):
                lap = under.pop(trial, None)
                if lap is not None and lap.reports:
                    lap.ended = now
                    found.append(lap)
    return found


def timing(first: Lap, measured: Sequence[Lap]) -> Timing:
    """What jobs of one share say, one at least: units on the average over trials, all else in the middle of them.

    `first` is the one before them, for which whatever is imported once was imported.
    """
    by_trial: dict[int, list[Lap]] = {}
    for lap in measured:
        by_trial.setdefault(lap.trial, []).append(lap)
    resumed = any(lap.start for lap in measured)
    if not all(len(lap.reports) >= 3 for lap in measured):
        whole = fmean(took / units for took, units in unit_seconds(measured, Overhead(), ALIKE).values())
        return Timing(_least([_before(first, whole)]), whole, 0.0, 0.0, 0.0, False, resumed)
    units = {trial: fmean(_unit(lap) for lap in own) for trial, own in by_trial.items()}
    mean = fmean(units.values())
    startup = _least([_before(lap, units[lap.trial]) for lap in measured if not lap.start])
    load = _least([_before(lap, units[lap.trial]) - startup for lap in measured if lap.start])
    save = _least([_after(lap, units[lap.trial]) for lap in measured])
    return Timing(_least([_before(first, mean) - startup]), mean, startup, load, save, True, resumed)


def unit_seconds(found: Sequence[Lap], overhead: Overhead, scaling: Scaling) -> dict[int, tuple[float, int]]:
    """Seconds of each trial's units on one slot, and how many units these are: all of its jobs, less what each costs.

    `scaling` says how fast more slots are. Jobs that began with the run are left out, because they waited for what is
    imported once; so are those that repeated what was lost.
    """
    sums: dict[int, tuple[float, int]] = {}
    for lap in found:
        trained = lap.reports[-1][0] - lap.start
        if lap.began > 0 and trained > 0:
            seconds = max(0.0, lap.ended - lap.began - overhead.before(lap.start) - overhead.save)
            took, units = sums.get(lap.trial, (0.0, 0))
            sums[lap.trial] = (took + seconds * scaling.speed(lap.slots), units + trained)
    return sums


def _unit(lap: Lap) -> float:
    """Seconds per unit between the first report of a job and the last but one."""
    (low, first), (high, last) = lap.reports[0], lap.reports[-2]
    return (last - first) / (high - low)


def _before(lap: Lap, unit: float) -> float:
    """What a job takes until its first unit begins."""
    resource, at = lap.reports[0]
    return at - lap.began - unit * (resource - lap.start)


def _after(lap: Lap, unit: float) -> float:
    """What a job takes when its last unit is done."""
    (low, before), (high, _) = lap.reports[-2:]
    return lap.ended - before - unit * (high - low)


def _least(seconds: Sequence[float]) -> float:
    """The one in the middle; 0 where there is none, or where it is too small to be seen."""
    return max(0.0, median(seconds)) if seconds else 0.0
