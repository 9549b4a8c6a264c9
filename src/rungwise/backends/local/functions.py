"""How a training function gets into another process: by name, checked before anything is started."""

import base64
import importlib
import importlib.util
import os
import pickle
import runpy
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from traceback import extract_tb
from typing import Any

from rungwise.core.errors import InputError, RungwiseError
from rungwise.trial.contract import shortened
from rungwise.trial.environment import IMPORTING, importing_for_trials

GUARD = '`if __name__ == "__main__":`'
TOP_LEVEL = "define it at the top level of a module, so that another process can import it"


def refuse_while_importing() -> None:
    """Raise InputError in a process that only imports the user's code to get at the training function."""
    if importing_for_trials():
        raise InputError(
            "tuning starts while another process only imports this script to get at the training function:"
            f" put the call of tune under {GUARD}"
        )


def pack(function: Callable[..., object], preload: Sequence[str]) -> dict[str, Any]:
    """All that another process needs to import `function`, as plain values, with the modules to import before it.

    Raises InputError if no other process can.
    """
    if not callable(function):
        raise InputError(f"the training is {shortened(function)}, but must be a function that takes a Trial")
    name = name_of(function)
    inner = getattr(function, "__qualname__", "")
    if "<lambda>" in inner:
        raise InputError(f"the training function is a lambda ({name}), which no other process can import: {TOP_LEVEL}")
    if "<locals>" in inner:
        raise InputError(f"the training function {name!r} is defined inside another function: {TOP_LEVEL}")
    try:
        data = pickle.dumps(function)
    except Exception as error:
        raise InputError(
            f"the training function {name!r} cannot be handed to another process"
            f" ({type(error).__name__}: {_one_line(error)}): {TOP_LEVEL}"
        ) from None
    module = _module_of(function)
    return {
        "name": name,
        "pickle": base64.b64encode(data).decode(),
        "preload": list(preload),
        "main": _main_module(name) if b"__main__" in data else None,
        "module": module,
        "file": getattr(sys.modules.get(module), "__file__", None),
        "argv": sys.argv,
    }


def unpack(parcel: Mapping[str, Any]) -> Callable[..., object]:
    """Import the function of `pack` in this process. Raises InputError, whatever goes wrong in the user's code."""
    name = parcel["name"]
    sys.argv = list(parcel["argv"])
    os.environ[IMPORTING] = "1"
    try:
        for module in parcel["preload"]:
            _preload(module)
        if parcel["main"] is not None:
            _import_main(parcel["main"])
        if parcel["module"] != "__main__":
            _make_importable(parcel["module"], parcel["file"])
        function: Callable[..., object] = pickle.loads(base64.b64decode(parcel["pickle"]))
    except BaseException as error:  # whatever the user's module does, SystemExit included
        told = _of_ours(error)
        if told is not None:
            raise InputError(str(told)) from None
        hint = f"; put what its script does beyond definitions under {GUARD}" if parcel["main"] else ""
        raise InputError(
            f"the training function {name!r} cannot be imported by another process:"
            f" {type(error).__name__}: {_one_line(error)}{_place(error)}{hint}"
        ) from None
    finally:
        del os.environ[IMPORTING]
    return function


def name_of(function: object) -> str:
    """What to call a function when speaking to people."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def _module_of(function: object) -> str:
    inner = getattr(function, "func", function)
    inner = getattr(inner, "__self__", inner) if isinstance(inner, types.MethodType) else inner
    owner = inner if isinstance(inner, types.FunctionType | types.BuiltinFunctionType | type) else type(inner)
    return str(owner.__module__)


def _main_module(name: str) -> dict[str, str]:
    """How another process can import the script that runs here."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return {"name": spec.name}
    path = Path(getattr(main, "__file__", None) or "")
    if not path.is_file():
        raise InputError(
            f"the training function {name!r} was typed into an interpreter, a notebook or `python -c`,"
            " where no other process can import it from: put it into a file (.py) and import it from there"
        )
    return {"path": str(path.resolve())}


def _import_main(main: Mapping[str, str]) -> None:
    """Import the script as `__mp_main__`, so that its guard holds, and let `__main__` mean it from now on."""
    module = types.ModuleType("__mp_main__")
    if "path" in main:
        content = runpy.run_path(main["path"], run_name="__mp_main__")
    else:
        content = runpy.run_module(main["name"], run_name="__mp_main__", alter_sys=True)
    module.__dict__.update(content)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module


def _make_importable(name: str, file: str | None) -> None:
    """Import a module by its name or, where the name leads nowhere or elsewhere, from the file it came from."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if file is None or not error.name or not (name == error.name or name.startswith(f"{error.name}.")):
            raise
    else:
        found = getattr(module, "__file__", None)
        if file is None or (found is not None and Path(found).resolve() == Path(file).resolve()):
            return
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _preload(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise InputError(f"preload names the module {module!r}, which cannot be found: check its spelling") from None


def _of_ours(error: BaseException | None) -> RungwiseError | None:
    """An error of ours that led to this one: where tuning was refused, sys.exit may have followed."""
    while error is not None and not isinstance(error, RungwiseError):
        error = error.__cause__ or error.__context__
    return error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def _place(error: BaseException) -> str:
    frames = [frame for frame in extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    ours = str(Path(__file__))
    last = frames[-1] if frames else None
    if last is None or last.filename in (ours, runpy.__file__):
        return ""
    return f" ({last.filename}, line {last.lineno})"
