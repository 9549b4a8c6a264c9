"""The one place where a metric becomes a value to be minimised, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from rungwise.core.errors import ContractError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Mode = Literal["min", "max"]
Values = TypeVar("Values", float, "NDArray[np.float64]")


@dataclass(frozen=True, slots=True)
class Objective:
    """The metric an experiment optimises, and the direction in which it is better.

    Raises InputError for a mode other than "min" or "max", or an empty metric.
    """

    metric: str
    mode: Mode

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise InputError(
                f"mode is {self.mode!r}, but must be 'min' or 'max': is a better {self.metric} smaller or larger?"
            )
        if not self.metric or not isinstance(self.metric, str):
            raise InputError(f"metric is {self.metric!r}, but must name a keyword that the training reports")

    def value(self, metrics: Mapping[str, float]) -> float:
        """The minimised value of a report; raises ContractError where the metric is missing."""
        if self.metric not in metrics:
            given = ", ".join(sorted(metrics)) or "nothing"
            raise ContractError(
                f"a report lacks the metric {self.metric!r} that the experiment tunes for; it holds {given}"
                " (see trial.report, or the experiment's metric)"
            )
        return self.shown(metrics[self.metric])

    def shown(self, value: Values) -> Values:
        """Minimised values as the user measures them, and the other way round (the map is its own inverse)."""
        return 0.0 - value if self.mode == "max" else value  # not -value: a plain 0.0 must not turn into -0.0
