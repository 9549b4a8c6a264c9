"""The last word of a run."""

from typing import TYPE_CHECKING

from rungwise.cli.options import echo_json

if TYPE_CHECKING:
    from rungwise.api.experiment import Experiment
    from rungwise.core.ledger import Ledger


def ended(experiment: "Experiment", as_json: bool) -> int:
    """Print the winner and what it cost; exit code 1 where there is none."""
    from rungwise.cli.screen import screen
    from rungwise.report.ending import print_ending
    from rungwise.report.summary import summarise

    summary = summarise(experiment.name, experiment.spec, experiment.ledger)
    if as_json:
        echo_json(summary.to_json())
    else:
        print_ending(summary, screen(), unit=experiment.spec.unit)
        tell_failure(experiment.ledger)
    return 0 if summary.best is not None else 1


def tell_failure(ledger: "Ledger") -> None:
    """Print how the first of the failed trials failed: the end of its traceback, or of what it printed."""
    from rungwise.cli.screen import screen
    from rungwise.report.printing import heading, line
    from rungwise.report.text import clean

    failed = (entry for entry in ledger.trials.values() if entry.status in ("failed", "lost"))
    first = next((entry for entry in failed if "\n" in entry.detail), None)
    if first is None:
        return
    console = screen()
    heading(console, f"how trial {first.trial} failed")
    for text in first.detail.splitlines():
        indent = len(text) - len(text.lstrip())
        line(console, f"    {' ' * indent}{clean(text).strip()}")
