"""The last word on an experiment: who won, what it cost, and how far the ladder had to grow."""

from typing import TYPE_CHECKING

from rungwise.core.decisions import FinishReason
from rungwise.core.ledger import Ledger
from rungwise.report.openings import opening_text
from rungwise.report.printing import heading, line, paragraph
from rungwise.report.summary import GROWS, Summary
from rungwise.report.text import clean, counted, number, settings, short

if TYPE_CHECKING:
    from rich.console import Console


def ending(summary: Summary, *, unit: str = "units") -> str:
    """The text at the end of a run, a few lines without colours; `unit` is the word for resource units."""
    lines = [*_winner(summary, unit), _cost(summary, unit), *_ladder(summary, unit), *_mishaps(summary)]
    if summary.finish in _ENDS:
        lines.append(f"It ended {_ENDS[summary.finish]}.")
    if summary.state != "finished":
        lines.append(f"It is {_state(summary)}: go on with `rungwise resume {clean(summary.name)}`.")
    return "\n".join(line for line in lines if line)


_ENDS: dict[FinishReason | None, str] = {
    "time": "when its time was up",
    "resource": "when all its trials together had trained as much as they may",
    "cost": "when it had cost as much as it may",
    "target": "because the target was reached",
    "patience": "because nothing better had come for long enough",
    "space": "because no configuration was left to try: the search space is exhausted",
}


def _state(summary: Summary) -> str:
    return "suspended, because too many trials in a row failed" if summary.state == "suspended" else "not finished"


def print_ending(summary: Summary, console: "Console", *, unit: str = "units") -> None:
    """Print the last word; a terminal wraps it between words."""
    for text in ending(summary, unit=unit).splitlines():
        paragraph(console, text, "bold" if text.startswith("The best") else "")


def print_failure(ledger: Ledger, console: "Console") -> None:
    """Print how the first of the failed trials failed: the end of its traceback, or of what it printed."""
    failed = (entry for entry in ledger.trials.values() if entry.status in ("failed", "lost"))
    first = next((entry for entry in failed if "\n" in entry.detail), None)
    if first is None:
        return
    heading(console, f"how trial {first.trial} failed")
    for text in first.detail.splitlines():
        indent = len(text) - len(text.lstrip())
        line(console, f"    {' ' * indent}{clean(text).strip()}")


def _winner(summary: Summary, unit: str) -> list[str]:
    best, trials = summary.best, counted(summary.counts.started, "trials")
    if best is None:
        return [f"No winner: none of {trials} reported a finite {clean(summary.metric)}."]
    lines = [
        f"The best of {trials} is trial {best.trial}: {clean(summary.metric)} {number(best.value)}"
        f" at {counted(best.resource, unit)}.",
        f"    {settings(best.config)}" if best.config else "",
    ]
    highest = summary.best_in_top_rung
    if highest is not None and highest.trial != best.trial:
        lines.append(
            f"In the highest rung reached, {highest.resource}, trial {highest.trial} is the best:"
            f" {number(highest.value)}."
        )
    return lines


def _cost(summary: Summary, unit: str) -> str:
    took = f"It took {counted(summary.spent, unit)}"
    if len(summary.ladder) == 1 or summary.saving is None:
        return f"{took}."
    started = summary.counts.started
    whole = f"training {'all ' if started > 1 else ''}{counted(started, 'trials')} to {summary.max_resource}"
    less = f": {summary.saving:.1f}× less" if summary.saving >= 1.05 else ""
    return f"{took} where {whole} takes {summary.full_cost}{less}."


def _ladder(summary: Summary, unit: str) -> list[str]:
    milestones = [row.milestone for row in summary.ladder]
    if len(milestones) == 1:
        return []
    top = summary.ladder[-1]
    if summary.scheduler not in GROWS:
        reached = "No trial" if not top.entries else counted(top.entries, "trials")
        lines = [f"{reached} of {summary.counts.started} reached the full {counted(top.milestone, unit)}."]
        rises = [opening for opening in summary.openings if opening.gate]
        return [*lines, f"The gate rose to {rises[-1].milestone}: {opening_text(rises[-1])}."] if rises else lines
    if not summary.openings:
        first = " and ".join(map(str, milestones[:2]))
        if len(milestones) == 2:
            return [f"The ladder has only two rungs, {first}: it could not grow."]
        if summary.ladder[1].entries < 2:
            return [f"Fewer than two trials reached rung {milestones[1]}, so there were no rankings to compare."]
        return [f"The ranking never changed: the ladder stayed at its first two rungs, {first}, of {len(milestones)}."]
    last = summary.openings[-1]
    grown = f"The ladder grew to {summary.cap} of {counted(summary.max_resource, unit)}"
    if summary.cap == summary.max_resource:
        grown = f"The ladder grew to the full {counted(summary.max_resource, unit)}"
    return [f"{grown}; the ranking last changed when {opening_text(last)}."]


def _mishaps(summary: Summary) -> list[str]:
    lines: list[str] = []
    if summary.failures:
        first = summary.failures[0]
        why = short(first.line, 160) or "no reason is known"
        count = counted(len(summary.failures), "trials")
        which = f"trial {first.trial}" if len(summary.failures) == 1 else f"the first of them trial {first.trial}"
        lines.append(f"{count} failed, {which}: {why}")
    if summary.diverged:
        lines.append(f"{counted(len(summary.diverged), 'trials')} reported NaN or infinity.")
    return lines
