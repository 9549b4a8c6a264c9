"""Regularised evolution (Real et al. 2019, algorithm 1): the best of a few young trials, changed in one choice.

1. The population is the last so many trials that have a finite value on a rung; the older ones have died, however good.
2. As long as it is not complete, configurations are those of random search.
3. So many members, drawn at random, compete: who passed more rungs wins, then who has the better value on the highest,
   then the younger. A scheduler that promotes the better ones thereby rewards them twice.
4. The child is the winner with one active hyperparameter changed: a choice becomes another one, an ordered value a
   neighbour, a number is drawn near (a tenth of its range on its own scale, as a standard deviation). What that makes
   active is drawn, what it makes inactive is left out.
5. A configuration that some trial has already is tried again, and so is a forbidden one; after so many tries the trial
   gets that of random search.
6. Where repeats are not allowed, and in a finite space some trial has had that one too, another is drawn; where the
   space is exhausted there is none.
7. Every draw is keyed by the seed and the trial.
"""

from collections.abc import Iterator
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.ledger import TrialEntry
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.searchers.finite import Key, key_of, usual_or_untried
from rungwise.searchers.random import RandomSearch
from rungwise.space import Space
from rungwise.space.domain import Scalar, index_of

if TYPE_CHECKING:
    import numpy as np

    from rungwise.space.compiled import Domain

TRIES = 100
SPREAD = 0.1


class EvolutionSearch:
    """Aging evolution with a population of so many, and tournaments of `tournament` members.

    The paper's are 100 and 25, for 20,000 models; the defaults suit some hundred trials. Raises InputError for numbers
    that are not whole, a population below 2, or a tournament below 1.
    """

    __slots__ = ("_population", "_random", "_repeats", "_seed", "_space", "_tournament")

    def __init__(
        self, space: Space, seed: int, *, population: int = 20, tournament: int = 5, repeats: bool = True
    ) -> None:
        self._space = space
        self._seed = check_whole("seed", seed, 0)
        self._population = check_whole("population of the searcher 'evolution'", population, 2)
        self._tournament = check_whole("tournament of the searcher 'evolution'", tournament, 1)
        self._random = RandomSearch(space, seed)
        self._repeats = repeats or space.size() is None

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """A child of the population, or what random search gives the trial while there is none.

        O(population + trials without a value yet).
        """
        members = list(islice(_members(history, request.trial), self._population))
        if len(members) == self._population:
            child = self._child(history, members, request.trial)
            if child is not None:
                return child
        usual = self._random.suggest(history, request)
        return usual if self._repeats else self._new(usual, history, request.trial)

    def _new(self, usual: Configuration | None, history: History, trial: int) -> Configuration | None:
        """The usual configuration, or one drawn afresh where some trial has had it; None where all have been had."""

        def key(configuration: Configuration) -> Key:
            return key_of(self._space, configuration)

        had = {key(entry.configuration) for entry in history.trials.values()}
        return usual_or_untried(
            self._space, usual, had, key, sequence(self._seed, Purpose.SUGGESTION, trial).spawn(1)[0]
        )

    def _child(self, history: History, members: list[TrialEntry], trial: int) -> Configuration | None:
        import numpy as np

        random = np.random.RandomState(np.random.PCG64(sequence(self._seed, Purpose.SUGGESTION, trial)))
        for _ in range(TRIES):
            drawn = random.permutation(len(members))[: self._tournament]
            parent = min((members[place] for place in drawn), key=_rank).configuration
            child = self._mutant(parent, random)
            if child is not None and not any(child == other.configuration for other in history.trials.values()):
                return child
        return None

    def _mutant(self, parent: Configuration, random: "np.random.RandomState") -> Configuration | None:
        """The parent with one hyperparameter changed; None where that is forbidden, or changes nothing."""
        active = [name for name in self._space.names if name in parent]
        changed = active[random.randint(len(active))] if active else None

        def choose(domain: "Domain") -> Scalar:
            if domain.name not in parent:
                return domain.draw(random, 1)[1][0]
            value = domain.fit(parent[domain.name], domain.name)
            return _near(domain, value, random) if domain.name == changed else value

        child = self._space.compose(choose)
        return None if child == dict(parent) else child


def _members(history: History, before: int) -> Iterator[TrialEntry]:
    """Trials with a finite value on a rung, the youngest first, all of lower numbers."""
    for number in range(before - 1, -1, -1):
        entry = history.trials.get(number)
        if entry is not None and entry.levels and isfinite(entry.levels[-1]):
            yield entry


def _rank(entry: TrialEntry) -> tuple[int, float, int]:
    return (-entry.rung, entry.levels[-1], -entry.trial)


def _near(domain: "Domain", value: Scalar, random: "np.random.RandomState") -> Scalar:
    """Another value of a hyperparameter; the same where there is no other."""
    if domain.choices is None:
        return _moved(domain, value, random)
    place, last = index_of(domain.choices, value) or 0, len(domain.choices) - 1
    if not last:
        return value
    if domain.item["type"] == "ordinal":
        step = 1 if place == 0 or (place < last and random.randint(2)) else -1
        return domain.choices[place + step]
    other = random.randint(last)
    return domain.choices[other + (other >= place)]


def _moved(domain: "Domain", value: Scalar, random: "np.random.RandomState") -> Scalar:
    """A number near this one, on the scale that the space has for it (logarithmic or not)."""
    native = domain.hyperparameter
    unit = float(native.to_vector(value))
    for _ in range(TRIES):
        near = unit + SPREAD * random.standard_normal()
        if 0.0 <= near <= 1.0:
            found = domain.fit(native.to_value(near), domain.name)
            if found != value:
                return found
    return value
