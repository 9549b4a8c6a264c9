"""What another scheduler would have cost and found, as people read it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rungwise.benchmarks.table import Table
from rungwise.comparison.answers import Answer
from rungwise.comparison.outcomes import Outcome
from rungwise.report.printing import grid, line, paragraph
from rungwise.report.text import clean, duration, numbers

if TYPE_CHECKING:
    from rich.console import Console


def print_answers(ran: Outcome | None, answers: Sequence[Answer], table: Table, console: "Console") -> None:
    """Print one line for every scheduler that can be told of, the first as it `ran` if it did; then what is unknown."""
    known = [(answer.method.name, answer.outcome) for answer in answers if answer.outcome is not None]
    told = [*([("as it ran", ran)] if ran is not None else []), *known]
    if told:
        first = told[0][1]
        values = numbers([None if outcome.row is None else outcome.value for _, outcome in told], "-")
        qualities = numbers([None if outcome.row is None else outcome.quality for _, outcome in told], "-")
        rows = [
            [
                clean(name),
                value,
                "-" if outcome.row is None else str(outcome.row),
                str(outcome.resource),
                duration(outcome.seconds),
                f"{first.seconds / outcome.seconds:.2f}x" if outcome.seconds else "-",
                str(outcome.max_resource),
                quality,
            ]
            for (name, outcome), value, quality in zip(told, values, qualities, strict=True)
        ]
        header = ["scheduler", clean(table.metric), "trial", clean(table.unit), "time", "speedup", "most", "known best"]
        grid(console, header, rows, left=frozenset(("scheduler",)))
        line(console, "")
        paragraph(
            console, f"most: the most {clean(table.unit)} of a trial; known best: the best recorded of that trial."
        )
    if table.note:
        paragraph(console, clean(table.note), "yellow")
    for answer in answers:
        if answer.unknown:
            paragraph(console, f"{clean(answer.method.name)}: not known; {answer.unknown}.")


def plain_answers(ran: Outcome | None, answers: Sequence[Answer], table: Table) -> dict[str, Any]:
    """The same as plain data, for JSON."""

    def plain(outcome: Outcome) -> dict[str, Any]:
        return {
            "trial": outcome.row,
            "value": outcome.value,
            "quality": outcome.quality,
            "seconds": outcome.seconds,
            "resource": outcome.resource,
            "max_resource": outcome.max_resource,
        }

    return {
        "table": table.name,
        "metric": table.metric,
        "mode": table.mode,
        "note": table.note,
        "configurations": table.configurations,
        "ran": None if ran is None else plain(ran),
        "answers": [
            {
                "scheduler": answer.method.name,
                "unknown": answer.unknown or None,
                **({} if answer.outcome is None else plain(answer.outcome)),
            }
            for answer in answers
        ],
    }
