"""Figures 1 to 5 of the PASHA paper (Bohdal et al. 2023), of any table: one simulated run, five pictures."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.api.simulate import Simulation, simulate
from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError
from rungwise.core.spec import ExperimentSpec
from rungwise.report.pictures.curves import all_figure, top_figure
from rungwise.report.pictures.drawing import checked_target, save
from rungwise.report.pictures.epsilon import epsilon_figure
from rungwise.report.pictures.ladder import ladder_figure
from rungwise.report.pictures.softranking import soft_ranking_figure
from rungwise.report.pictures.tracing import trace
from rungwise.schedulers.named import make_ranking, make_scheduler
from rungwise.schedulers.pasha import PASHA
from rungwise.schedulers.ranking import Auto, SoftRanking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = ("ladder", "soft-ranking", "top-three", "all-curves", "epsilon")


def draw_figures(
    table: Table,
    settings: Mapping[str, Any],
    folder: Path,
    *,
    stem: str,
    workers: int = 4,
    suffix: str = ".png",
) -> list[Path]:
    """Run PASHA over a table, trial i on row i, and draw what the paper's figures show; gives the five files.

    `settings` are those of `make_scheduler`. The files are `stem` and `-ladder`: every trial's curve, and what was not
    paid for; `-soft-ranking`: the last comparison of the top two rungs; `-top-three` and `-all-curves`: what the table
    holds; `-epsilon`: what passed as noise, over time. A table's note is printed in each.
    Raises InputError for settings that are not PASHA's, a file that cannot be written, a run without a finite report,
    and as `simulate` does; no file is written then.
    """
    targets = [checked_target(folder / f"{stem}-{figure}{suffix}") for figure in FIGURES]
    run = simulate(table, _pasha(settings), workers=workers)
    if run.best.trial is None:
        raise InputError(
            f"with {workers} workers no trial of the table {table.name!r} reports a finite {table.metric!r} before the"
            f" run ends, which is when trial {table.configurations} would start: there is nothing to draw"
        )
    save(list(zip(targets, _figures(table, settings, run, workers), strict=True)))
    return targets


def _pasha(settings: Mapping[str, Any]) -> PASHA:
    scheduler = make_scheduler(settings)
    if not isinstance(scheduler, PASHA):
        raise InputError(f"the figures show PASHA's ladder as it grows, but the scheduler is {settings['name']!r}")
    return scheduler


def _figures(table: Table, settings: Mapping[str, Any], run: Simulation, workers: int) -> "list[Figure]":
    """The figures in the order of their names."""
    chosen = settings.get("ranking", "auto")
    told = str(chosen if isinstance(chosen, str) else chosen["name"])
    soft = isinstance(make_ranking(chosen), Auto | SoftRanking)
    seen = trace(run.log, _pasha(settings))
    name, unit, note = table.name, table.unit, table.note
    return [
        ladder_figure(name, _spec(table, settings, workers), run.log, note=note),
        soft_ranking_figure(name, seen.compared, table.objective, unit, ranking=told, soft=soft, note=note),
        top_figure(table),
        all_figure(table),
        epsilon_figure(name, seen, table.metric, unit, ranking=told, soft=soft, note=note),
    ]


def _spec(table: Table, settings: Mapping[str, Any], workers: int) -> ExperimentSpec:
    """The experiment that the simulated run would have been."""
    return ExperimentSpec(
        metric=table.metric,
        mode=table.mode,
        milestones=_pasha(settings).milestones,
        scheduler=dict(settings),
        searcher={"name": "recorded"},
        space={},
        training={},
        trials=table.configurations,
        workers=workers,
        stop="instant",
        unit=table.unit,
    )
