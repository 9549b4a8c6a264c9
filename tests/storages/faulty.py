"""A storage in a folder of this machine that goes wrong when a test wants it to, in whatever process it is used.

URLs are `faulty:///path/of/a/folder`. The variable FAULTS names a folder in which files say what goes wrong with an
operation (cat, pipe, put, get, find, rm):

refuse-OPERATION    it is not allowed, for as long as the file is there
fail-OPERATION-N    it fails once, and takes the file with it
torn-put-N          half a file is written, and nothing is said
behind-find-N       a listing shows nothing
gate-OPERATION      a named pipe: the operation waits until somebody writes to it
"""

import os
from pathlib import Path
from typing import Any

from fsspec.implementations.local import LocalFileSystem

SCHEME = "faulty"


class FaultyFileSystem(LocalFileSystem):  # type: ignore[misc]
    """The local file system, but for what goes wrong."""

    protocol = SCHEME

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return super()._strip_protocol(str(path).removeprefix(f"{SCHEME}://"))

    def cat_file(self, path: str, *rest: Any, **options: Any) -> Any:
        meet("cat")
        return super().cat_file(path, *rest, **options)

    def pipe_file(self, path: str, value: bytes, **options: Any) -> Any:
        meet("pipe")
        return super().pipe_file(path, value, **options)

    def put_file(self, here: str, there: str, *rest: Any, **options: Any) -> Any:
        meet("put")
        super().put_file(here, there, *rest, **options)
        if take("torn-put"):
            os.truncate(there, Path(there).stat().st_size // 2)

    def get_file(self, there: str, here: str, *rest: Any, **options: Any) -> Any:
        meet("get")
        return super().get_file(there, here, *rest, **options)

    def find(self, path: str, *rest: Any, **options: Any) -> Any:
        meet("find")
        return {} if take("behind-find") else super().find(path, *rest, **options)

    def rm(self, path: Any, *rest: Any, **options: Any) -> Any:
        meet("rm")
        return super().rm(path, *rest, **options)


def meet(operation: str) -> None:
    """Let an operation begin, or go wrong."""
    folder = Path(os.environ["FAULTS"])
    if (folder / f"refuse-{operation}").exists():
        raise PermissionError(f"no {operation} for you")
    if take(f"fail-{operation}"):
        raise ConnectionError("reset by peer")
    gate = folder / f"gate-{operation}"
    if gate.exists():
        with gate.open("rb", buffering=0) as waiting:
            waiting.read(1)


def take(fault: str) -> bool:
    """Whether there is such a fault still; there is one less then."""
    for token in Path(os.environ["FAULTS"]).glob(f"{fault}-*"):
        try:
            token.unlink()
        except FileNotFoundError:
            continue
        return True
    return False
