"""`rungwise retrain`: the winner from scratch, watched for falling apart."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rungwise.cli.options import address_option, backend_option, echo_json, json_option, store_option

if TYPE_CHECKING:
    from rungwise.api.retrain import Retrained


@click.command()
@click.argument("name")
@click.option("--top", default=3, show_default=True, metavar="N", help="Try at most the best N configurations.")
@click.option("--seed", type=int, metavar="N", help="Of the retraining.  [default: the experiment's + 1]")
@backend_option
@address_option
@store_option
@json_option
def retrain(
    name: str, top: int, seed: int | None, backend: str | None, address: str | None, store: str, as_json: bool
) -> int:
    """Train an experiment's winner from scratch to the full resource.

    If it diverges, dies, or ends below what tuning saw of it, the runner-up follows.
    """
    from rungwise.api.retrain import retrain as train_again
    from rungwise.cli.screen import watching

    watch = watching(as_json)
    outcome = train_again(name, store=store, top=top, seed=seed, backend=backend, address=address, watch=watch)
    return told(outcome, as_json)


def told(outcome: "Retrained", as_json: bool) -> int:
    """Print what became of every candidate; exit code 1 where none kept what tuning saw of it."""
    from rungwise.cli.screen import screen
    from rungwise.report.retraining import print_retraining

    if as_json:
        echo_json(
            {
                "name": outcome.experiment.name,
                "of": outcome.experiment.spec.of,
                "held": outcome.held,
                "chosen": asdict(outcome.chosen),
                "candidates": [asdict(candidate) for candidate in outcome.candidates],
                "checkpoint": None if outcome.checkpoint is None else str(outcome.checkpoint),
            }
        )
    else:
        print_retraining(outcome, screen())
    return 0 if outcome.held else 1
