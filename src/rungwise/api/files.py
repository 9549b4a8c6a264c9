"""An experiment written whole in one YAML file: the keywords of `tune`, and `train`."""

from inspect import signature
from pathlib import Path
from typing import Any

from rungwise.api.checks import meant
from rungwise.api.tune import tune
from rungwise.checkpoints.storage import is_url
from rungwise.core.errors import InputError
from rungwise.space.files import read_mapping

KEYS = tuple(name for name in signature(tune).parameters if name != "watch")


def read_experiment(path: Path) -> dict[str, Any]:
    """The arguments of `tune` that a YAML file gives; paths in it are relative to the file.

    Raises InputError where the file cannot be read, is not a mapping, or has a key that `tune` does not know.
    """
    data = read_mapping(path, "an experiment")
    settings = {str(key).replace("-", "_"): value for key, value in data.items()}
    for key in settings:
        if key not in KEYS:
            raise InputError(
                f"the experiment {str(path)!r} has the key {key!r}, which tune does not know{meant(key, KEYS)}"
            )
    for key in ("train", "space"):
        if isinstance(settings.get(key), str):
            settings[key] = _beside(path, settings[key])
    match settings.get("train"):
        case [str(program), *words]:
            settings["train"] = [_beside(path, program), *words]
    match settings.get("allocation"):
        case {"profile": str(profile), **others}:
            settings["allocation"] = {**others, "profile": _beside(path, profile)}
    if isinstance(settings.get("storage"), str) and not is_url(settings["storage"]):
        settings["storage"] = str(path.parent.absolute() / settings["storage"])
    if isinstance(settings.get("store"), str):
        settings["store"] = str(path.parent.absolute() / settings["store"])
    return settings


def _beside(path: Path, named: str) -> str:
    """A file named in an experiment's file is looked for beside it; anything else stays as it is."""
    file, colon, function = named.partition(":")
    there = path.parent.absolute() / file  # absolute, because a program's bare name would be looked for on PATH
    return f"{there}{colon}{function}" if there.is_file() else named
