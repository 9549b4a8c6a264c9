"""What is trained: a function or a script, as users name it, and as an experiment's settings keep it."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, assert_never

from rungwise.backends.local import FunctionTraining, ScriptTraining
from rungwise.backends.local.functions import name_of
from rungwise.core.errors import InputError, StoreError

Training = FunctionTraining | ScriptTraining
Train = Callable[..., object] | str | Path | Sequence[str]


def parse_training(train: Train, config_as: str = "args") -> Training:
    """A function, "script.py", "file.py:function", or a command as words; raises InputError for others."""
    how = _config_as(config_as)
    if callable(train):
        return FunctionTraining(train)
    if isinstance(train, str | Path):
        file, _, function = str(train).rpartition(":")
        if file.endswith(".py"):
            return FunctionTraining(load_function(Path(file), function))
        return ScriptTraining((str(train),), how)
    if not isinstance(train, Sequence) or not train or not all(isinstance(word, str) for word in train):
        raise InputError(
            f"train is {train!r}, but must be a function, a script, FILE.py:FUNCTION, or a command as a list of words"
        )
    return ScriptTraining(tuple(train), how)


def _config_as(config_as: str) -> Literal["args", "env", "json"]:
    match config_as:
        case "args" | "env" | "json":
            return config_as
        case _:
            raise InputError(f"config_as is {config_as!r}, but must be 'args', 'env' or 'json'")


def load_function(file: Path, name: str) -> Callable[..., object]:
    """The function `name` in a Python file; raises InputError where either is not there, or the file is broken."""
    if not file.is_file():
        raise InputError(f"{str(file)!r} is not a file, so it holds no function {name!r} to tune")
    found = file.resolve()
    _look_in(found.parent)
    module = _imported(found.stem, str(file))
    if Path(getattr(module, "__file__", None) or "").resolve() != found:
        raise InputError(
            f"{str(file)!r} cannot be imported, because another module is called {found.stem!r}: rename the file"
        )
    return _attribute(module, name, str(file))


def training_to_json(training: Training) -> dict[str, Any]:
    """Plain data that says where the training is to be found; never code."""
    match training:
        case ScriptTraining(command, config_as):
            return {"kind": "script", "command": list(command), "config_as": config_as}
        case FunctionTraining(function) if inspect.isfunction(function) and "." not in function.__qualname__:
            file = inspect.getsourcefile(function)
            where = str(Path(file).resolve()) if file else None
            return {"kind": "function", "module": function.__module__, "name": function.__qualname__, "file": where}
        case FunctionTraining(function):
            return {"kind": "object", "name": name_of(function)}
        case _:
            assert_never(training)


def training_from_json(data: Mapping[str, Any]) -> Training:
    """The training that settings name; raises InputError where it is no longer there."""
    match data:
        case {"kind": "script", "command": list(command), "config_as": str(config_as)}:
            return ScriptTraining(tuple(command), _config_as(config_as))
        case {"kind": "function", "module": "__main__", "name": str(name), "file": str(file)}:
            return FunctionTraining(load_function(Path(file), name))
        case {"kind": "function", "module": str(module), "name": str(name), "file": file}:
            if file and Path(file).is_file():
                if "." not in module:
                    return FunctionTraining(load_function(Path(file), name))
                _look_in(Path(file).parents[module.count(".") + (Path(file).stem == "__init__")])
            return FunctionTraining(_attribute(_imported(module, module), name, module))
        case {"kind": "object", "name": str(name)}:
            raise InputError(
                f"the training was the object {name!r}, which a store cannot hold: pass it to rungwise.resume or"
                " rungwise.retrain, as it was at the start"
            )
        case _:
            raise StoreError(
                f"the store says that {dict(data)!r} was trained, which is neither a function nor a script"
            )


def _look_in(folder: Path) -> None:
    """Let this process, and with it those of the trials, import what lies in a folder."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _imported(module: str, where: str) -> object:
    try:
        return import_module(module)
    except Exception as error:
        raise InputError(
            f"{where!r} cannot be imported ({type(error).__name__}: {error}): mend it, then try again"
        ) from error


def _attribute(module: object, name: str, where: str) -> Callable[..., object]:
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{where} holds no function {name!r}: name one as FILE.py:FUNCTION")
    return function  # type: ignore[no-any-return]
