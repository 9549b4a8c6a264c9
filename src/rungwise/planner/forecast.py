"""Forecasts: the real scheduler in the simulator, for every way to divide the slots, over several seeds.

1. A division is a share of slots for each trial (`fixed`), one that grows with the rungs (`by-rung`), or one to which
   idle slots are added (`fill`), by the figures of the profile.
2. A seed is an order of the configurations, the same for all schedulers and divisions: they differ by themselves alone.
   Where there are fewer curves than trials, some are drawn twice.
3. Time is what the profile says: units at their seconds by share, for each job its start-up and its checkpoints, and
   once what all slots wait for in the beginning.
4. Costs are slot-hours of jobs: what a cluster costs whose idle slots go to others. One that is paid for whole costs
   its slots times the time, so that the fastest is the cheapest.
5. Intervals are those of a bootstrap over the seeds (`rungwise.comparison.resampling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

from rungwise.allocation import make_allocation
from rungwise.api.simulate import Simulation, simulate
from rungwise.benchmarks.table import Table
from rungwise.comparison.methods import Method
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.comparison.traces import UNKNOWN, Scale
from rungwise.core.checks import check_whole
from rungwise.core.commands import Launch
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.core.limits import Stop
from rungwise.core.protocols import Allocation
from rungwise.core.seed import Purpose, sequence
from rungwise.planner.curves import Curves
from rungwise.planner.profile import Profile
from rungwise.schedulers.named import pauses_at_rungs

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Division:
    """`slots` for each trial; with `most` above that, eta times as many on each further rung, up to `most`, or, if it
    `fills`, slots that would be idle, up to `most`.
    """

    slots: int
    most: int
    fills: bool = False

    @property
    def policy(self) -> str:
        """The allocation's name."""
        return "fixed" if self.most == self.slots else "fill" if self.fills else "by-rung"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The allocation, as an experiment's settings name it, but for what `fill` is told of the profile."""
        most = {} if self.policy == "fixed" else {"most": self.most}
        return {"name": self.policy, "slots": self.slots, **most}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is planned: `trials` on so many `workers` (slots), forecast with `seeds` orders of the configurations.

    Raises InputError for a number out of range.
    """

    workers: int
    trials: int
    seeds: int = 5
    seed: int = 0
    stop: Stop = "drain"

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("trials", 1), ("seeds", 1), ("seed", 0)):
            object.__setattr__(self, name, check_whole(name, getattr(self, name), least))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a scheduler and a division come to: seconds, slot-hours of jobs, and the share of all slots that is in use.

    `times` and `costs` are the seconds and slot-hours of each seed; `trials` is the
    most that were started, `units` are those trained; `quality` is what the
    winner reaches when it is trained to the end, in the metric's own direction, `regret` how far it is from the best
    curve, 1 being the median (see `rungwise.comparison.traces`; None where the curves have no such scale).
    """

    method: Method
    division: Division
    time: Estimate
    hours: Estimate
    times: tuple[float, ...]
    costs: tuple[float, ...]
    use: Estimate
    trials: int
    units: Estimate
    quality: Estimate
    regret: Estimate | None


def divisions(profile: Profile, workers: int, shares: Sequence[int] | None = None) -> list[Division]:
    """Every division into `shares` (default: those of the profile that fit): fixed ones, those that grow, those that
    fill.

    Raises InputError for a share that is not within the profile, or larger than all slots.
    """
    chosen = [each for each in profile.shares if each <= workers] if shares is None else shares
    if not chosen:
        raise InputError(
            f"workers is {workers}, but the profile begins with {profile.shares[0]} slots: a trial cannot get more than"
            " there are"
        )
    rising = sorted({check_whole("a share of slots", each, 1) for each in chosen})
    for share in rising:
        profile.check_share(share)
        if share > workers:
            raise InputError(f"a trial is to have {share} slots, but there are {workers} in all (workers)")
    fixed = [Division(share, share) for share in rising]
    return [*fixed, *(Division(rising[0], most, fills) for fills in (False, True) for most in rising[1:])]


def forecasts(
    profile: Profile, curves: Curves, methods: Sequence[Method], chosen: Sequence[Division], setting: Setting
) -> list[Forecast]:
    """Forecast every scheduler with every division that suits it: growing ones where its trials pause at rungs.

    Raises InputError as `simulate` does.
    """
    table = timed(profile, curves.table)
    orders = [order(table, setting, repetition) for repetition in range(setting.seeds)]
    found = []
    for method in methods:
        pauses = pauses_at_rungs(method.scheduler())
        for division in chosen:
            if division.policy != "by-rung" or pauses:
                runs = [simulated(profile, table, method, division.settings, setting, rows) for rows in orders]
                found.append(_summed(profile, table, method, division, setting, runs))
    return found


def timed(profile: Profile, table: Table) -> Table:
    """A table whose relative seconds are those of the profile's smallest share."""
    return Table(
        table.values, table.seconds * profile.base, table.mode, quality=table.quality,
        name=table.name, metric=table.metric, unit=table.unit, note=table.note,
    )  # fmt: skip


def order(table: Table, setting: Setting, repetition: int) -> list[int]:
    """The rows that the trials of a repetition get: other ones, or in another order, for each."""
    from numpy.random import default_rng

    draw = default_rng(sequence(setting.seed, Purpose.ORDER, repetition))
    rows = table.configurations
    if setting.trials > rows:
        return [int(row) for row in draw.integers(rows, size=setting.trials)]
    return [int(row) for row in draw.permutation(rows)[: setting.trials]]


def simulated(
    profile: Profile, table: Table, method: Method, allocation: Mapping[str, Any], setting: Setting, rows: Sequence[int]
) -> Simulation:
    """One run of a scheduler with an allocation's settings, over a table whose seconds are the profile's."""
    scheduler = method.scheduler()
    eta = 1 if method.settings is None else int(method.settings["eta"])
    told = {**profile.restarts, **allocation} if allocation["name"] == "fill" else allocation
    policy: Allocation = make_allocation(told, scheduler.milestones, eta)
    return simulate(
        table, scheduler, workers=setting.workers, order=rows, stop=setting.stop, seed=setting.seed,
        allocation=policy, scaling=profile.scaling, overhead=profile.overhead,
    )  # fmt: skip


def took(run: Simulation, profile: Profile) -> tuple[float, float]:
    """Seconds and slot-seconds of a run, with what the first trials wait for."""
    waiting = 0
    for record in run.log:
        if isinstance(record, TrialReported):
            break
        if isinstance(record, Launch):
            waiting += record.slots
    return run.time + profile.begin, run.slot_seconds + profile.begin * waiting


def _summed(
    profile: Profile, table: Table, method: Method, division: Division, setting: Setting, runs: Sequence[Simulation]
) -> Forecast:
    trials = [run.best.trial for run in runs]
    quality = [
        nan if trial is None else float(table.quality[run.rows[trial]]) for run, trial in zip(runs, trials, strict=True)
    ]
    resamples = Resamples(1, setting.seeds, setting.seed)
    times, busy = zip(*(took(run, profile) for run in runs), strict=True)
    costs = tuple(each / HOUR for each in busy)
    use = [each / (time * setting.workers) if time else 0.0 for time, each in zip(times, busy, strict=True)]
    scale = _scale(table)
    regret = [UNKNOWN if scale is None else scale.regret(table.objective.shown(each)) for each in quality]
    return Forecast(
        method,
        division,
        time=estimate(times, resamples),
        hours=estimate(costs, resamples),
        times=times,
        costs=costs,
        use=estimate(use, resamples),
        trials=max(len(run.rows) for run in runs),
        units=estimate([float(run.resource) for run in runs], resamples),
        quality=estimate(quality, resamples),
        regret=None if scale is None else estimate(regret, resamples),
    )


def _scale(table: Table) -> Scale | None:
    try:
        return Scale.of(table)
    except InputError:  # half of the rows are as good as the best
        return None


def estimate(values: Sequence[float], resamples: Resamples) -> Estimate:
    """A mean and its interval; NaN where a value is."""
    import numpy as np

    if not all(map(isfinite, values)):
        return Estimate(nan, nan, nan)
    return resamples.estimate(np.array([values], dtype=np.float64))
