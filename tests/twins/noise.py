"""Epsilon over all pairs of full curves, computed anew on every report."""

from collections.abc import Mapping
from itertools import combinations
from math import isfinite

import numpy as np

Curve = Mapping[int, float]


def noisy_distance(one: Curve, other: Curve, top: int) -> float | None:
    """The distance of a pair at the highest resource that both have reported, if the pair criss-crosses up to there.

    Its order there must have been reversed at some earlier resource, and the same again at a still earlier one.
    """
    shared = sorted(resource for resource in one if resource in other and resource <= top)
    if not shared:
        return None
    highest = shared[-1]
    difference = one[highest] - other[highest]
    if difference == 0:
        return None
    same = [resource for resource in shared if (one[resource] - other[resource]) * difference > 0]
    reversed_ = [resource for resource in shared if (one[resource] - other[resource]) * difference < 0]
    if any(earliest < between for between in reversed_ for earliest in same):
        return abs(difference)
    return None


def noisy_distances(curves: Mapping[int, Curve], second: int, top: int) -> list[float]:
    """The distances of all noisy pairs among the trials with a report above `second`, up to `top`."""
    members = [curve for curve in curves.values() if any(second < resource <= top for resource in curve)]
    found = (noisy_distance(one, other, top) for one, other in combinations(members, 2))
    return [distance for distance in found if distance is not None]


class SlowNoise:
    """Epsilon starts at 0 and keeps its last value where no pair is noisy."""

    def __init__(self, percentile: float, second: int, top: int) -> None:
        self.percentile, self.second, self.top = percentile, second, top
        self.curves: dict[int, dict[int, float]] = {}
        self.epsilon = 0.0

    def report(self, trial: int, resource: int, value: float) -> None:
        if isfinite(value):
            self.curves.setdefault(trial, {})[resource] = value
        self.estimate()

    def move(self, second: int, top: int) -> None:
        self.second, self.top = second, top
        self.estimate()

    def estimate(self) -> None:
        found = noisy_distances(self.curves, self.second, self.top)
        if found:
            self.epsilon = float(np.percentile(found, self.percentile))
