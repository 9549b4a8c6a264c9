"""A picture of the ladder, for papers and READMEs: every trial's curve, the rungs, and what was not paid for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, log, nan
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.report.pictures.drawing import (
    FAINT,
    INK,
    VERMILION,
    around,
    checked_target,
    dress,
    labelled,
    new_figure,
    print_note,
    save,
    small_print,
    title,
)
from rungwise.report.summary import Summary, Winner, method, summarise
from rungwise.report.text import clean, counted, number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOW, HIGH = (0.70, 0.80, 0.88), (0.05, 0.19, 0.42)  # pale to dark blue: read by lightness, not by hue
ALIKE = 0.25  # where there is but one rung
SEEN = 0.95


@dataclass(frozen=True, slots=True)
class _Curve:
    """A trial's reports in the metric's direction; NaN breaks the line. `rung` counts the rungs it reached."""

    trial: int
    resources: list[int]
    values: list[float]
    rung: int


def ladder_picture(name: str, spec: ExperimentSpec, records: Iterable[Record], path: str | Path) -> Path:
    """Draw an experiment's ladder into a PNG, SVG or PDF file, as the suffix of `path` says; gives the path back.

    Raises InputError for another suffix, a folder that is not there, records without a finite report, and where
    matplotlib is not installed; no file is left behind then.
    """
    target = checked_target(path)
    save([(target, ladder_figure(name, spec, records))])
    return target


def ladder_figure(name: str, spec: ExperimentSpec, records: Iterable[Record], *, note: str = "") -> "Figure":
    """The picture of `ladder_picture`, not yet saved; `note` is printed below.

    Raises InputError for records without a finite report, and where matplotlib is not installed.
    """
    ledger, curves = _read(spec, records)
    if not any(isfinite(value) for curve in curves for value in curve.values):
        raise InputError(
            f"experiment {name!r} has no finite report of {spec.metric!r} to draw: see `rungwise show {name}`"
        )
    figure = _figure(summarise(name, spec, ledger), curves, spec.unit)
    print_note(figure, note)
    return figure


def _read(spec: ExperimentSpec, records: Iterable[Record]) -> tuple[Ledger, list[_Curve]]:
    ledger = Ledger(spec.milestones, winner=spec.winner)
    points: dict[int, tuple[list[int], list[float]]] = {}
    shown = spec.objective.shown
    for record in records:
        if ledger.apply(record) and isinstance(record, TrialReported):
            resources, values = points.setdefault(record.trial, ([], []))
            resources.append(record.resource)
            values.append(shown(record.value) if isfinite(record.value) else nan)
    curves = [_Curve(trial, *points[trial], ledger.trials[trial].rung) for trial in points]
    return ledger, sorted(curves, key=lambda curve: curve.rung)


def _figure(summary: Summary, curves: Sequence[_Curve], unit: str) -> "Figure":
    figure = new_figure()
    axes = figure.add_subplot(facecolor="white")
    low, high = _range(summary, curves)
    axes.set_ylim(low, high)
    _frame(axes, summary, curves, unit)
    _rungs(axes, summary)
    _trials(axes, summary, curves)
    _hidden(axes, summary, curves)
    if summary.best is not None:
        _winner(axes, summary.best, curves)
    _words(axes, summary, _beyond(curves, low, high), unit)
    return figure


def _range(summary: Summary, curves: Sequence[_Curve]) -> tuple[float, float]:
    """The metric's range to show: from the best value down to all but the worst reports of trials that were promoted.

    Where there is one rung, of all trials. What is far worse would leave a stripe at the edge to what matters.
    """
    import numpy as np

    sign = -1.0 if summary.mode == "max" else 1.0
    promoted = [curve for curve in curves if curve.rung > 1] or curves
    seen = np.array([sign * value for curve in promoted for value in curve.values if isfinite(value)])
    best = min(sign * value for curve in curves for value in curve.values if isfinite(value))
    span = float(np.quantile(seen, SEEN)) - best if len(seen) else 0.0
    if span <= 0:
        return around(best * sign)
    ends = sign * (best - 0.06 * span), sign * (best + 1.04 * span)
    return min(ends), max(ends)


def _beyond(curves: Sequence[_Curve], low: float, high: float) -> int:
    return sum(any(value < low or value > high for value in curve.values) for curve in curves)


def _frame(axes: "Axes", summary: Summary, curves: Sequence[_Curve], unit: str) -> None:
    """Axes and ticks: resources on a log scale with the milestones as ticks, unless there is but one."""
    milestones = [row.milestone for row in summary.ladder]
    first = min(milestones[0], *(curve.resources[0] for curve in curves))
    last = max(summary.max_resource, *(curve.resources[-1] for curve in curves))
    if len(milestones) > 1:
        axes.set_xscale("log")
        margin = (last / first) ** 0.03
        axes.set_xlim(first / margin, last * margin)
        axes.set_xticks(milestones, _roomy(milestones, [str(milestone) for milestone in milestones]))
        axes.minorticks_off()
    else:
        margin = 0.03 * max(1, last - first)
        axes.set_xlim(first - margin, last + margin)
    axes.set_xlabel(f"{clean(unit)} of training", color=INK, parse_math=False)
    axes.set_ylabel(labelled(summary.metric, summary.mode), color=INK, parse_math=False)
    dress(axes)


def _rungs(axes: "Axes", summary: Summary) -> None:
    """A line for each rung with the count of trials above it; what PASHA never opened is shaded."""
    above = axes.secondary_xaxis("top")
    milestones = [row.milestone for row in summary.ladder]
    above.set_xticks(milestones, _roomy(milestones, [str(row.entries) if row.open else "" for row in summary.ladder]))
    above.tick_params(length=0, colors=INK)
    above.minorticks_off()
    above.spines["top"].set_visible(False)
    above.set_xlabel("trials that reached the rung", color=FAINT, fontsize=9)
    for row in summary.ladder:
        axes.axvline(
            row.milestone, color="#c8c8c8", linewidth=0.9, linestyle="-" if row.open else (0, (2, 3)), zorder=1
        )
    if summary.cap < summary.max_resource:
        right = axes.get_xlim()[1]
        axes.axvspan(summary.cap, right, facecolor="#f4f4f4", edgecolor="#dedede", hatch="///", linewidth=0, zorder=0.5)
        axes.text(
            (summary.cap * right) ** 0.5, sum(axes.get_ylim()) / 2, "not opened:\nnot paid for",
            ha="center", va="center", color=FAINT, fontsize=11,
            bbox={"facecolor": "#f4f4f4", "edgecolor": "none", "pad": 3},
        )  # fmt: skip


def _roomy(milestones: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Tick labels, without those that the next one would stand on."""
    width = log(milestones[-1] / milestones[0]) or 1.0
    crowded = [log(upper / lower) < 0.035 * width for lower, upper in pairwise(milestones)]
    return ["" if hidden else label for label, hidden in zip(labels, [*crowded, False], strict=True)]


def _trials(axes: "Axes", summary: Summary, curves: Sequence[_Curve]) -> None:
    """Every trial a thin line that ends in a dot, darker the further it got; a cross where it diverged."""
    from matplotlib.collections import LineCollection

    top = len(summary.ladder)
    colours = [_blend(max(0, curve.rung - 1) / (top - 1) if top > 1 else ALIKE) for curve in curves]
    lines = [list(zip(curve.resources, curve.values, strict=True)) for curve in curves]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=0.9, zorder=2), autolim=False)
    for diverged, marker, size in ((False, "o", 9), (True, "X", 28)):
        ends = [
            (*point, colour)
            for curve, colour in zip(curves, colours, strict=True)
            if (point := _end(curve)) is not None and any(value != value for value in curve.values) is diverged
        ]
        if ends:
            xs, ys, shades = zip(*ends, strict=True)
            axes.scatter(xs, ys, s=size, c=shades, marker=marker, linewidths=0, zorder=2.5)


def _hidden(axes: "Axes", summary: Summary, curves: Sequence[_Curve]) -> None:
    """At the worse edge, beside each rung: how many of those that got no further end beyond it."""
    from matplotlib.patheffects import withStroke

    low, high = axes.get_ylim()
    down = summary.mode == "max"
    for rung, row in enumerate(summary.ladder, 1):
        ends = [point[1] for curve in curves if curve.rung == rung and (point := _end(curve)) is not None]
        count = sum(value < low if down else value > high for value in ends)
        if count:
            axes.annotate(
                f"{count} {'below' if down else 'above'}",
                (row.milestone, low if down else high),
                xytext=(4, 4 if down else -4),
                textcoords="offset points",
                va="bottom" if down else "top",
                color=INK,
                fontsize=8,
                zorder=6,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )


def _blend(share: float) -> tuple[float, float, float]:
    red, green, blue = (low + (high - low) * share for low, high in zip(LOW, HIGH, strict=True))
    return red, green, blue


def _end(curve: _Curve) -> tuple[int, float] | None:
    """The last finite point of a curve."""
    pairs = zip(reversed(curve.resources), reversed(curve.values), strict=True)
    return next(((resource, value) for resource, value in pairs if isfinite(value)), None)


def _winner(axes: "Axes", best: Winner, curves: Sequence[_Curve]) -> None:
    from matplotlib.patheffects import withStroke

    curve = next(curve for curve in curves if curve.trial == best.trial)
    halo = [withStroke(linewidth=3.4, foreground="white")]
    axes.plot(curve.resources, curve.values, color=VERMILION, linewidth=2.2, zorder=4, path_effects=halo)
    axes.plot([best.resource], [best.value], "o", color=VERMILION, markersize=7, markeredgecolor="white", zorder=5)
    low, high = axes.get_ylim()
    x, y = _end(curve) or (best.resource, best.value)
    if not low <= y <= high:  # it fell apart later
        x, y = best.resource, best.value
    height = (y - low) / (high - low)
    axes.annotate(
        f"trial {best.trial}\n{number(best.value)}\nat {best.resource}",
        (x, y),
        xytext=(8, 0),
        textcoords="offset points",
        va="top" if height > 0.9 else "bottom" if height < 0.1 else "center",
        color=VERMILION,
        fontsize=11,
        fontweight="bold",
        zorder=6,
        path_effects=[withStroke(linewidth=3, foreground="white")],
    )


def _words(axes: "Axes", summary: Summary, beyond: int, unit: str) -> None:
    """The title with the saving, and in small print what the picture leaves out."""
    heading = f"{short(clean(summary.name), 40)}: {counted(summary.spent, clean(unit))}"
    if summary.saving is not None and summary.saving >= 1.05:
        heading += f" instead of {summary.full_cost}, {summary.saving:.1f}× less"
    title(axes, heading)
    notes = [f"{clean(method(summary))}, {counted(summary.counts.started, 'trials')}"]
    if beyond:
        notes.append(f"{counted(beyond, 'curves')} in part or whole beyond the range shown")
    if summary.diverged:
        notes.append(f"{counted(len(summary.diverged), 'trials')} reported NaN or infinity (crosses)")
    if summary.failures:
        notes.append(f"{counted(len(summary.failures), 'trials')} failed")
    small_print(axes, notes)
