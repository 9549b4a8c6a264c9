"""Epsilon over the time of a run, and the rungs that opened meanwhile (Bohdal et al. 2023, figure 5)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungwise.report.pictures.drawing import (
    BLUE,
    INK,
    NAME,
    VERMILION,
    dress,
    new_figure,
    print_note,
    small_print,
    title,
)
from rungwise.report.pictures.tracing import Opening, Trace
from rungwise.report.text import clean, number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HOUR, MINUTE = 3600.0, 60.0
CHARACTER, LINE = 0.0098, 13  # of the names of rungs: a share of the axes' width, and points


def epsilon_figure(
    name: str, trace: Trace, metric: str, unit: str, *, ranking: str, soft: bool, note: str = ""
) -> "Figure":
    """Draw what passed as noise after each report of a run, and when each rung was opened.

    `ranking` names the ranking function; where it is not `soft`, it knows no epsilon. The trace must hold a report.
    Raises InputError where matplotlib is not installed.
    """
    scale, clock = _clock(trace.times[-1])
    figure = new_figure()
    axes = figure.add_subplot(facecolor="white")
    times = [at / scale for at in trace.times]
    end = times[-1] or 1.0
    axes.set_xlim(-0.02 * end, 1.02 * end)
    axes.set_ylim(0, 1.08 * max(trace.epsilons) or 1.0)
    axes.plot(
        [0.0, *times],
        [0.0, *trace.epsilons],
        color=BLUE,
        linewidth=1.6,
        drawstyle="steps-post",
        zorder=3,
        clip_on=False,
    )
    axes.plot(times[-1:], trace.epsilons[-1:], "o", color=BLUE, markersize=6, zorder=4, clip_on=False)
    axes.set_xlabel(f"{clock} of the simulated run", color=INK)
    axes.set_ylabel(f"ε: difference in {clean(metric)} that passes as noise", color=INK, parse_math=False)
    dress(axes)
    lines = _openings(axes, trace.openings, scale, clean(unit))
    title(axes, f"{short(clean(name), NAME)}: how much PASHA takes for noise", pad=14 + LINE * lines)
    last = number(trace.epsilons[-1], 3, strip=True)
    notes = [f"ε by the ranking function {ranking}, {last} at the end" if soft else
             f"the ranking function {ranking} judges the rungs as a whole and knows no ε"]  # fmt: skip
    if trace.complete:
        notes.append("with the last rung open nothing is compared any more")
    elif not trace.openings:
        notes.append("no rung was opened")
    small_print(axes, notes)
    print_note(figure, note)
    return figure


def _clock(seconds: float) -> tuple[float, str]:
    """The seconds of a unit in which a span is read easily, and its name."""
    if seconds >= 3 * HOUR:
        return HOUR, "hours"
    return (MINUTE, "minutes") if seconds >= 10 * MINUTE else (1.0, "seconds")


def _openings(axes: "Axes", openings: Sequence[Opening], scale: float, unit: str) -> int:
    """A line for each rung that was opened, named above the axes; how many lines of text that takes."""
    left, right = axes.get_xlim()
    labels = [f"{opening.milestone} {unit} opened" for opening in openings]
    places = [(opening.at / scale - left) / (right - left) for opening in openings]
    widths = [CHARACTER * (len(label) + 1) for label in labels]
    starts = [min(place, 1.0 - width) for place, width in zip(places, widths, strict=True)]
    levels = stacked(starts, widths)
    for opening, label, place, start, level in zip(openings, labels, places, starts, levels, strict=True):
        axes.axvline(opening.at / scale, color=VERMILION, zorder=2, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.annotate(
            "", (place, 1), xytext=(0, LINE * level + 10), xycoords="axes fraction", textcoords="offset points",
            arrowprops={"arrowstyle": "-", "color": VERMILION, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        axes.annotate(
            label, (start, 1), xytext=(3, 3 + LINE * level), xycoords="axes fraction", textcoords="offset points",
            fontsize=9, color=VERMILION, parse_math=False,
        )  # fmt: skip
    return max(levels, default=-1) + 1


def stacked(starts: Sequence[float], widths: Sequence[float]) -> list[int]:
    """The level of each label in a stack without overlaps; what starts further right stands lower.

    >>> stacked([0.0, 0.1, 0.5], [0.3, 0.3, 0.3])
    [1, 0, 0]
    """
    levels = [0] * len(starts)
    begins: list[float] = []  # where the leftmost label of each level does
    for label in sorted(range(len(starts)), key=lambda label: -starts[label]):
        end = starts[label] + widths[label]
        level = next((level for level, begin in enumerate(begins) if end <= begin), len(begins))
        begins[level : level + 1] = [starts[label]]
        levels[label] = level
    return levels
