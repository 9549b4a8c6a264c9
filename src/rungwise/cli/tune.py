"""`rungwise tune` and `rungwise resume`."""

import shlex
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from rungwise.cli.options import address_option, backend_option, json_option, pair, store_option, written


@click.command()
@click.argument("train", nargs=-1, metavar="TRAIN.py | FILE.py:FUNCTION | EXPERIMENT.yaml | -- COMMAND…")
@click.option("--space", metavar="FILE", help="The search space, as YAML or JSON.")
@click.option("--metric", help="The reported metric to tune for.")
@click.option("--mode", type=click.Choice(["min", "max"]), help="Which is better.  [default: min]")
@click.option("--max-resource", type=int, metavar="N", help="The most units any trial may train for.")
@click.option(
    "--min-resource", type=int, metavar="N", help="The units after which a value means something.  [default: 1]"
)
@click.option("--eta", type=int, help="One of so many goes on from a rung.  [default: 3]")
@click.option(
    "--scheduler",
    metavar="NAME[,OPTION=VALUE…]",
    help="auto: what is known to work here, as in auto,diverges=true; pasha, gated-pasha, taper, asha, stopping-pasha,"
    " stopping-asha, median-stopping, successive-halving, hyperband, async-hyperband, pbt, fifo; bohb: hyperband with"
    " kde.  [default: pasha]",
)
@click.option("--rule", type=click.Choice(["floor", "quantile"]), help="Who may be promoted.  [default: floor]")
@click.option("--searcher", help="random, grid, evolution, kde, gp, tpe, cmaes.  [default: random]")
@click.option(
    "--transfer",
    multiple=True,
    metavar="NAME",
    help="Try the winner of an earlier experiment of this store first.  May be given again.",
)
@click.option("--hurdle", is_flag=True, help="Promote only what is no worse than the winners of --transfer.")
@click.option(
    "--trials",
    type=int,
    metavar="N",
    help="Start so many configurations.  [default: 64; hyperband: all of its brackets; pbt: a population of 16]",
)
@click.option("--workers", type=int, metavar="N", help="Slots; trials at once if each takes one.  [default: 1]")
@click.option("--slots", type=int, metavar="N", help="What a trial takes of them.  [default: 1]")
@click.option(
    "--allocation",
    metavar="NAME[,OPTION=VALUE]",
    help="fixed; by-rung: a promoted trial goes on with eta times as many slots, as in by-rung,most=4; fill: idle slots"
    " go to running trials where a restart pays, as in fill,most=4,profile=profile.yaml.  [default: fixed]",
)
@click.option("--seed", type=int, metavar="N", help="Of every random draw.  [default: 0]")
@click.option("--stop", type=click.Choice(["drain", "instant"]), help="After the last start.  [default: drain]")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="KEY=VALUE",
    help="End early at a limit: time=8h, resource=5000 (units in all), cost=20 with price_per_hour=2.5 or"
    " price_per_unit, target=0.98, patience=1h (or units); then=drain goes on with promotions.  May be given again.",
)
@click.option("--max-retries", type=int, metavar="N", help="Try a trial that died again, so often.  [default: 2]")
@click.option(
    "--max-failures", type=int, metavar="N", help="Suspend after so many failures in a row; 0: never.  [default: 10]"
)
@click.option("--trial-timeout", metavar="TIME", help="End a trial that says nothing for so long.  [default: never]")
@click.option(
    "--checkpoint-every",
    metavar="UNITS|TIME",
    help="Save checkpoints between milestones too.  [default: at milestones and pauses only]",
)
@click.option("--checkpoint-quota", metavar="SIZE", help="What all checkpoints may take: 20GB.  [default: no limit]")
@click.option(
    "--storage", metavar="URL|FOLDER", help="Keep checkpoints there: s3://bucket/folder.  [default: beside the store]"
)
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Add a variable to the environment of trials.")
@click.option("--grace", metavar="TIME", help="What trials get to save after SIGTERM.  [default: 20s]")
@click.option("--unit", metavar="WORD", help="What resources count: epochs, steps, trees.  [default: units]")
@click.option("--name", help="What to call the experiment.  [default: the training file's name and a number]")
@click.option("--config-as", type=click.Choice(["args", "env", "json"]), help="How a command gets its configuration.")
@click.option("--gpus", type=int, metavar="N", help="Hand out so many devices.")
@click.option("--per-gpu", type=int, metavar="N", help="Trials on one device.  [default: 1]")
@backend_option
@address_option
@click.option("--cpus", type=int, metavar="N", help="Cores of a slot, on a Ray cluster.  [default: 1]")
@click.option(
    "--one-process", is_flag=True, default=None, help="Give a trial all its slots in one process, not in one each."
)
@click.option("--reuse-workers", is_flag=True, default=None, help="Keep the processes of functions warm.")
@click.option("--preload", multiple=True, metavar="MODULE", help="Import it once, before trials fork.")
@store_option
@json_option
def tune(train: tuple[str, ...], store: str, as_json: bool, rule: str | None, hurdle: bool, **given: Any) -> int:
    """Tune a script, a function, any command, or an experiment written in one YAML file.

    \b
    rungwise tune train.py --space space.yaml --metric val_accuracy --mode max --max-resource 81
    rungwise tune experiment.yaml --workers 4
    rungwise tune --space space.yaml --metric loss --max-resource 100 -- ./train --lr {lr}
    """
    from rungwise.api.tune import tune as start
    from rungwise.cli.ending import ended
    from rungwise.cli.screen import watching

    settings = written(train)
    settings.update({key: value for key, value in given.items() if value not in (None, ())})
    for key in ("limits", "env"):
        if given[key]:
            settings[key] = dict(pair(f"--{key.removesuffix('s')}", text, plain=key == "env") for text in given[key])
    if given["scheduler"] or given["allocation"]:
        from rungwise.comparison.methods import options_of, scheduler_options

        if given["scheduler"]:
            settings["scheduler"] = scheduler_options(given["scheduler"])
        if given["allocation"]:
            settings["allocation"] = options_of(given["allocation"], "allocation", "most=4")
    if isinstance(settings.get("allocation"), Mapping):
        settings["allocation"] = _told(settings["allocation"])
    if settings.get("max_failures") == 0:
        settings["max_failures"] = None
    if rule is not None:
        scheduler = settings.get("scheduler", "pasha")
        named = {"name": scheduler} if isinstance(scheduler, str) else scheduler
        # What is no mapping either is left for `tune` to refuse.
        settings["scheduler"] = {**named, "rule": rule} if isinstance(named, Mapping) else named
    if hurdle:
        transfer = settings.get("transfer")
        if not transfer:
            raise click.UsageError("--hurdle is set by the winners of earlier experiments: name them with --transfer")
        settings["transfer"] = {**(transfer if isinstance(transfer, Mapping) else {"from": transfer}), "hurdle": True}
    for key in ("train", "space", "metric", "max_resource"):
        if key not in settings:
            raise click.UsageError(
                f"{key.replace('_', '-')} is missing: give it on the command line or in an experiment's YAML file"
                " (see rungwise tune --help)"
            )
    if (
        "store" not in settings
        or click.get_current_context().get_parameter_source("store") is ParameterSource.COMMANDLINE
    ):
        settings["store"] = store
    experiment = start(**settings, watch=watching(as_json))
    code = ended(experiment, as_json)
    if code == 0 and not as_json:
        click.echo(f"Next: rungwise retrain {experiment.name} --store {shlex.quote(str(settings['store']))}")
    return code


def _told(allocation: Mapping[str, Any]) -> dict[str, Any]:
    """An allocation, where it is "fill" with the figures of the profile that it names; what it says itself stands."""
    from rungwise.planner import read_profile

    if allocation.get("name") != "fill" or "profile" not in allocation:
        return dict(allocation)
    figures = {**read_profile(str(allocation["profile"])).restarts, **allocation}
    figures["scaling"] = dict(figures["scaling"])
    del figures["profile"]
    return figures


@click.command()
@click.argument("name")
@backend_option
@address_option
@store_option
@json_option
def resume(name: str, backend: str | None, address: str | None, store: str, as_json: bool) -> int:
    """Go on with an experiment after Ctrl-C or a crash.

    It may go on in another place than before (--backend, --address).
    After Ctrl-C nothing is trained twice; after a crash the trials that were running go on from their last checkpoint.
    """
    from rungwise.api.retrain import outcome
    from rungwise.api.tune import resume as go_on
    from rungwise.cli.ending import ended
    from rungwise.cli.retrain import told
    from rungwise.cli.screen import watching

    experiment = go_on(name, store=store, backend=backend, address=address, watch=watching(as_json))
    return ended(experiment, as_json) if experiment.spec.of is None else told(outcome(experiment), as_json)
