"""What is left to try of a finite space: for every searcher that repeats nothing."""

from collections.abc import Callable, Hashable, Iterator, Set
from itertools import islice
from typing import TYPE_CHECKING

from rungwise.core.commands import Configuration
from rungwise.space import Space
from rungwise.space.domain import Scalar

if TYPE_CHECKING:
    import numpy as np

    from rungwise.space.compiled import Domain

Key = tuple[Scalar | None, ...]

# Composing one configuration costs about 10 µs: so many at the most are looked through for an untried one.
LOOKED_THROUGH = 100_000
COUNTED = 10_000
_DRAWN = 64


def key_of(space: Space, configuration: Configuration) -> Key:
    """What two configurations have in common if they are the same one."""
    return tuple(configuration.get(name) for name in space.names)


def counted(space: Space) -> int | None:
    """How many configurations a space has; None where there are infinitely many, or too many to count them at once."""
    import numpy as np

    size, document = space.size(), space.to_json()
    if size is None or size > COUNTED:
        return None
    if not document["conditions"] and not document["forbiddens"]:
        return size
    return sum(1 for _ in shuffled(space, np.random.SeedSequence(0)))


def untried(
    space: Space, had: Set[Hashable], key: Callable[[Configuration], Hashable], sequence: "np.random.SeedSequence"
) -> Configuration | None:
    """A configuration whose key is not in `had`, at random; None if a finite space has no more.

    Where the first so many of a space's configurations have all been tried, one of them comes again.
    """
    drawing, ordering = sequence.spawn(2)
    drawn = space.sample(drawing, _DRAWN if had else 1)
    for configuration in drawn:
        if key(configuration) not in had:
            return configuration
    size = space.size()
    if size is None:
        return drawn[0]
    for other in shuffled(space, ordering):
        if key(other) not in had:
            return other
    return None if size <= LOOKED_THROUGH else drawn[0]


def usual_or_untried(
    space: Space,
    usual: Configuration | None,
    had: Set[Hashable],
    key: Callable[[Configuration], Hashable],
    sequence: "np.random.SeedSequence",
) -> Configuration | None:
    """The usual configuration, if there is one and no trial has had it; else as `untried`."""
    return usual if usual is None or key(usual) not in had else untried(space, had, key, sequence)


def shuffled(space: Space, sequence: "np.random.SeedSequence") -> Iterator[dict[str, Scalar]]:
    """Every configuration of a finite space once, the values of each hyperparameter in a random order.

    The last hyperparameter goes round fastest. It ends after so many, forbidden ones counted.
    """
    return (each for each in islice(_walk(space, sequence), LOOKED_THROUGH) if each is not None)


def _walk(space: Space, sequence: "np.random.SeedSequence") -> Iterator[dict[str, Scalar] | None]:
    """All combinations in turn; None stands for a forbidden one."""
    import numpy as np

    random = np.random.Generator(np.random.PCG64(sequence))
    orders: dict[str, list[Scalar]] = {}
    path: list[int] = []
    counts: list[int] = []

    def choose(domain: "Domain") -> Scalar:
        order = orders.get(domain.name)
        if order is None:
            order = orders[domain.name] = _ordered(domain, random)
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


def _ordered(domain: "Domain", random: "np.random.Generator") -> list[Scalar]:
    """The values of a hyperparameter in a random order; of a wide range as many as will be looked through."""
    values = domain.choices or range(int(domain.bounds[0]), int(domain.bounds[1]) + 1)
    count = len(values)
    wide = count > LOOKED_THROUGH
    places = random.choice(count, LOOKED_THROUGH, replace=False) if wide else random.permutation(count)
    return [values[place] for place in places.tolist()]
