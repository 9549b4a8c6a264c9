"""A keyed sample of pairs, for windows of so many trials that all pairs would cost too much.

1. It is for more than 512 members; up to there all pairs are compared.
2. Each pair is in the sample with the same probability p, an eighth at first. Whenever the number of members has grown
   by the square root of two, p is halved and half of the sample is dropped: there are always between 16,000 and
   32,000 pairs, and a member has the fewer, the more members there are.
3. Draws are keyed by the member, so that the same reports always lead to the same sample.
"""

from collections.abc import Iterator, Sequence
from math import log, sqrt

import numpy as np

from rungwise.schedulers.stability.pairs import RUNS, Exchange

EXACT = 512
KEY = 0x9A5A


class _Pair:
    """Two members that are compared: the runs of their order, its last sign (of the later one minus the earlier one),
    their distance while they are noisy, and the probability down to which the pair stays in the sample.
    """

    __slots__ = ("distance", "runs", "sign", "stays")

    def __init__(self, stays: float) -> None:
        self.stays = stays
        self.runs = 0
        self.sign = 0
        self.distance: float | None = None


class SampledPairs:
    """A sample of the pairs among numbered members: those of one member cost about 0.2 µs each on its report."""

    def __init__(self) -> None:
        self._partners: list[dict[int, _Pair]] = []
        self._reported: dict[int, dict[int, float]] = {}
        self._share = 0.125
        self._full = EXACT * sqrt(2.0)

    def enter(self) -> int:
        """One more member, with its sample of the earlier ones; its number."""
        member = len(self._partners)
        mine: dict[int, _Pair] = {}
        self._partners.append(mine)
        for other, stays in self._draws(member):
            mine[other] = self._partners[other][member] = _Pair(stays)
        return member

    def thin(self) -> Sequence[float]:
        """Drop half of the sample if the members have become too many; the distances of noisy pairs dropped."""
        if len(self._partners) < self._full:
            return ()
        self._share /= 2
        self._full *= sqrt(2.0)
        dropped: list[float] = []
        for member, partners in enumerate(self._partners):
            kept = {}
            for other, pair in partners.items():
                if pair.stays < self._share:
                    kept[other] = pair
                elif other < member and pair.distance is not None:
                    dropped.append(pair.distance)
            self._partners[member] = kept
        return dropped

    def meet(self, member: int, resource: int, value: float) -> Exchange:
        """A member reported; the distances of noisy pairs that this took away, and those that it brought."""
        reported = self._reported.setdefault(resource, {})
        removed: list[float] = []
        added: list[float] = []
        for other, pair in self._partners[member].items():
            theirs = reported.get(other)
            if theirs is None:
                continue
            sign = (value > theirs) - (value < theirs)
            if other > member:
                sign = -sign
            if sign and sign != pair.sign:
                pair.runs += 1
                pair.sign = sign
            if pair.runs < RUNS:
                continue
            if pair.distance is not None:
                removed.append(pair.distance)
            pair.distance = abs(value - theirs) if sign else None
            if pair.distance is not None:
                added.append(pair.distance)
        reported[member] = value
        return removed, added

    def noisy(self) -> Sequence[float]:
        """The distances of all noisy pairs in the sample."""
        return [
            pair.distance
            for member, partners in enumerate(self._partners)
            for other, pair in partners.items()
            if other < member and pair.distance is not None
        ]

    def _draws(self, member: int) -> Iterator[tuple[int, float]]:
        """The earlier members that a new one is compared with, and the probability down to which each pair stays.

        The gaps between them are geometric, so that drawing costs as much as there are of them, not of members.
        """
        draws = np.random.default_rng((KEY, member))
        base, other = log(1.0 - self._share), -1
        while True:
            for gap, stays in draws.random((32, 2)).tolist():
                other += 1 + int(log(1.0 - gap) / base)
                if other >= member:
                    return
                yield other, stays * self._share
