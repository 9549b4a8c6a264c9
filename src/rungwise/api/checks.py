"""The kinds of arguments that a file or a careless caller can get wrong, checked before anything is made of them."""

import os
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rungwise.core.checks import check_whole, whole
from rungwise.core.errors import InputError
from rungwise.schedulers.named import OPTIONS, RESOURCES

AUTO = "auto"  # no scheduler: it asks for one (see `rungwise.api.choosing`)
INTERNAL = "retraining"  # a scheduler for `retrain` alone
COUNTS = ("rounds", "trials", "interval", "min_trials", "hurdle", "width", "scouts", "survivors")


def check_text(what: str, value: object) -> None:
    """Raise InputError for what is no text."""
    if not isinstance(value, str):
        raise InputError(f"{what} is {value!r}, but must be text (in YAML, put it into quotes)")


def check_path(what: str, value: object) -> None:
    """Raise InputError for what is no path."""
    if not isinstance(value, str | Path):
        raise InputError(f"{what} is {value!r}, but must be the path of a file")


def texts(what: str, values: object) -> list[str]:
    """A sequence of texts as a list; raises InputError for others, a text among them."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        raise InputError(f"{what} is {values!r}, but must be a list of names")
    return list(values)


def environment(env: object) -> dict[str, str]:
    """Variables for trials as a plain mapping of texts; raises InputError for others. Names are checked where used."""
    if not isinstance(env, Mapping) or not all(isinstance(each, str) for pair in env.items() for each in pair):
        raise InputError(f"env is {env!r}, but must be a mapping of names to texts (in YAML, put numbers into quotes)")
    return dict(env)


def configurations(points: object) -> tuple[dict[str, Any], ...]:
    """Given points as plain mappings; raises InputError where there is something else among them."""
    if not isinstance(points, Sequence) or not all(isinstance(point, Mapping) for point in points):
        raise InputError(f"points is {points!r}, but must be a list of configurations such as [{{lr: 0.1}}]")
    return tuple(dict(point) for point in points)


def devices(gpus: object) -> list[str]:
    """The ids of GPUs: as given, or so many of those that this process may use.

    These are the ones in CUDA_VISIBLE_DEVICES where it is set, as a batch system does, else 0, 1, …. Raises InputError
    for what is neither a number nor a list of ids, and for more GPUs than that variable names.
    """
    number = whole(gpus)
    if number is not None and number >= 0:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        ours = [str(device) for device in range(number)] if visible is None else [*filter(None, visible.split(","))]
        if number > len(ours):
            raise InputError(f"gpus is {number}, but CUDA_VISIBLE_DEVICES={visible} lets this process use {len(ours)}")
        return ours[:number]
    if isinstance(gpus, Sequence) and not isinstance(gpus, str):
        ids = [each if isinstance(each, str) else whole(each) for each in gpus]
        if None not in ids:
            return [str(device) for device in ids]
    raise InputError(f"gpus is {gpus!r}, but must be a number of GPUs (0 or more), or a list of their ids")


def meant(key: object, known: Collection[str]) -> str:
    """How a sentence ends that says that a key is unknown: with the nearest of those that are known, or all of them.

    >>> meant("tiem", ("time", "cost")), meant("x", ("time", "cost"))
    (", did you mean 'time'?", '; it knows time, cost')
    """
    near = get_close_matches(str(key), known, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; it knows {', '.join(known)}"


def scheduler_settings(scheduler: object, resources: Mapping[str, int]) -> dict[str, Any]:
    """A scheduler's name or mapping of options as settings; raises InputError for what is neither, nor has such a name.

    The options themselves are checked where the scheduler is made.
    """
    settings = {"name": scheduler} if isinstance(scheduler, str) else scheduler
    known = sorted(set(OPTIONS) - {INTERNAL})
    if not isinstance(settings, Mapping) or settings.get("name") not in known:
        given = settings.get("name") if isinstance(settings, Mapping) else settings
        names = ", ".join((*known, AUTO))
        raise InputError(f"scheduler is {given!r}, but must be one of {names}, or such a name with options")
    for key in RESOURCES:
        if key in settings:
            raise InputError(
                f"the scheduler's options hold {key}, which is an argument of its own: give it beside them"
            )
    counts = {key: check_whole(key, settings[key], 1) for key in COUNTS if settings.get(key) is not None}
    return {**settings, **counts, **resources}


def is_scheduler(scheduler: object) -> bool:
    """Whether it is an object that schedules, rather than the name or the settings of one."""
    return all(hasattr(scheduler, name) for name in ("milestones", "tell", "ask"))
