"""The last word of a run."""

from typing import TYPE_CHECKING

from rungwise.cli.options import echo_json

if TYPE_CHECKING:
    from rungwise.api.experiment import Experiment


def ended(experiment: "Experiment", as_json: bool) -> int:
    """Print the winner and what it cost; exit code 1 where there is none."""
    from rungwise.cli.screen import screen
    from rungwise.report.ending import print_ending, print_failure
    from rungwise.report.summary import summarise

    summary = summarise(experiment.name, experiment.spec, experiment.ledger)
    if as_json:
        echo_json(summary.to_json())
    else:
        print_ending(summary, screen(), unit=experiment.spec.unit)
        print_failure(experiment.ledger, screen())
    return 0 if summary.best is not None else 1
