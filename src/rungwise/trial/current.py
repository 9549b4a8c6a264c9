"""The trial that a script is: the tuner's if the tuner started it, else one run by hand."""

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rungwise.checkpoints.shipping import Shipped
from rungwise.core.errors import InputError
from rungwise.trial.channel import Channel
from rungwise.trial.environment import CHANNEL, CONFIG, LINE, START
from rungwise.trial.job import Job, Wish
from rungwise.trial.link import TunerLink
from rungwise.trial.ranks import Line
from rungwise.trial.trial import Trial


class HandLink:
    """Prints reports as plain lines; nobody asks for anything."""

    def report(self, resource: int, metrics: Mapping[str, float], *, saved: bool) -> None:  # noqa: ARG002
        """Print a report."""
        print(f"resource {resource}", *(f"{name} {value:.6g}" for name, value in metrics.items()), sep="  ", flush=True)

    def breach(self, sentence: str) -> None:
        """Say nothing: the error that follows does."""

    def refused(self, size: int) -> None:
        """Say nothing: no checkpoint is kept."""

    def full(self, resource: int, held: int) -> None:
        """Say nothing: no checkpoint is kept."""

    def kept(self, one: Shipped) -> None:
        """Say nothing: no checkpoint is kept."""

    def unkept(self, resource: int, sentence: str) -> None:
        """Say nothing: no checkpoint is kept."""

    def recorded(self) -> int:
        """Nothing: no checkpoint is kept."""
        return 0

    def wish(self) -> Wish | None:
        """Nothing."""
        return None


def current_trial(by_hand: Callable[[], tuple[Mapping[str, Any], int]]) -> Trial:
    """The trial that the tuner runs in this process, the same one however often it is asked for.

    Outside the tuner: a trial that trains once, with the configuration and to the resource that `by_hand` gives.
    Raises InputError where the tuner started this process and cannot be reached.
    """
    return tuned_trial() or trial_by_hand(*by_hand())


@cache
def tuned_trial() -> Trial | None:
    """The trial that the tuner started this process for, or None if it did not."""
    # Taken out of the environment, because the socket is this process's own: its children have no part in it.
    descriptor = os.environ.pop(CHANNEL, None)
    if descriptor is None:
        return None
    try:
        channel = Channel(socket.socket(fileno=int(descriptor)))
    except (ValueError, OSError):
        raise InputError(
            f"{CHANNEL} is {descriptor}, which is no open socket: the program that started this script closed it"
            " (let it pass its descriptors on, or let the tuner start the script itself)"
        ) from None
    os.set_inheritable(channel.fileno(), False)
    channel.send({"hello": os.getpid()})
    message = channel.receive()
    if message is None:
        raise InputError("the tuner that started this script is gone (start the script by hand, or tune it again)")
    config = json.loads(Path(os.environ[CONFIG]).read_text(encoding="utf-8"))
    line = os.environ.pop(LINE, None)
    place = None if line is None else Line(*map(int, line.split(",")))
    # What it goes on from may be older than what the tuner knew of (see `rungwise.trial.supply`).
    told = {**message["job"], "start": int(os.environ[START])}
    return Trial(Job(config=config, **told), TunerLink(channel), place)


def trial_by_hand(config: Mapping[str, Any], max_resource: int) -> Trial:
    """A trial that no tuner runs: it prints its reports and keeps no checkpoints.

    `torchrun`, or whatever else sets RANK and WORLD_SIZE, may run it in several processes: rank 0 prints.
    """
    rank, world_size = (os.environ.get(name, "") for name in ("RANK", "WORLD_SIZE"))
    ranked = rank.isdecimal() and world_size.isdecimal()
    job = Job(
        trial=0, config=config, seed=0, slots=int(world_size) if ranked else 1, start=0, milestone=max_resource,
        max_resource=max_resource, rank=int(rank) if ranked else 0, world_size=int(world_size) if ranked else 1,
    )  # fmt: skip
    if job.rank:
        return Trial(job, HandLink())
    print(
        f"rungwise: run by hand, outside the tuner: one training to resource {max_resource} with"
        f" {', '.join(f'{name}={value!r}' for name, value in config.items()) or 'an empty configuration'}",
        file=sys.stderr,
    )
    return Trial(job, HandLink())
