"""What there is to say about an experiment, as plain values: the one source of the live view, `show`, endings and JSON.

Values are in the metric's own direction here; the ledger's are minimised.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from rungwise.core.commands import Configuration
from rungwise.core.decisions import FinishReason
from rungwise.core.events import Cause
from rungwise.core.incumbent import Incumbent
from rungwise.core.ledger import Ledger, Status, TrialEntry
from rungwise.core.objective import Mode
from rungwise.core.spec import ExperimentSpec
from rungwise.report.openings import Opening, openings_of
from rungwise.report.text import last_line, plain
from rungwise.searchers.advice import may_run_out
from rungwise.tuner.limits import cost

State = Literal["finished", "interrupted", "suspended", "unfinished"]
_STARTS_ALL = frozenset(("fifo", "asha", "stopping-asha", "pasha", "stopping-pasha", "gated-pasha", "taper"))
GROWS = frozenset(("pasha", "stopping-pasha"))
"""Schedulers with one ladder that grows; in the brackets of another each grows its own."""
_STARTS_SOME = frozenset(("retraining",))


@dataclass(frozen=True, slots=True)
class Counts:
    """Trials by status; `limit` is how many may be started (None: no limit), `retried` so many retries."""

    started: int
    running: int
    paused: int
    stopped: int
    completed: int
    failed: int
    lost: int
    retried: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class LadderRow:
    """One rung: how many trials reported its milestone, and the best of their first values there, if any."""

    milestone: int
    entries: int
    open: bool
    best: float | None
    best_trial: int | None


@dataclass(frozen=True, slots=True)
class Winner:
    """A trial, its value and the resource at which it measured that."""

    trial: int
    value: float
    resource: int
    config: Configuration


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that failed or was lost, and the last line of why; `attempts` is how many of its jobs died.

    `cause` is None where it is not known: logs of the first schema do not tell.
    """

    trial: int
    reason: Status
    line: str
    cause: Cause | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Left:
    """Resource units still to be trained: all of them if `exact`, else those that are certain to come."""

    units: int
    exact: bool


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What came from earlier experiments: so many winners, tried first, and so many trials that the searcher saw."""

    experiments: tuple[str, ...]
    winners: int
    trials: int


@dataclass(frozen=True, slots=True)
class Summary:
    """An experiment at a glance.

    `ladder` rises; `cap` is the milestone of the top open rung. `best` is the best value over all reports, the earliest
    if tied; `best_in_top_rung` the best on entering the highest rung in which a finite value stands. `spent` and
    `full_cost` are resource units, the latter for training all trials started to `max_resource`; `saving` is full_cost
    / spent. `elapsed` is in seconds, `cost` in whatever the prices are in (None: there are none). `checkpoints` are the
    bytes that those on disk take (None: not looked at). `diverged` are the trials that reported NaN or infinity.
    `past` is None where nothing was taken over from earlier experiments; `chosen` says why this scheduler was ("": the
    user chose it).
    """

    name: str
    metric: str
    mode: Mode
    scheduler: str
    searcher: str
    state: State
    finish: FinishReason | None
    counts: Counts
    ladder: tuple[LadderRow, ...]
    cap: int
    max_resource: int
    best: Winner | None
    best_in_top_rung: Winner | None
    spent: int
    full_cost: int
    saving: float | None
    left: Left | None
    elapsed: float
    cost: float | None
    checkpoints: int | None
    openings: tuple[Opening, ...]
    failures: tuple[Failure, ...]
    diverged: tuple[int, ...]
    past: TakenOver | None
    chosen: str

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; a number that is not finite becomes None."""
        return {key: plain(value) for key, value in asdict(self).items()}

    def seconds_left(self, elapsed: float | None = None) -> float | None:
        """How long `left` takes at the average pace of `elapsed` seconds; None where nothing is known yet."""
        elapsed = self.elapsed if elapsed is None else elapsed
        if self.left is None or not self.spent or elapsed <= 0:
            return None
        return self.left.units * elapsed / self.spent


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial as people see it; `best` is None where it reported nothing finite itself.

    `resource` counts what it inherited from its `parent` too (None: it has none).
    """

    trial: int
    status: Status
    resource: int
    best: float | None
    best_resource: int
    config: Configuration
    diverged: bool
    detail: str
    parent: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data; a number that is not finite becomes None."""
        return {key: plain(value) for key, value in asdict(self).items()}


def summarise(name: str, spec: ExperimentSpec, ledger: Ledger, checkpoints: int | None = None) -> Summary:
    """Sum up an experiment from the fold of its records. One pass over the trials; the ledger may go on changing."""
    entries = list(ledger.trials.values())
    counts = dict.fromkeys(("running", "paused", "stopped", "completed", "failed", "lost"), 0)
    failures: list[Failure] = []
    diverged: list[int] = []
    retried = 0
    for entry in entries:
        status = entry.status
        counts[status] += 1
        if status == "failed" or status == "lost":  # noqa: PLR1714 - narrows the type
            cause = None if entry.failure is None else entry.failure.cause
            failures.append(Failure(entry.trial, status, last_line(entry.detail), cause, max(1, entry.failures)))
        retried += entry.failures - (entry.status == "failed" and entry.failure is not None)
        if entry.diverged:
            diverged.append(entry.trial)
    openings = openings_of(spec, ledger)
    cap = _cap(spec, openings)
    full_cost = len(entries) * spec.max_resource
    return Summary(
        name=name,
        metric=spec.metric,
        mode=spec.mode,
        scheduler=scheduler_name(spec),
        searcher=str(spec.searcher.get("name", "searcher")),
        state=_state(ledger),
        finish=ledger.ended(spec.trials),
        counts=Counts(
            started=len(entries),
            retried=retried,
            limit=spec.trials,
            **counts,
        ),
        ladder=_ladder(spec, ledger, cap),
        cap=cap,
        max_resource=spec.max_resource,
        best=_winner(spec, ledger, ledger.incumbent),
        best_in_top_rung=_winner(spec, ledger, ledger.best_in_top_rung),
        spent=ledger.spent,
        full_cost=full_cost,
        saving=full_cost / ledger.spent if ledger.spent else None,
        left=_left(spec, ledger, entries),
        elapsed=ledger.now,
        cost=cost(spec.limits, ledger) if spec.limits.price_per_unit or spec.limits.price_per_hour else None,
        checkpoints=checkpoints,
        openings=openings,
        failures=tuple(failures),
        diverged=tuple(diverged),
        past=_taken_over(spec),
        chosen=spec.chosen,
    )


def trial_rows(spec: ExperimentSpec, ledger: Ledger) -> list[TrialRow]:
    """Every trial, the best first, the lower number if tied; those without a finite value last.

    Where only clean trials may win, those that diverged come after all others.
    """
    shown = spec.objective.shown
    return [
        TrialRow(
            entry.trial,
            entry.status,
            entry.resource,
            shown(entry.best) if isfinite(entry.best) else None,
            entry.best_resource,
            entry.configuration,
            entry.diverged,
            entry.detail,
            entry.parent,
        )
        for entry in sorted(ledger.trials.values(), key=lambda entry: (*ledger.merit(entry), entry.trial))
    ]


def method(summary: Summary) -> str:
    """The scheduler, and the searcher where it is not random search."""
    return summary.scheduler if summary.searcher == "random" else f"{summary.scheduler} with {summary.searcher}"


def scheduler_name(spec: ExperimentSpec) -> str:
    """The scheduler's name as the settings hold it."""
    return str(spec.scheduler.get("name", "scheduler"))


def _taken_over(spec: ExperimentSpec) -> TakenOver | None:
    past = spec.past
    return TakenOver(past.experiments, past.winners, len(past.trials)) if past.experiments else None


def _state(ledger: Ledger) -> State:
    if ledger.finish is not None:
        return "finished"
    if ledger.suspended is not None:
        return "suspended"
    return "interrupted" if ledger.trials and not ledger.capacity and not ledger.running else "unfinished"


def _cap(spec: ExperimentSpec, openings: Sequence[Opening]) -> int:
    """The top open rung's milestone: PASHA's ladder starts with two rungs and grows, every other one is open whole."""
    if openings and scheduler_name(spec) in GROWS:
        return openings[-1].milestone
    return spec.milestones[:2][-1] if scheduler_name(spec) in GROWS else spec.max_resource


def _ladder(spec: ExperimentSpec, ledger: Ledger, cap: int) -> tuple[LadderRow, ...]:
    shown = spec.objective.shown
    return tuple(
        LadderRow(
            rung.milestone,
            rung.entries,
            rung.milestone <= cap,
            shown(rung.best) if isfinite(rung.best) else None,
            rung.best_trial,
        )
        for rung in ledger.rungs
    )


def _winner(spec: ExperimentSpec, ledger: Ledger, found: Incumbent | None) -> Winner | None:
    if found is None:
        return None
    configuration = ledger.trials[found.trial].configuration
    return Winner(found.trial, spec.objective.shown(found.value), found.resource, configuration)


def _left(spec: ExperimentSpec, ledger: Ledger, entries: Sequence[TrialEntry]) -> Left | None:
    """What is still to be trained, as far as it follows from the records without a second copy of a scheduler's rules.

    FIFO trains every trial to the full resource. Of the others it is known that running jobs go to their next rung, and
    (retraining apart, or where configurations may run out) that every trial not yet started goes to the first; which
    trials climb on is not. A user's own scheduler may do anything; with stop="instant" jobs may be cut at any time.
    """
    name = scheduler_name(spec)
    if name not in _STARTS_ALL | _STARTS_SOME or spec.stop == "instant" or ledger.finish is not None:
        return None
    milestones = spec.milestones
    units, exact = 0, False
    if name in _STARTS_ALL and spec.trials is not None and not may_run_out(spec.searcher, spec.space, spec.trials):
        units = max(0, spec.trials - len(entries)) * milestones[0]
        exact = name == "fifo"
    for entry in entries:
        if entry.status == "running" and not entry.leaving and entry.rung < len(milestones):
            units += max(0, min(entry.milestone, milestones[entry.rung]) - entry.position)
        elif exact and entry.status == "paused":
            units += max(0, milestones[0] - entry.checkpoint)
    return Left(units, exact)
