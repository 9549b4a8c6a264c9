"""The live view's picture in a terminal: one summary, drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rungwise.report.news import Kind, News
from rungwise.report.summary import LadderRow, Summary, TakenOver, method
from rungwise.report.text import bytes_text, clean, counted, duration, number, numbers, settings, short

if TYPE_CHECKING:
    from rich.text import Text

WIDEST = 110
LABEL = 8
MOST_RUNGS = 16
_COLOURS: dict[Kind, str] = {"opened": "cyan", "resized": "cyan", "failed": "red", "warning": "yellow"}


def screen(
    summary: Summary, news: Sequence[News], *, width: int, elapsed: float, unit: str, ascii_only: bool
) -> "Text":
    """Everything there is to see, `width` characters wide; `elapsed` is the clock's time, in seconds.

    One text, laid out by hand: rich's tables would take ten milliseconds, eight times a second.
    """
    from rich.text import Text

    width = max(10, min(width, WIDEST) - 1)
    lines = [_head(summary, width), Text(), _line("trials", _counts(summary)), Text()]
    lines.extend(_rungs(summary, width, ascii_only))
    lines.append(Text())
    lines.extend(_incumbent(summary, width - LABEL, unit))
    if summary.past is not None:
        lines.append(_line("past", Text(past_text(summary.past))))
    lines.append(_line("spent", Text(spent(summary, unit))))
    lines.append(_line("time", Text(time_text(summary, elapsed))))
    if summary.cost is not None:
        lines.append(_line("cost", Text(number(summary.cost, strip=True))))
    if summary.checkpoints is not None:
        lines.append(_line("disk", Text(f"{bytes_text(summary.checkpoints)} in checkpoints")))
    if news:
        lines.append(Text())
        lines.extend(_news(each, width) for each in news)
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        if ascii_only:
            line.plain = line.plain.replace("…", "~")
    return Text("\n", no_wrap=True, overflow="crop").join(lines)


def spent(summary: Summary, unit: str) -> str:
    """What the experiment cost, against training its trials to the full resource."""
    if len(summary.ladder) == 1 or not summary.spent:
        left = summary.left
        return (
            f"{summary.spent} of {summary.spent + left.units} {unit}"
            if left and left.exact
            else counted(summary.spent, unit)
        )
    started = summary.counts.started
    whole = f"{'all ' if started > 1 else ''}{counted(started, 'trials')} to {summary.max_resource} would take"
    times = f", {summary.saving:.1f} times that" if summary.saving is not None and summary.saving >= 1.05 else ""
    return f"{counted(summary.spent, unit)}; {whole} {summary.full_cost}{times}"


def past_text(past: TakenOver) -> str:
    """What was taken over from earlier experiments."""
    first = f"{counted(past.winners, 'winners')} first" if past.winners else ""
    seen = f"{counted(past.trials, 'trials')} to learn from" if past.trials else ""
    return f"of {clean(', '.join(past.experiments))}: {', '.join(filter(None, (first, seen))) or 'nothing'}"


def time_text(summary: Summary, elapsed: float) -> str:
    """The time that has passed, and what is known of the time to come."""
    gone = duration(elapsed)
    if summary.state == "finished":
        return gone
    left = summary.seconds_left(elapsed)
    if left is None or summary.left is None or (not summary.left.exact and not summary.left.units):
        return f"{gone}, time left unknown"
    return f"{gone}, {'about' if summary.left.exact else 'at least'} {duration(left)} to go"


def _line(label: str, content: "Text") -> "Text":
    from rich.text import Text

    return Text.assemble((label.ljust(LABEL), "dim"), content)


def _head(summary: Summary, width: int) -> "Text":
    from rich.text import Text

    goal = "highest" if summary.mode == "max" else "lowest"
    state = "" if summary.state == "unfinished" else f", {summary.state}"
    about = f"  {clean(method(summary))}, {goal} {clean(summary.metric)}{state}"
    name = short(clean(summary.name), max(8, width - len(about)))
    return Text.assemble((name, "bold"), (about, "dim"))


def _counts(summary: Summary) -> "Text":
    from rich.text import Text

    trials = summary.counts
    of = "" if trials.limit is None else f" of {trials.limit}"
    text = Text(f"{trials.started}{of} started")
    for count, word, style in (
        (trials.running, "running", "green"),
        (trials.paused, "paused", ""),
        (trials.stopped, "stopped", ""),
        (trials.completed, "done", ""),
        (trials.failed, "failed", "red"),
        (trials.lost, "lost", "red"),
        (trials.retried, "retried", "yellow"),
    ):
        if count or word not in ("stopped", "lost", "retried"):
            text.append("  ").append(f"{count} {word}", style=style if count else "dim")
    return text


def _rungs(summary: Summary, width: int, ascii_only: bool) -> list["Text"]:
    """The ladder, top rung first. Bars share one scale: the trials that may start, or that have."""
    from rich.text import Text

    most = max(summary.counts.limit or 0, summary.counts.started, 1)
    counts = len(str(most))
    digits = max(len("rung"), len(str(summary.max_resource)))
    length = max(4, width - digits - counts - 37)
    head = f"{'rung':>{digits}}  {'trials that got there':{length + 2 + counts}}  {'best there':>10}"
    lines = [Text(head, "dim")]
    ladder = _thinned(tuple(reversed(summary.ladder)))
    for row, best in zip(ladder, numbers([row.best for row in ladder]), strict=True):
        bar, style, who = _rung(summary, row, most, length, ascii_only)
        mark = Text(f"{row.milestone:>{digits}}  ", style="" if row.open else "dim")
        mark.append(f"{bar:{length}}", style=style)
        count = f"{row.entries if row.open else '':>{counts}}"
        mark.append(f"  {count}  {best:>10}  ", style="").append(who).rstrip()
        lines.append(mark)
    return lines


def _thinned(ladder: tuple[LadderRow, ...]) -> tuple[LadderRow, ...]:
    """Rungs evenly over the ladder, its ends among them, where there are too many to show: a population has many."""
    step = max(1.0, (len(ladder) - 1) / (MOST_RUNGS - 1))
    return tuple(ladder[round(number * step)] for number in range(min(len(ladder), MOST_RUNGS)))


def _rung(summary: Summary, row: LadderRow, most: int, length: int, ascii_only: bool) -> tuple[str, str, "Text"]:
    """A rung's bar, the bar's style, and whose the best value there is."""
    from rich.text import Text

    if not row.open:
        return ("." if ascii_only else "┄") * length, "dim", Text("not opened", "dim")
    halves = min(2 * length, max(bool(row.entries), round(2 * length * row.entries / most)))
    bar = "=" * -(-halves // 2) if ascii_only else "━" * (halves // 2) + "╸" * (halves % 2)
    who = Text("" if row.best_trial is None else f"trial {row.best_trial}  ")
    if row.milestone == summary.cap < summary.max_resource:
        who.append("cap", style="bold cyan")
    return bar, "cyan", who


def _incumbent(summary: Summary, room: int, unit: str) -> list["Text"]:
    from rich.text import Text

    best = summary.best
    if best is None:
        return [_line("best", Text("nothing finite reported yet", "dim")), Text()]
    value = Text.assemble(
        (number(best.value), "bold green"), f" by trial {best.trial} at {counted(best.resource, unit)}"
    )
    return [_line("best", value), _line("", Text(settings(best.config, room)))]


def _news(news: News, width: int) -> "Text":
    from rich.text import Text

    at = duration(news.at).rjust(LABEL - 2)
    return Text.assemble((f"{at}  ", "dim"), (short(news.text, width - max(LABEL, len(at) + 2)), _COLOURS[news.kind]))
