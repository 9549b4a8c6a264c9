"""What every room asks of arguments, in the same words. Numbers, numpy's too, become plain ones, which JSON knows and
which never overflow.
"""

from math import isfinite
from operator import index
from typing import Any

from rungwise.core.errors import InputError


def whole(value: Any) -> int | None:
    """A whole number as a plain int, numpy's included; None for anything else, true and false among them.

    >>> whole(3), whole(3.0), whole(True), whole("3")
    (3, None, None, None)
    """
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None


def check_whole(name: str, value: object, least: int, *, also: str = "") -> int:
    """A whole number of `least` or more as a plain int; raises InputError for anything else.

    `also` says what else the argument may be, which the caller has looked for.
    """
    number = whole(value)
    if number is None or number < least:
        raise InputError(f"{name} is {value!r}, but must be a whole number of {least} or more{also}")
    return number


def check_number(name: str, value: object, least: float, *, above: bool = False) -> float:
    """A finite number of `least` or more, or `above` it, as a plain float; raises InputError for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        if isfinite(number) and (number > least or (number == least and not above)):
            return number
    wanted = f"above {least:g}" if above else f"of {least:g} or more"
    raise InputError(f"{name} is {value!r}, but must be a finite number {wanted}")


def check_flag(name: str, value: object) -> bool:
    """True or false, as it is given; raises InputError for anything else."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}, but must be true or false")
    return value
