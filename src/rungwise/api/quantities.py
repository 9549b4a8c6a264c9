"""Times and sizes as people write them: "90s", "1h30m", "20GB"."""

import re
from math import isfinite

from rungwise.core.checks import whole
from rungwise.core.errors import InputError

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
_TIME = re.compile(r"(?:(\d+(?:\.\d+)?)\s*([smhd])\s*)+", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)", re.IGNORECASE)


def seconds(what: str, value: object) -> float:
    """A time: a number of seconds, or a text like "90s", "30m", "8h", "1h30m", "2d". Raises InputError for others.

    >>> seconds("time", "1h30m"), seconds("time", 2.5)
    (5400.0, 2.5)
    """
    if isinstance(value, str) and _TIME.fullmatch(value.strip()):
        found = sum(float(number) * SECONDS[unit.lower()] for number, unit in _PART.findall(value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        found = 0.0
    if not (found > 0 and isfinite(found)):
        raise InputError(
            f"{what} is {value!r}, but must be a time above 0: seconds, or a text like '90s', '8h', '1h30m'"
        )
    return found


def size(what: str, value: object) -> int:
    """A size in bytes: a whole number, or a text like "500MB", "20GB", "1.5GiB". Raises InputError for others.

    >>> size("quota", "20GB"), size("quota", "1.5 KiB")
    (20000000000, 1536)
    """
    found = whole(value)
    if isinstance(value, str) and (match := _SIZE.fullmatch(value.strip())):
        found = int(float(match[1]) * BYTES[match[2].lower()])
    if found is None or found <= 0:
        raise InputError(
            f"{what} is {value!r}, but must be a size above 0: bytes, or a text like '500MB', '20GB', '1.5GiB'"
        )
    return found


def units_or_seconds(what: str, value: object) -> tuple[int, float]:
    """So much training: resource units as a whole number, or a time as text. The one that is not meant is 0.

    >>> units_or_seconds("checkpoint_every", 5), units_or_seconds("checkpoint_every", "10m")
    ((5, 0.0), (0, 600.0))
    """
    if isinstance(value, str) and not value.strip().isdigit():
        return 0, seconds(what, value)
    units = whole(int(value) if isinstance(value, str) else value)
    if units is None or units < 1:
        raise InputError(
            f"{what} is {value!r}, but must be resource units (a whole number from 1), or a time like '10m'"
        )
    return units, 0.0
