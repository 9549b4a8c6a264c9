"""Lines, paragraphs and columns on a console; where there is no terminal, lines are as long as they need."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = 2


def paragraph(console: "Console", text: str, style: str = "") -> None:
    """Print a text; a terminal wraps it between words and keeps its indent, a pipe or a file gets it whole."""
    from rich.padding import Padding
    from rich.text import Text

    if console.is_terminal:
        words = text.lstrip(" ")
        console.print(Padding(Text(words, style), (0, 0, 0, len(text) - len(words)), expand=False), highlight=False)
    else:
        console.print(Text(text, style), soft_wrap=True, highlight=False)


def line(console: "Console", text: "str | Text", style: str = "") -> None:
    """Print a line that is never wrapped: a terminal cuts it off, a pipe or a file gets it whole."""
    from rich.text import Text

    content = text if isinstance(text, Text) else Text(text, style)
    if console.is_terminal:
        console.print(content, no_wrap=True, overflow="ellipsis", highlight=False)
    else:
        console.print(content, soft_wrap=True, highlight=False)


def heading(console: "Console", text: str) -> None:
    """Print the title of what follows, after a blank line."""
    line(console, "")
    line(console, text, "bold")


def widths(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """How many terminal cells each column needs."""
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(header, *rows, strict=True)]


def total(columns: Sequence[int]) -> int:
    """How many terminal cells a grid of these columns needs."""
    return sum(columns) + GAP * (len(columns) - 1)


def grid(console: "Console", header: Sequence[str], rows: Sequence[Sequence[str]], *, left: frozenset[str]) -> None:
    """Print aligned columns: those whose title is in `left` to the left, the others to the right."""
    from rich.cells import cell_len

    columns = widths(header, rows)

    def aligned(cells: Sequence[str]) -> str:
        padded: list[str] = []
        for title, cell, width in zip(header, cells, columns, strict=True):
            blank = " " * (width - cell_len(cell))
            padded.append(cell + blank if title in left else blank + cell)
        return (" " * GAP).join(padded).rstrip()

    line(console, aligned(header), "dim")
    for cells in rows:
        line(console, aligned(cells))
