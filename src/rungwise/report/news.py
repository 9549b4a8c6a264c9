"""What is worth a line while an experiment runs, and the words for it."""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

from rungwise.core.decisions import Disagreement, Divergence, OpenRung, Resize, Suspend
from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.ledger import Ledger
from rungwise.core.objective import Objective
from rungwise.core.records import Record
from rungwise.report.text import counted, last_line, number

Kind = Literal["opened", "resized", "failed", "warning"]
_NEWSWORTHY = frozenset(
    (OpenRung, TrialRewound, TrialFailed, TrialEnded, TrialPaused, CapacityChanged, Resize, Suspend)
)


@dataclass(frozen=True, slots=True)
class News:
    """One line, and when it happened, in seconds since the experiment began."""

    at: float
    kind: Kind
    text: str


class Newsroom:
    """Finds the news in records that `ledger` has already taken in; half a microsecond for one without any."""

    def __init__(self, objective: Objective, ledger: Ledger, unit: str) -> None:
        self._objective = objective
        self._ledger = ledger
        self._unit = unit
        self._restarts_told = False
        self._resized: set[int] = set()
        self._warned = {entry.trial for entry in ledger.trials.values() if entry.diverged}

    def read(self, record: Record) -> News | None:
        """The news in one record, if any: a rung opened, a trial gets idle slots (told once of each), or is lost to a
        failure or to NaN, everything pauses.
        """
        if type(record) is TrialReported:  # by far the most common
            return None if isfinite(record.value) else self._diverged(record)
        if type(record) not in _NEWSWORTHY:
            return None
        match record:
            case OpenRung(milestone, reason):
                moved = f"rung {milestone} opened" if reason.seen is None else f"the gate rose to rung {milestone}"
                return News(self._ledger.now, "opened", f"{moved}: {grounds(reason, self._objective)}")
            case Resize(trial, slots) if trial not in self._resized:
                self._resized.add(trial)
                text = f"trial {trial} pauses, to go on with {slots} slots: those that nobody else needs"
                return News(self._ledger.now, "resized", text)
            case TrialRewound(at, trial, resource):
                start = f"from {counted(resource, self._unit)}" if resource else "from the start"
                return News(at, "warning", f"trial {trial}'s last checkpoint is gone or torn: it trains {start}")
            case TrialFailed():
                return self._failed(record)
            case Suspend(failures, _):
                text = f"suspended: {failures} trials in a row failed; running trials save at their next report"
                return News(self._ledger.now, "failed", text)
            case TrialEnded(at, trial, "failed" | "lost" as reason, detail):
                return News(at, "failed", failure(trial, reason, last_line(detail)))
            case TrialPaused(at, trial, 0) if not self._restarts_told and self._ledger.capacity:
                self._restarts_told = True
                restart = "promoted trials train from the start again"
                return News(at, "warning", f"trial {trial} saved no checkpoint (see trial.report's save): {restart}")
            case CapacityChanged(at, 0) if self._ledger.running:
                saving = counted(self._ledger.running, "running trials")
                return News(at, "warning", f"pausing: {saving} at their next report; Ctrl-C again ends all")
            case _:
                return None

    def _failed(self, event: TrialFailed) -> News:
        entry = self._ledger.trials[event.trial]
        line = last_line(event.detail)
        if entry.status == "failed":
            return News(event.at, "failed", failure(event.trial, "failed", line, entry.failures))
        again = f"tried again from {counted(event.resource, self._unit)}" if event.resource else "tried again"
        return News(event.at, "warning", f"trial {event.trial} died, and is {again}: {line}")

    def _diverged(self, report: TrialReported) -> News | None:
        trial = report.trial
        entry = self._ledger.trials.get(trial)
        if trial in self._warned or entry is None or not entry.diverged:
            return None
        self._warned.add(trial)
        value = number(self._objective.shown(report.value))
        at = counted(report.resource, self._unit)
        return News(report.at, "warning", f"trial {trial} reported {value} at {at}: such a value ranks last")


def grounds(reason: Disagreement | Divergence, objective: Objective) -> str:
    """Why a rung opened, or a gate rose, as far as the record tells.

    >>> loss = Objective("loss", "min")
    >>> grounds(Disagreement((12, 31), 0.00314), loss), grounds(Disagreement((12, 31), None), loss)
    ("trial 12 took trial 31's place (noise: up to 0.0031)", "trial 12 took trial 31's place")
    >>> grounds(Divergence(12, 9, 0.5), loss), grounds(Divergence(12, 9, None), loss)
    ('trial 12, a scout, was behind at 9 (the median before: 0.5000)', 'trial 12, a scout, had diverged at 9')
    """
    if isinstance(reason, Divergence):
        if reason.median is None:
            return f"trial {reason.trial}, a scout, had diverged at {reason.seen}"
        before = number(objective.shown(reason.median))
        return f"trial {reason.trial}, a scout, was behind at {reason.seen} (the median before: {before})"
    if reason.pair is None:
        return "the top two rungs rank their trials differently"
    taken = f"trial {reason.pair[0]} took trial {reason.pair[1]}'s place"
    if reason.epsilon is None:
        return taken
    noise = f"up to {number(reason.epsilon, 2, strip=True)}" if reason.epsilon else "none seen"
    return f"{taken} (noise: {noise})"


def failure(trial: int, reason: str, line: str, attempts: int = 1) -> str:
    """A trial's failure in a line.

    >>> failure(7, "failed", "ValueError: bad", 3), failure(8, "lost", "")
    ('trial 7 failed 3 times: ValueError: bad', 'trial 8 was lost')
    """
    text = f"trial {trial} was lost" if reason == "lost" else f"trial {trial} failed"
    if attempts > 1:
        text += f" {attempts} times"
    return f"{text}: {line}" if line else text
