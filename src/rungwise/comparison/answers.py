"""What would another scheduler have cost and found? The same configurations in the same order, from recorded curves."""

from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.benchmarks.table import Table, UnrecordedError
from rungwise.comparison.methods import Method
from rungwise.comparison.outcomes import Outcome, outcome
from rungwise.core.limits import Stop


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method would have come to; `unknown` says why nobody can tell, where its curves were not recorded."""

    method: Method
    outcome: Outcome | None
    unknown: str = ""


def what_if(table: Table, methods: Sequence[Method], *, workers: int, stop: Stop) -> list[Answer]:
    """Ask for each method; see `simulate` for the arguments and errors."""
    answers = []
    for method in methods:
        try:
            answers.append(Answer(method, outcome(table, method, workers, stop)))
        except UnrecordedError as error:
            answers.append(Answer(method, None, str(error)))
    return answers
