"""Records to rows and back. The names of the kinds and of the JSON members are the file format: they never change.

| kind | at | trial | resource | value | rest, JSON |
|---|---|---|---|---|---|
| reported | seconds | trial | resource | minimised; NULL is NaN | the metrics |
| paused | seconds | trial | resource of the checkpoint | | |
| rewound | seconds | trial | resource of the checkpoint | | |
| failed | seconds | trial | resource of the checkpoint | | cause, detail |
| ended | seconds | trial | | | reason, detail |
| capacity | seconds | | | | slots |
| time | seconds | | | | |
| draining | seconds | | | | |
| start | | trial | milestone | | parent, if any |
| promote | | trial | milestone | | |
| stop, fail | | trial | | | |
| open | | | milestone | | pair, epsilon; seen, if known; or trial, seen, median |
| resize | | trial | | | slots |
| suspend | | | | | failures, first |
| finish | | | | | reason |
| launch | | trial | milestone | | configuration, start, slots, seed; parent, if any |
| pause, halt | | trial | | | |
| wake | seconds | | | | |

Schema 1 had no rewound, failed, time, fail, suspend and wake: there a failure was an end. Schema 2 had no resize.

JSON is ASCII, so that any string survives, lone surrogates included; NaN and the infinities are written as Python's
json and JSON5 do. SQLite keeps no sign of zero: a value of -0.0 comes back as 0.0.
"""

from collections.abc import Callable, Mapping, Sequence
from json import JSONDecoder, JSONEncoder
from json.encoder import encode_basestring_ascii
from math import isfinite, nan
from typing import Any, assert_never

from rungwise.core.commands import Configuration, Halt, Launch, Pause, Wake
from rungwise.core.decisions import (
    Disagreement,
    Divergence,
    FailTrial,
    Finish,
    OpenRung,
    PromoteTrial,
    Resize,
    StartTrial,
    StopTrial,
    Suspend,
)
from rungwise.core.errors import StoreError
from rungwise.core.events import (
    CapacityChanged,
    Draining,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.records import Record

Row = tuple[str, float | None, int | None, int | None, float | None, str | None]
"""kind, at, trial, resource, value, rest"""

to_json = JSONEncoder(separators=(",", ":")).encode
_scan: Callable[[str, int], tuple[Any, int]] = JSONDecoder().scan_once  # type: ignore[attr-defined]


def encode(record: Record) -> Row:
    """The row of a record. Raises TypeError, ValueError or RecursionError where JSON cannot say it."""
    match record:
        case TrialReported():
            return "reported", record.at, record.trial, record.resource, record.value, _metrics(record.metrics)
        case Launch():
            rest: dict[str, Any] = {
                "configuration": dict(record.configuration),
                "start": record.start,
                "slots": record.slots,
                "seed": record.seed,
            }
            if record.parent is not None:
                rest["parent"] = record.parent
            return "launch", None, record.trial, record.milestone, None, to_json(rest)
        case StartTrial(trial, milestone, parent):
            return "start", None, trial, milestone, None, None if parent is None else to_json({"parent": parent})
        case PromoteTrial(trial, milestone):
            return "promote", None, trial, milestone, None, None
        case TrialPaused(at, trial, resource):
            return "paused", at, trial, resource, None, None
        case TrialRewound(at, trial, resource):
            return "rewound", at, trial, resource, None, None
        case TrialFailed(at, trial, resource, cause, detail):
            return "failed", at, trial, resource, None, to_json({"cause": cause, "detail": detail})
        case TrialEnded(at, trial, reason, detail):
            return "ended", at, trial, None, None, to_json({"reason": reason, "detail": detail})
        case StopTrial(trial):
            return "stop", None, trial, None, None, None
        case FailTrial(trial):
            return "fail", None, trial, None, None, None
        case OpenRung(milestone, reason):
            return "open", None, None, milestone, None, to_json(_grounds(reason))
        case Pause(trial):
            return "pause", None, trial, None, None, None
        case Halt(trial):
            return "halt", None, trial, None, None, None
        case CapacityChanged(at, slots):
            return "capacity", at, None, None, None, to_json({"slots": slots})
        case TimePassed(at):
            return "time", at, None, None, None, None
        case Draining(at):
            return "draining", at, None, None, None, None
        case Wake(at):
            return "wake", at, None, None, None, None
        case Resize(trial, slots):
            return "resize", None, trial, None, None, to_json({"slots": slots})
        case Suspend(failures, first):
            return "suspend", None, None, None, None, to_json({"failures": failures, "first": first})
        case Finish(reason):
            return "finish", None, None, None, None, to_json({"reason": reason})
        case _:
            assert_never(record)


def from_json(text: str) -> Any:
    """The data of a text of `to_json`; raises ValueError for any other. Half the time of json.loads on short texts."""
    try:
        data, end = _scan(text, 0)
    except StopIteration:
        raise ValueError(f"{text[:200]!r} is not JSON") from None
    if end != len(text):
        raise ValueError(f"{text[:200]!r} goes on after its end")
    return data


def _metrics(metrics: Mapping[str, float]) -> str | None:
    if not metrics:
        return None
    if len(metrics) == 1:  # by far the most common, and three times as fast as the encoder
        ((name, number),) = metrics.items()
        if type(number) is float and isfinite(number):
            return f"{{{encode_basestring_ascii(name)}:{number!r}}}"
    return to_json(dict(metrics))


def _grounds(reason: Disagreement | Divergence) -> dict[str, Any]:
    if isinstance(reason, Divergence):
        return {"trial": reason.trial, "seen": reason.seen, "median": reason.median}
    seen = {} if reason.seen is None else {"seen": reason.seen}
    return {"pair": reason.pair, "epsilon": reason.epsilon, **seen}


def _reason(members: Mapping[str, Any]) -> Disagreement | Divergence:
    if "trial" in members:
        return Divergence(members["trial"], members["seen"], members["median"])
    pair = members["pair"]
    return Disagreement(None if pair is None else (pair[0], pair[1]), members["epsilon"], members.get("seen"))


def decode(row: Sequence[Any]) -> Record:
    """The record of a row. Raises ValueError, LookupError, TypeError or RecursionError where it is none of ours."""
    kind, at, trial, resource, value, rest = row
    match kind:
        case "reported":
            metrics = {} if rest is None else from_json(rest)
            return TrialReported(_real(at), trial, resource, _real(value), metrics)
        case "launch":
            more = _members(rest)
            return Launch(
                trial, more["configuration"], more["start"], resource, more["slots"], more["seed"], more.get("parent")
            )
        case "start":
            return StartTrial(trial, resource, None if rest is None else _members(rest)["parent"])
        case "promote":
            return PromoteTrial(trial, resource)
        case "paused":
            return TrialPaused(_real(at), trial, resource)
        case "rewound":
            return TrialRewound(_real(at), trial, resource)
        case "failed":
            more = _members(rest)
            return TrialFailed(_real(at), trial, resource, more["cause"], more["detail"])
        case "ended":
            more = _members(rest)
            return TrialEnded(_real(at), trial, more["reason"], more["detail"])
        case "stop":
            return StopTrial(trial)
        case "fail":
            return FailTrial(trial)
        case "open":
            return OpenRung(resource, _reason(_members(rest)))
        case "pause":
            return Pause(trial)
        case "halt":
            return Halt(trial)
        case "capacity":
            return CapacityChanged(_real(at), _members(rest)["slots"])
        case "time":
            return TimePassed(_real(at))
        case "wake":
            return Wake(_real(at))
        case "resize":
            return Resize(trial, _members(rest)["slots"])
        case "suspend":
            more = _members(rest)
            return Suspend(more["failures"], more["first"])
        case "draining":
            return Draining(_real(at))
        case "finish":
            return Finish(_members(rest)["reason"])
        case _:
            raise ValueError(f"unknown kind {kind!r}")


def configuration_of(rest: str) -> Configuration:
    """The configuration in the last column of a launch. Raises what `decode` raises."""
    configuration: Configuration = _members(rest)["configuration"]
    return configuration


def _real(number: float | None) -> float:
    """A number of a column that every record of its kind fills: SQLite turns NaN, and nothing else, into NULL."""
    return nan if number is None else number


def _members(text: str | None) -> dict[str, Any]:
    members = from_json(text or "")
    if not isinstance(members, dict):
        raise ValueError(f"{text!r} is not a JSON object")
    return members


def spec_of(name: str, text: str) -> dict[str, Any]:
    """The specification of an experiment from its text; raises StoreError where it is damaged."""
    try:
        return _members(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"the specification of experiment {name!r} cannot be read ({error}): the file is damaged"
        ) from error
