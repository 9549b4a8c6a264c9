"""Searchers: which configuration a trial gets. Each is keyed by the trial's id, and may be asked in any order."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from rungwise.core.errors import InputError
from rungwise.core.protocols import Searcher
from rungwise.space import Space

NAMES = ("random", "grid")


def make(
    spec: str | Searcher,
    space: Space,
    seed: int,
    *,
    points: Sequence[Mapping[str, object]] = (),
    grid_points: int = 5,
) -> Searcher:
    """The searcher that `spec` names ("random" or "grid"), or `spec` itself, with the user's `points` tried first.

    A child gets its parent's configuration, moved a little, whichever searcher there is: `rungwise.searchers.perturb`.
    The grid has `grid_points` values per range, and starts after the given points: it leaves none of its own out. Under
    random search trial i gets the configuration it would have had without them: comparisons stay paired.

    Raises InputError for an unknown name, a seed below 0, a grid of less than one point, or a point that is not in the
    space.
    """
    from rungwise.searchers.perturb import Perturbed
    from rungwise.searchers.points import GivenPoints, listed

    listed(points)
    searcher = spec if not isinstance(spec, str) else _named(spec, space, seed, len(points), grid_points)
    if not callable(getattr(searcher, "suggest", None)):
        raise InputError(f"the searcher is {spec!r}, but must be one of {_known()}, or an object with a method suggest")
    return Perturbed(GivenPoints(points, searcher, space) if points else searcher, space, seed)


def _named(name: str, space: Space, seed: int, first: int, grid_points: int) -> Searcher:
    match name:
        case "random":
            from rungwise.searchers.random import RandomSearch

            return RandomSearch(space, seed)
        case "grid":
            from rungwise.searchers.grid import GridSearch

            return GridSearch(space, grid_points, first=first)
        case _:
            near = get_close_matches(name, NAMES, n=1)
            meant = f", did you mean {near[0]!r}?" if near else ""
            raise InputError(f"the searcher is {name!r}, but must be one of {_known()}{meant}")


def _known() -> str:
    return ", ".join(map(repr, NAMES))
