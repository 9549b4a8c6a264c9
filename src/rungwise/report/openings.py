"""Why rungs opened, or a gate rose: what the records hold of it, and the words for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.core.decisions import Divergence
from rungwise.core.ledger import Ledger
from rungwise.core.spec import ExperimentSpec
from rungwise.report.text import number


@dataclass(frozen=True, slots=True)
class Opening:
    """A rung that PASHA opened, or that GatedPASHA's `gate` rose to: at one and the same place the upper rung had
    pair[0] and the lower rung pair[1].

    `epsilon` is the difference that would have passed as noise, in units of the metric. None: the ranking function
    knows no such thing. `upper` and `lower` are the milestones of the rungs compared (None: not known). Where a gate
    rose because of one `trial`, this was worse on the upper rung than the `median` of the lower one; None: it had
    diverged.
    """

    milestone: int
    upper: int | None
    lower: int | None
    pair: tuple[int, int] | None
    epsilon: float | None
    gate: bool = False
    trial: int | None = None
    median: float | None = None


def openings_of(spec: ExperimentSpec, ledger: Ledger) -> tuple[Opening, ...]:
    """All of an experiment, in their order."""
    openings: list[Opening] = []
    milestones = spec.milestones
    for record in tuple(ledger.openings):
        reason, gate = record.reason, record.reason.seen is not None
        top = _place(milestones, record.milestone if reason.seen is None else reason.seen) + gate
        upper, lower = (milestones[top - 1], milestones[top - 2]) if top > 1 else (None, None)
        if isinstance(reason, Divergence):
            median = None if reason.median is None else spec.objective.shown(reason.median)
            openings.append(Opening(record.milestone, upper, lower, None, None, gate, reason.trial, median))
        else:
            openings.append(Opening(record.milestone, upper, lower, reason.pair, reason.epsilon, gate))
    return tuple(openings)


def _place(milestones: Sequence[int], milestone: int) -> int:
    return milestones.index(milestone) if milestone in milestones else 0


def opening_text(opening: Opening) -> str:
    """Why a rung opened, or a gate rose, in a sentence without its end; only what the record holds.

    >>> opening_text(Opening(27, 9, 3, (12, 31), 0.00314))
    'rung 9 ranked trial 12 where rung 3 ranked trial 31; differences up to 0.0031 passed as noise'
    >>> opening_text(Opening(27, 9, 3, None, None, gate=True, trial=12, median=0.5))
    'trial 12 was worse on rung 9 than the median of rung 3, 0.5000'
    """
    if opening.trial is not None:
        if opening.median is None:
            return f"trial {opening.trial} came to rung {opening.upper}, and had reported NaN or infinity"
        median = f"the median of rung {opening.lower}, {number(opening.median)}"
        return f"trial {opening.trial} was worse on rung {opening.upper} than {median}"
    upper = "the top rung" if opening.upper is None else f"rung {opening.upper}"
    lower = "the one below" if opening.lower is None else f"rung {opening.lower}"
    if opening.pair is None:
        return f"{upper} ranked its trials otherwise than {lower}"
    text = f"{upper} ranked trial {opening.pair[0]} where {lower} ranked trial {opening.pair[1]}"
    if opening.epsilon is None:
        return text
    if opening.epsilon == 0:
        return f"{text}; no difference passed as noise"
    return f"{text}; differences up to {number(opening.epsilon, 2, strip=True)} passed as noise"
