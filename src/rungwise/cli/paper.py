"""`rungwise paper`: the experiments of the PASHA paper, on any table."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rungwise.cli.long import bar, cores, folder_of
from rungwise.cli.options import echo_json, json_option, need_matplotlib

if TYPE_CHECKING:
    from rungwise.benchmarks.table import Table
    from rungwise.comparison.paper import Comparison
    from rungwise.schedulers.best import Rule

PARTS = ("main", "epochs", "rankings", "eta", "percentile", "resource")


@click.command()
@click.argument("tables", nargs=-1, required=True, metavar="TABLE…")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Only this part; may be repeated.")
@click.option("--repetitions", default=15, show_default=True, metavar="N", help="Of every experiment.")
@click.option("--trials", default=256, show_default=True, metavar="N", help="Configurations in each.")
@click.option("--workers", default=4, show_default=True, metavar="N", help="Trials at once, in the simulation.")
@click.option("--min-resource", default=1, show_default=True, metavar="N", help="The lowest milestone.")
@click.option("--max-resource", type=int, metavar="N", help="The highest milestone.  [default: all the table holds]")
@click.option("--eta", default=3, show_default=True, help="One of so many goes on from a rung.")
@click.option(
    "--rule",
    type=click.Choice(["floor", "quantile"]),
    default="quantile",
    show_default=True,
    help="Who may be promoted; the paper's experiments ran the quantile.",
)
@click.option("--seed", default=0, show_default=True, metavar="N", help="Of the order of configurations.")
@click.option("--jobs", type=int, metavar="N", help="Processes at once.  [default: one a core]")
@click.option("-o", "--out", metavar="FOLDER", help="Write paper.md, paper.csv and each table's figures there.")
@click.option("--no-figures", is_flag=True, help="With --out: leave the figures out.")
@json_option
def paper(
    tables: tuple[str, ...],
    only: tuple[str, ...],
    repetitions: int,
    trials: int,
    workers: int,
    min_resource: int,
    max_resource: int | None,
    eta: int,
    rule: "Rule",
    seed: int,
    jobs: int | None,
    out: str | None,
    no_figures: bool,
    as_json: bool,
) -> None:
    """Run the PASHA paper's experiments on learning-curve tables: names, files, or patterns such as 'lcbench/*'.

    \b
    rungwise paper digits
    RUNGWISE_DATA=tables rungwise paper 'lcbench/*' --only main -o results
    """
    from rungwise.benchmarks import matching, variants
    from rungwise.cli.screen import screen
    from rungwise.comparison.paper import PARTS as EVERY
    from rungwise.comparison.paper import compare_as_in_the_paper
    from rungwise.comparison.repetitions import Setting, sample
    from rungwise.report.comparison import plain_rows, print_comparisons

    if out is not None and not no_figures:
        need_matplotlib("figures need", ", or add --no-figures")
    setting = Setting(repetitions, trials, workers, seed, jobs=cores() if jobs is None else jobs)
    loaded = [variants(name) for pattern in tables for name in matching(pattern)]
    with bar("repetitions") as progress:
        comparisons = compare_as_in_the_paper(
            loaded,
            [part for part in EVERY if not only or part in only],
            setting=setting,
            min_resource=min_resource,
            max_resource=max_resource,
            eta=eta,
            rule=rule,
            progress=progress,
        )
    if as_json:
        echo_json(list(plain_rows(comparisons)))
    else:
        print_comparisons(comparisons, screen())
    if out is not None:
        folder = folder_of(out)
        _write(folder, comparisons)
        if not no_figures:
            _draw(folder, comparisons, [sample(tried, setting, 0) for tried in loaded])


def _write(folder: Path, comparisons: "Sequence[Comparison]") -> None:
    """The page, with the command that makes it again, and the numbers."""
    from rungwise.report.comparison import csv_text, markdown

    command = shlex.join(["rungwise", *sys.argv[1:]])
    (folder / "paper.md").write_text(markdown(comparisons, command), encoding="utf-8")
    (folder / "paper.csv").write_text(csv_text(comparisons), encoding="utf-8")


def _draw(folder: Path, comparisons: "Sequence[Comparison]", samples: "Sequence[Table]") -> None:
    """The figures of each table, from the configurations of its first repetition."""
    from rungwise.comparison.paper import pasha
    from rungwise.report.pictures.figures import draw_figures

    for comparison, tried in zip(comparisons, samples, strict=True):
        settings = pasha(comparison.rungs).settings
        assert settings is not None  # only the random baseline has none
        stem = comparison.name.replace("/", "-")
        draw_figures(tried, settings, folder, stem=stem, workers=comparison.setting.workers)
