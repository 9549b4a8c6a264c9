"""Time against slot-hours: a mark for every division, the recommended one ringed, what is beyond a limit shaded.

Fixed shares are discs joined by a line, in the order of their slots; those that grow by rung are diamonds, joined by a
dashed one; those to which idle slots are added are squares, joined by a dotted one. Whiskers are the intervals over
seeds.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungwise.planner.advice import Advice, Wanted
from rungwise.planner.curves import Curves
from rungwise.planner.forecast import Division, Forecast, Setting
from rungwise.report.pictures.drawing import BLUE, FAINT, GREEN, INK, VERMILION, dress, new_figure, print_note, title
from rungwise.report.planning import time_scale
from rungwise.report.text import clean, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (BLUE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", INK)  # VERMILION is for what is recommended
POLICIES = (
    ("fixed", "o", "-", ""),
    ("by-rung", "D", "--", ", growing by rung"),
    ("fill", "s", ":", ", filling idle slots"),
)
LABELS = {"o": ((7, 6), "left"), "D": ((7, -12), "left"), "s": ((-7, -12), "right")}  # neighbours should not collide
ROOM = 0.08  # of the axes, beyond the marks


def plan_figure(
    found: Sequence[Forecast], advice: Advice, wanted: Wanted, curves: Curves, setting: Setting
) -> "Figure":  # fmt: skip
    """Draw forecasts; raises InputError where matplotlib is not installed."""
    figure = new_figure()
    axes = figure.subplots()
    scale, word = time_scale(found)
    for place, name in enumerate(dict.fromkeys(each.method.name for each in found)):
        colour = COLOURS[place % len(COLOURS)]
        of_method = [each for each in found if each.method.name == name]
        for policy, marker, style, words in POLICIES:
            of_policy = [each for each in of_method if each.division.policy == policy]
            _series(axes, of_policy, scale, colour, marker, style, f"{clean(name)}{words}")
    chosen = advice.chosen
    axes.plot(
        chosen.hours.mean, chosen.time.mean / scale, "o", markersize=19, markerfacecolor="none",
        markeredgecolor=VERMILION, markeredgewidth=2.2, zorder=5, label="recommended" if advice.fits else "nearest",
    )  # fmt: skip
    _limits(axes, found, wanted, scale)
    axes.set_xlabel("slot-hours of trials", color=INK)
    axes.set_ylabel(f"time, {word}", color=INK)
    dress(axes)
    axes.grid(axis="x", color="#ececec", linewidth=0.8)
    title(axes, f"{counted(setting.trials, 'trials')} on {counted(setting.workers, 'slots')}")
    figure.legend(loc="outside upper left", ncols=3, frameon=False, labelcolor=INK, markerscale=0.6, handlelength=2.4)
    print_note(
        figure,
        f"At each mark: slots of a trial. Whiskers: 95 % intervals over {counted(setting.seeds, 'seeds')}."
        f" {curves.told.capitalize()}{f' ({curves.table.note})' if curves.table.note else ''}.",
    )
    return figure


def _series(
    axes: "Axes", found: Sequence[Forecast], scale: float, colour: str, marker: str, style: str, label: str
) -> None:  # fmt: skip
    if not found:
        return
    hours, times = [each.hours.mean for each in found], [each.time.mean / scale for each in found]
    for each, x, y in zip(found, hours, times, strict=True):
        for across, up in (
            ([each.hours.low, each.hours.high], [y, y]),
            ([x, x], [each.time.low / scale, each.time.high / scale]),
        ):
            axes.plot(across, up, color=colour, linewidth=0.9, alpha=0.45, zorder=2)
    axes.plot(
        hours, times, marker=marker, linestyle=style, color=colour, linewidth=1.0, markersize=6.5, alpha=0.95,
        markerfacecolor=colour if marker == "o" else "white", markeredgewidth=1.4, label=label, zorder=3,
    )  # fmt: skip
    place, side = LABELS[marker]
    for each, x, y in zip(found, hours, times, strict=True):
        axes.annotate(
            _mark(each.division), (x, y), xytext=place, textcoords="offset points", ha=side, fontsize=9, color=colour,
            zorder=4,
        )  # fmt: skip


def _mark(division: Division) -> str:
    return str(division.slots) if division.most == division.slots else f"≤{division.most}"


def _limits(axes: "Axes", found: Sequence[Forecast], wanted: Wanted, scale: float) -> None:
    """The axes from 0, with what lies beyond a limit in grey, as far as marks or limits reach."""
    hours = max(*(each.hours.high for each in found), wanted.budget or 0.0, 0.0) * (1 + ROOM)
    time = max(*(each.time.high for each in found), wanted.deadline or 0.0, 0.0) / scale * (1 + ROOM)
    axes.set_xlim(0, hours or 1.0)
    axes.set_ylim(0, time or 1.0)
    if wanted.deadline is not None:
        axes.axhspan(wanted.deadline / scale, time, color=FAINT, alpha=0.15, linewidth=0)
        axes.axhline(wanted.deadline / scale, color=FAINT, linewidth=1.2)
        axes.annotate("deadline", (0, wanted.deadline / scale), xytext=(5, 4), textcoords="offset points", color=FAINT)
    if wanted.budget is not None:
        axes.axvspan(wanted.budget, hours, color=FAINT, alpha=0.15, linewidth=0)
        axes.axvline(wanted.budget, color=FAINT, linewidth=1.2)
        axes.annotate("budget", (wanted.budget, 0), xytext=(4, 6), textcoords="offset points", color=FAINT, rotation=90)
