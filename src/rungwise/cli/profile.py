"""`rungwise profile`: what a training costs with so many slots, measured briefly."""

from collections.abc import Sequence
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
@click.option("--per-gpu", metavar="1,2,…", help="Trials on one device, each to be measured.  [default: 1]")
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
    rungwise profile train.py --gpus 2 --per-gpu 1,2,4 -o profile.yaml   (profile.per-gpu-1.yaml, …)
    """
    from rungwise.cli.plan import whole_numbers
    from rungwise.core.checks import check_whole
    from rungwise.planner import Measured, measure, write_profile
    from rungwise.planner.profile import check_target

    settings, local = _settings(train, given)
    shares, together = whole_numbers("--slots", slots), whole_numbers("--per-gpu", str(settings.pop("per_gpu", 1)))
    rooms = {
        check_whole("per_gpu", each, 1): _workers(workers, each, together, len(local.get("gpus", ())))
        for each in together
    }
    targets = {} if out is None else {each: _target(out, each, together) for each in together}
    for target in targets.values():
        check_target(target)
    if not local.get("gpus"):
        _warn(max(shares) if workers is None else workers)
    what = (settings.pop("train"), settings.pop("space"), shares)
    found: dict[int, Measured] = {}
    for per_gpu, room in rooms.items():
        found[per_gpu] = measure(
            *what, workers=room, units=units, configurations=configurations, seed=seed,
            local={**local, "per_gpu": per_gpu}, progress=lambda told: click.echo(told, err=True), **settings,
        )  # fmt: skip
        if per_gpu in targets:
            write_profile(found[per_gpu].profile, targets[per_gpu])
    if as_json:
        several = len(found) > 1
        plain = [
            {**each.profile.to_json(), "unknown": list(each.unknown), **({"per_gpu": per_gpu} if several else {})}
            for per_gpu, each in found.items()
        ]
        echo_json(plain if several else plain[0])
        return
    from rungwise.cli.screen import screen
    from rungwise.report.planning import print_profiles

    print_profiles(found, screen())
    if targets:
        click.echo(f"\nNext: rungwise plan {targets[together[0]]} --workers N --trials N --max-resource N")


def _settings(train: tuple[str, ...], given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is measured, by the words and the options, and settings of the backend."""
    from rungwise.api.checks import devices

    read = written(train)
    settings = {key: read[key] for key in FROM_FILE if key in read}
    settings.update({key: value for key, value in given.items() if value not in (None, ())})
    if given["env"]:
        settings["env"] = dict(pair("--env", text, plain=True) for text in given["env"])
    if "train" not in settings:
        raise click.UsageError("there is no training to measure: name one (see rungwise profile --help)")
    settings.setdefault("space", _beside(train[0]))
    local: dict[str, Any] = {key: settings.pop(key) for key in ("reuse_workers", "preload", "env") if key in settings}
    if "gpus" in settings:
        local["gpus"] = devices(settings.pop("gpus"))
    return settings, local


def _warn(slots: int) -> None:
    """Say so where slots share cores."""
    from rungwise.backends.local.slots import usable_cores

    if slots > usable_cores():
        click.echo(
            f"{slots} slots on {usable_cores()} cores: they take time from one another, and a machine with more cores"
            " will be faster",
            err=True,
        )


def _target(out: str, per_gpu: int, together: Sequence[int]) -> str:
    """The file of a profile: with several, each says how many trials shared a device."""
    if len(together) == 1:
        return out
    return str(Path(out).with_suffix(f".per-gpu-{per_gpu}{Path(out).suffix}"))


def _workers(workers: int | None, per_gpu: int, together: Sequence[int], gpus: int) -> int | None:
    """How many slots to measure with: where several numbers of trials on a device are, as many as have room."""
    if len(together) == 1:
        return workers
    if not gpus or workers is not None:
        wrong = "--workers does not go with it" if gpus else "say with --gpus how many devices there are"
        raise click.UsageError(f"--per-gpu with several numbers fills all devices with so many trials: {wrong}")
    return gpus * per_gpu


def _beside(train: str) -> str:
    """The space that lies beside a training."""
    space = Path(train.partition(":")[0]).parent / "space.yaml"
    if not space.is_file():
        raise click.UsageError("space is missing: give it with --space FILE, or put a space.yaml beside the training")
    return str(space)
