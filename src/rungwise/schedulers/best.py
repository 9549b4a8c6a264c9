"""The best of a rung's entries, kept apart from the rest.

1. Entries rank by value, the earlier arrival first if tied; NaN, infinities and failures come last, count, and are
   never promoted.
2. A rule says how many of a rung's n entries may go on: `floor` the best n // eta (Li et al. 2020, algorithm 2);
   `quantile` those with a value at or below the linear quantile at r_k / r_(k+1), of two entries at least (what the
   PASHA experiments ran). In exact arithmetic that quantile admits the best (n-1)·r_k // r_(k+1) + 1, and their ties.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush, heappushpop
from math import inf
from typing import Literal, assert_never

from rungwise.core.errors import InputError

Rule = Literal["floor", "quantile"]
Quota = Callable[[int], int]


def check_rule(rule: object) -> None:
    """Raise InputError for an unknown rule, even where a ladder of one rung has no use for it."""
    if rule not in ("floor", "quantile"):
        raise InputError(f"rule is {rule!r}, but must be 'floor' or 'quantile' (see rungwise.schedulers.ASHA)")


def quota(rule: Rule, eta: int, milestones: Sequence[int], rung: int) -> Quota:
    """How many of a rung's n best entries may go on to the next."""
    match rule:
        case "floor":
            return lambda n: n // eta
        case "quantile":
            low, high = milestones[rung], milestones[rung + 1]
            return lambda n: (n - 1) * low // high + 1 if n > 1 else 0
        case _:
            assert_never(rule)


def quotas(rule: Rule, eta: int, milestones: Sequence[int]) -> list[Quota]:
    """The quota of every rung but the top one; raises InputError for an unknown rule."""
    check_rule(rule)
    return [quota(rule, eta, milestones, rung) for rung in range(len(milestones) - 1)]


def exactly(number: int) -> Quota:
    """So many, however many entries there are."""
    return lambda _: number


def at_least_one(admitted: Quota) -> Quota:
    """The same quota, but one where it would be none: who stops trials must let the first of a rung pass."""
    return lambda n: max(1, admitted(n))


class Best:
    """The best `quota(n)` of n entries, in two heaps: O(log n) to add, O(1) to ask.

    The quota never falls, and rises by one at most for an entry, unless another one is given.
    """

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._inside: list[tuple[float, int]] = []  # keys negated: the worst of the best on top
        self._outside: list[tuple[float, int]] = []
        self.size = 0

    def add(self, value: float) -> int:
        """Take an entry in; its arrival number."""
        arrival = self.size
        self.size += 1
        inside, outside = self._inside, self._outside
        if inside and -value > inside[0][0]:  # strictly better than the worst inside; a tie came later
            value_out, arrival_out = heappushpop(inside, (-value, -arrival))
            heappush(outside, (-value_out, -arrival_out))
        else:
            heappush(outside, (value, arrival))
        if len(inside) < self._quota(self.size):
            value_in, arrival_in = heappop(outside)
            heappush(inside, (-value_in, -arrival_in))
        return arrival

    def admit(self, quota: Quota) -> None:
        """From now on the best `quota(n)` are meant: O(log n) for each that this adds or leaves out."""
        self._quota = quota
        inside, outside = self._inside, self._outside
        most = min(quota(self.size), self.size)
        while len(inside) < most:
            value, arrival = heappop(outside)
            heappush(inside, (-value, -arrival))
        while len(inside) > most:
            value, arrival = heappop(inside)
            heappush(outside, (-value, -arrival))

    @property
    def threshold(self) -> tuple[float, int]:
        """Value and arrival of the worst entry among the best; (-inf, -1) where none is."""
        if not self._inside:
            return (-inf, -1)
        value, arrival = self._inside[0]
        return (-value, -arrival)

    def entries(self) -> Iterator[tuple[float, int]]:
        """Value and arrival of every entry, in no order."""
        for value, arrival in self._inside:
            yield -value, -arrival
        yield from self._outside
