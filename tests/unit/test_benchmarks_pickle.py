"""Pickles of plain data are read; whatever would run anything is refused by name, and nothing runs."""

import io
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks.plain_pickle import load_plain
from rungwise.core.errors import InputError

PLAIN = {
    "a": [1, 2.5, None, True, "text", b"bytes", 10**30],
    ("cifar10", 777): {"set": {1, 2}, "frozen": frozenset({3}), "tuple": (1, (2, ()))},
    "ordered": OrderedDict([("z", 1), ("y", 2)]),
}


def loaded(content: bytes) -> Any:
    return load_plain(io.BytesIO(content))


class Evil:
    """What somebody might put into a file: a call of its own choice on reading."""

    def __init__(self, call: Any, *args: Any) -> None:
        self.call = call
        self.args = args

    def __reduce__(self) -> Any:
        return self.call, self.args


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_in_every_protocol(protocol: int) -> None:
    content = PLAIN if protocol > 0 else {key: value for key, value in PLAIN.items() if key != "a"}
    assert loaded(pickle.dumps(content, protocol)) == content


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", ["float64", "float32", "float16", "int64", "int32", "uint8", "bool", ">f8", ">i4"])
def test_numpys_scalars_become_pythons_numbers(kind: str, protocol: int) -> None:
    number = np.dtype(kind).type(1) if kind[0] != ">" else np.array([1], kind)[0]
    found = loaded(pickle.dumps({"x": number}, protocol))["x"]
    assert found == 1
    assert type(found) in (int, float, bool)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_call_is_refused_by_name_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    for content, name in (
        ([Evil(os.system, f"touch {mark}")], "posix.system|nt.system"),
        ([Evil(eval, f"open({str(mark)!r}, 'w')")], "builtins.eval"),
        ([Evil(exec, f"open({str(mark)!r}, 'w')")], "builtins.exec"),
        ([Evil(getattr, os, "system")], ""),
        ([Evil(__import__, "os")], "builtins.__import__"),
        ([Evil(open, str(mark), "w")], "open"),
        ([Path(mark)], "pathlib"),
    ):
        try:
            packed = pickle.dumps(content, protocol)
        except (TypeError, pickle.PicklingError):  # a module cannot be pickled: then nobody can put one there
            continue
        with pytest.raises(InputError, match=name.replace("builtins", "(builtins|__builtin__)")):
            loaded(packed)
    assert not mark.exists()


def test_numpys_arrays_and_torchs_tensors_are_refused() -> None:
    with pytest.raises(InputError, match=r"numpy.*_reconstruct"):
        loaded(pickle.dumps(np.zeros(3), 4))
    with pytest.raises(InputError, match="holds tensors"):
        loaded(b"\x80\x02X\x01\x00\x00\x00aQ.")  # a persistent id


def test_what_one_pickle_does_to_the_stand_ins_is_gone_with_it() -> None:
    # BUILD with a pair sets attributes of whatever stands on the stack, a function of ours included.
    scalar = b"\x80\x04\x8c\x15numpy.core.multiarray\x8c\x06scalar\x93"
    poison = scalar + b"N}\x8c\x08__name__\x8c\x01xs\x86b."
    assert loaded(poison).__name__ == "x"
    assert loaded(scalar + b".").__name__ != "x"
    assert loaded(pickle.dumps(np.float64(2.5), 4)) == 2.5


@pytest.mark.parametrize(
    ("code", "data"), [("f8", b"123"), ("O8", b"x"), ("V8", b"12345678")], ids=["short", "object", "void"]
)
def test_odd_numpy_scalars_are_not_made(code: str, data: bytes) -> None:
    class Kind:
        def __reduce__(self) -> Any:
            return np.dtype, (code.replace("O8", "O"), False, True)

    class Number:
        def __reduce__(self) -> Any:
            return np._core.multiarray.scalar, (Kind(), data)

    with pytest.raises((ValueError, KeyError)):
        loaded(pickle.dumps(Number(), 4))


def test_a_damaged_pickle_fails_and_does_nothing_else() -> None:
    whole = pickle.dumps({**PLAIN, "scalar": np.float64(1.5)}, 4)
    for length in range(len(whole)):
        with pytest.raises(Exception):  # noqa: B017 - pickle raises nearly anything; the readers turn it into words
            loaded(whole[:length])
