"""Pickles of plain data: whatever else one holds is refused by name, and nothing of it is ever run.

A pickle is a program. This one may build None, numbers, text, bytes, lists, tuples, dictionaries (ordered ones too),
sets and numpy's scalars, which become Python's own numbers; every other name is refused before anything is imported.
"""

import pickle
from collections.abc import Callable
from struct import calcsize, unpack
from typing import Any, BinaryIO

from rungwise.core.errors import InputError

_CODES = {
    "f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q",
    "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "b1": "?",
}  # fmt: skip


def load_plain(file: BinaryIO) -> Any:
    """The next object of a pickle.

    Raises InputError for anything but plain data; a damaged pickle raises whatever pickle raises.
    """
    return _Plain(file).load()


class _Plain(pickle.Unpickler):
    """An unpickler that knows plain data alone."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._known = _stand_ins()

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle calls by name: a stand-in of ours, or a refusal."""
        try:
            return self._known[module, name]
        except KeyError:
            raise InputError(
                f"a pickle asks for {module}.{name}, but only plain data is read from pickles (numbers, text, lists,"
                " dictionaries, sets), because anything else could run code"
            ) from None

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - pickle's own signature
        """Where tensors would come from."""
        raise InputError(
            "a pickle holds tensors, but only plain data is read from pickles: take the file without weights"
        )


def _stand_ins() -> dict[tuple[str, str], Callable[..., Any]]:
    """Harmless things under the names that plain data needs; made anew for each pickle, which might change them."""

    class Kind:
        """In place of numpy.dtype: the kind of a number and its byte order."""

        def __init__(self, code: str, *_: object) -> None:
            self.code = code
            self.order = "<"

        def __setstate__(self, state: Any) -> None:
            self.order = {"<": "<", ">": ">", "=": "<", "|": "<"}[state[1]]

    def number(kind: Kind, data: bytes) -> Any:
        layout = kind.order + _CODES[kind.code]
        if len(data) != calcsize(layout):
            raise ValueError(f"{len(data)} bytes for a number of {calcsize(layout)}")
        return unpack(layout, data)[0]

    def encoded(text: str, how: str) -> bytes:
        if how != "latin1":
            raise ValueError(f"bytes encoded as {how}")
        return text.encode("latin1")

    return {
        ("collections", "OrderedDict"): dict,
        ("builtins", "set"): set,
        ("builtins", "frozenset"): frozenset,
        ("__builtin__", "set"): set,  # as pickles of protocol 2 call it, torch's among them
        ("__builtin__", "frozenset"): frozenset,
        ("_codecs", "encode"): encoded,
        ("numpy", "dtype"): Kind,
        ("numpy.core.multiarray", "scalar"): number,
        ("numpy._core.multiarray", "scalar"): number,
    }
