"""The live view: an observer of the loop that shows an experiment while it runs.

In a terminal a thread of rich's draws it, so the loop never waits for the screen and the clock goes on while nothing
happens. Elsewhere (a pipe, CI) it prints plain lines, as events come.
"""

import logging
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rungwise.api.choosing import known
from rungwise.api.notices import advice
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.report.lines import Lines, situation
from rungwise.report.news import News, Newsroom
from rungwise.report.printing import paragraph
from rungwise.report.summary import Summary, summarise
from rungwise.report.text import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

PER_SECOND = 8
NEWS = 4
SHARE = 0.05


class LiveView:
    """Shows an experiment from its tuner's own ledger, which it only reads: `with LiveView(…) as view`, then
    `drive(…, observers=[view])`.

    `console` defaults to standard error, so that standard output can be piped; `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        spec: ExperimentSpec,
        ledger: Ledger,
        console: "Console | None" = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from rich.console import Console

        self._name, self._spec, self._ledger, self._clock = name, spec, ledger, clock
        self._console = Console(stderr=True) if console is None else console
        self._newsroom = Newsroom(spec.objective, ledger, spec.unit)
        new = not ledger.trials
        self._known = known(spec) if new else None
        lines = advice(spec, spec.unit) if new else ()
        # replaced, never changed: the drawing thread reads it
        self._news: tuple[News, ...] = tuple(News(0.0, "warning", line) for line in lines)
        self._seen = clock()
        self._summary: Summary | None = None
        self._stale = self._seen
        self._ears = _Ears(lambda text: self._tell(News(ledger.now, "warning", text)))
        self._live: Live | None = None
        self._lines: Lines | None = None

    def __enter__(self) -> Self:
        self._seen = self._clock()
        logging.getLogger("rungwise").addHandler(self._ears)
        console = self._console
        if console.is_terminal and not console.is_dumb_terminal and not console.is_jupyter:
            from rich.live import Live

            if self._known is not None:
                paragraph(console, f"{situation(self._spec)}: {self._known}", "dim")
                console.print()
            self._live = Live(
                console=console,
                get_renderable=self._draw,
                refresh_per_second=PER_SECOND,
                redirect_stdout=sys.stdout.isatty(),  # what is piped goes on into its pipe
                redirect_stderr=sys.stderr.isatty(),
            )
            self._live.start(refresh=True)
        else:
            self._lines = Lines(self._name, self._spec, self._ledger, console, self._spec.unit, self._seen)
            if self._known is not None:
                self._lines.say(self._known)
            for news in self._news:
                self._lines.tell(news)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        logging.getLogger("rungwise").removeHandler(self._ears)
        if self._live is not None:
            self._summary = None  # the last picture is of the very end
            self._live.stop()
            self._console.print()
        if self._lines is not None:
            self._lines.close()
        self._live = self._lines = None

    def __call__(self, records: Sequence[Record]) -> None:
        """Take note of what an event led to."""
        self._seen = self._clock()
        for record in records:
            news = self._newsroom.read(record)
            if news is not None:
                self._tell(news)
        if self._lines is not None:
            self._lines.look(self._seen)

    def _tell(self, news: News) -> None:
        self._news = (*self._news, news)[-NEWS:]
        if self._lines is not None:
            self._lines.tell(news)

    def _draw(self) -> "Text":
        """The picture of this moment, on the drawing thread."""
        from rungwise.report.screen import screen

        began = self._clock()
        elapsed = self._ledger.now
        if self._ledger.finish is None:
            elapsed += max(0.0, began - self._seen)
        if self._summary is None or began >= self._stale:
            self._summary = summarise(self._name, self._spec, self._ledger)
            ended = self._clock()
            self._stale = (
                ended + (ended - began) / SHARE
            )  # a hundred thousand trials are not summed up eight times a second
        return screen(
            self._summary,
            self._news,
            width=self._console.width,
            elapsed=elapsed,
            unit=self._spec.unit,
            ascii_only=self._console.options.ascii_only,
        )


class _Ears(logging.Handler):
    """Hears what parts that see no records have to say: of a full disk, of a checkpoint that did not fit."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a warning on."""
        self._tell(clean(record.getMessage()))
