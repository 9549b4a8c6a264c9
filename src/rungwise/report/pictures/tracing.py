"""What PASHA saw as it went: epsilon after each report, the rungs it opened, and its last look at the top two.

A log does not hold epsilon, but it holds what epsilon follows from: its events, told again to a fresh scheduler.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from rungwise.core.decisions import Disagreement, OpenRung, PromoteTrial, StartTrial
from rungwise.core.errors import ReplayError
from rungwise.core.events import TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record, heard
from rungwise.schedulers.pasha import PASHA


@dataclass(frozen=True, slots=True)
class Opening:
    """The rung of `milestone` was opened, `at` seconds into the run."""

    at: float
    milestone: int


@dataclass(frozen=True, slots=True)
class Compared:
    """The top two rungs as they were compared: the trials that both held, with finite values (minimised) in both.

    `trials` stand in the order of their arrival in the upper rung; `below` and `above` are their values in the rungs of
    the milestones `lower` and `upper`; `epsilon` is the difference that passed as noise. `opened` is the milestone of
    the rung that was opened because of it (None: they ranked alike).
    """

    at: float
    lower: int
    upper: int
    trials: tuple[int, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    epsilon: float
    opened: int | None


@dataclass(frozen=True, slots=True)
class Trace:
    """`times` and `epsilons` after each report (seconds; units of the metric); `compared` is the last comparison.

    `compared` is None where there was none: the ladder has fewer than three rungs, or the second never held two trials.
    `complete`: all rungs are open at the end, so nothing was compared any more.
    """

    times: tuple[float, ...]
    epsilons: tuple[float, ...]
    openings: tuple[Opening, ...]
    compared: Compared | None
    complete: bool


def trace(records: Iterable[Record], scheduler: PASHA) -> Trace:
    """Tell the events of a log to a fresh scheduler with the settings it was written with, and watch.

    Raises ReplayError where the scheduler asks for another trial than the log records.
    """
    ledger = Ledger(scheduler.milestones)
    watch = _Watch(scheduler)
    for record in records:
        if isinstance(record, StartTrial | PromoteTrial):
            asked = scheduler.ask()
            if asked != record:
                raise ReplayError(f"the log records {record!r}, but replaying decides {asked!r}: was it written with"
                                  " other settings?")  # fmt: skip
        elif isinstance(record, TrialReported):
            entry = ledger.trials[record.trial]
            before = entry.rung
            if ledger.apply(record):
                watch.report(record, range(before, entry.rung))
            continue
        elif (event := heard(record, ledger.now)) is not None:
            scheduler.tell(event)
        ledger.apply(record)
    complete = scheduler.cap == scheduler.milestones[-1]
    return Trace(tuple(watch.times), tuple(watch.epsilons), tuple(watch.openings), watch.compared, complete)


class _Watch:
    """What can be seen of a scheduler from outside, report by report."""

    def __init__(self, scheduler: PASHA) -> None:
        self._scheduler = scheduler
        self._rungs: list[dict[int, float]] = [{} for _ in scheduler.milestones]
        self.times: list[float] = []
        self.epsilons: list[float] = []
        self.openings: list[Opening] = []
        self.compared: Compared | None = None

    def report(self, report: TrialReported, entered: range) -> None:
        """A report that the ledger admits, and the rungs, by index, that it enters."""
        scheduler, milestones = self._scheduler, self._scheduler.milestones
        top = milestones.index(scheduler.cap)
        opened = tuple(each for each in scheduler.tell(report) if isinstance(each, OpenRung))
        epsilon = scheduler.epsilon
        for rung in entered:
            self._rungs[rung][report.trial] = report.value
        if top in entered and 0 < top < len(milestones) - 1:  # what makes PASHA compare
            self._compare(report.at, top, opened, epsilon)
        self.times.append(report.at)
        self.epsilons.append(epsilon)
        self.openings += [Opening(report.at, rung.milestone) for rung in opened]

    def _compare(self, at: float, top: int, opened: tuple[OpenRung, ...], epsilon: float) -> None:
        lower, upper = self._rungs[top - 1], self._rungs[top]
        trials = tuple(trial for trial in upper if isfinite(lower[trial]) and isfinite(upper[trial]))
        if len(trials) < 2:
            return
        reason = opened[0].reason if opened else None
        if isinstance(reason, Disagreement) and reason.epsilon is not None:
            epsilon = reason.epsilon  # with the new rung open, the scheduler's own is already another
        self.compared = Compared(
            at=at,
            lower=self._scheduler.milestones[top - 1],
            upper=self._scheduler.milestones[top],
            trials=trials,
            below=tuple(lower[trial] for trial in trials),
            above=tuple(upper[trial] for trial in trials),
            epsilon=epsilon,
            opened=opened[0].milestone if opened else None,
        )
