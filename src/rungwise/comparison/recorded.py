"""A recorded experiment as a table: its curves as far as they were trained, with their seconds."""

from dataclasses import dataclass, field
from math import nan

from rungwise.api.experiment import Experiment
from rungwise.benchmarks.table import Table
from rungwise.comparison.outcomes import Outcome
from rungwise.core.commands import Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.space import Space


@dataclass(slots=True)
class _Clock:
    """Where each trial stands, and since when."""

    now: float = 0.0
    since: dict[int, tuple[int, float]] = field(default_factory=dict)

    def passed(self, report: TrialReported) -> tuple[int, float]:
        """The units since a trial's last report or start, and the seconds of each."""
        resource, at = self.since[report.trial]
        self.since[report.trial] = (report.resource, report.at)
        units = report.resource - resource
        return units, max(0.0, report.at - at) / units if units > 0 else 0.0


def recorded_table(experiment: Experiment, metric: str | None = None) -> Table:
    """The table of an experiment: row i is trial i, column u - 1 the report at u units, marked where there is none.

    The seconds of a unit are those that passed since the report before it, starting a trial up included. `metric` is
    one that the training reported beside its own (default: the one tuned for). Raises InputError where nothing was
    reported, where the metric is missing from a report, or where a trial inherited another's training.
    """
    import numpy as np

    spec = experiment.spec
    chosen = spec.metric if metric is None else metric
    ledger, clock = Ledger(spec.milestones), _Clock()
    points: list[tuple[int, int, float]] = []
    costs: dict[tuple[int, int], float] = {}
    for record in experiment.records():
        admitted = ledger.apply(record)
        match record:
            case StartTrial(trial, _, parent) if parent is not None:
                raise InputError(
                    f"trial {trial} of {experiment.name!r} went on from trial {parent}'s training: a table cannot hold"
                    " such a curve"
                )
            case Launch(trial, _, start):
                clock.since[trial] = (start, clock.now)
            case TrialReported(at, trial, resource):
                clock.now = at
                units, seconds = clock.passed(record) if trial in clock.since else (0, 0.0)
                if admitted:
                    points.append((trial, resource, _value(record, chosen, spec.metric)))
                    costs.update({(trial, unit): seconds for unit in range(resource - units + 1, resource + 1)})
            case TrialPaused(at) | TrialEnded(at):
                clock.now = at
            case _:
                pass
    if not points:
        raise InputError(f"the experiment {experiment.name!r} holds no report yet: there is no curve to record")
    entries = [ledger.trials[trial] for trial in range(len(ledger.trials))]
    shape = (len(entries), max(spec.max_resource, *(resource for _, resource, _ in points)))
    values, seconds_of = np.full(shape, np.nan), np.zeros(shape)
    reported = np.zeros(shape, dtype=bool)
    for trial, resource, value in points:
        values[trial, resource - 1] = spec.objective.shown(value) if chosen == spec.metric else value
        reported[trial, resource - 1] = True
    for (trial, unit), cost in costs.items():
        seconds_of[trial, unit - 1] = cost
    return Table(
        values,
        seconds_of,
        spec.mode,
        reported=None if reported.all() else reported,
        finished=None if reported.all() else [entry.status == "completed" for entry in entries],
        configs=[entry.configuration for entry in entries],
        name=experiment.name,
        metric=chosen,
        unit=spec.unit,
        space=Space.from_json(spec.space) if spec.space else None,
    )


def without_repeats(table: Table) -> Table:
    """A table with the first curve of each configuration only; itself where it knows none, or none twice."""
    if table.configs is None:
        return table
    seen: set[tuple[tuple[str, object], ...]] = set()
    kept = []
    for row, config in enumerate(table.configs):
        key = tuple(sorted(config.items()))
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return table if len(kept) == table.configurations else table.rows(kept)


def as_it_ran(experiment: Experiment) -> Outcome:
    """What an experiment really came to, in the columns of a comparison."""
    ledger, shown = experiment.ledger, experiment.spec.objective.shown
    best = ledger.incumbent
    value = nan if best is None else shown(best.value)
    return Outcome(
        None if best is None else best.trial,
        value,
        value,
        ledger.now,
        ledger.spent,
        max((entry.resource for entry in ledger.trials.values()), default=0),
    )


def _value(report: TrialReported, chosen: str, tuned: str) -> float:
    if chosen == tuned:
        return report.value
    if chosen not in report.metrics:
        held = ", ".join(sorted(report.metrics)) or "none"
        raise InputError(f"trial {report.trial} reported no {chosen!r}; its metrics are: {held}")
    return report.metrics[chosen]
