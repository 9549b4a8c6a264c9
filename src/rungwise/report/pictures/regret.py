"""What searchers find for the same resource: mean regret over the share of the budget, and how far it is from random's.

A column for every scheduler. Above are the means, without intervals, which would be those of the tables, alike for all;
below are the paired differences with theirs.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungwise.comparison.contest import BASELINE
from rungwise.comparison.regret import Regrets
from rungwise.comparison.resampling import Estimate
from rungwise.report.pictures.drawing import BLUE, FAINT, GREEN, INK, VERMILION, dress, new_figure, print_note, title
from rungwise.report.text import clean, counted, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHARES = tuple(place / 50 for place in range(2, 51))
PERCENT = [100 * share for share in SHARES]
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"  # the rest of Okabe and Ito's set
LEARNING = (VERMILION, BLUE, GREEN, PURPLE, ORANGE, SKY)  # in the order of the searchers, random search apart
STYLES = ("-", "--", ":")  # of every further round of the colours
WIDTH, HEIGHT, SIDE, LEAST = 3.4, 6.6, 0.9, 7.2  # inches of a column, of the picture, beside the columns, of all
NAME = 28  # characters of a scheduler's name over its column
TICKS = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 3, 5, 7)]


def regret_figure(regrets: Regrets) -> "Figure":
    """Draw regrets and differences; raises InputError where matplotlib is not installed."""
    contest = regrets.held.contest
    count = len(contest.schedulers)
    figure = new_figure((max(WIDTH * count + SIDE, LEAST), HEIGHT))
    rows = figure.subplots(2, count, sharex=True, sharey="row", squeeze=False, height_ratios=(1.15, 1))
    looks = _looks(contest.searchers)
    for scheduler, above, below in zip(contest.schedulers, *rows, strict=True):
        for searcher, (means, apart) in regrets.curves(scheduler, SHARES).items():
            colour, style = looks[searcher]
            line = {"color": colour, "linestyle": style, "linewidth": 1.8}
            above.plot(PERCENT, means, label=clean(searcher), **line)
            below.plot(PERCENT, [each.mean for each in apart], **line)
            if searcher != BASELINE:
                _shade(below, apart, colour)
        _dressed(above, below, scheduler)
    rows[0][0].set_ylabel("mean regret", color=INK)
    rows[1][0].set_ylabel("regret less random's", color=INK)
    figure.align_ylabels([rows[0][0], rows[1][0]])
    handles, labels = rows[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), frameon=False, labelcolor=INK)
    setting = contest.setting
    print_note(
        figure,
        f"{counted(len(contest.tables), 'tables')}, {counted(setting.repetitions, 'repetitions')},"
        f" {counted(setting.trials, 'configurations')}. Regret 0: a table's best row, 1: its median."
        " Shaded: paired 95 % intervals",
    )
    return figure


def _looks(searchers: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a line style for every searcher; random search is grey."""
    rounds = [(colour, style) for style in STYLES for colour in LEARNING]
    learning = [searcher for searcher in searchers if searcher != BASELINE]
    return {BASELINE: (FAINT, "-")} | {name: rounds[place % len(rounds)] for place, name in enumerate(learning)}


def _shade(axes: "Axes", estimates: Sequence[Estimate], colour: str) -> None:
    low, high = ([getattr(each, bound) for each in estimates] for bound in ("low", "high"))
    axes.fill_between(PERCENT, low, high, color=colour, alpha=0.13, linewidth=0)


def _dressed(above: "Axes", below: "Axes", scheduler: str) -> None:
    """The looks of a column's axes."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    for axes in (above, below):
        axes.set_facecolor("white")
        dress(axes)
    above.set_yscale("log")
    above.yaxis.set_major_locator(FixedLocator(TICKS))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    above.yaxis.set_minor_locator(NullLocator())
    below.set_xlim(0, 100)
    below.set_xticks([0, 25, 50, 75, 100])
    below.set_xlabel("% of the budget spent", color=INK)
    title(above, short(clean(scheduler), NAME), pad=8)
