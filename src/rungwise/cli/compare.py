"""`rungwise compare` and `rungwise record`: what recorded curves tell of other schedulers."""

from typing import TYPE_CHECKING

import click

from rungwise.cli.options import echo_json, json_option, store_option

if TYPE_CHECKING:
    from rungwise.benchmarks.table import Table
    from rungwise.comparison.outcomes import Outcome
    from rungwise.core.limits import Stop


@click.command()
@click.argument("name", required=False)
@click.option("--table", metavar="TABLE", help="Ask of a learning-curve table, by name or file, instead.")
@click.option(
    "--scheduler",
    "schedulers",
    multiple=True,
    metavar="NAME[,OPTION=VALUE…]",
    help="One to compare; may be repeated.  [default: fifo, asha, pasha]",
)
@click.option("--workers", type=int, metavar="N", help="Trials at once.  [default: the experiment's; 4 for a table]")
@click.option("--min-resource", type=int, metavar="N", help="The lowest milestone.  [default: the experiment's, or 1]")
@click.option("--max-resource", type=int, metavar="N", help="The highest milestone.  [default: all that is recorded]")
@click.option("--eta", type=int, help="One of so many goes on from a rung.  [default: the experiment's, or 3]")
@click.option(
    "--stop", type=click.Choice(["drain", "instant"]), help="After the last start.  [default: as it ran, or drain]"
)
@store_option
@json_option
def compare(
    name: str | None,
    table: str | None,
    schedulers: tuple[str, ...],
    workers: int | None,
    min_resource: int | None,
    max_resource: int | None,
    eta: int | None,
    stop: "Stop | None",
    store: str,
    as_json: bool,
) -> None:
    """What would another scheduler have cost and found, with the same configurations in the same order?

    It is answered from the recorded curves of an experiment, or of a table; where they were not recorded far enough,
    that is said.

    \b
    rungwise compare digits-1 --scheduler asha --scheduler pasha,rule=quantile,eta=4
    rungwise compare --table digits --scheduler fifo,resource=3 --scheduler pasha,ranking=fixed,ranking.epsilon=0.01
    """
    from rungwise.api.experiment import Experiment
    from rungwise.benchmarks import load
    from rungwise.cli.screen import screen
    from rungwise.comparison.answers import what_if
    from rungwise.comparison.methods import parse_method
    from rungwise.comparison.recorded import as_it_ran, recorded_table
    from rungwise.report.answers import plain_answers, print_answers

    if (name is None) == (table is None):
        raise click.UsageError("give the NAME of an experiment, or --table TABLE (see rungwise compare --help)")
    curves: Table
    ran: Outcome | None = None
    low, factor, at_once, seed = 1, 3, 4, 0
    how: Stop = "drain"
    if name is not None:
        experiment = Experiment.open(name, store)
        spec = experiment.spec
        curves, ran = recorded_table(experiment), as_it_ran(experiment)
        low, factor = spec.scheduler["min_resource"], spec.scheduler["eta"]
        at_once, how, seed = spec.at_once, spec.stop, spec.seed
    else:
        curves = load(str(table))
    resources = {
        "min_resource": low if min_resource is None else min_resource,
        "max_resource": curves.units if max_resource is None else max_resource,
        "eta": factor if eta is None else eta,
    }
    methods = [parse_method(text, resources, curves.configurations, seed) for text in schedulers or DEFAULT]
    answers = what_if(
        curves, methods, workers=at_once if workers is None else workers, stop=how if stop is None else stop
    )
    if as_json:
        echo_json(plain_answers(ran, answers, curves))
    else:
        print_answers(ran, answers, curves, screen())


DEFAULT = ("fifo", "asha", "pasha")


@click.command()
@click.argument("name")
@click.option("-o", "--out", required=True, metavar="FILE", help="Where to write: a .npz or .parquet file.")
@click.option(
    "--metric", metavar="NAME", help="Another metric that the training reported.  [default: the one tuned for]"
)
@store_option
def record(name: str, out: str, metric: str | None, store: str) -> None:
    """Write an experiment's learning curves into a table, for `rungwise compare --table`, `rungwise paper` and others.

    A configuration that was tried twice is written once, with its first curve.
    """
    from rungwise.api.experiment import Experiment
    from rungwise.benchmarks import save
    from rungwise.comparison.recorded import recorded_table, without_repeats
    from rungwise.report.text import counted

    table = recorded_table(Experiment.open(name, store), metric)
    kept = without_repeats(table)
    save(kept, out)
    repeats = table.configurations - kept.configurations
    said = f"{counted(kept.configurations, 'configurations')}, {counted(kept.units, kept.unit)}"
    left = f"; {counted(repeats, 'repeats')} of a configuration left out" if repeats else ""
    click.echo(f"written to {out}: {said}{left}")
