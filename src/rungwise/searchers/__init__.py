"""Searchers: which configuration a trial gets. What each suggests follows from its seed and the log alone."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeGuard

from rungwise.core.checks import check_flag, check_whole
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError
from rungwise.core.past import Past
from rungwise.core.protocols import Searcher
from rungwise.space import Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "random": ("prior_decay", "repeats"),
    "grid": ("points",),
    "evolution": ("population", "tournament", "repeats"),
    "kde": ("min_points",),
    "gp": ("per_rung",),
    "tpe": (),
    "cmaes": (),
}
FLAGS = ("per_rung", "repeats")
NAMES = tuple(OPTIONS)
WARMED = ("kde", "gp")
"""Those that learn from trials of earlier experiments too: see `rungwise.searchers.past`."""
NOTHING = Past()


def searcher_settings(searcher: object) -> dict[str, Any]:
    """A searcher's name, or mapping of its name and options, as plain settings.

    Raises InputError for what is neither, a name or option that is not known, and options that are no whole numbers, or
    not true or false where there is a choice of two.

    >>> searcher_settings("random"), searcher_settings({"name": "grid", "points": 3})
    ({'name': 'random'}, {'name': 'grid', 'points': 3})
    """
    settings = dict(searcher) if isinstance(searcher, Mapping) else {"name": searcher}
    name = settings.get("name")
    if not isinstance(name, str) or name not in OPTIONS:
        near = get_close_matches(str(name), NAMES, n=1)
        meant = f", did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"the searcher is {name!r}, but must be one of {', '.join(map(repr, NAMES))}, such a name with options, a"
            f" sampler of Optuna's, or an object with a method suggest{meant}"
        )
    for key in settings:
        if key not in ("name", *OPTIONS[name]):
            options = ", ".join(OPTIONS[name]) or "none"
            raise InputError(f"the searcher {name!r} has no option {key!r}; its options are: {options}")
    return {key: value if key == "name" else _option(name, key, value) for key, value in settings.items()}


def _option(name: str, key: str, value: object) -> int | bool:
    what = f"{key} of the searcher {name!r}"
    return check_flag(what, value) if key in FLAGS else check_whole(what, value, 1)


def new_settings(searcher: object, *, repeats: bool) -> dict[str, Any]:
    """The settings of a new experiment, as `searcher_settings` gives them, and `repeats` where they do not say it.

    Whether a configuration of a finite space may come twice is written down since there is a choice: where it is not,
    in an older experiment, it may.

    >>> new_settings("random", repeats=False), new_settings("kde", repeats=False)
    ({'name': 'random', 'repeats': False}, {'name': 'kde'})
    """
    settings = searcher_settings(searcher)
    name = settings["name"]
    return {"name": name, "repeats": repeats, **settings} if "repeats" in OPTIONS[name] else settings


def make(
    searcher: "str | Mapping[str, Any] | Searcher | BaseSampler",
    space: Space,
    seed: int,
    *,
    points: Sequence[Mapping[str, object]] = (),
    past: Past = NOTHING,
) -> Searcher:
    """The searcher of a name, of settings or of a sampler of Optuna's, or the object itself; `points` are tried first.

    It sees the trials of `past` beside those of the history (see `rungwise.searchers.past`).

    A child gets its parent's configuration, moved a little, whichever searcher there is: `rungwise.searchers.perturb`.
    A grid has 5 values per range unless its option `points` says otherwise, and starts after the given points: it
    leaves none of its own out. Under random search trial i gets the configuration it would have had without them:
    comparisons stay paired. With `repeats` false in its settings nothing comes twice in a finite space, given points
    included (`rungwise.searchers.distinct`).

    Raises InputError for settings as `searcher_settings` does, a seed below 0, or a point that is not in the space.
    """
    from rungwise.searchers.perturb import Perturbed
    from rungwise.searchers.points import GivenPoints, checked

    given = checked(points, space)
    if suggests(searcher):
        made = searcher
    elif samples(searcher):
        from rungwise.searchers.optuna.samplers import OptunaSearch

        made = OptunaSearch(space, seed, searcher)
    else:
        made = _named(searcher_settings(searcher), space, seed, given)
    if past.trials:
        from rungwise.searchers.past import WarmStarted

        made = WarmStarted(made, past)
    return Perturbed(GivenPoints(given, made) if given else made, space, seed)


def suggests(searcher: object) -> TypeGuard[Searcher]:
    """Whether it is an object that suggests, rather than the name or the settings of one."""
    return callable(getattr(searcher, "suggest", None))


def samples(searcher: object) -> "TypeGuard[BaseSampler]":
    """Whether it is one of Optuna's samplers, or one of their kind."""
    return callable(getattr(searcher, "sample_independent", None))


def _named(settings: Mapping[str, Any], space: Space, seed: int, given: Sequence[Configuration]) -> Searcher:
    options = {key: value for key, value in settings.items() if key != "name"}
    match settings["name"]:
        case "random":
            from rungwise.searchers.random import RandomSearch

            random = RandomSearch(space, seed, prior_decay=options.get("prior_decay"))
            if options.get("repeats", True):
                return random
            from rungwise.searchers.distinct import DistinctSearch

            return DistinctSearch(random, space, seed, given=given)
        case "grid":
            from rungwise.searchers.grid import GridSearch

            return GridSearch(space, options.get("points", 5), first=len(given))
        case "evolution":
            from rungwise.searchers.evolution import EvolutionSearch

            return EvolutionSearch(space, seed, **options)
        case "kde":
            from rungwise.searchers.kde.search import KDESearch

            return KDESearch(space, seed, **options)
        case "gp":
            from rungwise.searchers.gp.search import GPSearch

            return GPSearch(space, seed, **options)
        case "tpe" | "cmaes" as name:
            from rungwise.searchers.optuna.samplers import OptunaSearch

            return OptunaSearch(space, seed, name)
        case other:
            raise AssertionError(f"{other!r} is in OPTIONS, but nothing makes it")
