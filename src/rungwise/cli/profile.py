"""`rungwise profile`: what a training costs with so many slots, measured briefly."""

from pathlib import Path
from typing import Any

import click

from rungwise.cli.options import echo_json, json_option, pair, written

FROM_FILE = ("train", "space", "unit", "config_as", "one_process", "gpus", "per_gpu", "reuse_workers", "preload", "env")


@click.command()
@click.argument("train", nargs=-1, metavar="TRAIN.py | FILE.py:FUNCTION | EXPERIMENT.yaml | -- COMMAND…")
@click.option("--slots", default="1", show_default=True, metavar="1,2,…", help="Slots of a trial, each to be measured.")
@click.option("--workers", type=int, metavar="N", help="Slots in all.  [default: the most of --slots]")
@click.option("--space", metavar="FILE", help="The search space.  [default: space.yaml beside the training]")
@click.option("--units", default=4, show_default=True, metavar="N", help="Units of a job; every trial has two.")
@click.option(
    "--configurations", default=1, show_default=True, metavar="N", help="The default one, and others drawn at random."
)
@click.option("--unit", metavar="WORD", help="What resources count: epochs, steps, trees.  [default: units]")
@click.option("--config-as", type=click.Choice(["args", "env", "json"]), help="How a command gets its configuration.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="Add a variable to the environment of trials.")
@click.option("--gpus", type=int, metavar="N", help="Hand out so many devices.")
@click.option("--per-gpu", type=int, metavar="N", help="Trials on one device.  [default: 1]")
@click.option(
    "--one-process", is_flag=True, default=None, help="Give a trial all its slots in one process, not in one each."
)
@click.option("--reuse-workers", is_flag=True, default=None, help="Keep the processes of functions warm.")
@click.option("--preload", multiple=True, metavar="MODULE", help="Import it once, before trials fork.")
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of every random draw.")
@click.option("-o", "--out", metavar="FILE", help="Write the profile there, as YAML or JSON.")
@json_option
def profile(
    train: tuple[str, ...], slots: str, workers: int | None, units: int, configurations: int, seed: int,
    out: str | None, as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Measure seconds per unit, start-up and checkpoints of a training, briefly, for each number of slots.

    Nothing is kept but the profile, with which rungwise plan forecasts a run.

    \b
    rungwise profile train.py --slots 1,2,4 -o profile.yaml
    rungwise profile experiment.yaml --configurations 8 -o profile.yaml
    """
    from rungwise.api.checks import devices
    from rungwise.backends.local.slots import usable_cores
    from rungwise.cli.plan import whole_numbers
    from rungwise.planner import measure, write_profile
    from rungwise.planner.profile import check_target

    if out is not None:
        check_target(out)
    read = written(train)
    settings = {key: read[key] for key in FROM_FILE if key in read}
    settings.update({key: value for key, value in given.items() if value not in (None, ())})
    if given["env"]:
        settings["env"] = dict(pair("--env", text, plain=True) for text in given["env"])
    if "train" not in settings:
        raise click.UsageError("there is no training to measure: name one (see rungwise profile --help)")
    shares = whole_numbers("--slots", slots)
    settings.setdefault("space", _beside(train[0]))
    local: dict[str, Any] = {
        key: settings.pop(key) for key in ("per_gpu", "reuse_workers", "preload", "env") if key in settings
    }
    if "gpus" in settings:
        local["gpus"] = devices(settings.pop("gpus"))
    in_all = max(shares) if workers is None else workers
    if in_all > usable_cores() and not local.get("gpus"):
        click.echo(
            f"{in_all} slots on {usable_cores()} cores: they take time from one another, and a machine with more cores"
            " will be faster",
            err=True,
        )
    measured = measure(
        settings.pop("train"), settings.pop("space"), shares, workers=workers, units=units,
        configurations=configurations, seed=seed, local=local, progress=lambda told: click.echo(told, err=True),
        **settings,
    )  # fmt: skip
    if out is not None:
        write_profile(measured.profile, out)
    if as_json:
        echo_json({**measured.profile.to_json(), "unknown": list(measured.unknown)})
        return
    from rungwise.cli.screen import screen
    from rungwise.report.planning import print_profile

    print_profile(measured.profile, measured.unknown, screen())
    if out is not None:
        click.echo(f"\nNext: rungwise plan {out} --workers N --trials N --max-resource N")


def _beside(train: str) -> str:
    """The space that lies beside a training."""
    space = Path(train.partition(":")[0]).parent / "space.yaml"
    if not space.is_file():
        raise click.UsageError("space is missing: give it with --space FILE, or put a space.yaml beside the training")
    return str(space)
