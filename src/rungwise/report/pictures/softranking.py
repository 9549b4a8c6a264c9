"""Soft ranking made visible (Bohdal et al. 2023, section 4.1, figure 2): two rungs' rankings, the groups of the lower.

The lower rung gives every position a group: the trials within epsilon of the value that stands there. The rungs rank
alike if the trial at each position of the upper rung belongs to that position's group.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rungwise.core.objective import Objective
from rungwise.report.pictures.drawing import (
    BLUE,
    FAINT,
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
from rungwise.report.pictures.tracing import Compared
from rungwise.report.text import clean, counted, number, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALE = "#cfe0ec"
WIDTH, HEAD, FOOT, SIDE, KEY = 9.0, 0.7, 0.85, 0.75, 0.48  # inches; the key is below the foot
ROW, LEAST, MOST = 0.19, 1.8, 8.0  # inches of a row, and of all rows
NUMBERED = 38  # positions; of more, every tenth has its number


@dataclass(frozen=True, slots=True)
class Place:
    """One position of the ranking, the best first. Values are the lower rung's, minimised.

    `below` and `above` are the trials that the lower and the upper rung have here; `value` is the value of `below`,
    `came` that of `above`. `group` are the trials within epsilon of `value`, the best first.
    """

    below: int
    above: int
    value: float
    came: float
    group: tuple[int, ...]

    @property
    def leaves(self) -> bool:
        """Whether the trial that stands here in the upper rung is not in the group."""
        return self.above not in self.group


def soft_ranking(
    trials: Sequence[int], lower: Sequence[float], upper: Sequence[float], epsilon: float
) -> tuple[Place, ...]:
    """The positions of trials with finite values (minimised) in two rungs, and each position's group.

    Tied trials are ordered as the other rung orders them, then as they are given.

    >>> [place.group for place in soft_ranking([4, 7, 9], [0.10, 0.11, 0.30], [0.1, 0.2, 0.3], epsilon=0.05)]
    [(4, 7), (4, 7), (9,)]
    """
    import numpy as np

    low, up = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    below, above = np.lexsort((up, low)), np.lexsort((low, up))
    return tuple(
        Place(
            below=trials[here],
            above=trials[there],
            value=float(low[here]),
            came=float(low[there]),
            group=tuple(trials[other] for other in below if abs(low[other] - low[here]) <= epsilon),
        )
        for here, there in zip(below, above, strict=True)
    )


def soft_ranking_figure(
    name: str, compared: Compared | None, objective: Objective, unit: str, *, ranking: str, soft: bool, note: str = ""
) -> "Figure":
    """Draw a comparison of two rungs; where there was none, a sentence.

    On the left each position's value in the lower rung with its group, and where the trial came from that stands there
    in the upper rung; on the right how the positions changed. `ranking` names the ranking function; where it is not
    `soft`, it judges the rungs as a whole and knows no groups. Raises InputError where matplotlib is not installed.
    """
    if compared is None:
        return _nothing(name, note)
    epsilon = compared.epsilon if soft else 0.0
    places = soft_ranking(compared.trials, compared.below, compared.above, epsilon)
    leaving = {place.above for place in places if place.leaves} if soft else set()
    count, words = len(places), clean(unit)
    rows = min(MOST, max(LEAST, ROW * count))
    figure, left, right, below = _panels(rows, note)
    left.set_ylim(count + 0.7, 0.3)
    left.set_yticks(range(1, count + 1) if count <= NUMBERED else [1, *range(10, count + 1, 10)])
    left.set_ylabel("position (1: the best)", color=INK)
    points = 72 * rows / count
    beyond = _values(left, places, objective, compared, epsilon if soft else None, points)
    left.set_xlabel(
        f"{labelled(objective.metric, objective.mode)} at {counted(compared.lower, words)}",
        color=INK,
        parse_math=False,
    )
    _moves(right, places, leaving, points)
    right.set_xticks([0, 1], [f"at {compared.lower}", f"at {compared.upper}"])
    right.set_xlabel("the trials, by number", color=INK)
    title(left, f"{short(clean(name), NAME)}: do {compared.lower} and {compared.upper} {words} rank alike?", pad=26)
    left.annotate(
        _verdict(places, leaving, compared, f"{words} opened", ranking, soft=soft),
        (0, 1), xytext=(0, 8), xycoords="axes fraction", textcoords="offset points", color=INK, parse_math=False,
    )  # fmt: skip
    notes = [f"PASHA's last comparison of its top two rungs, {counted(count, 'trials')} in both"]
    if beyond:
        notes.append(f"{counted(beyond, 'positions')} beyond the range shown, drawn at the edge")
    small_print(right, notes)
    figure.legend(
        *left.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.1, below - FOOT),
        bbox_transform=figure.dpi_scale_trans, ncols=2, frameon=False, fontsize=8, borderaxespad=0,
    )  # fmt: skip
    return figure


def _panels(rows: float, note: str) -> "tuple[Figure, Axes, Axes, float]":
    """Two axes side by side, so many inches high, and the inches below them; the texts reach over both."""
    figure = new_figure(arranged=False)
    below = print_note(figure, note) + KEY + FOOT
    height = HEAD + rows + below
    figure.set_size_inches(WIDTH, height)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2.2, 1))
    figure.subplots_adjust(SIDE / WIDTH, below / height, 1 - 0.2 / WIDTH, 1 - HEAD / height, wspace=0.08)
    return figure, left, right, below


def _nothing(name: str, note: str) -> "Figure":
    """Where PASHA compared no rungs."""
    figure = new_figure((WIDTH, 1.7))
    axes = figure.add_subplot(facecolor="white")
    axes.set_axis_off()
    title(axes, f"{short(clean(name), NAME)}: no two rungs were compared")
    axes.text(
        0, 0.9, "PASHA compares its top two rungs once two trials have reached the upper one, unless that is the\n"
        "last. So there is nothing to compare where the ladder has fewer than three rungs or two such trials.",
        va="top", color=INK, fontsize=11,
    )  # fmt: skip
    print_note(figure, note)
    return figure


def _verdict(
    places: Sequence[Place], leaving: Collection[int], compared: Compared, opened: str, ranking: str, *, soft: bool
) -> str:
    """What came of the comparison, in one line."""
    then = "" if compared.opened is None else f", so {compared.opened} {opened}"
    if not soft:
        answer = "Yes" if compared.opened is None else "No"
        return f"{answer}, says the ranking function {ranking}{then}."
    size = f"ε = {number(compared.epsilon, 3, strip=True)} ({ranking})"
    match len(leaving):
        case 0:
            return f"Yes: every trial stays within ε of its new position's value. {size}"
        case 1:
            return f"No: trial {next(iter(leaving))} leaves its position's group{then}. {size}"
        case count:
            return f"No: {count} of {len(places)} trials leave their position's group{then}. {size}"


def _values(
    axes: "Axes", places: Sequence[Place], objective: Objective, compared: Compared, epsilon: float | None,
    points: float,
) -> int:  # fmt: skip
    """The lower rung's values by position, in rows of so many points; how many positions lie beyond the range shown."""
    import numpy as np

    rows = np.arange(1, len(places) + 1)
    values = objective.shown(np.array([place.value for place in places]))
    came = objective.shown(np.array([place.came for place in places]))
    leaves = np.array([epsilon is not None and place.leaves for place in places])
    low, high = worth_showing(values, objective.mode)
    margin = min(epsilon or 0.0, high - low)  # wide groups go on beyond the edges: the values must be told apart
    low, high = low - margin, high + margin
    axes.set_xlim(low, high)
    stands, comes = np.clip(values, low, high), np.clip(came, low, high)
    if epsilon:
        axes.barh(rows, 2 * epsilon, 0.84, values - epsilon, color=PALE, zorder=1,
                  label="the group of the position: within ε of that value")  # fmt: skip
    size = min(5.0, 0.45 * points)
    axes.hlines(rows, stands, comes, colors=[VERMILION if out else BLUE for out in leaves], linewidths=0.9, zorder=2)
    axes.plot(stands, rows, "o", color=INK, markersize=size, markeredgewidth=0, zorder=3, clip_on=False,
              label=f"the value that stands there at {compared.lower}")  # fmt: skip
    for chosen, colour, marker, label in (
        (~leaves, BLUE, "o", "in the group"), (leaves, VERMILION, "D", "not in the group"),
    ):  # fmt: skip
        if chosen.any():
            axes.plot(comes[chosen], rows[chosen], marker, color=colour, markerfacecolor="none", markersize=1.8 * size,
                      markeredgewidth=1.2, zorder=4, clip_on=False,
                      label=f"the trial that stands there at {compared.upper}, its value at {compared.lower}"
                      + (f": {label}" if epsilon is not None else ""))  # fmt: skip
    dress(axes, "x")
    return int(((stands != values) | (comes != came)).sum())


def _moves(axes: "Axes", places: Sequence[Place], leaving: Collection[int], points: float) -> None:
    """From each trial's position in the lower rung to its position in the upper one."""
    before = {place.below: row for row, place in enumerate(places, 1)}
    for row, place in enumerate(places, 1):
        trial = place.above
        colour = VERMILION if trial in leaving else FAINT if before[trial] == row else BLUE
        width = 1.8 if trial in leaving else 1.0
        axes.plot([0, 1], [before[trial], row], color=colour, linewidth=width, zorder=3 if trial in leaving else 2)
    axes.set_xlim(-0.3, 1.3)
    size = min(8.0, max(6.0, 0.8 * points))
    for x, align, trials in (
        (-0.05, "right", [place.below for place in places]), (1.05, "left", [place.above for place in places]),
    ):  # fmt: skip
        for row in _named(trials, leaving, size * 1.2 / points):
            axes.text(x, row, str(trials[row - 1]), ha=align, va="center", fontsize=size,
                      color=VERMILION if trials[row - 1] in leaving else INK)  # fmt: skip
    dress(axes, "x")
    axes.grid(visible=False)
    axes.tick_params(left=False, labelleft=False)
    axes.spines["left"].set_visible(False)


def _named(trials: Sequence[int], leaving: Collection[int], room: float) -> list[int]:
    """The rows whose trials are named: all, if each has the room it takes (rows); else who leaves, and the first."""
    rows = range(1, len(trials) + 1)
    if room <= 1:
        return list(rows)
    named: list[int] = []
    for row in sorted(rows, key=lambda row: (trials[row - 1] not in leaving, row)):
        if all(abs(row - other) >= room for other in named):
            named.append(row)
    return named
