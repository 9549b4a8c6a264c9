"""Repetitions: each tries other configurations of a table, or the same in another order, side by side on all cores."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar

from rungwise.benchmarks.table import Table
from rungwise.comparison.methods import Method
from rungwise.comparison.outcomes import Outcome, outcome
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.limits import Stop
from rungwise.core.seed import Purpose, sequence

Given = TypeVar("Given")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Setting:
    """How experiments are simulated: `trials` configurations of each table at most, `repetitions` times.

    Raises InputError for a number out of range.
    """

    repetitions: int = 15
    trials: int = 256
    workers: int = 4
    seed: int = 0
    stop: Stop = "instant"
    jobs: int = 1

    def __post_init__(self) -> None:
        for name, least in (("repetitions", 1), ("trials", 1), ("workers", 1), ("seed", 0), ("jobs", 1)):
            check_whole(name, getattr(self, name), least)


@dataclass(frozen=True, slots=True)
class _Task:
    """All methods on one sample of a table: small enough to send to another process."""

    table: Table
    methods: Sequence[Method]
    workers: int
    stop: Stop


def sample(variants: Sequence[Table], setting: Setting, repetition: int) -> Table:
    """The configurations of one repetition, in the order in which they are tried.

    `variants` are one table measured with several seeds: repetitions take them in turn, and change the order of
    configurations (random search without replacement) when all were used. Raises InputError where the table holds
    fewer configurations than asked for.
    """
    from numpy.random import default_rng

    table = variants[repetition % len(variants)]
    if setting.trials > table.configurations:
        raise InputError(
            f"trials is {setting.trials}, but the table {table.name!r} holds {table.configurations} configurations: ask"
            " for fewer"
        )
    key = sequence(setting.seed, Purpose.ORDER, repetition // len(variants))
    order = default_rng(key).permutation(table.configurations)[: setting.trials]
    return table.rows([int(row) for row in order])


def repeated(
    tables: Sequence[Sequence[Table]],
    methods: Sequence[Sequence[Method]],
    setting: Setting,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[list[Outcome]]]:
    """The outcomes [table][repetition][method] of every table's methods; `tables` hold the variants of each.

    `progress` is told how many of all the repetitions are done. Raises InputError as `sample` and `simulate` do.
    """
    places = [(t, r) for t in range(len(tables)) for r in range(setting.repetitions)]
    tasks = [
        _Task(sample(tables[t], setting, r), methods[t], setting.workers, setting.stop) for t, r in places
    ]  # all of them at once: a table that is too small is told before anything runs
    found: dict[int, list[Outcome]] = {}
    for place, outcomes in side_by_side(_carry_out, tasks, setting.jobs):
        found[place] = outcomes
        if progress is not None:
            progress(len(found), len(tasks))
    count = setting.repetitions
    return [[found[t * count + r] for r in range(count)] for t in range(len(tables))]


def name_of(table: Table, variants: int) -> str:
    """A table's name, without the seed where it is one of several variants."""
    return table.name.rpartition(", seed")[0] if variants > 1 else table.name


def side_by_side(work: Callable[[Given], Found], tasks: Sequence[Given], jobs: int) -> Iterator[tuple[int, Found]]:
    """The place of each task and what `work` makes of it, as they are done, on so many processes.

    `work` is a function of a module, so that another process finds it. What it raises ends the rest.
    """
    if jobs == 1 or len(tasks) <= 1:
        for place, task in enumerate(tasks):
            yield place, work(task)
        return
    with ProcessPoolExecutor(min(jobs, len(tasks)), get_context("forkserver")) as pool:
        places = {pool.submit(work, task): place for place, task in enumerate(tasks)}
        try:
            for done in as_completed(places):
                yield places[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _carry_out(task: _Task) -> list[Outcome]:
    return [outcome(task.table, method, task.workers, task.stop) for method in task.methods]
