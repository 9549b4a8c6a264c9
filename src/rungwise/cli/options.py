"""Options that several commands share."""

import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from rungwise.api.names import DEFAULT_STORE

store_option = click.option(
    "--store",
    default=DEFAULT_STORE,
    show_default=True,
    metavar="FILE",
    help="The file with the logs of all experiments.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")

backend_option = click.option(
    "--backend", type=click.Choice(["local", "ray"]), help="Where trials run: this machine, or a Ray cluster."
)
address_option = click.option(
    "--address",
    metavar="HOST:PORT|auto",
    help="The Ray cluster.  [default: RAY_ADDRESS, else one of this machine's own]",
)


def need_matplotlib(what: str, instead: str = "") -> None:
    """Say at once, not after hours, that `what` could not be drawn; `instead` is what else can be done."""
    if find_spec("matplotlib") is None:
        raise click.UsageError(f"the {what} matplotlib, which is not installed: pip install 'rungwise[plot]'{instead}")


def written(train: tuple[str, ...]) -> dict[str, Any]:
    """The settings of an experiment's YAML file, or the training that the words name, if there are any."""
    from rungwise.api.files import read_experiment

    if len(train) == 1 and Path(train[0]).suffix in (".yaml", ".yml"):
        return read_experiment(Path(train[0]))
    return {"train": train[0] if len(train) == 1 else train} if train else {}


def pair(option: str, text: str, *, plain: bool = False) -> tuple[str, str | int | float]:
    """KEY=VALUE as a pair, its value a number where it reads as one (`plain`: always text).

    >>> pair("--limit", "resource=50"), pair("--limit", "time=8h"), pair("--env", "SIZE=3", plain=True)
    (('resource', 50), ('time', '8h'), ('SIZE', '3'))
    """
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"{option} is {text!r}, but must be {'NAME' if plain else 'KEY'}=VALUE")
    for number in () if plain else (int, float):
        with suppress(ValueError):
            return key, number(value)
    return key, value


def echo_json(data: Mapping[str, Any] | list[Any]) -> None:
    """Print plain data as JSON; NaN and infinities, which JSON has no word for, as null."""
    from rungwise.report.text import plain

    click.echo(json.dumps(plain(data), indent=2, ensure_ascii=False))
