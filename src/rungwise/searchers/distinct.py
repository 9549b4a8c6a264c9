"""Random search that repeats nothing: in a finite space trial i gets the i-th distinct configuration of its draws.

1. The list of a space and a seed holds the draws of random search in their order, each configuration where it came
   first. When so many draws in a row have brought nothing new, what is left of the space follows, in an order that is
   drawn too.
2. Trial i gets place i of the list, and none where the list has ended: so it depends on the space, the seed and i
   alone, not on the scheduler, the workers or the order of asking.
3. Given points have come before. Where the list comes to one of them, it gives what stands at the place that the point
   took: so every other trial gets what it would have had without them. A point given twice takes one place.
4. Of a space too large to look through the list may end early: after it trial i gets draw i, a repeated one or not.
5. In a space without end nothing is looked at: trial i gets draw i.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.searchers.finite import LOOKED_THROUGH, Key, key_of, shuffled
from rungwise.searchers.random import RandomSearch
from rungwise.space import Space

if TYPE_CHECKING:
    import numpy as np

FRUITLESS = 512


class DistinctSearch:
    """The draws of `random` without repeats; `given` are the points that the first trials get.

    O(1) amortised over the trials; a trial far ahead is asked for at the price of all before it.
    """

    __slots__ = ("_first", "_found", "_given", "_random", "_rest", "_size", "_space")

    def __init__(self, random: RandomSearch, space: Space, seed: int, *, given: Sequence[Configuration] = ()) -> None:
        self._random = random
        self._space = space
        self._size = space.size()
        self._first = len(given)
        keys = dict.fromkeys(key_of(space, point) for point in given)
        self._given = {key: place for place, key in enumerate(keys)}
        self._found: list[Key] = []
        self._rest = self._listed(sequence(seed, Purpose.CONFIGURATION))

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's configuration; None once the space is exhausted, and for trials that get a given point."""
        if self._size is None:
            return self._random.suggest(history, request)
        if request.trial < self._first:
            return None
        key = self._at(request.trial - self._first + len(self._given))
        while key is not None and key in self._given:
            key = self._at(self._given[key])
        if key is not None:
            return {name: value for name, value in zip(self._space.names, key, strict=True) if value is not None}
        return None if self._size <= LOOKED_THROUGH else self._random.suggest(history, request)

    def _at(self, place: int) -> Key | None:
        while len(self._found) <= place:
            key = next(self._rest, None)
            if key is None:
                return None
            self._found.append(key)
        return self._found[place]

    def _listed(self, ordering: "np.random.SeedSequence") -> Iterator[Key]:
        seen: set[Key] = set()
        fruitless = 0
        for number in count():
            key = key_of(self._space, self._random.draw(number))
            if key not in seen:
                seen.add(key)
                yield key
                fruitless = 0
            elif len(seen) == self._size:
                return
            elif fruitless == FRUITLESS:
                break
            else:
                fruitless += 1
        for configuration in shuffled(self._space, ordering):
            key = key_of(self._space, configuration)
            if key not in seen:
                yield key
