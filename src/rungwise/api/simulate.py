"""Simulate: what a scheduler would do on recorded learning curves, and what it would cost."""

import gc
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING, Any

from rungwise.allocation import Fixed, make_allocation
from rungwise.api.checks import is_scheduler
from rungwise.api.choosing import completed
from rungwise.api.nearest import NO_CHILDREN, NearestRows
from rungwise.api.shares import allocation_settings, check_allocation
from rungwise.backends.overhead import Overhead
from rungwise.backends.simulator import Curve, Simulator
from rungwise.benchmarks.spaces import space_of
from rungwise.benchmarks.table import Table, UnrecordedError, checked_order, whole_numbers
from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.events import TrialEnded, TrialPaused, TrialReported
from rungwise.core.incumbent import Incumbent
from rungwise.core.ledger import Ledger
from rungwise.core.limits import Stop, check_stop
from rungwise.core.protocols import Allocation, History, Log, Scheduler, Searcher
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling
from rungwise.schedulers.named import make_scheduler
from rungwise.schedulers.pbt import PBT
from rungwise.searchers import make
from rungwise.space import parse
from rungwise.tuner.loop import drive
from rungwise.tuner.tuner import Tuner

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

ETA = 3


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


@dataclass(frozen=True)
class Simulation:
    """A finished simulation: seconds, resource units, slot-seconds of all jobs, and values in the metric's direction.

    `jobs` stand in order of completion, those cut at the end last, by slot. `best` is the best value over all reports,
    the earliest if tied; `best_in_top_rung` the best on entering the highest rung in which a finite value stands;
    `top_rung` is the milestone of the highest rung that any trial reached; `rows[trial]` is the row that a trial had.
    """

    log: Sequence[Record]
    time: float
    resource: int
    max_resource: int
    best: Found
    best_in_top_rung: Found
    top_rung: int
    rows: Sequence[int]
    slot_seconds: float

    @cached_property
    def jobs(self) -> Sequence[Job]:
        """The jobs that the log tells of."""
        return _jobs(self.log)


@dataclass(frozen=True, slots=True)
class _Rows:
    """A searcher over a table: trial i is row rows[i]. Raises InputError for a child, which no row can be."""

    rows: Sequence[int]

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:  # noqa: ARG002 - the protocol's
        if request.parent is not None:
            raise InputError(NO_CHILDREN)
        return {"row": self.rows[request.trial]} if request.trial < len(self.rows) else None


def _jobs(records: Sequence[Record]) -> list[Job]:
    """The jobs that the records of a run tell of, in order of completion."""
    jobs: list[Job] = []
    begun: dict[int, tuple[int, float]] = {}
    resource: dict[int, int] = {}
    now = 0.0
    for record in records:
        if isinstance(record, TrialReported):  # nine records of ten: a pattern would cost more than the decisions
            resource[record.trial] = record.resource
            now = record.at
        elif isinstance(record, TrialPaused | TrialEnded):
            now = record.at
            start, began = begun.pop(record.trial)
            jobs.append(Job(record.trial, start, resource.get(record.trial, 0), began, now))
        elif isinstance(record, Launch):
            begun[record.trial] = (record.start, now)
    return jobs


def simulate(
    table: Table,
    scheduler: Scheduler | str | Mapping[str, Any],
    workers: int = 4,
    order: Sequence[int] | None = None,
    stop: Stop = "instant",
    report_at: Sequence[int] | None = None,
    seed: int = 0,
    log: Log | None = None,
    searcher: "str | Mapping[str, Any] | Searcher | BaseSampler | None" = None,
    space: object = None,
    trials: int | None = None,
    allocation: str | Mapping[str, Any] | Allocation | None = None,
    scaling: Scaling | Mapping[int, float] | None = None,
    overhead: Overhead | None = None,
) -> Simulation:
    """Run a scheduler over a learning-curve table, on a virtual clock.

    `scheduler` is an object, or a name or options as `tune` takes them, "auto" among them: from 1 unit to all that the
    table holds, with eta 3.

    Trial i trains row `order[i]` (default: the table's order), `trials` of them (default: all). `stop="instant"` ends
    the run when one trial more would start; running jobs are cut, and what they had reported counts. `stop="drain"`
    starts no more trials and goes on until nothing is promotable. `report_at` names the units at which trials report
    (default: each). The records go to the result's `log`, and to `log` as well where one is given.

    A trial takes one of the `workers` slots, or what an `allocation` says: one of `rungwise.allocation`, or "fixed",
    "by-rung" (of a scheduler that is named: an object does not tell its eta) or "fill", or a mapping such as
    `{"name": "fill", "slots": 1, "most": 4}`, where "fill" knows the `scaling` and the `overhead` unless it is told
    otherwise. The table's seconds are those on one slot; `scaling`, seconds per unit by
    slots such as `{1: 1.0, 2: 0.55, 4: 0.33}`, says how much faster more of them are (default: no faster; see
    `rungwise.core.scaling`). Starting a job and saving its checkpoint take no time, or that of an `overhead` (see
    `rungwise.backends.overhead`).

    With a `searcher` (as `tune` takes it) a trial gets the row that is nearest to what is suggested, of those that no
    trial has had: see `rungwise.api.nearest`. The table must have configurations; `space` is what is searched (default:
    the table's own, else inferred from its configurations, see `rungwise.benchmarks.spaces`).
    Raises InputError for arguments out of range, a ladder longer than the table, a scheduler whose trials inherit
    another's training, or a searcher together with an order; UnrecordedError where a trial would train beyond what was
    recorded of its curve.
    """
    workers = check_whole("workers", workers, 1)
    seed = check_whole("seed", seed, 0)
    check_stop("stop", stop)
    rows = checked_order(order, table.configurations)
    most = _checked_trials(trials, len(rows))
    eta = None
    if isinstance(scheduler, str | Mapping) or not is_scheduler(scheduler):
        eta = ETA
        resources = {"min_resource": 1, "max_resource": table.units, "eta": eta}
        scheduler = make_scheduler(completed(scheduler, resources, most, seed))
    check_scheduler(scheduler, table)
    if searcher is None:
        if space is not None:
            raise InputError("a space is given, but no searcher that would search it (see rungwise.simulate)")
        chosen: _Rows | NearestRows = _Rows(rows)
    elif order is not None:
        raise InputError("an order of rows is given, but the searcher decides on it: leave one of them out")
    else:
        chosen = _nearest(table, searcher, space, seed)
    costs = Overhead() if overhead is None else overhead
    policy = _policy(allocation, scheduler, eta, workers, scaling, costs)
    check_allocation(policy, scheduler, workers)
    tuner = Tuner(scheduler, chosen, policy, seed=seed, trials=most, stop=stop)
    backend = Simulator(
        _Curves(table, report_at, chosen.rows, costs),
        workers=workers, max_resource=scheduler.milestones[-1],
        scaling=None if scaling is None else Scaling.of(scaling),
    )  # fmt: skip
    own = _Records([])
    with _without_collecting():
        drive(tuner, backend, own if log is None else _Both(own, log))
    return _summed(own.records, tuner.ledger, table, chosen.rows[: len(tuner.ledger.trials)])


def _policy(
    allocation: str | Mapping[str, Any] | Allocation | None, scheduler: Scheduler, eta: int | None, workers: int,
    scaling: Scaling | Mapping[int, float] | None, costs: Overhead,
) -> Allocation:  # fmt: skip
    """The allocation, made where it is named; `eta` is the scheduler's, as far as it is known."""
    if allocation is None:
        return Fixed(1)
    if not isinstance(allocation, str | Mapping):
        return allocation
    named: dict[str, Any] = {"name": allocation} if isinstance(allocation, str) else dict(allocation)
    if named.get("name") == "by-rung" and eta is None:
        raise InputError(
            "the allocation 'by-rung' goes by the eta of the scheduler, which an object does not tell: name the"
            " scheduler, or pass rungwise.allocation.ByRung(milestones, eta, most)"
        )
    slots = named.pop("slots", 1)
    if named.get("name") == "fill":
        named.setdefault("scaling", {1: 1.0} if scaling is None else scaling)
        named.setdefault("restart", costs.restart)
    return make_allocation(allocation_settings(named, slots, workers), scheduler.milestones, eta or ETA)


def check_scheduler(scheduler: Scheduler, table: Table) -> None:
    """Raise InputError for a scheduler whose ladder is longer than the table, or whose trials inherit training."""
    if isinstance(scheduler, PBT):  # before it seems to run, on a table with no more rows than it has places
        raise InputError(NO_CHILDREN)
    top = scheduler.milestones[-1]
    if top > table.units:
        raise InputError(f"the scheduler's max_resource is {top}, but the table holds {table.units} units: lower it")


def _checked_trials(trials: int | None, rows: int) -> int:
    """How many trials may start."""
    most = rows if trials is None else check_whole("trials", trials, 1, also=", or None for all")
    if most > rows:
        raise InputError(f"trials is {most}, but there are {rows} rows, of which each is tried once: ask for fewer")
    return most


def _nearest(
    table: Table, searcher: "str | Mapping[str, Any] | Searcher | BaseSampler", space: object, seed: int
) -> NearestRows:
    searched = space_of(table) if space is None else parse(space)
    return NearestRows(table, searched, make(searcher, searched, seed))


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the interpreter from looking for cycles: a run makes none, and its log is looked through ever again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True, slots=True)
class _Records:
    """The run's own log."""

    records: list[Record]

    def append(self, records: Sequence[Record]) -> None:
        self.records.extend(records)


@dataclass(frozen=True, slots=True)
class _Both:
    """The run's own log, and the caller's."""

    own: Log
    other: Log

    def append(self, records: Sequence[Record]) -> None:
        self.own.append(records)
        self.other.append(records)


class _Curves:
    """What each job reports, read from the table."""

    def __init__(
        self, table: Table, report_at: Sequence[int] | None, rows: Sequence[int], overhead: Overhead
    ) -> None:  # fmt: skip
        self._overhead = overhead
        self._table = table
        self._rows = rows
        self._values = table.minimised()
        self._seconds = table.seconds
        self._units = _checked_units(report_at, table.units)

    def __call__(self, launch: Launch) -> Curve:
        row = self._rows[launch.trial]
        values, seconds = self._values[row], self._seconds[row]
        start, end = launch.start, launch.milestone
        before, after = self._overhead.before(start), self._overhead.save
        if self._units is None and self._table.reported is None:
            return Curve(
                range(start + 1, end + 1), values[start:end].tolist(), seconds[start:end].tolist(), before, after
            )
        every = self._reported(row, launch)
        first = bisect_right(every, start)
        units = every[first : bisect_left(every, end) + 1]
        took = [sum(seconds[a:b].tolist()) for a, b in pairwise([start, *units])]
        return Curve(units, [float(values[unit - 1]) for unit in units], took, before, after)

    def _reported(self, row: int, launch: Launch) -> Sequence[int]:
        """The units at which a row reports; raises UnrecordedError where the job would go beyond them."""
        table = self._table
        if table.known(row) < launch.milestone:
            raise UnrecordedError(launch.trial, launch.milestone, table.recorded(row), table.unit)
        units = range(1, table.units + 1) if self._units is None else self._units
        if table.reported is None:
            return units
        reported = table.reported[row]
        return [unit for unit in units if reported[unit - 1]]


def _checked_units(report_at: Sequence[int] | None, units: int) -> list[int] | None:
    if report_at is None:
        return None
    chosen = whole_numbers("report_at", report_at)
    if not chosen or chosen[0] < 1 or chosen[-1] > units or any(a >= b for a, b in pairwise(chosen)):
        raise InputError(f"report_at is {chosen}, but must rise strictly within 1 to {units}, the table's units")
    return chosen


def _summed(records: list[Record], ledger: Ledger, table: Table, rows: Sequence[int]) -> Simulation:
    def found(best: Incumbent | None) -> Found:
        return Found(None, nan) if best is None else Found(best.trial, table.objective.shown(best.value))

    return Simulation(
        log=records,
        time=ledger.now,
        resource=ledger.spent,
        max_resource=max((entry.resource for entry in ledger.trials.values()), default=0),
        best=found(ledger.incumbent),
        best_in_top_rung=found(ledger.best_in_top_rung),
        top_rung=max((rung.milestone for rung in ledger.rungs if rung.entries), default=0),
        rows=tuple(rows),
        slot_seconds=ledger.busy,
    )
