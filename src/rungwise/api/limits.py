"""The limits of an experiment as people write them, turned into those of the core."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, TypeVar

from rungwise.api.checks import meant
from rungwise.api.quantities import seconds, units_or_seconds
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.limits import Limits
from rungwise.core.objective import Objective

Parsed = TypeVar("Parsed")
KEYS = ("time", "resource", "cost", "price_per_unit", "price_per_hour", "target", "patience", "then")


def parse_limits(given: object, objective: Objective) -> Limits:
    """The limits of a mapping with some of `KEYS`; raises InputError for others, and for values out of range.

    `target` is in the metric's own direction; `patience` is in units or, as text, a time.

    >>> parse_limits({"time": "8h", "target": 0.98}, Objective("accuracy", "max")).target
    -0.98
    """
    if not isinstance(given, Mapping):
        raise InputError(f"limits is {given!r}, but must be a mapping such as {{'time': '8h', 'target': 0.98}}")
    for key in given:
        if key not in KEYS:
            raise InputError(f"limits has the key {key!r}, which is no limit{meant(key, KEYS)}")
    units, pause = units_or_seconds("patience", given["patience"]) if given.get("patience") is not None else (0, 0.0)
    return Limits(
        time=_given(given, "time", lambda value: seconds("the limit time", value)),
        resource=_given(given, "resource", lambda value: check_whole("the limit resource", value, 1)),
        cost=_given(given, "cost", lambda value: _number("the limit cost", value)),
        price_per_unit=_given(given, "price_per_unit", lambda value: _number("price_per_unit", value)) or 0.0,
        price_per_hour=_given(given, "price_per_hour", lambda value: _number("price_per_hour", value)) or 0.0,
        target=_given(given, "target", lambda value: objective.shown(_number("target", value))),
        patience_resource=units or None,
        patience_time=pause or None,
        then=given.get("then", "instant"),
    )


def _given(given: Mapping[str, Any], key: str, parse: Callable[[Any], Parsed]) -> Parsed | None:
    value = given.get(key)
    return None if value is None else parse(value)


def _number(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise InputError(f"{what} is {value!r}, but must be a finite number")
    return float(value)
