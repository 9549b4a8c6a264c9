"""`rungwise`: the group of commands, and how each of them ends."""

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import click

from rungwise import __version__
from rungwise.cli.compare import compare, record
from rungwise.cli.demo import demo
from rungwise.cli.look import best, list_experiments, replay, show
from rungwise.cli.paper import paper
from rungwise.cli.plan import plan
from rungwise.cli.profile import profile
from rungwise.cli.regret import regret
from rungwise.cli.retrain import retrain
from rungwise.cli.tune import resume, tune
from rungwise.core.errors import ContractError, InputError, ReplayError, RungwiseError, StorageError, StoreError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rungwise")
def rungwise() -> None:
    """Tune rung by rung; stop paying as soon as the ranking is settled."""


for command in (
    demo,
    tune,
    resume,
    list_experiments,
    show,
    best,
    replay,
    retrain,
    compare,
    record,
    paper,
    regret,
    profile,
    plan,
):
    rungwise.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0; 1 no winner, or suspended; 2 a mistake in the input;
    130 interrupted, 143 by SIGTERM.
    """
    signal.signal(signal.SIGTERM, terminate)
    sys.exit(run(arguments))


class Terminated(KeyboardInterrupt):
    """SIGTERM came while no experiment was under way that pauses for it."""

    signal = signal.SIGTERM


def terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - what signal.signal expects
    """End at once, but leave nothing half-made."""
    raise Terminated


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    try:
        code = rungwise.main(args=arguments, prog_name="rungwise", standalone_mode=False)
    except RungwiseError as error:
        click.echo(f"rungwise: {error}", err=True)
        # The others are no mistakes in the input: there is no winner to show or to retrain.
        return 2 if isinstance(error, InputError | ContractError | StoreError | StorageError | ReplayError) else 1
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 2
    except click.ClickException as error:
        click.echo(f"rungwise: {error.format_message()}", err=True)
        return 2
    except (KeyboardInterrupt, click.Abort) as interrupt:
        cause = interrupt.__cause__ or interrupt  # click turns every KeyboardInterrupt into an Abort
        click.echo(f"rungwise: {str(cause) or 'ended at once; what was recorded is kept'}", err=True)
        return 128 + getattr(cause, "signal", signal.SIGINT)
    except BrokenPipeError:  # the reader of our output has gone: `rungwise list | head -1`
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0
