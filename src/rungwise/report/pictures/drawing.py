"""What all pictures share: colours, axes, small print, the range worth showing, and saving, all or nothing."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from rungwise.core.errors import InputError
from rungwise.core.objective import Mode
from rungwise.report.text import clean

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

SUFFIXES = (".png", ".svg", ".pdf")
INCHES = (9.0, 5.4)
DOTS_PER_INCH = 160
INK, FAINT = "#333333", "#8a8a8a"
VERMILION, BLUE, GREEN = "#D55E00", "#0072B2", "#009E73"  # of Okabe and Ito's set for colour-blind readers
NAME = 70  # characters of a table's name: what tells it from others may stand at the end
NOTE_WIDTH = 126  # characters of the note's size across a picture
USUAL, BEYOND, WORTH = 0.75, 2.5, 2.0


def checked_target(path: str | Path) -> Path:
    """Where a picture may go; raises InputError for another suffix, a folder that is not there, or one of that name."""
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"a picture cannot be written to {str(path)!r}: its name must end in .png, .svg or .pdf")
    if not target.parent.is_dir():
        raise InputError(f"a picture cannot be written to {str(path)!r}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise InputError(f"a picture cannot be written to {str(path)!r}: there is a folder of that name")
    return target


def new_figure(inches: tuple[float, float] = INCHES, *, arranged: bool = True) -> "Figure":
    """An empty figure, its margins made to fit if `arranged`; raises InputError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # without pyplot: no global state, no display
    except ImportError as error:
        raise InputError(
            "a picture needs matplotlib, which is not installed: `pip install 'rungwise[plot]'`"
        ) from error
    figure = Figure(figsize=inches, facecolor="white")
    if arranged:
        figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.12)
    return figure


def save(figures: Sequence[tuple[Path, "Figure"]]) -> None:
    """Write figures to files of theirs; all are drawn, and stand on the disk, before the first takes its name.

    Raises InputError where a file cannot be written.
    """
    drawn = [(target, _rendered(figure, target.suffix.lower()[1:])) for target, figure in figures]
    drafts = [target.with_name(f".{target.name}.new") for target, _ in drawn]
    target = drawn[0][0]
    try:
        for (target, content), draft in zip(drawn, drafts, strict=True):  # noqa: B007 - named where it fails
            draft.write_bytes(content)
        for (target, _), draft in zip(drawn, drafts, strict=True):
            draft.replace(target)
    except OSError as error:
        raise InputError(f"a picture cannot be written to {str(target)!r}: {error.strerror}") from error
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


def _rendered(figure: "Figure", kind: str) -> bytes:
    content = BytesIO()
    figure.savefig(content, format=kind, dpi=DOTS_PER_INCH)
    return content.getvalue()


def dress(axes: "Axes", grid: Literal["x", "y"] = "y") -> None:
    """The look of all axes: a faint grid along one axis, no frame at the top and on the right."""
    axes.tick_params(colors=INK, length=3)
    axes.grid(axis=grid, color="#ececec", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#bbbbbb")


def title(axes: "Axes", text: str, pad: float = 12) -> None:
    """The title, on the left; smaller where it is long."""
    size = 14 * min(1.0, 62 / len(text))
    axes.set_title(text, loc="left", fontsize=size, fontweight="bold", color=INK, pad=pad, parse_math=False)


def small_print(axes: "Axes", notes: Sequence[str]) -> None:
    """What a picture leaves out, below its axes on the right."""
    axes.annotate(
        "; ".join(notes), (1, 0), xytext=(0, -44), xycoords="axes fraction", textcoords="offset points",
        ha="right", va="bottom", fontsize=8, color=FAINT, parse_math=False,
    )  # fmt: skip


def print_note(figure: "Figure", note: str) -> float:
    """A table's note at the bottom, wrapped, nothing where there is none; the inches that it takes."""
    lines = wrap(clean(note), NOTE_WIDTH)
    if lines:
        figure.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=8, color=INK, parse_math=False)
    return 0.14 * len(lines)


def labelled(metric: str, mode: Mode) -> str:
    """A metric with the direction in which it is better.

    >>> labelled("accuracy", "max")
    'accuracy (higher is better)'
    """
    return f"{clean(metric)} ({'higher' if mode == 'max' else 'lower'} is better)"


def worth_showing(values: "NDArray[np.float64]", mode: Mode) -> tuple[float, float]:
    """The range of a metric to show: from the best value down to the worst, unless outliers would flatten the rest.

    Outliers are more than 2.5 times as far from the best value as three quarters of all are; they are left out where
    they would take half of the room and more. NaN and infinities are; one finite value at least must be there.
    """
    import numpy as np

    sign = -1.0 if mode == "max" else 1.0
    losses = sign * values[np.isfinite(values)]
    best, usual, worst = (float(np.quantile(losses, share)) for share in (0.0, USUAL, 1.0))
    limit = best + BEYOND * (usual - best)
    span = (worst if worst - best <= WORTH * (limit - best) or usual == best else limit) - best
    if span <= 0:
        return around(sign * best)
    ends = sign * (best - 0.06 * span), sign * (best + 1.04 * span)
    return min(ends), max(ends)


def around(value: float) -> tuple[float, float]:
    """A range about a single value."""
    margin = abs(value) * 0.1 or 1.0
    return value - margin, value + margin
