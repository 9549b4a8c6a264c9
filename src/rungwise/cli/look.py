"""`rungwise list`, `show` and `best`: what the store holds, for people and as JSON."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from rungwise.cli.options import echo_json, json_option, store_option

Kept = TypeVar("Kept")


@click.command("list")
@store_option
@json_option
def list_experiments(store: str, as_json: bool) -> None:
    """List the experiments of a store."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.summary import summarise
    from rungwise.report.tables import listed, print_list
    from rungwise.store import Store

    with Store.open(Path(store)) as opened:
        begun = opened.begun()
    summaries = []
    for name, created in begun.items():
        experiment = Experiment.open(name, store)
        summaries.append((summarise(name, experiment.spec, experiment.ledger), created))
    if as_json:
        echo_json([{"created": created, **summary.to_json()} for summary, created in summaries])
    else:
        print_list([listed(summary, created) for summary, created in summaries], screen())


@click.command()
@click.argument("name")
@click.option(
    "--trials",
    "top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="How many trials to show, best first.",
)
@click.option("--picture", metavar="FILE", help="Draw the ladder into a .png, .svg or .pdf file.")
@store_option
@json_option
def show(name: str, top: int, picture: str | None, store: str, as_json: bool) -> None:
    """Show an experiment: its ladder, best trials and failures, and why it stopped where it did."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.ending import print_failure
    from rungwise.report.summary import summarise, trial_rows
    from rungwise.report.tables import print_show

    experiment = Experiment.open(name, store)
    kept = _if_reached(lambda: experiment.checkpoint_bytes)
    summary = summarise(name, experiment.spec, experiment.ledger, kept)
    rows = trial_rows(experiment.spec, experiment.ledger)
    if picture is not None:
        from rungwise.report.pictures.ladder import ladder_picture

        ladder_picture(name, experiment.spec, experiment.records(), Path(picture))
    if as_json:
        echo_json({**summary.to_json(), "trials": [row.to_json() for row in rows]})
    else:
        print_show(summary, rows, screen(), top=top, unit=experiment.spec.unit)
        print_failure(experiment.ledger, screen())


@click.command()
@click.argument("name")
@store_option
@json_option
def best(name: str, store: str, as_json: bool) -> None:
    """Print an experiment's winner, and the best in its highest rung beside it."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.summary import summarise
    from rungwise.report.tables import print_best

    experiment = Experiment.open(name, store)
    winner = experiment.best
    checkpoint = _if_reached(lambda: experiment.checkpoint)
    if as_json:
        beside = experiment.best_in_top_rung
        echo_json(
            {
                "name": name,
                "metric": experiment.spec.metric,
                **asdict(winner),
                "checkpoint": None if checkpoint is None else str(checkpoint),
                "best_in_top_rung": asdict(beside),
            }
        )
    else:
        summary = summarise(name, experiment.spec, experiment.ledger)
        print_best(summary, screen(), unit=experiment.spec.unit, checkpoint=checkpoint)


def _if_reached(look: Callable[[], Kept]) -> Kept | None:
    """What a look at the storage for checkpoints tells; where it cannot be reached that is said, and all else shown."""
    from rungwise.core.errors import StorageError

    try:
        return look()
    except StorageError as error:
        click.echo(f"rungwise: {error}", err=True)
        return None


@click.command()
@click.argument("name")
@store_option
@json_option
def replay(name: str, store: str, as_json: bool) -> None:
    """Run an experiment's log through a fresh scheduler: does it imply every decision that it records?

    Nothing is trained and nothing is written. The first record that differs is told, with exit code 2.
    """
    from rungwise.api.replay import replay as run_through

    done = run_through(name, store=store)
    if as_json:
        echo_json({"name": name, "identical": True, **asdict(done)})
        return
    more = f"; {done.missing} more follow from its last event: it broke off" if done.missing else ""
    click.echo(f"{name}: identical, {done.records} records{more}")
