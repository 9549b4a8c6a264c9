"""`rungwise list`, `show` and `best`: what the store holds, for people and as JSON."""

from pathlib import Path

import click

from rungwise.cli.options import echo_json, json_option, store_option


@click.command("list")
@store_option
@json_option
def list_experiments(store: str, as_json: bool) -> None:
    """List the experiments of a store."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.summary import summarise
    from rungwise.report.tables import Listed, experiments_table
    from rungwise.store import Store

    with Store.open(Path(store)) as opened:
        rows = opened.listing()
    listed = []
    for row in rows:
        experiment = Experiment.open(row.name, store)
        listed.append(Listed(row.created, summarise(row.name, experiment.spec, experiment.ledger)))
    if as_json:
        echo_json([{"created": each.created, **each.summary.to_json()} for each in listed])
    else:
        screen().print(experiments_table(listed))


@click.command()
@click.argument("name")
@click.option("--trials", "top", default=10, show_default=True, metavar="N", help="How many trials to show, best first.")
@click.option("--picture", metavar="FILE", help="Draw the ladder into a .png, .svg or .pdf file.")
@store_option
@json_option
def show(name: str, top: int, picture: str | None, store: str, as_json: bool) -> None:
    """Show an experiment: its ladder, its best trials, its failures, and why it stopped where it did."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.summary import summarise, trial_rows
    from rungwise.report.tables import show as shown

    experiment = Experiment.open(name, store)
    summary = summarise(name, experiment.spec, experiment.ledger)
    rows = trial_rows(experiment.spec, experiment.ledger)
    if picture is not None:
        from rungwise.report.picture import ladder_picture

        ladder_picture(name, experiment.spec, experiment.records(), Path(picture))
    if as_json:
        echo_json({**summary.to_json(), "trials": [row.to_json() for row in rows]})
    else:
        shown(summary, rows, screen(), top=top)


@click.command()
@click.argument("name")
@store_option
@json_option
def best(name: str, store: str, as_json: bool) -> None:
    """Print an experiment's winner, and the best in its highest rung beside it."""
    from rungwise.api.experiment import Experiment
    from rungwise.cli.screen import screen
    from rungwise.report.summary import summarise
    from rungwise.report.tables import best as shown

    experiment = Experiment.open(name, store)
    winner = experiment.best
    if as_json:
        beside = experiment.best_in_top_rung
        echo_json({"name": name, "metric": experiment.spec.metric, **_plain(winner), "best_in_top_rung": _plain(beside)})
    else:
        shown(summarise(name, experiment.spec, experiment.ledger), screen())
