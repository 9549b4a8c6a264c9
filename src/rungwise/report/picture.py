"""A picture of the ladder, for papers and READMEs: every trial's curve, the rungs, and what was not paid for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.report.summary import Summary, Winner, summarise
from rungwise.report.text import clean, counted, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg", ".pdf")
INCHES = (9.0, 5.4)
DOTS_PER_INCH = 160
LOW, HIGH = (0.70, 0.80, 0.88), (0.05, 0.19, 0.42)  # pale to dark blue: read by lightness, not by hue
WINNER = "#D55E00"  # vermilion, of Okabe and Ito's set for colour-blind readers
INK, FAINT = "#333333", "#8a8a8a"
ROOM_BELOW, ROOM_ABOVE = 0.04, 0.06


@dataclass(frozen=True, slots=True)
class _Curve:
    """A trial's reports in the metric's direction; NaN breaks the line. `rung` counts the rungs it reached."""

    trial: int
    resources: list[int]
    values: list[float]
    rung: int


def ladder_picture(
    name: str, spec: ExperimentSpec, records: Iterable[Record], path: str | Path, *, unit: str = "units"
) -> Path:
    """Draw an experiment's ladder into a PNG, SVG or PDF file, as the suffix of `path` says; gives the path back.

    Raises InputError for another suffix, a folder that is not there, records without a finite report, and where
    matplotlib is not installed; no file is left behind then.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise InputError(f"a picture cannot be written to {str(path)!r}: its name must end in .png, .svg or .pdf")
    if not target.parent.is_dir():
        raise InputError(f"a picture cannot be written to {str(path)!r}: there is no folder {str(target.parent)!r}")
    ledger, curves = _read(spec, records)
    if not any(isfinite(value) for curve in curves for value in curve.values):
        raise InputError(
            f"experiment {name!r} has no finite report of {spec.metric!r} to draw: see `rungwise show {name}`"
        )
    figure = _figure(summarise(name, spec, ledger), curves, unit)
    drawn = BytesIO()
    figure.savefig(drawn, format=target.suffix.lower()[1:], dpi=DOTS_PER_INCH)
    try:
        target.write_bytes(drawn.getvalue())
    except OSError as error:
        raise InputError(f"a picture cannot be written to {str(path)!r}: {error.strerror}") from error
    return target


def _read(spec: ExperimentSpec, records: Iterable[Record]) -> tuple[Ledger, list[_Curve]]:
    ledger = Ledger(spec.milestones)
    points: dict[int, tuple[list[int], list[float]]] = {}
    shown = spec.objective.shown
    for record in records:
        last = ledger.trials[record.trial].resource if _known(ledger, record) else 0
        if ledger.apply(record) and isinstance(record, TrialReported) and record.resource > last:
            resources, values = points.setdefault(record.trial, ([], []))
            resources.append(record.resource)
            values.append(shown(record.value) if isfinite(record.value) else float("nan"))
    curves = [_Curve(trial, *points[trial], ledger.trials[trial].rung) for trial in points]
    return ledger, sorted(curves, key=lambda curve: curve.rung)


def _known(ledger: Ledger, record: Record) -> bool:
    return isinstance(record, TrialReported) and record.trial in ledger.trials


def _figure(summary: Summary, curves: Sequence[_Curve], unit: str) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError("a picture needs matplotlib, which is not installed: `pip install 'rungwise[plot]'`") from error
    figure = Figure(figsize=INCHES, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    _frame(axes, summary, curves, unit)
    low, high = _range(summary, curves)
    axes.set_ylim(low, high)
    _rungs(axes, summary)
    _curves(axes, summary, curves)
    if summary.best is not None:
        _winner(axes, summary.best, curves)
    _words(figure, axes, summary, _beyond(curves, low, high), unit)
    return figure
