"""Times, sizes and limits as people write them."""

from math import inf, nan
from typing import Any

import pytest

from rungwise.api.limits import parse_limits
from rungwise.api.quantities import seconds, size, units_or_seconds
from rungwise.core.errors import InputError
from rungwise.core.limits import Limits
from rungwise.core.objective import Objective

ACCURACY = Objective("accuracy", "max")


@pytest.mark.parametrize(
    ("text", "found"),
    [(90, 90.0), (0.5, 0.5), ("90s", 90.0), ("1.5h", 5400.0), ("1h 30m", 5400.0), ("2D", 172800.0), (" 5 m ", 300.0)],
)
def test_times(text: object, found: float) -> None:
    assert seconds("time", text) == found


@pytest.mark.parametrize("text", [0, -1, inf, nan, True, None, "", "h", "5", "5 hours", "1h-3m", "0s", [5]])
def test_what_is_no_time(text: object) -> None:
    with pytest.raises(InputError, match=r"^time is .* must be a time above 0"):
        seconds("time", text)


@pytest.mark.parametrize(
    ("text", "found"), [(17, 17), ("1B", 1), ("500MB", 500_000_000), ("1.5 GiB", 1_610_612_736), ("2tb", 2 * 10**12)]
)
def test_sizes(text: object, found: int) -> None:
    assert size("quota", text) == found


@pytest.mark.parametrize("text", [0, -5, 1.5, "20", "20G", "GB", "-3MB", True, None])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(InputError, match=r"^quota is .* must be a size above 0"):
        size("quota", text)


def test_units_are_numbers_and_times_are_text() -> None:
    assert units_or_seconds("every", 5) == (5, 0.0)
    assert units_or_seconds("every", "5") == (5, 0.0)
    assert units_or_seconds("every", "5m") == (0, 300.0)
    for wrong in (0, -2, 1.5, "0", "often", None):
        with pytest.raises(InputError, match=r"^every is "):
            units_or_seconds("every", wrong)


def test_limits_are_those_of_the_core_with_the_target_minimised() -> None:
    given = {
        "time": "8h",
        "resource": 50,
        "cost": 20,
        "price_per_hour": 2.5,
        "target": 0.98,
        "patience": 7,
        "then": "drain",
    }
    assert parse_limits(given, ACCURACY) == Limits(
        time=28800.0, resource=50, cost=20.0, price_per_hour=2.5, target=-0.98, patience_resource=7, then="drain"
    )
    assert parse_limits({"patience": "1h"}, ACCURACY) == Limits(patience_time=3600.0)
    assert parse_limits({"time": None}, ACCURACY) == parse_limits({}, ACCURACY) == Limits()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"tiem": 3}, "'tiem', which is no limit, did you mean 'time'"),
        ({"elephants": 3}, "it knows time, resource"),
        ({"resource": 2.5}, "resource is 2.5"),
        ({"cost": "20"}, "cost is '20'"),
        ({"cost": 20}, "without a price"),
        ({"target": nan}, "target is nan"),
        ({"patience": "long"}, "patience is 'long'"),
        ({"then": "later"}, "then is 'later'"),
        ("8h", "limits is '8h'"),
    ],
)
def test_what_is_no_limit(given: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_limits(given, ACCURACY)
