"""Observations as a Gaussian process takes them: which of them, at which inputs, and as which values."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rungwise.searchers.observations import Arrivals, Observations

if TYPE_CHECKING:
    from rungwise.searchers.codes import Array, Axis


def thinned(arrivals: Arrivals, most: int) -> Arrivals:
    """No more than so many: half of them of the trials that came furthest, best first, the rest evenly over all others.

    Whole curves tell how values change with the resource, the others which configurations are not worth it.
    """
    if len(arrivals) <= most:
        return arrivals
    furthest = np.zeros(int(arrivals.rows.max()) + 1, dtype=np.int64)
    np.maximum.at(furthest, arrivals.rows, arrivals.rungs)
    order = np.lexsort((arrivals.values, -furthest[arrivals.rows]))
    first, rest = order[: most // 2], np.sort(order[most // 2 :])
    spread = rest[np.linspace(0, len(rest) - 1, most - len(first)).round().astype(np.int64)]
    return arrivals[np.sort(np.concatenate([first, spread]))]


def normal_scores(values: "Array") -> "Array":
    """The quantiles of the standard normal at the ranks of the values, less half; equal values share their mean rank.

    >>> normal_scores(np.array([3.0, 1.0, np.inf, 1e300])).round(2).tolist()
    [-0.32, -1.15, 1.15, 0.32]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    shares = (np.cumsum(counts) - counts / 2) / len(values)
    scores: Array = np.array([NormalDist().inv_cdf(share) for share in shares.tolist()])[places]
    return scores


@dataclass(frozen=True, slots=True)
class Inputs:
    """How codes and rungs become inputs: the codes, inactive ones filled, then the resource.

    The resource is a share of the largest; with `per_rung` the number of the rung.
    """

    axes: "Sequence[Axis]"
    milestones: Sequence[int]
    per_rung: bool

    def of(self, codes: "Array", rungs: "NDArray[np.int64] | int") -> "Array":
        """Inputs (n, d + 1) of codes (n, d) at these rungs."""
        inactive = [0.5 if axis.ordered else axis.steps + 1.0 for axis in self.axes]
        places = np.broadcast_to(np.asarray(rungs), len(codes))
        shares = np.asarray(self.milestones, dtype=np.float64)[places] / self.milestones[-1]
        return np.column_stack([np.where(np.isnan(codes), inactive, codes), places if self.per_rung else shares])

    def observed(self, table: Observations, arrivals: Arrivals) -> "tuple[Array, Array]":
        """Inputs and values, (n, d + 1) and (n,), of some arrivals."""
        values = np.empty(len(arrivals))
        groups = np.unique(arrivals.rungs) if self.per_rung else [None]
        for rung in groups:
            chosen = slice(None) if rung is None else arrivals.rungs == rung
            values[chosen] = normal_scores(arrivals.values[chosen])
        return self.of(table.codes[arrivals.rows], arrivals.rungs), values
