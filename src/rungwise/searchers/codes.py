"""Codes: configurations as rows of numbers, for searchers that learn with a model.

One code per axis, NaN where it is inactive. A number's code is its place in its range, from 0 to 1, on the log scale
where the range has one; so is that of an ordered choice, whose places lie evenly. That of an unordered choice is its
place among the choices. What has only one value is no axis.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.space.domain import Scalar, choices_of, is_integer

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """One hyperparameter that varies. `steps` lie between its first value and its last (0: it is continuous).

    `low` and `high` are a range's bounds, or their logarithms where `logarithmic`; `places` are the places of choices.
    """

    name: str
    steps: int
    low: float
    high: float
    logarithmic: bool
    ordered: bool
    choices: tuple[Scalar, ...] = ()
    places: Mapping[tuple[bool, Scalar], int] | None = None

    def encode(self, value: object) -> float:
        """The value's code; NaN for one that the axis does not hold, a bound for a number beyond it."""
        if self.places is not None:
            place = self.places.get((isinstance(value, bool), value)) if isinstance(value, Scalar) else None
            if place is None:
                return nan
            return place / self.steps if self.ordered else float(place)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return nan
        if self.logarithmic:
            value = log(value) if value > 0 else self.low
        # Halves: the difference of two large numbers need not be finite. And 0.0, which -0.0 equals, has one form.
        return min(max((value / 2 - self.low / 2) / (self.high / 2 - self.low / 2), 0.0), 1.0) + 0.0

    def decode(self, code: float) -> Scalar:
        """The value of a code, the nearest where values have steps between them; bounds are met up to rounding."""
        if self.choices:
            return self.choices[round(code * self.steps) if self.ordered else int(code)]
        place = self.low * (1 - code) + self.high * code
        number = exp(place) if self.logarithmic else place
        return round(number) if self.steps else number

    def snap(self, codes: Array) -> Array:
        """The codes of the values nearest to `codes`."""
        if not self.steps or not self.ordered:
            return codes
        if not self.logarithmic:
            snapped: Array = np.rint(codes * self.steps) / self.steps
            return snapped
        span = self.high - self.low
        return np.clip((np.log(np.rint(np.exp(self.low + codes * span))) - self.low) / span, 0.0, 1.0)


def axes_of(hyperparameters: Sequence[Mapping[str, Any]]) -> list[Axis]:
    """The axes of a space, given the hyperparameters in its serialised form."""
    axes: list[Axis] = []
    for item in hyperparameters:
        choices = choices_of(item)
        if choices is not None:
            places = {(isinstance(choice, bool), choice): place for place, choice in enumerate(choices)}
            last, ordered = len(choices) - 1, item["type"] == "ordinal"
            if last:
                axes.append(Axis(item["name"], last, 0.0, float(last), False, ordered, tuple(choices), places))
            continue
        low, high, logarithmic = item["lower"], item["upper"], bool(item.get("log"))
        steps = int(high - low) if is_integer(item) else 0
        first, last_code = (log(low), log(high)) if logarithmic else (float(low), float(high))
        if first < last_code:
            axes.append(Axis(item["name"], steps, first, last_code, logarithmic, True))
    return axes
