"""`rungwise regret`: which searcher finds good configurations for the same resource."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rungwise import __version__
from rungwise.cli.long import bar, cores, folder_of
from rungwise.cli.options import echo_json, json_option, need_matplotlib

if TYPE_CHECKING:
    from rungwise.comparison.contest import Contest, Held, Run
    from rungwise.comparison.traces import Trace
    from rungwise.core.limits import Stop

SEARCHERS = ("random", "evolution", "kde", "tpe")
SCHEDULERS = ("asha", "pasha", "hyperband")
PICTURE = "regret.png"
RUNS = "runs.jsonl"


@click.command()
@click.argument("tables", nargs=-1, required=True, metavar="TABLE…")
@click.option(
    "--searcher",
    "searchers",
    multiple=True,
    metavar="NAME[,OPTION=VALUE…]",
    help=f"One to compare with random search; may be repeated.  [default: {', '.join(SEARCHERS)}]",
)
@click.option(
    "--scheduler",
    "schedulers",
    multiple=True,
    metavar="NAME[,OPTION=VALUE…]",
    help=f"One to compare them with; may be repeated.  [default: {', '.join(SCHEDULERS)}]",
)
@click.option("--repetitions", default=15, show_default=True, metavar="N", help="Of every run.")
@click.option("--trials", default=100, show_default=True, metavar="N", help="Configurations in each.")
@click.option("--workers", default=4, show_default=True, metavar="N", help="Trials at once, in the simulation.")
@click.option("--eta", default=3, show_default=True, help="One of so many goes on from a rung.")
@click.option(
    "--stop",
    type=click.Choice(["drain", "instant"]),
    default="drain",
    show_default=True,
    help="After the last start; the PASHA paper's experiments ended at once.",
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of every random draw.")
@click.option("--jobs", type=int, metavar="N", help="Processes at once.  [default: one a core]")
@click.option(
    "-o", "--out", metavar="FOLDER", help=f"Write regret.md, regret.csv and {PICTURE} there, and keep the runs there."
)
@json_option
def regret(
    tables: tuple[str, ...],
    searchers: tuple[str, ...],
    schedulers: tuple[str, ...],
    repetitions: int,
    trials: int,
    workers: int,
    eta: int,
    stop: "Stop",
    seed: int,
    jobs: int | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Compare searchers on learning-curve tables: names, files, or patterns such as 'lcbench/*'.

    Every searcher runs with every scheduler on every table, and is looked at when the same resource is spent. With
    --out the runs are kept as they are done: the same command goes on from there, and so does one with another
    searcher.

    \b
    rungwise regret digits --searcher kde
    RUNGWISE_DATA=tables rungwise regret alexnet 'lcbench/*' --searcher evolution --searcher kde,min_points=8 -o results
    """
    from rungwise.benchmarks import matching, variants
    from rungwise.comparison.contest import Contest, hold
    from rungwise.comparison.kept import Kept
    from rungwise.comparison.repetitions import Setting

    if out is not None:
        need_matplotlib("picture needs")
    names = dict.fromkeys(name for pattern in tables for name in matching(pattern))
    setting = Setting(repetitions, trials, workers, seed, stop, cores() if jobs is None else jobs)
    contest = Contest(
        [variants(name) for name in names], schedulers or SCHEDULERS, searchers or SEARCHERS, setting, eta
    )
    folder = None if out is None else folder_of(out)
    kept = None if folder is None else Kept(folder / RUNS, contest, __version__)
    known = {} if kept is None else kept.read()
    if known:
        click.echo(f"{len(known)} of {len(contest.runs())} runs are taken from {Path(str(out)) / RUNS}", err=True)
    with _told(contest) as tell:

        def told(new: "Mapping[Run, Trace]", done: int, total: int) -> None:
            if kept is not None:
                kept.add(new)
            tell(new, done, total)

        held = hold(contest, known, told)
    _show(held, folder, as_json)


def _show(held: "Held", folder: Path | None, as_json: bool) -> None:
    """Print what came out, and write it where a folder is given."""
    from rungwise.cli.screen import screen
    from rungwise.comparison.beside import pairs
    from rungwise.comparison.regret import Regrets
    from rungwise.report.regret import csv_text, markdown, plain_pairs, plain_points, print_regrets

    regrets, beside = Regrets(held), pairs(held)
    if as_json:
        points = [*plain_points(regrets.overall), *plain_points(regrets.by_table)]
        echo_json({"points": points, "pairs": plain_pairs(beside)})
    else:
        print_regrets(regrets, beside, screen())
    if folder is not None:
        from rungwise.report.pictures.drawing import checked_target, save
        from rungwise.report.pictures.regret import regret_figure

        save([(checked_target(folder / PICTURE), regret_figure(regrets))])
        command = shlex.join(["rungwise", *sys.argv[1:]])
        (folder / "regret.md").write_text(markdown(regrets, beside, command, PICTURE), encoding="utf-8")
        (folder / "regret.csv").write_text(csv_text(regrets), encoding="utf-8")


@contextmanager
def _told(contest: "Contest") -> "Iterator[Callable[[Mapping[Run, Trace], int, int], None]]":
    """What is done, on standard error: a bar on a terminal, elsewhere a line for each repetition on a table."""
    with bar("runs") as shown:

        def tell(new: "Mapping[Run, Trace]", done: int, total: int) -> None:
            if shown is not None:
                shown(done, total)
                return
            first = next(iter(new))
            ends = (f"{run.scheduler} {run.searcher} {trace.regret():.3f}" for run, trace in new.items())
            click.echo(
                f"{done} of {total}: {first.table}, repetition {first.repetition + 1} of"
                f" {contest.setting.repetitions}; regret at the end: {', '.join(ends)}",
                err=True,
            )

        yield tell
