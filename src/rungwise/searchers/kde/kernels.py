"""Densities over configurations: product kernels, their bandwidths, and draws near points (Falkner et al. 2018).

A configuration is a row of codes (`rungwise.searchers.codes`).

Sums are made without linear algebra libraries: the same to the last bit, however many threads there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rungwise.searchers.codes import Array, Axis

NORMAL_REFERENCE = 1.06
LEAST_STEP = 0.25
WIDE = 0.5
# Kernels are added up so many at a time: larger arrays leave the processor's cache.
BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class Shape:
    """What kernels need to know of the axes: how many choices an unordered one has (0: another axis), the least
    bandwidths, and the largest.
    """

    choices: NDArray[np.int64]
    least: Array
    most: Array

    @classmethod
    def of(cls, axes: Sequence[Axis], least: float) -> "Shape":
        """The shape of some axes; no bandwidth is below `least`, nor below a quarter of the step of an ordered axis.

        Without that, where the good points agree on a whole number none near it would ever be proposed. The bandwidth
        of an unordered axis with k choices is at most (k - 1) / k: all are equally likely then.
        """
        counts = np.array([0 if axis.ordered else axis.steps + 1 for axis in axes], dtype=np.int64)
        steps = [LEAST_STEP / axis.steps if axis.ordered and axis.steps else 0.0 for axis in axes]
        most = np.array([1 - 1 / count if count else np.inf for count in counts.tolist()])
        return cls(counts, np.minimum(np.maximum(least, steps), most), most)


def bandwidths(points: Array, shape: Shape) -> Array:
    """Normal-reference bandwidths, 1.06 σ n^(-1/(4 + d)), of complete points, shape (n, d).

    For unordered choices with shares p, σ² is (1 - Σ p²)/2: that of the codes if there are two, and the same in
    whatever order the choices are written.
    """
    count, width = points.shape
    spread = points.std(axis=0)
    choosing = np.flatnonzero(shape.choices)
    if len(choosing):
        ends = np.cumsum(shape.choices[choosing])
        starts = ends - shape.choices[choosing]
        shares = np.bincount((points[:, choosing].astype(np.int64) + starts).ravel(), minlength=ends[-1]) / count
        spread[choosing] = np.sqrt(np.maximum(0.0, 1 - np.add.reduceat(shares * shares, starts)) / 2)
    found: Array = np.clip(NORMAL_REFERENCE * spread * count ** (-1 / (4 + width)), shape.least, shape.most)
    return found


class Density:
    """A mean of product kernels, one at each of `points`, shape (n, d), which must be complete.

    Gaussian for ordered axes; Aitchison and Aitken's for unordered ones with k choices: 1 - h at the point's own
    choice, h/(k - 1) at any other.
    """

    __slots__ = ("_choices", "_columns", "_constant", "_numbers", "bandwidths", "points")

    def __init__(self, points: Array, shape: Shape) -> None:
        self.points = points
        self.bandwidths = bandwidths(points, shape)
        self._numbers = np.flatnonzero(shape.choices == 0)
        self._columns = np.ascontiguousarray(points.T)
        self._constant = -log(len(points)) - float(np.log(self.bandwidths[self._numbers] * sqrt(2 * pi)).sum())
        choosing = np.flatnonzero(shape.choices)
        h, choices = self.bandwidths[choosing], shape.choices[choosing]
        self._constant += float(np.log(h / (choices - 1)).sum())
        weights = np.log((1 - h) * (choices - 1) / h)
        self._choices = list(zip(choosing.tolist(), choices.tolist(), weights.tolist(), strict=True))

    def log(self, at: Array) -> Array:
        """The logarithms of the density at some points, shape (m, d)."""
        widths = self.bandwidths[self._numbers]
        ours, theirs = self._columns[self._numbers] / widths[:, None], at[:, self._numbers] / widths
        squares = (ours * ours).sum(axis=0) / 2
        # Sums of choices alone have no differences of large numbers in them: single precision does, in half the time.
        kind: Any = np.float64 if len(ours) else np.float32
        kernels = [self._kernels(at[:, axis], axis, choices, kind(weight)) for axis, choices, weight in self._choices]
        found = np.empty(len(at))
        block = max(1, BLOCK // len(self.points))
        for start in range(0, len(at), block):
            rows = slice(start, start + block)
            if len(ours):
                # -|a - b|²/2 in bandwidths but for |a|²/2, the same for all points; einsum uses no such library.
                exponents = np.einsum("md,dn->mn", theirs[rows], ours) - squares
            else:
                exponents = np.zeros((len(theirs[rows]), len(squares)), dtype=kind)  # of which einsum is slow to tell
            gathered = np.empty_like(exponents)
            for table, places in kernels:
                exponents += np.take(table, places[rows], axis=0, out=gathered, mode="clip")
            most = exponents.max(axis=1)
            exponents -= most[:, None]
            found[rows] = most + np.log(np.exp(exponents, out=exponents).sum(axis=1))
        result: Array = found - (theirs * theirs).sum(axis=1) / 2 + self._constant
        return result

    def _kernels(self, codes: Array, axis: int, choices: int, weight: Any) -> tuple[Any, NDArray[np.int64]]:
        """The logarithms of an unordered axis' kernels at its choices, a row each, and the rows that `codes` need.

        Gathering rows takes half the time of comparing every pair of points.
        """
        if choices <= len(codes):
            needed, places = np.arange(choices), codes.astype(np.int64)
        else:
            needed, places = np.unique(codes, return_inverse=True)
        return (needed[:, None] == self._columns[axis]) * weight, places


def imputed(points: Array, shape: Shape, random: np.random.RandomState) -> Array:
    """The points with every NaN filled: with all that a random row has there which is active, else at random."""
    filled = points.copy()
    for axis in np.flatnonzero(np.isnan(points).any(axis=0)).tolist():
        rows = np.flatnonzero(np.isnan(filled[:, axis]))
        if not len(rows):
            continue
        donors = np.flatnonzero(~np.isnan(points[:, axis]))
        if len(donors):
            given = points[donors[random.randint(len(donors), size=len(rows))]]
            filled[rows] = np.where(np.isnan(filled[rows]), given, filled[rows])
        else:
            choices = int(shape.choices[axis])
            drawn = random.random_sample(len(rows))
            filled[rows, axis] = np.floor(drawn * choices) if choices else drawn
    return filled


def draws_near(density: Density, shape: Shape, factor: float, count: int, random: np.random.RandomState) -> Array:
    """`count` points, each near one of the density's own, shape (count, d).

    Numbers are drawn from a normal truncated to [0, 1], `factor` bandwidths wide; a choice is kept with probability 1
    less the bandwidth, else drawn among all.
    """
    found = density.points[random.randint(len(density.points), size=count)]
    numbers = np.flatnonzero(shape.choices == 0)
    found[:, numbers] = truncated(found[:, numbers], factor * density.bandwidths[numbers], random)
    choosing = np.flatnonzero(shape.choices)
    moves = random.random_sample((count, len(choosing))) < density.bandwidths[choosing]
    drawn = np.floor(random.random_sample((count, len(choosing))) * shape.choices[choosing])
    found[:, choosing] = np.where(moves, drawn, found[:, choosing])
    return found


def truncated(means: Array, deviations: Array, random: np.random.RandomState) -> Array:
    """Draws from normals truncated to [0, 1], by rejection: means in [0, 1], shape (m, d); deviations, shape (d,).

    Narrow ones draw from the normal itself, wide ones evenly: either way nearly half of the draws or more are taken.
    """
    shape = means.shape
    means, deviations = means.ravel(), np.tile(deviations, len(means))
    found = np.empty(len(means))
    waiting = np.arange(len(means))
    tries = 1
    while len(waiting):
        mean, deviation = means[waiting], deviations[waiting]
        drawn = mean + deviation * random.standard_normal((tries, len(waiting)))
        taken = (drawn >= 0) & (drawn <= 1)
        wide = np.flatnonzero(deviation > WIDE)
        if len(wide):
            even = random.random_sample((tries, len(wide)))
            likely = np.exp(-(((even - mean[wide]) / deviation[wide]) ** 2) / 2)
            drawn[:, wide] = even
            taken[:, wide] = random.random_sample(even.shape) < likely
        first = taken.argmax(axis=0)
        places = np.arange(len(waiting))
        found[waiting] = drawn[first, places]
        waiting = waiting[~taken[first, places]]
        tries = 8
    return found.reshape(shape)
