"""The short form of a space, translated into ConfigSpace's serialised form; no ConfigSpace needed."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from rungwise.core.errors import InputError
from rungwise.space.domain import DECIMALS, Scalar, fit, index_of, number, scalar, shown, unspelled
from rungwise.space.priors import on_choices, on_range
from rungwise.space.relations import conditions, forbidden

FORMAT = 0.4
_KEYS = {
    "range": ("range", "log", "prior", "default", "when"),
    "choices": ("choices", "ordered", "weights", "default", "when"),
}
_FORMS = (
    "a mapping with 'range' or 'choices', a list of choices, a tuple (low, high) or (low, high, 'log'), or a constant"
)
_LARGEST_INTEGER = 2**53
_LARGEST_FLOAT = 1e290


def translate(source: Mapping[Any, Any], *, quotes_lost: bool) -> dict[str, Any]:
    """The serialised form of a short-form space; InputError for whatever it cannot mean.

    `quotes_lost`: the mapping was parsed by others, so that text spelled like `1e-4` may have been a number.
    """
    specs = dict(source)
    clauses = _clauses(specs)
    items = [_item(name, spec, quotes_lost) for name, spec in specs.items()]
    if not items:
        raise InputError(
            "the search space is empty, but must have at least one hyperparameter such as lr: {range: [1e-4, 1.0]}"
        )
    domains = {item["name"]: item for item in items}
    whens = {name: spec["when"] for name, spec in specs.items() if isinstance(spec, Mapping) and "when" in spec}
    return {
        "name": None,
        "hyperparameters": items,
        "conditions": conditions(whens, domains),
        "forbiddens": forbidden(clauses, domains),
        "format_version": FORMAT,
    }


def _clauses(specs: dict[Any, Any]) -> list[Mapping[Any, Any]]:
    """Take the forbidden clauses out of the specs: a list of mappings, which no hyperparameter can be."""
    entry = specs.get("forbidden")
    if not isinstance(entry, list):
        return []
    kinds = {isinstance(clause, Mapping) for clause in entry}
    if kinds == {True, False}:
        raise InputError(
            "'forbidden' mixes mappings and values, but must be a list of mappings (clauses), or of values (choices)"
        )
    if kinds == {False}:
        return []
    return list(specs.pop("forbidden"))


def _item(name: object, spec: object, quotes_lost: bool) -> dict[str, Any]:
    if not isinstance(name, str) or not name:
        raise InputError(
            f"a hyperparameter of the search space is named {name!r}, but a name must be text (quote it in YAML)"
        )
    match spec:
        case Mapping():
            return _from_mapping(name, spec, quotes_lost)
        case tuple():
            if len(spec) not in (2, 3) or spec[2:] not in ((), ("log",)):
                raise InputError(
                    f"hyperparameter {name!r} is {shown(spec)}, but a tuple must be (low, high) or (low, high, 'log')"
                )
            return _range(name, spec[:2], len(spec) == 3)
        case [low, high, "log"] if all(isinstance(unspelled(each), int | float) for each in (low, high)):
            raise InputError(
                f"hyperparameter {name!r} is {shown(spec)}, a list and so three choices: for what lies between, write"
                f" {{range: [{low}, {high}], log: true}} or, in Python, a tuple"
            )
        case list():
            return _choices(name, spec, False, quotes_lost)
        case bool() | int() | float() | str():
            value = unspelled(spec) if quotes_lost else spec
            return {"type": "constant", "name": name, "value": scalar(value, f"hyperparameter {name!r}")}
        case _:
            raise InputError(f"hyperparameter {name!r} is {shown(spec)} ({type(spec).__name__}), but must be {_FORMS}")


def _from_mapping(name: str, spec: Mapping[Any, Any], quotes_lost: bool) -> dict[str, Any]:
    forms = [form for form in _KEYS if form in spec]
    if len(forms) == 2:
        raise InputError(f"hyperparameter {name!r} has both 'range' and 'choices', but must have one of them")
    allowed = _KEYS[forms[0]] if forms else tuple(dict.fromkeys(_KEYS["range"] + _KEYS["choices"]))
    for key in spec:
        if key not in allowed:
            raise InputError(
                f"hyperparameter {name!r} has the unknown key {key!r}{_nearest(key, allowed)}{_hint(name)}"
            )
    if not forms:
        raise InputError(f"hyperparameter {name!r} has keys {sorted(spec)}, but must have 'range' or 'choices'")
    if forms == ["range"]:
        item = _range(name, spec["range"], _flag(name, spec, "log"))
        item = on_range(item, spec["prior"]) if "prior" in spec else item
    else:
        item = _choices(name, spec["choices"], _flag(name, spec, "ordered"), quotes_lost)
        item = on_choices(item, spec["weights"]) if "weights" in spec else item
    if "default" in spec:
        item["default_value"] = fit(item, spec["default"], f"the default of hyperparameter {name!r}")
    return item


def _hint(name: str) -> str:
    return " (forbidden combinations are a list of mappings)" if name == "forbidden" else ""


def _nearest(key: object, allowed: Sequence[str]) -> str:
    near = get_close_matches(str(key), allowed, n=1)
    return f", did you mean {near[0]!r}?" if near else f", but may have {', '.join(allowed)}"


def _flag(name: str, spec: Mapping[Any, Any], key: str) -> bool:
    flag = spec.get(key, False)
    if not isinstance(flag, bool):
        raise InputError(f"{key!r} of hyperparameter {name!r} is {shown(flag)}, but must be true or false")
    return flag


def _range(name: str, bounds: object, log: bool) -> dict[str, Any]:
    what = f"the range of hyperparameter {name!r}"
    if not isinstance(bounds, list | tuple) or len(bounds) != 2:
        raise InputError(f"{what} is {shown(bounds)}, but must be two numbers [low, high]")
    low, high = (number(bound, f"a bound of {what}") for bound in bounds)
    integer = isinstance(low, int) and isinstance(high, int)
    largest = _LARGEST_INTEGER if integer else _LARGEST_FLOAT
    if max(abs(low), abs(high)) > largest:
        raise InputError(f"{what} is {[low, high]}, but its bounds must lie within {largest} of 0")
    if not integer:
        low, high = round(float(low), DECIMALS), round(float(high), DECIMALS)
    if low >= high:
        raise InputError(f"{what} is {list(bounds)}, but its low bound must be below its high bound")
    if log and low <= 0:
        raise InputError(f"{what} is {list(bounds)} on a log scale, but must then start above 0 (at 1e-13 or more)")
    return {
        "type": "uniform_int" if integer else "uniform_float",
        "name": name,
        "lower": low,
        "upper": high,
        "log": log,
    }


def _choices(name: str, given: object, ordered: bool, quotes_lost: bool) -> dict[str, Any]:
    what = f"the choices of hyperparameter {name!r}"
    if not isinstance(given, list | tuple | range):
        raise InputError(f"{what} are {shown(given)}, but must be a list")
    if not given:
        raise InputError(f"{what} are empty, but there must be at least one")
    choices = [scalar(unspelled(choice) if quotes_lost else choice, f"one of {what}") for choice in given]
    for index, choice in enumerate(choices):
        if isinstance(choice, int) and abs(choice) > _LARGEST_INTEGER:
            raise InputError(f"one of {what} is {choice}, but whole numbers must lie within {_LARGEST_INTEGER} of 0")
        _refuse_repetition(what, choices[:index], choice)
    values = "sequence" if ordered else "choices"
    return {"type": "ordinal" if ordered else "categorical", "name": name, values: choices}


def _refuse_repetition(what: str, before: list[Scalar], choice: Scalar) -> None:
    if index_of(before, choice) is not None:
        raise InputError(f"{what} hold {choice!r} twice, but each must be there once")
    if choice in before:
        raise InputError(f"{what} hold {before[before.index(choice)]!r} and {choice!r}, which count as equal")
