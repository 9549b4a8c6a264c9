"""Which searcher finds good configurations sooner, as people read it: columns on a console, Markdown, CSV."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rungwise.comparison.beside import Pair
from rungwise.comparison.contest import BASELINE, Contest
from rungwise.comparison.regret import SHARES, Point, Regrets
from rungwise.comparison.resampling import Estimate
from rungwise.report.comparison import stat_text
from rungwise.report.pages import csv_of, markdown_table
from rungwise.report.printing import grid, heading, line, paragraph
from rungwise.report.text import clean, counted, numbers

if TYPE_CHECKING:
    from rich.console import Console

LEFT = frozenset(("searcher", "table"))
READING = (
    "Regret: (quality of the incumbent's row - best of the table) / (median of the table - best); 0 is the best row, 1"
    " the median. A suggestion is answered by the nearest row that no trial has had, random search's too. The budget is"
    " what random search spends with the scheduler to its own end, in the median over repetitions; a run that ends"
    " before that keeps its incumbent. Brackets: 95 % bootstrap intervals, over tables and repetitions; differences are"
    " paired."
)
PAIRS = "PASHA against ASHA with the same searcher, both to their own end"

Columns = tuple[tuple[str, ...], list[tuple[str, ...]]]


def settings_text(contest: Contest) -> str:
    """How the contest was held, in a sentence."""
    setting = contest.setting
    return (
        f"{counted(len(contest.tables), 'tables')}; {counted(setting.trials, 'configurations')},"
        f" {counted(setting.workers, 'workers')}, {counted(setting.repetitions, 'repetitions')}; eta = {contest.eta},"
        f" stop {setting.stop}, seed {setting.seed}."
    )


def notes_of(contest: Contest) -> list[str]:
    """The tables' notes, each with the tables that have it."""
    by_note: dict[str, list[str]] = {}
    for name, variants in zip(contest.names, contest.tables, strict=True):
        by_note.setdefault(variants[0].note, []).append(name)
    return [f"{', '.join(names)}: {note}." for note, names in by_note.items() if note]


def print_regrets(regrets: Regrets, pairs: Sequence[Pair], console: "Console") -> None:
    """Print each scheduler's regrets and ranks over all tables, then PASHA beside ASHA."""
    contest = regrets.held.contest
    line(console, "Searchers, by what they find for the same resource", "bold")
    paragraph(console, settings_text(contest))
    paragraph(console, READING)
    for note in notes_of(contest):
        paragraph(console, clean(note), "yellow")
    for scheduler in contest.schedulers:
        for title, (header, rows) in _of_scheduler(regrets, scheduler, full=False):
            heading(console, clean(title))
            grid(console, header, rows, left=LEFT)
    for title, (header, rows) in _of_pairs(pairs, full=False):
        heading(console, clean(title))
        grid(console, header, rows, left=LEFT)


def markdown(regrets: Regrets, pairs: Sequence[Pair], command: str, picture: str | None) -> str:
    """A page with all of it, every table's numbers at the end; `command` makes it again, `picture` is a file's name."""
    contest = regrets.held.contest
    blocks = [f"Made by `{command}`.\n", f"{settings_text(contest)}\n", f"{READING}\n"]
    blocks += [f"*{note}*\n" for note in notes_of(contest)]
    if picture is not None:
        blocks.append(f"![Mean regret over the share of the budget]({picture})\n")
    for scheduler in contest.schedulers:
        blocks.append(f"## {scheduler}\n")
        for title, (header, rows) in (*_of_scheduler(regrets, scheduler, full=True), _of_tables(regrets, scheduler)):
            blocks.append(f"### {title}\n\n{markdown_table(header, rows)}")
    for title, (header, rows) in (*_of_pairs(pairs, full=True), *_of_pairs_by_table(pairs)):
        blocks.append(f"## {title}\n\n{markdown_table(header, rows)}")
    return "\n".join(blocks)


def plain_points(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Points as plain data, a row each; the table is empty where it is over all."""
    return [
        {
            "table": point.table,
            "scheduler": point.scheduler,
            "searcher": point.searcher,
            "share": point.share,
            "units": point.units,
            "quality_mean": None if point.quality is None else point.quality.mean,
            "quality_std": None if point.quality is None else point.quality.std,
            **_plain("regret", point.regret),
            **_plain("rank", point.rank),
            **_plain("difference", point.difference),
            "better": point.better,
            "ended": point.ended,
        }
        for point in points
    ]


def plain_pairs(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Pairs as plain data, a row for every table: seconds, units, qualities in the metric's own direction."""
    return [
        {
            "searcher": pair.searcher,
            "table": beside.table,
            "asha": pair.names[0],
            "pasha": pair.names[1],
            "speedup": beside.speedup,
            **{
                f"{side}_{what}_{kind}": getattr(getattr(getattr(beside, side), what), kind)
                for side in ("asha", "pasha")
                for what in ("quality", "seconds", "most")
                for kind in ("mean", "std")
            },
        }
        for pair in pairs
        for beside in pair.tables
    ]


def csv_text(regrets: Regrets) -> str:
    """A row for every table, scheduler, searcher and share of the budget."""
    return csv_of(plain_points(regrets.by_table))


def _plain(name: str, estimate: Estimate) -> dict[str, float]:
    return {f"{name}_mean": estimate.mean, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _within(estimate: Estimate, decimals: int = 3) -> str:
    mean, low, high = (f"{value:.{decimals}f}" for value in (estimate.mean, estimate.low, estimate.high))
    return f"{mean} [{low}, {high}]"


def _of_scheduler(regrets: Regrets, scheduler: str, *, full: bool) -> Iterator[tuple[str, Columns]]:
    """The regrets of all searchers over all tables, then their ranks; `full`: with intervals at every share."""
    contest = regrets.held.contest
    points = {(each.searcher, each.share): each for each in regrets.overall if each.scheduler == scheduler}
    shares, last = [_percent(share) for share in SHARES], SHARES[-1]

    def regret(searcher: str, share: float) -> str:
        estimate = points[searcher, share].regret
        return _within(estimate) if full or share == last else f"{estimate.mean:.3f}"

    yield (
        f"{scheduler}: mean regret, by share of the budget",
        (
            ("searcher", *shares, f"less random, {shares[-1]}"),
            [
                (
                    searcher,
                    *(regret(searcher, share) for share in SHARES),
                    "-" if searcher == BASELINE else _within(points[searcher, last].difference),
                )
                for searcher in contest.searchers
            ],
        ),
    )
    yield (
        f"{scheduler}: mean rank, by share of the budget",
        (
            ("searcher", *shares, f"better on, {shares[-1]}", "ended before"),
            [
                (
                    searcher,
                    *(f"{points[searcher, share].rank.mean:.2f}" for share in SHARES),
                    "-" if searcher == BASELINE else f"{points[searcher, last].better:g} of {len(contest.tables)}",
                    _percent(points[searcher, last].ended),
                )
                for searcher in contest.searchers
            ],
        ),
    )


def _of_tables(regrets: Regrets, scheduler: str) -> tuple[str, Columns]:
    """Every table's regrets when all of the budget is spent."""
    contest = regrets.held.contest
    last = {
        (each.table, each.searcher): each
        for each in regrets.by_table
        if each.scheduler == scheduler and each.share == SHARES[-1]
    }
    units = {variants[0].unit for variants in contest.tables}
    rows = [
        (
            name,
            f"{regrets.budgets[name, scheduler]}{'' if len(units) == 1 else f' {variants[0].unit}'}",
            *(_within(last[name, searcher].regret) for searcher in contest.searchers),
        )
        for name, variants in zip(contest.names, contest.tables, strict=True)
    ]
    header = ("table", f"budget, {units.copy().pop()}" if len(units) == 1 else "budget", *contest.searchers)
    return f"{scheduler}: mean regret when the budget is spent, table by table", (header, rows)


def _of_pairs(pairs: Sequence[Pair], *, full: bool) -> Iterator[tuple[str, Columns]]:
    """PASHA beside ASHA over all tables, a row for every searcher, a part for every couple."""
    header = ("searcher", "ASHA", "PASHA", "difference", "speedup", "least", "most")

    def row(pair: Pair) -> tuple[str, ...]:
        both = pair.asha, pair.pasha
        speedups = () if pair.speedup is None else (pair.speedup, min(pair.speedups), max(pair.speedups))
        return (
            pair.searcher,
            *(_within(each) if full else f"{each.mean:.3f}" for each in both),
            _within(pair.difference),
            *([f"{speedup:.2f}x" for speedup in speedups] or ["-"] * 3),
        )

    for names in dict.fromkeys(pair.names for pair in pairs):
        rows = [row(pair) for pair in pairs if pair.names == names]
        yield f"{PAIRS}: mean regret, speedup ({names[1]}; {names[0]})", (header, rows)


def _of_pairs_by_table(pairs: Sequence[Pair]) -> Iterator[tuple[str, Columns]]:
    """The same table by table: qualities in the metric, and the most units that a trial got."""
    header = ("table", "searcher", "quality, ASHA", "quality, PASHA", "speedup", "most, ASHA", "most, PASHA")
    for names in dict.fromkeys(pair.names for pair in pairs):
        of_names = [pair for pair in pairs if pair.names == names]
        rows = []
        for place in range(len(of_names[0].tables)):
            for pair in of_names:
                beside = pair.tables[place]
                sides = beside.asha, beside.pasha
                decimals = max(len(text.partition(".")[2]) for text in numbers([side.quality.mean for side in sides]))
                rows.append(
                    (
                        beside.table,
                        pair.searcher,
                        *(stat_text(side.quality, decimals) for side in sides),
                        "-" if beside.speedup is None else f"{beside.speedup:.2f}x",
                        *(stat_text(side.most, 1) for side in sides),
                    )
                )
        yield f"{PAIRS}, table by table ({names[1]}; {names[0]})", (header, rows)
