"""Options that several commands share."""

import json
from collections.abc import Mapping
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


def echo_json(data: Mapping[str, Any] | list[Any]) -> None:
    """Print plain data as JSON; NaN and infinities, which JSON has no word for, as null."""
    from rungwise.report.text import plain

    click.echo(json.dumps(plain(data), indent=2, ensure_ascii=False))
