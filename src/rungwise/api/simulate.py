"""Simulate: what a scheduler would do on recorded learning curves, and what it would cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rungwise.allocation import Fixed
from rungwise.backends.simulator import Curve, Simulator
from rungwise.benchmarks.table import Table, checked_order
from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialPaused
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import History, Log, Scheduler
from rungwise.core.records import Record
from rungwise.tuner.loop import drive
from rungwise.tuner.tuner import Stop, Tuner


@dataclass(frozen=True, slots=True)
class Job:
    """One trial's training from one resource to another (units), between two moments (seconds)."""

    trial: int
    start: int
    end: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Found:
    """A trial and its value, in the metric's own direction; None and NaN where no finite value was reported."""

    trial: int | None
    value: float


@dataclass(slots=True)
class Simulation:
    """A finished simulation. `jobs` stand in order of completion, those cut at the end last, by slot."""

    log: list[Record] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    time: float = 0.0
    resource: int = 0
    max_resource: int = 0
    best: Found = Found(None, float("nan"))
    best_in_top_rung: Found = Found(None, float("nan"))
    top_rung: int = 0


@dataclass(frozen=True, slots=True)
class _Rows:
    """A searcher over a table: trial i is row order[i]."""

    order: Sequence[int]

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:  # noqa: ARG002 - the protocol's
        return {"row": self.order[request.trial]} if request.trial < len(self.order) else None


class _Jobs:
    """Collects jobs from the records of a run."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._open: dict[int, tuple[int, float]] = {}
        self.jobs: list[Job] = []

    def __call__(self, records: Sequence[Record]) -> None:
        first = records[0]
        if isinstance(first, TrialPaused | TrialEnded):
            start, began = self._open.pop(first.trial)
            self.jobs.append(Job(first.trial, start, self._ledger.trials[first.trial].position, began, first.at))
        for record in records[1:]:
            if isinstance(record, Launch):
                self._open[record.trial] = (record.start, self._ledger.now)


def simulate(
    table: Table,
    scheduler: Scheduler,
    workers: int = 4,
    order: Sequence[int] | None = None,
    stop: Stop = "instant",
    report_at: Sequence[int] | None = None,
    seed: int = 0,
    log: Log | None = None,
) -> Simulation:
    """Run a scheduler over a learning-curve table, on a virtual clock.

    Trial i trains row `order[i]` (default: the table's order). `stop="instant"` ends the run when one trial more than
    there are rows would start; running jobs are cut, and what they had reported counts. `stop="drain"` starts no more
    trials and goes on until nothing is promotable. `report_at` names the units at which trials report (default: each).
    The records go to the result's `log`, and to `log` as well where one is given.
    Raises InputError for arguments out of range, or a ladder longer than the table.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"workers is {workers!r}, but must be a whole number of 1 or more")
    if stop not in ("instant", "drain"):
        raise InputError(f"stop is {stop!r}, but must be 'instant' or 'drain' (see rungwise.simulate)")
    top = scheduler.milestones[-1]
    if top > table.units:
        raise InputError(f"the scheduler's max_resource is {top}, but the table holds {table.units} units: lower it")
    rows = checked_order(order, table.configurations)
    tuner = Tuner(scheduler, _Rows(rows), Fixed(1), seed=seed, trials=len(rows), stop=stop)
    backend = Simulator(_curves(table, report_at), workers=workers, max_resource=top)
    run, collect = Simulation(), _Jobs(tuner.ledger)
    drive(tuner, backend, _Both(run.log, log), (collect,))
    return _summed(run, collect.jobs, tuner.ledger, table)


@dataclass(frozen=True, slots=True)
class _Both:
    """The run's own list of records, and the caller's log."""

    own: list[Record]
    other: Log | None

    def append(self, records: Sequence[Record]) -> None:
        self.own.extend(records)
        if self.other is not None:
            self.other.append(records)


class _curves:  # noqa: N801 - a function with memory
    """What each job reports, read from the table row by row."""

    def __init__(self, table: Table, report_at: Sequence[int] | None) -> None:
        self._values = table.minimised()
        self._seconds = table.seconds
        self._units = _checked_units(report_at, table.units)
        self._rows: dict[int, Curve] = {}

    def __call__(self, launch: Launch) -> Curve:
        row = int(launch.configuration["row"])
        whole = self._rows.get(row)
        if whole is None:
            values, seconds = self._values[row], self._seconds[row]
            if self._units is None:
                whole = Curve(range(1, len(values) + 1), values.tolist(), seconds.tolist())
            else:
                edges = [0, *self._units]
                took = [sum(seconds[a:b].tolist()) for a, b in zip(edges, edges[1:], strict=False)]
                whole = Curve(self._units, [float(values[unit - 1]) for unit in self._units], took)
            self._rows[row] = whole
        if launch.start == 0:
            return whole
        first = launch.start if self._units is None else sum(unit <= launch.start for unit in self._units)
        return Curve(whole.resources[first:], whole.values[first:], whole.seconds[first:])


def _checked_units(report_at: Sequence[int] | None, units: int) -> list[int] | None:
    if report_at is None:
        return None
    chosen = [int(unit) for unit in report_at]
    if not chosen or chosen[0] < 1 or chosen[-1] > units or any(a >= b for a, b in zip(chosen, chosen[1:], strict=False)):
        raise InputError(f"report_at is {chosen}, but must rise strictly within 1 to {units}, the table's units")
    return chosen


def _summed(run: Simulation, jobs: list[Job], ledger: Ledger, table: Table) -> Simulation:
    sign = -1.0 if table.mode == "max" else 1.0
    run.jobs = jobs
    run.time = ledger.now
    run.resource = ledger.spent
    run.max_resource = max((entry.resource for entry in ledger.trials.values()), default=0)
    if ledger.incumbent is not None:
        run.best = Found(ledger.incumbent.trial, sign * ledger.incumbent.value)
    reached = [rung for rung in ledger.rungs if rung.entries]
    if reached:
        run.top_rung = reached[-1].milestone
        if reached[-1].best_trial is not None:
            run.best_in_top_rung = Found(reached[-1].best_trial, sign * reached[-1].best)
    return run
