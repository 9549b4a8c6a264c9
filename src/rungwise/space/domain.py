"""One hyperparameter's domain, as an item of ConfigSpace's serialised form, and which values belong to it."""

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from rungwise.core.errors import InputError

Scalar = bool | int | float | str
Item = Mapping[str, Any]

# ConfigSpace rounds the bounds of a float range to so many decimals.
DECIMALS = 13
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def scalar(value: object, what: str) -> Scalar:
    """The value as a bool, int, float or str of Python's own (numpy's scalars are converted); InputError for others."""
    if isinstance(value, bool | int | float | str) and type(value) in (bool, int, float, str):
        native: object = value
    elif hasattr(value, "item") and getattr(value, "shape", None) == ():
        native = value.item()
    else:
        native = value
    if type(native) not in (bool, int, float, str):
        raise InputError(f"{what} is {shown(value)} ({type(value).__name__}), but must be a str, int, float or bool")
    if isinstance(native, float) and not isfinite(native):
        raise InputError(f"{what} is {shown(value)}, but must be finite")
    return native  # type: ignore[return-value]


def shown(value: object) -> str:
    """The value as an error message shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def named(names: Iterable[object]) -> str:
    """Names or choices as an error message lists them: the first ten."""
    listed = list(names)
    more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
    return ", ".join(map(repr, listed[:10])) + more


def unspelled(value: object) -> object:
    """Text that plainly spells a float with an exponent, such as `1e-4`, as that float; anything else as it is."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def number(value: object, what: str) -> int | float:
    """The value as a finite int or float; InputError for anything else, a bool included."""
    native = scalar(unspelled(value), what)
    if isinstance(native, bool | str):
        raise InputError(f"{what} is {shown(value)}, but must be a number")
    return native


def choices_of(item: Item) -> list[Scalar] | None:
    """The values of a categorical, ordinal or constant item in their order; None for a numeric one."""
    match item["type"]:
        case "categorical":
            return list(item["choices"])
        case "ordinal":
            return list(item["sequence"])
        case "constant":
            return [item["value"]]
        case _:
            return None


def is_integer(item: Item) -> bool:
    """Whether a numeric item holds whole numbers."""
    return str(item["type"]).endswith("_int")


def count_of(item: Item) -> int | None:
    """How many values an item has; None: infinitely many."""
    choices = choices_of(item)
    if choices is not None:
        return len(choices)
    return int(item["upper"]) - int(item["lower"]) + 1 if is_integer(item) else None


def rule(item: Item) -> str:
    """Which values belong to the item, as words to follow "must be"."""
    choices = choices_of(item)
    if choices is None:
        kind = "a whole number" if is_integer(item) else "a number"
        return f"{kind} from {item['lower']} to {item['upper']}"
    if len(choices) == 1:
        return repr(choices[0])
    return f"one of {named(choices)}"


def index_of(choices: list[Scalar], value: Scalar) -> int | None:
    """Where the value stands among the choices: a bool matches bools only, a number any equal number."""
    for index, choice in enumerate(choices):
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return index
    return None


def fit(item: Item, value: object, what: str) -> Scalar:
    """The value as the item holds it, or an InputError that begins with `what` and tells the rule."""
    try:
        native = scalar(value, what)
    except InputError as error:
        raise InputError(f"{error}: {item['name']} is {rule(item)}") from None
    choices = choices_of(item)
    fitted: Scalar | None
    if choices is None:
        fitted = _fit_number(item, scalar(unspelled(native), what))
    else:
        index = index_of(choices, native)
        if index is None:
            index = index_of(choices, scalar(unspelled(native), what))
        fitted = None if index is None else choices[index]
    if fitted is None:
        raise InputError(f"{what} is {shown(value)}, but must be {rule(item)}")
    return fitted


def _fit_number(item: Item, value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    lower, upper = item["lower"], item["upper"]
    if is_integer(item):
        return int(value) if value == int(value) and lower <= value <= upper else None
    if lower <= value <= upper:
        return float(value)
    # A bound as the user wrote it may lie past the bound as it was rounded.
    near = float(lower if value < lower else upper)
    return near if isinstance(value, float) and abs(near - value) <= 10.0**-DECIMALS else None
