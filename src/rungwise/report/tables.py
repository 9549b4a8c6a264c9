"""What `rungwise list`, `show` and `best` print for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.core.commands import Configuration
from rungwise.report.news import failure
from rungwise.report.openings import opening_text
from rungwise.report.printing import grid, heading, line, paragraph, total, widths
from rungwise.report.screen import screen
from rungwise.report.summary import State, Summary, TrialRow
from rungwise.report.text import clean, counted, number, numbers, setting, settings

if TYPE_CHECKING:
    from rich.console import Console

FAILURES = 10
ABSENT = "-"


@dataclass(frozen=True, slots=True)
class Listed:
    """One experiment in a listing; `created` is ISO 8601; `best` is None where nothing finite was reported."""

    name: str
    scheduler: str
    state: State
    started: int
    limit: int | None
    metric: str
    best: float | None
    spent: int
    created: str


def listed(summary: Summary, created: str) -> Listed:
    """The line of a listing for an experiment that was summed up."""
    counts, best = summary.counts, summary.best
    value = None if best is None else best.value
    return Listed(
        summary.name, summary.scheduler, summary.state, counts.started, counts.limit, summary.metric, value,
        summary.spent, created,
    )  # fmt: skip


def print_list(rows: Sequence[Listed], console: "Console") -> None:
    """Print one line for each experiment; the column of the best values is left out where there are none."""
    if not rows:
        line(console, "no experiments yet: begin one with `rungwise tune`, or see `rungwise demo`")
        return
    header = ["name", "scheduler", "status", "trials", "best", "spent", "begun", "metric"]
    cells = [
        [
            row.name,
            clean(row.scheduler),
            row.state,
            str(row.started) if row.limit is None else f"{row.started}/{row.limit}",
            "" if row.best is None else number(row.best),
            str(row.spent),
            datetime.fromisoformat(row.created).astimezone().strftime("%Y-%m-%d %H:%M"),
            clean(row.metric),
        ]
        for row in rows
    ]
    kept = [k for k in range(len(header)) if header[k] != "best" or any(line[k] for line in cells)]
    grid(console, [header[k] for k in kept], [[line[k] for k in kept] for line in cells], left=_LEFT_OF_LIST)


_LEFT_OF_LIST = frozenset(("name", "scheduler", "status", "metric", "begun"))


def print_show(
    summary: Summary, trials: Sequence[TrialRow], console: "Console", *, top: int = 10, unit: str = "units"
) -> None:
    """Print an experiment: its summary, the ladder, the `top` best trials, why rungs opened, and what failed.

    `trials` are those of `trial_rows`, the best first.
    """
    picture = screen(
        summary, (), width=console.width, elapsed=summary.elapsed, unit=unit, ascii_only=console.options.ascii_only
    )
    line(console, picture)
    if summary.chosen:
        heading(console, f"why {clean(summary.scheduler)}")
        paragraph(console, clean(summary.chosen))
    if trials:
        heading(console, f"the best {min(top, len(trials))} of {counted(len(trials), 'trials')}")
        _print_trials(trials[:top], console, unit)
    if summary.openings:
        heading(console, "the gate rose" if summary.openings[0].gate else "the ladder grew")
        for opening in summary.openings:
            paragraph(console, f"to {opening.milestone}, because {opening_text(opening)}")
    if summary.failures:
        heading(console, "failed")
        for each in summary.failures[:FAILURES]:
            paragraph(console, failure(each.trial, each.reason, each.line, each.attempts))
        if len(summary.failures) > FAILURES:
            line(console, f"and {len(summary.failures) - FAILURES} more")
    if summary.diverged:
        heading(console, "reported NaN or infinity")
        paragraph(console, _trials_text(summary.diverged))


def print_best(summary: Summary, console: "Console", *, unit: str = "units", checkpoint: Path | None = None) -> None:
    """Print the winner's configuration, and beside it that of the best trial in the highest rung, if it is another.

    `checkpoint` is the folder of the winner's newest checkpoint, if it has one.
    """
    best, highest = summary.best, summary.best_in_top_rung
    if best is None:
        line(console, f"{clean(summary.name)} has no best trial: none reported a finite {clean(summary.metric)} yet")
        return
    columns = [best] if highest is None or highest.trial == best.trial else [best, highest]
    names = list(dict.fromkeys(name for winner in columns for name in winner.config))
    rows = [
        [clean(summary.metric), *(number(winner.value) for winner in columns)],
        ["measured at", *(counted(winner.resource, unit) for winner in columns)],
        ["trial", *(str(winner.trial) for winner in columns)],
        *([clean(name), *(_exact(winner.config, name) for winner in columns)] for name in names),
    ]
    header = ["", "best of all reports", *(["best in the highest rung"] if len(columns) > 1 else [])]
    grid(console, header, rows, left=frozenset(header))
    if highest is not None and highest.trial == best.trial:
        line(console, "")
        value = f"{number(highest.value)} at {counted(highest.resource, unit)}"
        paragraph(console, f"It is also the best in the highest rung: {value}.")
    if checkpoint is not None:
        line(console, "")
        line(console, f"Its newest checkpoint: {clean(str(checkpoint))}")


def _exact(configuration: Configuration, name: str) -> str:
    if name not in configuration:
        return ABSENT
    value = configuration[name]
    return number(value, 6, strip=True) if isinstance(value, float) else clean(str(value))


def _trials_text(trials: Sequence[int]) -> str:
    shown = ", ".join(map(str, trials[:20]))
    return f"trials {shown} and {len(trials) - 20} more" if len(trials) > 20 else f"trials {shown}"


def _print_trials(trials: Sequence[TrialRow], console: "Console", unit: str) -> None:
    header = ["trial", "status", clean(unit), "best", "at"]
    cells = [
        [
            str(row.trial),
            "done" if row.status == "completed" else row.status,
            str(row.resource),
            best,
            ABSENT if row.best is None else str(row.best_resource),
        ]
        for row, best in zip(trials, numbers([row.best for row in trials], ABSENT), strict=True)
    ]
    names = list(dict.fromkeys(name for row in trials for name in row.config))
    wide = [
        [*line, *(setting(row.config[name]) if name in row.config else ABSENT for name in names)]
        for line, row in zip(cells, trials, strict=True)
    ]
    titles = [*header, *map(clean, names)]
    if not console.is_terminal or total(widths(titles, wide)) <= console.width:
        words = [name for name in names if any(isinstance(row.config.get(name), str) for row in trials)]
        grid(console, titles, wide, left=frozenset(("status", *map(clean, words))))
        return
    room = max(16, console.width - total(widths([*header, ""], [[*line, ""] for line in cells])))
    narrow = [
        [*line, settings(row.config, room)] for line, row in zip(cells, trials, strict=True)
    ]  # the rest of a configuration is for `best` and --json
    grid(console, [*header, "configuration"], narrow, left=frozenset(("status", "configuration")))
