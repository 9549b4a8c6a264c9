"""What a forked tuner does, and how it tells of what it has seen written.

It tells lines: "+" and a record that an observer has seen, so that the log must hold it for ever; "!" and a number of
pages of the log that are not on the disk; "=" and the outcome, as JSON, once it has one.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import rungwise as rw
from faults import trainings
from faults.settings import NAME, STORE, Setting
from faults.simulated import go_on_simulated, simulate
from faults.syncing import can_tell, dirty_pages
from rungwise.core.records import Record
from rungwise.store import ExperimentLog

HERE = Path(__file__).parent
PLAIN = [sys.executable, "-S", "-E", str(HERE / "plain.py")]
RETRIES = 1000  # the workers that die here do so by no fault of their training


def warm_up() -> None:
    """Import what every tuner needs, once for all of them."""
    import ConfigSpace  # noqa: F401

    for name in ("tune", "resume", "replay", "Experiment", "simulate"):
        getattr(rw, name)


def run(task: str, told: int, arguments: dict[str, Any]) -> None:
    """Carry out a task in this process."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    setting = Setting(**arguments["setting"])
    strike(told, **arguments["strike"])
    watch = partial(watching, told)
    try:
        match task, setting.training:
            case "tune", "simulated":
                done = simulate(setting, partial(acknowledge, told))
            case "resume", "simulated":
                done = go_on_simulated(partial(acknowledge, told))
            case "tune", _:
                done = tune(setting, watch)
            case _:
                done = rw.resume(NAME, store=STORE, watch=watch)
    except (rw.RungwiseError, KeyboardInterrupt) as error:
        tell(told, f"={json.dumps({'error': type(error).__name__, 'sentence': str(error)})}\n")
        return
    best = done.best
    tell(told, f"={json.dumps({'trial': best.trial, 'value': best.value, 'resource': best.resource})}\n")


def tune(setting: Setting, watch: Callable[..., Any]) -> rw.Experiment:
    """Begin an experiment with real trials."""
    train: Any = {"script": str(HERE / "scripted.py"), "plain": PLAIN}.get(setting.training, trainings.train)
    return rw.tune(
        train, trainings.SPACE, metric=trainings.METRIC, mode="min", max_resource=setting.max_resource,
        scheduler=setting.scheduler, trials=setting.trials, workers=setting.workers, seed=setting.seed, name=NAME,
        store=STORE, reuse_workers=setting.training == "warm", config_as="json", watch=watch, max_retries=RETRIES,
        max_failures=None, checkpoint_every=setting.checkpoint_every,
    )  # fmt: skip


def tell(told: int, text: str) -> None:
    """Write a line, or some, whole."""
    data = text.encode()
    while data:
        data = data[os.write(told, data) :]


def acknowledge(told: int, records: Sequence[Record]) -> None:
    """An observer: tell of records that are in the log."""
    tell(told, "".join(f"+{record!r}\n" for record in records))


@contextmanager
def watching(told: int, *_: object) -> Iterator[Callable[[Sequence[Record]], None]]:
    """`acknowledge`, as `tune` takes it."""
    yield partial(acknowledge, told)


def strike(told: int, *, before: int = 0, after: int = 0, clock: float = 0.0, synced: bool = False) -> None:
    """Let faults strike from inside: death right before or after the log is written for the n-th time, a wrong clock.

    With `synced` it is told ("!") how many pages of the log's files a power loss would take after each writing.
    """
    if clock:
        real = time.time
        shift = iter(range(1_000_000_000))
        time.time = lambda: real() + clock * (-1) ** next(shift)
    synced = synced and can_tell(Path())
    if not (before or after or synced):
        return
    append = ExperimentLog.append
    written = 0

    def counted(log: ExperimentLog, records: Sequence[Record]) -> None:
        nonlocal written
        written += 1
        if written == before:
            os.kill(os.getpid(), signal.SIGKILL)
        append(log, records)
        if written == after:
            os.kill(os.getpid(), signal.SIGKILL)
        if synced and (pages := dirty_pages(Path(f"{STORE}-wal"))):
            tell(told, f"!{pages}\n")

    ExperimentLog.append = counted  # type: ignore[method-assign]
