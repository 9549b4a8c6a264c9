"""The live view where there is no terminal: plain lines, few enough for a build log."""

from typing import TYPE_CHECKING

from rungwise.core.incumbent import Incumbent
from rungwise.core.ledger import Ledger
from rungwise.core.spec import ExperimentSpec
from rungwise.report.news import News
from rungwise.report.screen import time_text
from rungwise.report.summary import method, summarise
from rungwise.report.text import clean, counted, duration, number, settings

if TYPE_CHECKING:
    from rich.console import Console

STATUS_EVERY = 10.0
BEST_EVERY = 1.0


def shares(spec: ExperimentSpec) -> str:
    """What a trial gets of the workers, where that can be more than one slot."""
    least = spec.allocation["slots"]
    most = spec.allocation.get("most", least)
    if most == 1:
        return ""
    return f", {least if least == most else f'{least} to {most}'} slots a trial"


def situation(spec: ExperimentSpec) -> str:
    """What schedulers are chosen by: how many rungs, trials and workers there are."""
    trials = "any number of trials" if spec.trials is None else counted(spec.trials, "trials")
    return f"{counted(len(spec.milestones), 'rungs')}, {trials}, {counted(spec.workers, 'workers')}"


class Lines:
    """Prints news at once, a better incumbent at most once a second, the state every ten. Times: monotonic seconds."""

    def __init__(
        self, name: str, spec: ExperimentSpec, ledger: Ledger, console: "Console", unit: str, now: float
    ) -> None:
        self._name, self._spec, self._ledger, self._console, self._unit = name, spec, ledger, console, unit
        self._shown: Incumbent | None = ledger.incumbent
        self._best_due = now
        self._status_due = now + STATUS_EVERY
        limit = "" if spec.trials is None else f"{counted(spec.trials, 'trials')}, "
        summary = summarise(name, spec, ledger)
        goal = "highest" if spec.mode == "max" else "lowest"
        self._print(
            f"{clean(name)}: {clean(method(summary))}, {goal} {clean(spec.metric)}, {limit}"
            f"{counted(spec.workers, 'workers')}{shares(spec)}, rungs {' '.join(map(str, spec.milestones))} {unit}"
        )

    def say(self, text: str) -> None:
        """Print what is known before anything happens."""
        self._print(f"{'':>9}  {text}")

    def tell(self, news: News) -> None:
        """Print a piece of news."""
        self._stamped(news.at, f"{'warning: ' if news.kind == 'warning' else ''}{news.text}")

    def look(self, now: float) -> None:
        """Print what is due at this moment of the clock."""
        if self._ledger.incumbent is not self._shown and now >= self._best_due:
            self._best()
            self._best_due = now + BEST_EVERY
        if now >= self._status_due:
            self._status()
            self._status_due = now + STATUS_EVERY

    def close(self) -> None:
        """Print the last incumbent and the last state."""
        if self._ledger.incumbent is not self._shown:
            self._best()
        self._status()

    def _best(self) -> None:
        best = self._shown = self._ledger.incumbent
        if best is not None:
            value = number(self._spec.objective.shown(best.value))
            where = f"trial {best.trial} at {counted(best.resource, self._unit)}"
            configuration = settings(self._ledger.trials[best.trial].configuration, 100)
            self._stamped(self._ledger.now, f"best {clean(self._spec.metric)} {value}: {where} ({configuration})")

    def _status(self) -> None:
        summary = summarise(self._name, self._spec, self._ledger)
        trials = summary.counts
        of = "" if trials.limit is None else f" of {trials.limit}"
        parts = [(trials.running, "running"), (trials.paused, "paused"), (trials.stopped, "stopped"),
                 (trials.completed, "done"), (trials.failed, "failed"), (trials.lost, "lost")]  # fmt: skip
        counts = ", ".join(f"{count} {word}" for count, word in parts if count) or "none yet"
        rungs = " ".join(f"{row.milestone}:{row.entries}" for row in summary.ladder if row.open)
        state = f"{summary.state} after" if summary.state != "unfinished" else "time"
        self._stamped(
            summary.elapsed,
            f"{trials.started}{of} trials: {counts}; spent {counted(summary.spent, self._unit)}; rungs {rungs};"
            f" {state} {time_text(summary, summary.elapsed)}",
        )

    def _stamped(self, at: float, text: str) -> None:
        self._print(f"{duration(at):>9}  {text}")

    def _print(self, text: str) -> None:
        self._console.print(text, style=None, markup=False, highlight=False, emoji=False, soft_wrap=True)
