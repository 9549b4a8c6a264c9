"""What a child gets (Jaderberg et al. 2017, sections 3 and 4): its parent's configuration, moved a little.

1. A request with a parent is answered here, any other by the wrapped searcher: so every searcher can serve every
   scheduler.
2. With probability 1/4 a hyperparameter is drawn afresh ("resample"). Else ("perturb") a number is multiplied by 0.8 or
   1.2 and kept within its range, a whole number going by 1 at least; an ordered value goes to a neighbour. Choices
   without an order have no neighbours: they are always drawn.
3. Conditions are judged as values are chosen: what becomes active is drawn, what becomes inactive is left out.
4. A forbidden outcome is tried again. After so many tries the child gets a configuration drawn at random.
5. Every draw is keyed by the seed and the child's number.
"""

from typing import TYPE_CHECKING

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History, Searcher, prepare
from rungwise.core.seed import Purpose, sequence
from rungwise.space import Space
from rungwise.space.domain import Scalar, index_of, is_integer

if TYPE_CHECKING:
    import numpy as np

    from rungwise.space.compiled import Domain

RESAMPLED = 0.25
FACTORS = (0.8, 1.2)
TRIES = 100


class Perturbed:
    """Configurations of children; every other one is asked of `then`."""

    __slots__ = ("_seed", "_space", "_then")

    def __init__(self, then: Searcher, space: Space, seed: int) -> None:
        """Raises InputError for a seed that is not a whole number of at least 0."""
        self._then = then
        self._space = space
        self._seed = check_whole("seed", seed, 0)

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The parent's configuration, moved; without a parent what `then` suggests."""
        if request.parent is None:
            return self._then.suggest(history, request)
        return perturbed(self._space, history.trials[request.parent].configuration, self._seed, request.trial)

    def prepare(self, history: History) -> None:
        """Let `then` think ahead."""
        prepare(self._then, history)


def perturbed(space: Space, parent: Configuration, seed: int, child: int) -> Configuration:
    """A configuration near `parent`, as rules 2 to 5 say. What the space does not know of is left as it is.

    Raises InputError if forbidden clauses leave nothing to draw.
    """
    import numpy as np

    moving, drawing = sequence(seed, Purpose.PERTURBATION, child).spawn(2)
    random = np.random.RandomState(np.random.PCG64(moving))
    found: Configuration | None = None
    for _ in range(TRIES):
        found = space.compose(lambda domain: _moved(domain, parent.get(domain.name), random))
        if found is not None:
            break
    else:
        (found,) = space.sample(drawing, 1)
    own = {name: value for name, value in parent.items() if name not in space.names}
    return {**found, **own}


def _moved(domain: "Domain", value: object, random: "np.random.RandomState") -> Scalar:
    """One hyperparameter's value for a child; `value` is the parent's (None: it was inactive there)."""
    held = _held(domain, value)
    if held is None or random.random_sample() < RESAMPLED:
        return domain.draw(random, 1)[1][0]
    up = bool(random.randint(2))
    if domain.choices is None:
        assert not isinstance(held, str)  # a range holds numbers
        return _scaled(domain, held, FACTORS[up])
    return _neighbour(domain.choices, held, up) if domain.item["type"] == "ordinal" else domain.draw(random, 1)[1][0]


def _held(domain: "Domain", value: object) -> Scalar | None:
    """The value as the domain holds it; None for one that it does not, which a searcher of the user's own may give."""
    try:
        return None if value is None else domain.fit(value, domain.name)
    except InputError:
        return None


def _scaled(domain: "Domain", value: float, factor: float) -> Scalar:
    low, high = domain.bounds
    moved = value * factor
    if not is_integer(domain.item):
        return float(min(max(moved, low), high))
    steps = round(moved) - value or (1 if factor > 1 else -1)
    return int(min(max(value + steps, low), high))


def _neighbour(choices: list[Scalar], value: Scalar, up: bool) -> Scalar:
    """The next value in the order, up or down; at an end the only one there is."""
    place, last = index_of(choices, value) or 0, len(choices) - 1
    up = place == 0 or (up and place < last)
    return choices[min(last, place + 1) if up else place - 1]
