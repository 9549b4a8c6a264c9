"""Searchers against one another: every searcher with every scheduler on every table, each run once.

1. A suggestion is answered by the nearest row of the table (`rungwise.api.nearest`), random search's too.
2. A run goes on to its own end, with `trials` configurations; whatever is measured is cut from it afterwards.
3. Repetition r on a table has one seed, whichever the searcher and the scheduler: what is random is the same for all of
   them, so that differences are paired. Tables have seeds of their own, by name: which others there are plays no part.
4. Random search always takes part: it is what others are measured against.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any
from zlib import crc32

from rungwise.api.simulate import check_scheduler, simulate
from rungwise.benchmarks.spaces import space_of
from rungwise.benchmarks.table import Table
from rungwise.comparison.methods import Method, options_of, parse_method
from rungwise.comparison.repetitions import Setting, name_of, side_by_side
from rungwise.comparison.traces import Scale, Trace, traced
from rungwise.core.errors import InputError
from rungwise.core.seed import Purpose, sequence
from rungwise.schedulers.hyperband import hyperband_brackets
from rungwise.searchers import make, searcher_settings

BASELINE = "random"


@dataclass(frozen=True, slots=True)
class Run:
    """Which run it is: the table's name, scheduler and searcher as they were given, and the repetition, from 0."""

    table: str
    scheduler: str
    searcher: str
    repetition: int


@dataclass(frozen=True, slots=True)
class Contest:
    """What is run: tables, each given as its variants (one table measured with several seeds, which repetitions take in
    turn), schedulers as `parse_method` takes them, searchers likewise ("evolution,population=30").

    Raises InputError for a name, an option or a number that is not right, a scheduler that `simulate` would refuse, a
    table without configurations, with fewer rows than trials or without a scale for regret, and two of one name.
    """

    tables: Sequence[Sequence[Table]]
    schedulers: Sequence[str]
    searchers: Sequence[str]
    setting: Setting
    eta: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "searchers", tuple(dict.fromkeys((BASELINE, *self.searchers))))
        object.__setattr__(self, "schedulers", tuple(dict.fromkeys(self.schedulers)))
        names = self.names
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"two tables are called {name!r}, but each must have a name of its own")
        for variants in self.tables:
            table, trials = variants[0], self.setting.trials
            if trials > table.configurations:
                raise InputError(
                    f"trials is {trials}, but the table {table.name!r} holds {table.configurations} configurations: ask"
                    " for fewer"
                )
            for text in self.schedulers:
                check_scheduler(method(text, table, self.eta, trials, 0).scheduler(), table)
            for text in self.searchers:
                make(settings_of(text), space_of(table), 0)
            for variant in variants:
                Scale.of(variant)

    @property
    def names(self) -> list[str]:
        """The tables' names."""
        return [name_of(variants[0], len(variants)) for variants in self.tables]

    def runs(self) -> list[Run]:
        """All runs, table by table, repetition by repetition."""
        return [
            Run(name, scheduler, searcher, repetition)
            for name in self.names
            for repetition in range(self.setting.repetitions)
            for scheduler in self.schedulers
            for searcher in self.searchers
        ]


@dataclass(frozen=True, slots=True)
class _Task:
    """Runs of one repetition on one table: small enough to send to another process."""

    table: Table
    eta: int
    setting: Setting
    seed: int
    runs: Sequence[Run]


@dataclass(frozen=True, slots=True)
class Held:
    """A contest that was held: the traces of all its runs."""

    contest: Contest
    traces: Mapping[Run, Trace]

    def of(self, table: str, scheduler: str, searcher: str) -> list[Trace]:
        """The traces of all repetitions, in order."""
        count = self.contest.setting.repetitions
        return [self.traces[Run(table, scheduler, searcher, repetition)] for repetition in range(count)]


def hold(
    contest: Contest,
    known: Mapping[Run, Trace] | None = None,
    told: Callable[[Mapping[Run, Trace], int, int], None] | None = None,
) -> Held:
    """Carry out all runs; those whose traces are `known` already are not run again.

    `told` hears of the runs of each repetition as they are done, how many are done by then, and of how many.
    Raises InputError as `simulate` does.
    """
    runs = contest.runs()
    found = {run: known[run] for run in runs if known is not None and run in known}
    tasks = list(_tasks(contest, [run for run in runs if run not in found]))
    for place, traces in side_by_side(_carry_out, tasks, contest.setting.jobs):
        new = dict(zip(tasks[place].runs, traces, strict=True))
        found |= new
        if told is not None:
            told(new, len(found), len(runs))
    return Held(contest, {run: found[run] for run in runs})


def settings_of(searcher: str) -> dict[str, Any]:
    """A searcher's settings from its name and options; raises InputError where they are not right.

    >>> settings_of("evolution,population=30")
    {'name': 'evolution', 'population': 30}
    """
    return searcher_settings(options_of(searcher, "searcher", "population=30"))


def method(text: str, table: Table, eta: int, trials: int, seed: int) -> Method:
    """A scheduler for a run on a table: the ladder reaches as far as the table, and there is room for all trials.

    Brackets of Hyperband are repeated until they have room for all of them.
    """
    resources = {"min_resource": 1, "max_resource": table.units, "eta": eta}
    parsed = parse_method(text, resources, trials, seed)
    settings = parsed.settings
    if settings is None or settings["name"] != "hyperband" or "rounds" in settings:
        return parsed
    brackets = hyperband_brackets(parsed.scheduler().milestones, settings["eta"])
    room = sum(sizes[0] for _, sizes in brackets)
    return Method(parsed.name, {**settings, "rounds": ceil(trials / room)})


def _tasks(contest: Contest, runs: Sequence[Run]) -> Iterator[_Task]:
    by_name = dict(zip(contest.names, contest.tables, strict=True))
    together: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        together.setdefault((run.table, run.repetition), []).append(run)
    for (name, repetition), of_one in together.items():
        variants = by_name[name]
        key = sequence(contest.setting.seed, Purpose.REPETITION, crc32(name.encode()), repetition)
        variant, seed = variants[repetition % len(variants)], int(key.generate_state(1)[0])
        yield _Task(variant, contest.eta, contest.setting, seed, of_one)


def _carry_out(task: _Task) -> list[Trace]:
    scale = Scale.of(task.table)
    return [_trace(task, run, scale) for run in task.runs]


def _trace(task: _Task, run: Run, scale: Scale) -> Trace:
    setting = task.setting
    scheduler = method(run.scheduler, task.table, task.eta, setting.trials, task.seed).scheduler()
    simulated = simulate(
        task.table,
        scheduler,
        workers=setting.workers,
        stop=setting.stop,
        seed=task.seed,
        searcher=settings_of(run.searcher),
        trials=setting.trials,
    )
    return traced(simulated, task.table, scheduler, scale)
