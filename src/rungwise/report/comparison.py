"""Comparisons as people read them: columns on a console, Markdown, CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import geometric_mean
from typing import TYPE_CHECKING, Any

from rungwise.comparison.outcomes import Stat, Summed
from rungwise.comparison.paper import PARTS, Comparison
from rungwise.report.pages import csv_of, markdown_table
from rungwise.report.printing import grid, heading, line, paragraph
from rungwise.report.text import clean, counted

if TYPE_CHECKING:
    from rich.console import Console

SPANS = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))
LEFT = frozenset(("approach", "table"))


@dataclass(frozen=True, slots=True)
class _Columns:
    """How the numbers of one table are written, alike in all its parts."""

    header: tuple[str, ...]
    decimals: int
    span: float

    @classmethod
    def of(cls, comparison: Comparison) -> "_Columns":
        """By the sizes of what was measured."""
        rows = [row for part in comparison.parts.values() for row in part]
        table = comparison.table
        longest = max((row.seconds.mean for row in rows), default=0.0)
        span, word = next(((span, word) for span, word in SPANS if longest >= 2 * span), SPANS[-1])
        largest = max((abs(row.quality.mean) for row in rows if isfinite(row.quality.mean)), default=1.0)
        header = (
            "approach",
            f"{table.metric} ({'larger' if table.mode == 'max' else 'smaller'} is better)",
            f"runtime, {word}",
            "speedup",
            f"{table.unit} trained",
            f"most {table.unit} of a trial",
        )
        return cls(header, 4 if largest < 2 else 2 if largest < 1000 else 0, span)

    def cells(self, row: Summed) -> tuple[str, ...]:
        """One row's texts."""
        scaled = Stat(row.seconds.mean / self.span, row.seconds.std / self.span)
        missing = f" ({row.quality.missing} diverged)" if row.quality.missing else ""
        return (
            row.method.name,
            stat_text(row.quality, self.decimals) + missing,
            stat_text(scaled, 1) if row.seconds.mean else "0",
            "-" if row.speedup is None else f"{row.speedup:.1f}x",
            f"{row.resource.mean:.0f}",
            stat_text(row.max_resource, 1),
        )


def stat_text(stat: Stat, decimals: int) -> str:
    """A mean and its standard deviation.

    >>> stat_text(Stat(0.93846, 0.0025), 4), stat_text(Stat(200.0, 0.0), 1)
    ('0.9385 ± 0.0025', '200')
    """
    if stat.std == 0 and stat.mean == round(stat.mean):
        return f"{stat.mean:.0f}"
    return f"{stat.mean:.{decimals}f} ± {stat.std:.{decimals}f}"


def settings_text(comparison: Comparison) -> str:
    """How the experiments were run, in a sentence."""
    rungs, setting = comparison.rungs, comparison.setting
    seeds = f" ({comparison.variants} seeds of the table)" if comparison.variants > 1 else ""
    return (
        f"{counted(setting.trials, 'configurations')}, {counted(setting.workers, 'workers')},"
        f" {counted(setting.repetitions, 'repetitions')}{seeds}; r = {rungs.min_resource}, R = {rungs.max_resource}"
        f" {comparison.table.unit}, eta = {rungs.eta}, rule {rungs.rule}; mean ± standard deviation."
    )


def print_comparisons(comparisons: Sequence[Comparison], console: "Console") -> None:
    """Print every table's parts; where there are several tables, one line each at the end."""
    for comparison in comparisons:
        columns = _Columns.of(comparison)
        line(console, clean(comparison.name), "bold")
        paragraph(console, settings_text(comparison))
        if comparison.table.note:
            paragraph(console, clean(comparison.table.note), "yellow")
        for part, rows in comparison.parts.items():
            heading(console, PARTS[part])
            grid(console, columns.header, [columns.cells(row) for row in rows], left=LEFT)
        line(console, "")
    if len(comparisons) > 1:
        header, rows_of_all, last = _overview(comparisons)
        line(console, "PASHA against ASHA on all tables", "bold")
        grid(console, header, rows_of_all, left=LEFT)
        paragraph(console, last)


def markdown(comparisons: Sequence[Comparison], command: str) -> str:
    """A page with all tables; `command` is what makes it again."""
    blocks = [f"Made by `{command}`.\n"]
    if len(comparisons) > 1:
        header, rows, last = _overview(comparisons)
        blocks += [markdown_table(header, rows), f"{last}\n"]
    for comparison in comparisons:
        columns = _Columns.of(comparison)
        blocks.append(f"## {comparison.name}\n\n{settings_text(comparison)}\n")
        if comparison.table.note:
            blocks.append(f"*{comparison.table.note}*\n")
        for part, of_part in comparison.parts.items():
            blocks.append(
                f"### {PARTS[part]}\n\n{markdown_table(columns.header, [columns.cells(row) for row in of_part])}"
            )
    return "\n".join(blocks)


def plain_rows(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """All rows as plain data: seconds, resource units, qualities in the metric's own direction."""
    return [
        {
            "table": comparison.name,
            "part": part,
            "approach": row.method.name,
            "metric": comparison.table.metric,
            "mode": comparison.table.mode,
            "repetitions": comparison.setting.repetitions,
            "quality_mean": row.quality.mean,
            "quality_std": row.quality.std,
            "seconds_mean": row.seconds.mean,
            "seconds_std": row.seconds.std,
            "speedup": row.speedup,
            "resource_mean": row.resource.mean,
            "resource_std": row.resource.std,
            "max_resource_mean": row.max_resource.mean,
            "max_resource_std": row.max_resource.std,
            "note": comparison.table.note,
        }
        for comparison in comparisons
        for part, rows in comparison.parts.items()
        for row in rows
    ]


def csv_text(comparisons: Sequence[Comparison]) -> str:
    """The same as CSV."""
    return csv_of(plain_rows(comparisons))


def _overview(comparisons: Sequence[Comparison]) -> tuple[tuple[str, ...], list[tuple[str, ...]], str]:
    """ASHA and PASHA of every table, a line each, and the mean of the speedups."""
    header = ("table", "ASHA", "PASHA", "speedup", "most units of a PASHA trial")
    rows: list[tuple[str, ...]] = []
    speedups: list[float] = []
    for comparison in comparisons:
        found = {row.method.name: row for part in comparison.parts.values() for row in part}
        if "ASHA" not in found or "PASHA" not in found:
            continue
        columns, asha, pasha = _Columns.of(comparison), found["ASHA"], found["PASHA"]
        speedup = asha.seconds.mean / pasha.seconds.mean
        speedups.append(speedup)
        rows.append(
            (
                comparison.name,
                stat_text(asha.quality, columns.decimals),
                stat_text(pasha.quality, columns.decimals),
                f"{speedup:.2f}x",
                stat_text(pasha.max_resource, 1),
            )
        )
    last = "" if not speedups else (
        f"PASHA's speedup is {geometric_mean(speedups):.2f}x in the geometric mean, from {min(speedups):.2f}x to"
        f" {max(speedups):.2f}x."
    )  # fmt: skip
    return header, rows, last
