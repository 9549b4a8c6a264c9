"""What a report must be: the rules, checked where the report is made, each told in one sentence."""

import operator
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

from rungwise.core.errors import ContractError

MAX_METRICS = 1_000
MAX_NAME = 200
MAX_RESOURCE = 2**63 - 1
SHOWN_NAMES = 10
LOOK = "(see trial.report)"


def check_report(
    resource: object, metrics: Mapping[str, Any], *, metric: str | None, previous: int
) -> tuple[int, dict[str, float]]:
    """A report's resource and metrics as plain numbers; NaN and infinities are numbers.

    `metric` is the one the experiment tunes for (None: any will do), `previous` the job's last reported resource (0:
    none). Raises ContractError.
    """
    units = _whole(resource)
    if units <= previous:
        raise ContractError(
            f"a report gives the resource {units} after {previous}, but within a job resources must grow {LOOK}"
        )
    if not metrics:
        raise ContractError(f"the report at resource {units} holds no metric, but it must hold at least one {LOOK}")
    if len(metrics) > MAX_METRICS:
        raise ContractError(
            f"the report at resource {units} holds {len(metrics)} metrics, but at most {MAX_METRICS} are taken {LOOK}"
        )
    numbers = {name: value if type(value) is float else _number(name, value) for name, value in metrics.items()}
    for name in numbers:
        if len(name) > MAX_NAME or name == "resource" or not (name.isascii() or _is_text(name)):
            _refuse_name(name)
    if metric is not None and metric not in numbers:
        raise ContractError(
            f"the report at resource {units} lacks the metric {metric!r} that the experiment tunes for;"
            f" it holds {_names(numbers)} {LOOK}"
        )
    return units, numbers


def shortened(value: object) -> str:
    """A repr of bounded length that tells the size of what it leaves out.

    >>> shortened("x" * 1000)
    "'xxxxxxxxxxxx...xxxxxxxxxxxxx' (a str of length 1,000)"
    >>> shortened(None)
    'None'
    """
    short = Repr()
    short.maxother = 60
    text = " ".join(short.repr(value).split())
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"{text} (a {type(value).__name__} of shape {tuple(shape)})"
    if isinstance(value, str | bytes | bytearray | list | tuple | dict | set | frozenset) and len(value) > 30:
        return f"{text} (a {type(value).__name__} of length {len(value):,})"
    return text


def _whole(resource: object) -> int:
    try:
        units = 0 if isinstance(resource, bool) else operator.index(resource)  # type: ignore[arg-type]
    except TypeError:
        units = 0
    if not 1 <= units <= MAX_RESOURCE:
        raise ContractError(
            f"a report gives the resource {shortened(resource)}, but it must be a whole number of at least 1"
            f"{' and of 63 bits at most' if units > 1 else ''} {LOOK}"
        )
    return units


def _number(name: str, value: Any) -> float:
    # float() would take the text "0.9" too, and warns about arrays of one element where item() does not.
    if not isinstance(value, str | bytes | bytearray):
        try:
            return float(value.item() if hasattr(value, "item") else value)
        except (TypeError, ValueError, OverflowError, RuntimeError):
            pass
    raise ContractError(f"the metric {_name(name)} is {shortened(value)}, but it must be one number {LOOK}")


def _refuse_name(name: str) -> None:
    if name == "resource":
        raise ContractError(f"a metric is called 'resource', but that name is taken by the first argument {LOOK}")
    if not _is_text(name):
        raise ContractError(f"a metric is called {_name(name)}, which is no text that UTF-8 can hold {LOOK}")
    raise ContractError(
        f"a metric's name {_name(name)} has {len(name):,} characters, but at most {MAX_NAME} are taken {LOOK}"
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(name: str) -> str:
    return repr(name if len(name) <= 40 else f"{name[:40]}…")


def _names(numbers: Mapping[str, float]) -> str:
    shown = ", ".join(_name(name) for name in sorted(numbers)[:SHOWN_NAMES])
    return shown + (f" and {len(numbers) - SHOWN_NAMES} more" if len(numbers) > SHOWN_NAMES else "")
