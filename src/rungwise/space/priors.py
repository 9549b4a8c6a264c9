"""Priors: where in a range, or among choices, good values are expected. How the short form says it.

1. `prior: {mean: 0.01, spread: 3}` is a normal distribution within the range, on its scale. Two draws of three lie
   within one spread of the mean: mean - spread to mean + spread, and on a log scale, where the spread is a factor,
   mean / spread to mean * spread.
2. `prior: {alpha: 2, beta: 5}` is a beta distribution over the range, on its scale.
3. `weights:` of choices, a list in their order or a mapping, say how much likelier one is than another.
4. A prior shapes what is drawn at random, and where no default is given it gives that too: the mean, the beta's mode,
   the first of the likeliest choices. What belongs to the space, and what lies near what, it leaves as it is.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from math import inf, isclose, isfinite, log, nan
from typing import Any

from rungwise.core.errors import InputError
from rungwise.space.domain import DECIMALS, Item, Scalar, choices_of, fit, is_integer, named, number, shown

NARROWEST = 1e-6
"""A spread is at least this share of the range: below it the numbers of a draw would hardly differ."""
_FORMS = (("mean", "spread"), ("alpha", "beta"))


def on_range(item: dict[str, Any], prior: object) -> dict[str, Any]:
    """A range's item with its prior; InputError for one that it cannot have."""
    what = f"the prior of hyperparameter {item['name']!r}"
    if not isinstance(prior, Mapping):
        raise InputError(f"{what} is {shown(prior)}, but must be {{mean: …, spread: …}} or {{alpha: …, beta: …}}")
    form = next((each for each in _FORMS if set(each) & set(prior)), ())
    known = form or [key for each in _FORMS for key in each]
    for key in prior:
        if key not in known:
            near = get_close_matches(str(key), known, n=1)
            instead = f", did you mean {near[0]!r}?" if near else f"; it may have {' and '.join(known)}"
            raise InputError(f"{what} has the unknown key {key!r}{instead}")
    if set(form) != set(prior) or not form:
        raise InputError(f"{what} is {shown(dict(prior))}, but must be {{mean: …, spread: …}} or {{alpha: …, beta: …}}")
    first, second = (number(prior[key], f"{key!r} of {what}") for key in form)
    return _normal(item, what, first, second) if form[0] == "mean" else _beta(item, what, first, second)


def _normal(item: dict[str, Any], what: str, mean: float, spread: float) -> dict[str, Any]:
    low, high = item["lower"], item["upper"]
    if not low <= mean <= high:
        raise InputError(f"the mean of {what} is {mean}, but must lie in the range, from {low} to {high}")
    least, most = NARROWEST * (high - low), high - low
    if item["log"]:
        least, most = (high / low) ** NARROWEST, high / low
    if not least <= spread <= most:
        factor = "on a log scale is a factor, which" if item["log"] else "of a prior"
        raise InputError(f"the spread of {what} is {spread}, but {factor} must be from {least:.7g} to {most:.7g}")
    # ConfigSpace takes ln(lower + sigma) for the standard deviation on a log scale, whatever sign sigma then has.
    sigma = spread - low if item["log"] else spread
    found = {**item, "type": _typed("normal", item), "mu": float(mean), "sigma": round(float(sigma), DECIMALS)}
    meant = log(spread) / log(high / low) if item["log"] else spread / (high - low)
    if not isclose(width(found), meant, rel_tol=1e-3):
        raise InputError(
            f"{what} cannot be told to ConfigSpace exactly enough ({spread} beside {low}): count in other units"
        )
    return found


def _beta(item: dict[str, Any], what: str, alpha: float, beta: float) -> dict[str, Any]:
    for key, value in (("alpha", alpha), ("beta", beta)):
        if not 1 <= value <= 1 / NARROWEST:
            raise InputError(f"{key!r} of {what} is {value}, but must be from 1 to {1 / NARROWEST:.0f}")
    return {**item, "type": _typed("beta", item), "alpha": float(alpha), "beta": float(beta)}


def _typed(kind: str, item: Item) -> str:
    return f"{kind}_int" if is_integer(item) else f"{kind}_float"


def on_choices(item: dict[str, Any], weights: object) -> dict[str, Any]:
    """The item of choices with their weights; InputError for weights that it cannot have."""
    what = f"the weights of hyperparameter {item['name']!r}"
    choices = choices_of(item) or []
    if item["type"] == "ordinal":
        raise InputError(f"{what} are given, but choices that are ordered have none: leave out 'ordered' or 'weights'")
    if isinstance(weights, Mapping):
        by_choice = {fit(item, choice, f"a choice in {what}"): weight for choice, weight in weights.items()}
        if len(by_choice) < len(choices):
            raise InputError(f"{what} leave out {named(c for c in choices if c not in by_choice)}: give one to each")
        weights = [by_choice[choice] for choice in choices]
    if not isinstance(weights, list | tuple) or len(weights) != len(choices):
        raise InputError(f"{what} are {shown(weights)}, but must be a list of {len(choices)} numbers, or a mapping")
    found = [float(number(weight, f"one of {what}")) for weight in weights]
    for weight in found:
        if weight <= 0:
            raise InputError(f"one of {what} is {weight:g}, but must be above 0: leave out what is never to be tried")
    if not isfinite(sum(found)):
        raise InputError(f"{what} are {shown(weights)}, but their sum must be finite")
    return {**item, "weights": found}


def width(item: Item) -> float:
    """A normal distribution's standard deviation as a share of the range, as ConfigSpace 1.2 reckons it; NaN: none."""
    low, high, sigma = item["lower"], item["upper"], item["sigma"]
    if not item.get("log"):
        return float(sigma / (high - low))
    return abs(log(low + sigma)) / log(high / low) if low > 0 and 0 < low + sigma < inf else nan


def refuse_without_spread(document: Mapping[str, Any]) -> None:
    """Raise InputError for a normal distribution, in a document that others wrote, from which nothing can be drawn."""
    for item in document["hyperparameters"]:
        numbers = [item.get(key) for key in ("lower", "upper", "sigma")]
        if not item["type"].startswith("normal") or not all(isinstance(each, int | float) for each in numbers):
            continue  # what is no number is left for ConfigSpace to refuse
        if item["lower"] < item["upper"] and not width(item) > 0:
            rule = "lower + sigma must be above 0 and not 1: ConfigSpace takes its logarithm" if item.get("log") else ""
            raise InputError(
                f"hyperparameter {item['name']!r} has a normal distribution with sigma {item['sigma']} from"
                f" {item['lower']} to {item['upper']}, but {rule or 'sigma must be above 0'}"
            )


def is_prior(item: Item) -> bool:
    """Whether an item has a prior: it is not drawn evenly."""
    return str(item["type"]).startswith(("normal", "beta")) or item.get("weights") is not None


def even(item: Item, default: Scalar) -> dict[str, Any]:
    """An item that has a prior, without it; `default` is the default that it had."""
    kept = {key: value for key, value in item.items() if key not in ("mu", "sigma", "alpha", "beta", "weights")}
    kind = item["type"] if choices_of(item) is not None else _typed("uniform", item)
    return {**kept, "type": kind, "default_value": default}
