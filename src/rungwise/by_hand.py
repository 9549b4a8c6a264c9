"""A training script's way to its trial, in the tuner and by hand alike."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rungwise.core.errors import InputError
from rungwise.trial.current import current_trial as trial_of_this_process
from rungwise.trial.environment import MAX_RESOURCE
from rungwise.trial.trial import Trial


def current_trial(space: object = None, max_resource: int | None = None) -> Trial:
    """The trial that this script is. Started by the tuner, both arguments are left aside.

    By hand, the script trains once with the defaults of its space: the argument (whatever `rungwise.tune` takes), else
    `space.yaml` beside the script, else `space:` in the `experiment.yaml` there. It trains to `max_resource` units,
    else to those of the variable RUNGWISE_MAX_RESOURCE, else of that `experiment.yaml`, else for one. Reports are
    printed, checkpoints are not kept. Raises InputError where there is no space, or the resource is not a whole
    positive number.
    """

    def by_hand() -> tuple[Mapping[str, Any], int]:
        folder = Path(sys.argv[0]).resolve().parent
        experiment = _experiment(folder)
        resource = _max_resource(max_resource, experiment)
        return _defaults(space, folder, experiment), resource

    return trial_of_this_process(by_hand)


def _experiment(folder: Path) -> Mapping[str, Any]:
    from rungwise.space.files import read_mapping

    path = folder / "experiment.yaml"
    return read_mapping(path) if path.is_file() else {}


def _defaults(space: object, folder: Path, experiment: Mapping[str, Any]) -> Mapping[str, Any]:
    from rungwise.space import parse

    beside = folder / "space.yaml"
    if space is not None:
        return parse(space).default()
    if beside.is_file():
        return parse(beside).default()
    given = experiment.get("space")
    if given is None:
        raise InputError(
            f"this script runs by hand, outside the tuner, and has no search space to take defaults from: give one to"
            f" rungwise.current_trial(space), or put a space.yaml into {folder}"
        )
    # A path in an experiment is meant from where the experiment lies.
    return parse(folder / given if isinstance(given, str) else given).default()


def _max_resource(argument: int | None, experiment: Mapping[str, Any]) -> int:
    named = {
        "max_resource": argument,
        f"the variable {MAX_RESOURCE}": os.environ.get(MAX_RESOURCE),
        "max_resource in experiment.yaml": experiment.get("max_resource"),
    }
    for where, value in named.items():
        if value is not None:
            return _whole(where, value)
    print(
        f"rungwise: trains for one unit of resource only; longer with {MAX_RESOURCE}=27 in the environment,"
        " or current_trial(max_resource=27)",
        file=sys.stderr,
    )
    return 1


def _whole(where: str, value: object) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(str(value)) < 1:
        raise InputError(f"{where} is {value!r}, but must be a whole number of at least 1: the units to train for")
    return int(str(value))
