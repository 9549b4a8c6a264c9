"""Learning curves of a table: the best three, and all of them (Bohdal et al. 2023, figures 3 and 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rungwise.benchmarks.table import Table
from rungwise.report.pictures.drawing import (
    BLUE,
    GREEN,
    INK,
    NAME,
    VERMILION,
    dress,
    labelled,
    new_figure,
    print_note,
    small_print,
    title,
    worth_showing,
)
from rungwise.report.text import clean, counted, number, short

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

STYLES = ((VERMILION, "-"), (BLUE, (0, (5, 1.5))), (GREEN, (0, (1, 1))))  # told apart without colour, too
REST = "#9aa7b3"
FAR = 20.0  # ranges


@dataclass(frozen=True, slots=True)
class _Curve:
    """A row's recorded values in the metric's direction; NaN where it diverged."""

    row: int
    units: "NDArray[np.int64]"
    values: "NDArray[np.float64]"


def best_rows(table: Table, count: int = 3) -> list[int]:
    """The rows of best quality, the earlier if tied, of those with a finite value to draw; unknown qualities last."""
    import numpy as np

    losses = table.objective.shown(table.quality)
    drawable = np.flatnonzero(np.isfinite(table.values).any(axis=1))
    ranked = sorted(drawable.tolist(), key=lambda row: losses[row] if np.isfinite(losses[row]) else np.inf)
    return ranked[:count]


def top_figure(table: Table) -> "Figure":
    """Draw the learning curves of the three best configurations, as far as they were recorded.

    The table must hold a finite value. Raises InputError where matplotlib is not installed.
    """
    best = best_rows(table)
    words = {1: "one configuration", 2: "the best two configurations"}.get(len(best), "the best three configurations")
    return _figure(table, best, [], f"{words} of {table.configurations}")


def all_figure(table: Table) -> "Figure":
    """Draw all learning curves, the three best highlighted.

    The table must hold a finite value. Raises InputError where matplotlib is not installed.
    """
    best = best_rows(table)
    rest = [row for row in range(table.configurations) if row not in best]
    count = table.configurations
    return _figure(table, best, rest, f"all {count} learning curves" if count > 1 else "the one learning curve")


def _figure(table: Table, best: Sequence[int], rest: Sequence[int], words: str) -> "Figure":
    import numpy as np

    figure = new_figure()
    axes = figure.add_subplot(facecolor="white")
    curves = [_curve(table, row) for row in (*rest, *best)]
    low, high = worth_showing(np.concatenate([curve.values for curve in curves]), table.mode)
    axes.set_ylim(low, high)
    axes.set_xlim(_ends(curves))
    axes.locator_params(axis="x", integer=True)
    axes.set_xlabel(f"{clean(table.unit)} of training", color=INK, parse_math=False)
    axes.set_ylabel(labelled(table.metric, table.mode), color=INK, parse_math=False)
    dress(axes)
    _pale(axes, curves[: len(rest)], low, high)
    _bright(axes, curves[len(rest) :], table, low, high)
    title(axes, f"{short(clean(table.name), NAME)}: {words}", pad=30)
    small_print(axes, _left_out(curves, low, high))
    print_note(figure, table.note)
    return figure


def _curve(table: Table, row: int) -> _Curve:
    import numpy as np

    known = np.ones(table.units, dtype=bool) if table.reported is None else table.reported[row]
    values = table.values[row][known]
    return _Curve(row, np.flatnonzero(known) + 1, np.where(np.isfinite(values), values, np.nan))


def _ends(curves: Sequence[_Curve]) -> tuple[float, float]:
    """From the first unit recorded to the last, and a little more."""
    units = [int(unit) for curve in curves if len(curve.units) for unit in (curve.units[0], curve.units[-1])]
    margin = 0.02 * (max(units) - min(units)) or 0.5
    return min(units) - margin, max(units) + margin


def _pale(axes: "Axes", curves: Sequence[_Curve], low: float, high: float) -> None:
    from matplotlib.collections import LineCollection

    lines = [list(zip(curve.units, _near(curve, low, high), strict=True)) for curve in curves]
    axes.add_collection(LineCollection(lines, colors=REST, linewidths=0.7, alpha=0.6, zorder=2), autolim=False)
    for curve in curves:
        lonely = _lonely(curve)
        axes.plot(curve.units[lonely], curve.values[lonely], ".", color=REST, markersize=3, zorder=2)


def _bright(axes: "Axes", curves: Sequence[_Curve], table: Table, low: float, high: float) -> None:
    """The best, each with its quality in the legend above the axes."""
    from matplotlib.patheffects import withStroke

    for place, (curve, (colour, style)) in enumerate(zip(curves, STYLES, strict=False)):
        quality = float(table.quality[curve.row])
        label = f"trial {curve.row}" + (f": quality {number(quality)}" if quality == quality else "")
        line = axes.plot(
            curve.units, _near(curve, low, high), color=colour, linestyle=style, linewidth=1.8, zorder=5 - 0.1 * place,
            label=label, path_effects=[withStroke(linewidth=3.2, foreground="white", alpha=0.8)],
        )  # fmt: skip
        line[0].set_dash_capstyle("butt")
        lonely = _lonely(curve)
        axes.plot(curve.units[lonely], curve.values[lonely], "o", color=colour, markersize=5, zorder=5)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(STYLES), frameon=False, borderaxespad=0.2, handlelength=3,
        borderpad=0,
    )  # fmt: skip


def _near(curve: _Curve, low: float, high: float) -> "NDArray[np.float64]":
    """A curve's values, the far ones drawn nearer: well out of sight, but within what a canvas can take."""
    import numpy as np

    far = FAR * (high - low)
    return np.clip(curve.values, low - far, high + far)


def _lonely(curve: _Curve) -> "NDArray[np.bool_]":
    """The finite values without a finite neighbour: no line would show them."""
    import numpy as np

    there = np.isfinite(np.concatenate([[np.nan], curve.values, [np.nan]]))
    lonely: NDArray[np.bool_] = there[1:-1] & ~there[:-2] & ~there[2:]
    return lonely


def _left_out(curves: Sequence[_Curve], low: float, high: float) -> list[str]:
    """What the picture does not show."""
    import numpy as np

    beyond = sum(bool(((curve.values < low) | (curve.values > high)).any()) for curve in curves)
    broken = sum(bool(np.isnan(curve.values).any()) for curve in curves)
    empty = sum(not len(curve.values) for curve in curves)
    notes = []
    if beyond:
        notes.append(f"{counted(beyond, 'curves')} in part or whole beyond the range shown")
    if broken:
        notes.append(f"{counted(broken, 'curves')} with NaN or infinity, where the line breaks off")
    if empty:
        notes.append(f"{counted(empty, 'curves')} not recorded")
    return notes
