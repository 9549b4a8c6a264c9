"""A forecast for the settings of a finished experiment, beside what it really took.

1. Scheduler, allocation, workers and the number of trials are the experiment's.
2. Without other curves, its own are taken, in the order in which they were tried: then only the times are forecast, and
   what follows from them. With others the forecast is what `rungwise plan` could have said before the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.allocation import OPTIONS as ALLOCATIONS
from rungwise.api.experiment import Experiment
from rungwise.api.simulate import Simulation
from rungwise.comparison.methods import Method
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.core.errors import InputError
from rungwise.core.ledger import Ledger
from rungwise.core.limits import Limits
from rungwise.planner.curves import Curves, curves_of
from rungwise.planner.forecast import HOUR, Setting, estimate, order, simulated, timed, took
from rungwise.planner.profile import Profile
from rungwise.schedulers.named import OPTIONS


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a run: what it is, what was forecast, what was measured. Seconds, slot-hours, units or trials."""

    what: str
    forecast: Estimate
    took: float

    @property
    def error(self) -> float | None:
        """How far the forecast is off, as a share of what was measured; None where that is 0."""
        return self.forecast.mean / self.took - 1 if self.took else None


@dataclass(frozen=True, slots=True)
class Compared:
    """An experiment's figures: time, cost, units, then the trials that reached each rung. `unknown`: what no forecast
    knows of, each in a sentence."""

    name: str
    unit: str
    seeds: int
    curves: str
    time: Figure
    hours: Figure
    units: Figure
    rungs: tuple[Figure, ...]
    unknown: tuple[str, ...]


def against(
    experiment: Experiment, profile: Profile, curves: Curves | None = None, *, seeds: int = 5, seed: int = 0
) -> Compared:
    """Forecast a finished experiment anew (`curves` None: its own, one seed), and put beside it what it took.

    Raises InputError where it is not finished, has a scheduler of the user's own, or retrained winners; where a share
    of its slots is not in the profile; and as `simulate` does.
    """
    spec, ledger, name = experiment.spec, experiment.ledger, experiment.name
    if ledger.finish is None:
        raise InputError(
            f"the experiment {name!r} has not finished, so nobody knows what it takes: see rungwise resume"
        )
    if spec.of is not None or spec.scheduler["name"] not in OPTIONS:
        raise InputError(
            f"the experiment {name!r} ran with a scheduler of its own ({spec.scheduler['name']!r}), which a plan cannot"
            " make anew"
        )
    if spec.allocation["name"] not in ALLOCATIONS:
        raise InputError(f"the experiment {name!r} ran with an allocation of its own, which a plan cannot make anew")
    for share in (spec.allocation["slots"], spec.allocation.get("most", spec.allocation["slots"])):
        profile.check_share(share)
    own = curves is None
    chosen = curves_of(experiment, "its own", profile) if curves is None else curves
    table = timed(profile, chosen.table)
    trials = table.configurations if own else len(ledger.trials)
    setting = Setting(spec.workers, trials, 1 if own else seeds, seed, spec.stop)
    orders = [list(range(trials))] if own else [order(table, setting, each) for each in range(seeds)]
    method = Method(spec.scheduler["name"], spec.scheduler)
    runs = [simulated(profile, table, method, spec.allocation, setting, rows) for rows in orders]
    costs = [took(run, profile) for run in runs]
    resamples = Resamples(1, setting.seeds, seed)

    def figure(what: str, forecast: Sequence[float], took: float) -> Figure:
        return Figure(what, estimate(forecast, resamples), took)

    reached = [_reached(run, spec.milestones) for run in runs]
    rungs = [
        figure(f"trials at {rung.milestone}", [float(each[place]) for each in reached], rung.entries)
        for place, rung in enumerate(ledger.rungs)
    ]
    return Compared(
        name,
        spec.unit,
        setting.seeds,
        chosen.told,
        figure("time", [time for time, _ in costs], ledger.now),
        figure("slot-hours", [slot_seconds / HOUR for _, slot_seconds in costs], ledger.busy / HOUR),
        figure(spec.unit, [float(run.resource) for run in runs], ledger.spent),
        tuple(rungs),
        tuple(_unknown(experiment)),
    )


def _reached(run: Simulation, milestones: Sequence[int]) -> list[int]:
    """How many trials reached each rung."""
    ledger = Ledger(milestones)
    for record in run.log:
        ledger.apply(record)
    return [rung.entries for rung in ledger.rungs]


def _unknown(experiment: Experiment) -> list[str]:
    spec, ledger = experiment.spec, experiment.ledger
    told = []
    if spec.limits != Limits():
        told.append("The experiment had limits, of which the forecast knows nothing.")
    failed = sum(entry.failures for entry in ledger.trials.values())
    if failed:
        told.append(f"Jobs that died and were tried again, {failed} of them, are not forecast.")
    return told
