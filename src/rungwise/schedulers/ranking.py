"""When do two rungs rank alike? The ranking functions of PASHA (Bohdal et al. 2023, sections 4.1, 4.2, appendix C).

`agree(lower, upper)` takes the values (minimised) of the same trials in two rungs, as arrays of one shape [trials]; a
trial with NaN in either is not there yet, or diverged, and is left out. Fewer than two trials always agree.
Tied trials are ordered as the other rung orders them: a tie is never a swap.
"""

from dataclasses import dataclass
from numbers import Real
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rungwise.core.errors import InputError

Floats = NDArray[np.float64]


@runtime_checkable
class Ranking(Protocol):
    """Whether two rungs rank their common trials alike; write your own to plug it in."""

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether the two rungs rank the same trials alike."""
        ...


@runtime_checkable
class SoftRanking(Ranking, Protocol):
    """A ranking in which differences up to `tolerance(lower)` between lower-rung values pass as noise."""

    def tolerance(self, lower: Floats) -> float:
        """The difference that passes as noise."""
        ...


@dataclass(frozen=True, slots=True)
class Auto:
    """Soft ranking with epsilon estimated from noise: the percentile of distances between pairs that criss-cross.

    What it needs is every report, not two arrays: PASHA estimates epsilon (see `rungwise.schedulers.stability.noise`).
    """

    percentile: float = 90.0

    def __post_init__(self) -> None:
        _check_between("percentile", self.percentile, 0.0, 100.0)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Soft ranking with a given epsilon, in units of the metric (inclusive)."""

    epsilon: float

    def __post_init__(self) -> None:
        _check_between("epsilon", self.epsilon, 0.0, np.inf)

    def tolerance(self, lower: Floats) -> float:  # noqa: ARG002 - the same whatever the values
        """The given epsilon."""
        return self.epsilon

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether no trial moved by more than epsilon."""
        return _soft(self, lower, upper)


@dataclass(frozen=True, slots=True)
class Direct:
    """The exact ranking: any swap is a disagreement."""

    def tolerance(self, lower: Floats) -> float:  # noqa: ARG002 - the same whatever the values
        """Zero."""
        return 0.0

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether both rungs hold the same order."""
        return _soft(self, lower, upper)


@dataclass(frozen=True, slots=True)
class Sigma:
    """Soft ranking with epsilon = k population standard deviations of the lower rung's values."""

    k: float = 1.0

    def __post_init__(self) -> None:
        _check_between("k", self.k, 0.0, np.inf)

    def tolerance(self, lower: Floats) -> float:
        """k times the standard deviation."""
        return self.k * float(np.std(lower)) if len(lower) > 1 else 0.0

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether no trial moved by more than k standard deviations."""
        return _soft(self, lower, upper)


@dataclass(frozen=True, slots=True)
class MeanDistance:
    """Soft ranking with epsilon = the mean distance between two of the lower rung's values."""

    def tolerance(self, lower: Floats) -> float:
        """The mean over all pairs."""
        ordered = np.sort(lower)
        n = len(ordered)
        if n < 2:
            return 0.0
        return float((ordered * (2 * np.arange(n) - n + 1)).sum() / (n * (n - 1) / 2))

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether no trial moved by more than the mean distance."""
        return _soft(self, lower, upper)


@dataclass(frozen=True, slots=True)
class MedianDistance:
    """Soft ranking with epsilon = the median distance between two of the lower rung's values."""

    def tolerance(self, lower: Floats) -> float:
        """The median over all pairs."""
        if len(lower) < 2:
            return 0.0
        first, second = np.triu_indices(len(lower), 1)
        return float(np.median(np.abs(lower[first] - lower[second])))

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether no trial moved by more than the median distance."""
        return _soft(self, lower, upper)


@dataclass(frozen=True, slots=True)
class RBO:
    """Rank-biased overlap, truncated: (1-p)·Σ p^(d-1)·overlap_d; the mean of overlaps for p = 1.

    The rungs agree if it is at least `threshold`.
    """

    p: float = 0.5
    threshold: float = 0.5

    def __post_init__(self) -> None:
        _check_between("p", self.p, 0.0, 1.0)
        _check_between("threshold", self.threshold, 0.0, 1.0)

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether the overlap reaches the threshold."""
        low, up = common(lower, upper)
        n = len(low)
        if n < 2:
            return True
        seen_low, seen_up = np.zeros(n, bool), np.zeros(n, bool)
        overlaps, shared = np.empty(n), 0
        for depth, (a, b) in enumerate(zip(_order(low, up), _order(up, low), strict=True)):
            seen_low[a] = seen_up[b] = True
            shared += int(seen_up[a]) + int(seen_low[b]) - int(a == b)
            overlaps[depth] = shared / (depth + 1)
        if self.p == 1.0:
            return float(overlaps.mean()) >= self.threshold
        return float(((1 - self.p) * self.p ** np.arange(n) * overlaps).sum()) >= self.threshold


@dataclass(frozen=True, slots=True)
class RRR:
    """Reciprocal rank regret: Σ p^i·(f'_i - f_i)/|f_i| over Σ p^i; alike if <= threshold.

    f are the upper rung's values in their own order, f' the same in the lower rung's order.
    """

    p: float = 0.5
    threshold: float = 0.05

    def __post_init__(self) -> None:
        _check_between("p", self.p, 0.0, 1.0)
        _check_between("threshold", self.threshold, 0.0, np.inf)

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether the weighted regret stays within the threshold."""
        return _regret(lower, upper, self.p, absolute=False) <= self.threshold


@dataclass(frozen=True, slots=True)
class ARRR:
    """Absolute reciprocal rank regret: RRR over absolute regrets."""

    p: float = 0.5
    threshold: float = 0.05

    def __post_init__(self) -> None:
        _check_between("p", self.p, 0.0, 1.0)
        _check_between("threshold", self.threshold, 0.0, np.inf)

    def agree(self, lower: ArrayLike, upper: ArrayLike) -> bool:
        """Whether the weighted absolute regret stays within the threshold."""
        return _regret(lower, upper, self.p, absolute=True) <= self.threshold


def common(lower: ArrayLike, upper: ArrayLike) -> tuple[Floats, Floats]:
    """The values of the trials that have a finite one in both rungs; raises InputError where the shapes differ."""
    low, up = np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)
    if low.shape != up.shape or low.ndim != 1:
        raise InputError(
            f"agree() got shapes {low.shape} and {up.shape}, but needs two aligned arrays of one shape [trials]"
        )
    both = np.isfinite(low) & np.isfinite(up)
    return low[both], up[both]


def _order(values: Floats, other: Floats) -> NDArray[np.intp]:
    """Positions from best to worst, ties as the other rung has them, then by arrival."""
    return np.lexsort((other, values))


def _soft(ranking: SoftRanking, lower: ArrayLike, upper: ArrayLike) -> bool:
    low, up = common(lower, upper)
    if len(low) < 2:
        return True
    moved = np.abs(low[_order(up, low)] - np.sort(low)).max()
    return bool(moved <= ranking.tolerance(low))


def _regret(lower: ArrayLike, upper: ArrayLike, p: float, *, absolute: bool) -> float:
    low, up = common(lower, upper)
    if len(low) < 2:
        return 0.0
    best, found = np.sort(up), up[_order(low, up)]
    difference = np.abs(found - best) if absolute else found - best
    with np.errstate(divide="ignore", invalid="ignore"):
        regret = np.where(difference == 0, 0.0, difference / np.abs(best))
    weights = p ** np.arange(len(best))
    return float((weights * regret).sum() / weights.sum())


def _check_between(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= value <= high:
        raise InputError(
            f"{name} is {value!r}, but must be a number between {low:g} and {high:g} (see rungwise.schedulers.ranking)"
        )
