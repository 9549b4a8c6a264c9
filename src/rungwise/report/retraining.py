"""What became of the winners that were trained again."""

from typing import TYPE_CHECKING

from rungwise.report.printing import line, paragraph
from rungwise.report.text import clean, number, settings

if TYPE_CHECKING:
    from rich.console import Console

    from rungwise.api.retrain import Candidate, Retrained


def retraining(outcome: "Retrained") -> list[str]:
    """One line a candidate, then the one to take, with everything it reported last."""
    spec = outcome.experiment.spec
    lines = [_fate(candidate, spec.metric) for candidate in outcome.candidates]
    chosen = outcome.chosen
    reported = ", ".join(f"{clean(name)} {number(value)}" for name, value in chosen.metrics.items())
    lines.append(f"Take trial {chosen.trial}, after {spec.max_resource} {spec.unit}: {reported}")
    lines.append(settings(chosen.config))
    if not outcome.held:
        lines.append("None of those tried kept what tuning saw; this is the best of them. Try more with --top, or tune"
                     " with a larger --min-resource.")  # fmt: skip
    if outcome.checkpoint is not None:
        lines.append(f"Its final checkpoint is in {outcome.checkpoint}")
    return lines


def print_retraining(outcome: "Retrained", console: "Console") -> None:
    """Print the outcome of a retraining."""
    for number_, text in enumerate(retraining(outcome)):
        if number_ < len(outcome.candidates):
            line(console, text)
        else:
            paragraph(console, text, "bold" if text.startswith("Take") else "")


def _fate(candidate: "Candidate", metric: str) -> str:
    saw = f"trial {candidate.trial}: tuning saw {clean(metric)} {number(candidate.expected)}, "
    match candidate.verdict:
        case "kept":
            return f"{saw}retrained it ends at {number(candidate.final)}: it holds"
        case "fell short":
            return f"{saw}retrained it ends at {number(candidate.final)}: it falls short, so the next one is tried"
        case "diverged":
            return f"{saw}retrained it diverges, so the next one is tried"
        case "failed":
            return f"{saw}retraining it fails, so the next one is tried"
        case None:
            return f"{saw}its retraining was cut short"
