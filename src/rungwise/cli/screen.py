"""The terminal, as rich sees it."""

import logging
from typing import TYPE_CHECKING

from rungwise.api.run import Watch

if TYPE_CHECKING:
    from rich.console import Console


def screen() -> "Console":
    """Standard output: colours and width as the terminal has them, plain text where there is none."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def watching(as_json: bool) -> Watch | None:
    """The live view of a run; nothing where JSON is all that should be printed."""
    logger = logging.getLogger("rungwise")
    logger.addHandler(logging.StreamHandler() if as_json else logging.NullHandler())
    logger.propagate = False  # the live view tells the same in its own words; JSON is told beside it, on standard error
    if as_json:
        return None
    from rungwise.report.live import LiveView

    return lambda name, spec, ledger: LiveView(name, spec, ledger, screen())
