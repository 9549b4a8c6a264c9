"""Search spaces as Optuna's samplers see them, and the configurations of a finite space that are still untried.

1. A range is a float or int distribution with its bounds and its scale.
2. An ordinal is a whole number, the place of the value in the order: neighbours stay neighbours.
3. Other choices are categorical, a constant among them.
4. Conditions are not told: a hyperparameter is asked for only where it is active (define-by-run).
"""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError
from rungwise.space import Space
from rungwise.space.domain import Scalar, index_of, is_integer

if TYPE_CHECKING:
    import numpy as np
    from optuna import Trial
    from optuna.distributions import BaseDistribution

    from rungwise.space.compiled import Domain

# Composing one configuration costs about 10 µs: so many at the most are looked through for an untried one.
LOOKED_THROUGH = 100_000
_DRAWN = 64


class Axis:
    """One hyperparameter as Optuna sees it; `always` says that it has no conditions."""

    __slots__ = ("_domain", "_log", "_ordinal", "always", "distribution")

    def __init__(self, domain: "Domain") -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self._domain = domain
        self._log = bool(domain.item.get("log"))
        self._ordinal = domain.item["type"] == "ordinal"
        choices = domain.choices or []
        self.always = not domain.conditions
        self.distribution: BaseDistribution
        low, high = domain.bounds
        if self._ordinal:
            self.distribution = IntDistribution(0, len(choices) - 1)
        elif domain.choices is not None:
            self.distribution = CategoricalDistribution(domain.choices)
        elif is_integer(domain.item):
            self.distribution = IntDistribution(int(low), int(high), log=self._log)
        else:
            self.distribution = FloatDistribution(low, high, log=self._log)

    def ask(self, trial: "Trial") -> Scalar:
        """The value that the sampler chooses for this hyperparameter, as the domain holds it."""
        domain = self._domain
        name, choices, (low, high) = domain.name, domain.choices, domain.bounds
        if self._ordinal:
            assert choices is not None
            return choices[trial.suggest_int(name, 0, len(choices) - 1)]
        if choices is not None:
            chosen = trial.suggest_categorical(name, choices)
            assert chosen is not None
            return chosen
        if is_integer(domain.item):
            return int(trial.suggest_int(name, int(low), int(high), log=self._log))
        return min(max(float(trial.suggest_float(name, low, high, log=self._log)), low), high)

    def told(self, value: object) -> Scalar | None:
        """A value of the domain as Optuna is told it; None for one that the domain does not hold."""
        try:
            held = None if value is None else self._domain.fit(value, self._domain.name)
        except InputError:
            return None
        choices = self._domain.choices
        return index_of(choices, held) if self._ordinal and choices is not None and held is not None else held


def axes_of(space: Space) -> dict[str, Axis]:
    """Every hyperparameter of the space by name, in the order written."""
    from rungwise.space.compiled import Domain

    native = space.configuration_space()
    return {item["name"]: Axis(Domain(native, item)) for item in space.to_json()["hyperparameters"]}


def key_of(space: Space, configuration: Configuration) -> tuple[str, ...]:
    """What two configurations have in common if they are the same one."""
    return tuple(repr(configuration.get(name)) for name in space.names)


def untried(
    space: Space, tried: "set[tuple[str, ...]]", sequence: "np.random.SeedSequence"
) -> dict[str, Scalar] | None:
    """A configuration that is not in `tried`, at random; None if a finite space has no more.

    Where the first so many of a space's configurations have all been tried, one of them comes again.
    """
    drawing, ordering = sequence.spawn(2)
    drawn = space.sample(drawing, _DRAWN if tried else 1)
    for configuration in drawn:
        if key_of(space, configuration) not in tried:
            return configuration
    size = space.size()
    if size is None:
        return drawn[0]
    for other in islice(_shuffled(space, ordering), LOOKED_THROUGH):
        if other is not None and key_of(space, other) not in tried:
            return other
    return None if size <= LOOKED_THROUGH else drawn[0]


def _shuffled(space: Space, sequence: "np.random.SeedSequence") -> Iterator[dict[str, Scalar] | None]:
    """Every configuration of a finite space once, the values of each hyperparameter in a random order.

    The last hyperparameter goes round fastest; None stands for a forbidden combination.
    """
    import numpy as np

    random = np.random.Generator(np.random.PCG64(sequence))
    orders: dict[str, list[Scalar]] = {}
    path: list[int] = []
    counts: list[int] = []

    def choose(domain: "Domain") -> Scalar:
        order = orders.get(domain.name)
        if order is None:
            values = domain.choices or list(range(int(domain.bounds[0]), int(domain.bounds[1]) + 1))
            order = orders[domain.name] = [values[place] for place in random.permutation(len(values)).tolist()]
        depth = len(counts)
        counts.append(len(order))
        if depth == len(path):
            path.append(0)
        return order[path[depth]]

    while True:
        counts.clear()
        yield space.compose(choose)
        while path and path[-1] + 1 == counts[len(path) - 1]:
            path.pop()
        if not path:
            return
        path[-1] += 1
