"""When two rungs rank alike, as the paper says it: lists of groups. `lower` and `upper` map trials to finite values."""

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np

Values = Mapping[int, float]
Stable = Callable[[Values, Values], bool]


def ranked(values: Values, other: Values) -> list[int]:
    """Trials best first; those that tie stand as the other rung orders them."""
    return sorted(values, key=lambda trial: (values[trial], other[trial]))


def soft(lower: Values, upper: Values, epsilon: float) -> bool:
    """Whether the i-th trial of the upper rung lies in the i-th group of the lower rung, for every i."""
    groups = [
        {trial for trial in lower if abs(lower[leader] - lower[trial]) <= epsilon} for leader in ranked(lower, upper)
    ]
    return all(trial in group for trial, group in zip(ranked(upper, lower), groups, strict=True))


def distances(lower: Values) -> list[float]:
    return [abs(a - b) for a, b in combinations(lower.values(), 2)]


def direct(lower: Values, upper: Values) -> bool:
    return soft(lower, upper, 0.0)


def fixed(epsilon: float) -> Stable:
    return lambda lower, upper: soft(lower, upper, epsilon)


def sigma(k: float) -> Stable:
    return lambda lower, upper: soft(lower, upper, k * float(np.std(list(lower.values()))))


def mean(lower: Values, upper: Values) -> bool:
    return soft(lower, upper, float(np.mean(distances(lower))))


def median(lower: Values, upper: Values) -> bool:
    return soft(lower, upper, float(np.median(distances(lower))))


def overlap(p: float, lower: Values, upper: Values) -> float:
    """RBO, truncated: (1-p)·Σ p^(d-1)·overlap at depth d; the plain mean of the overlaps where p = 1."""
    first, second = ranked(lower, upper), ranked(upper, lower)
    overlaps = [len(set(first[:depth]) & set(second[:depth])) / depth for depth in range(1, len(first) + 1)]
    if p == 1:
        return sum(overlaps) / len(overlaps)
    return (1 - p) * sum(p**i * each for i, each in enumerate(overlaps))


def regret(p: float, lower: Values, upper: Values, *, absolute: bool) -> float:
    """Σ p^i·(f'_i - f_i)/|f_i| over Σ p^i: f the upper values in their own order, f' in the lower rung's order."""
    total = weights = 0.0
    for i, (own, theirs) in enumerate(zip(ranked(upper, lower), ranked(lower, upper), strict=True)):
        difference = (upper[theirs] - upper[own]) / abs(upper[own])
        total += p**i * (abs(difference) if absolute else difference)
        weights += p**i
    return total / weights


def rbo(p: float, threshold: float) -> Stable:
    return lambda lower, upper: overlap(p, lower, upper) >= threshold


def rrr(p: float, threshold: float) -> Stable:
    return lambda lower, upper: regret(p, lower, upper, absolute=False) <= threshold


def arrr(p: float, threshold: float) -> Stable:
    return lambda lower, upper: regret(p, lower, upper, absolute=True) <= threshold
