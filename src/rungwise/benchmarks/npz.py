"""Arrays of an .npz file, without pickle, each checked against its checksum."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from rungwise.benchmarks.opening import listed
from rungwise.core.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_arrays(path: Path, names: Sequence[str]) -> "list[NDArray[Any]]":
    """The arrays of these names, in that order; raises InputError where one is missing.

    To be called under `opening.reading`: what a damaged archive raises is left to that.
    """
    from numpy.lib.format import read_array

    arrays = []
    with ZipFile(path) as archive:
        there = archive.namelist()
        for name in names:
            if f"{name}.npy" not in there:
                found = listed([each.removesuffix(".npy") for each in there]) or "none"
                raise InputError(f"{path} holds the arrays {found}, but must hold {name!r}")
            # Read whole, so that the checksum is looked at, before numpy makes anything of it.
            arrays.append(read_array(BytesIO(archive.read(f"{name}.npy")), allow_pickle=False))
    return arrays


def text_of(array: "NDArray[Any]") -> str:
    """Text that was stored as bytes; raises InputError where the array is no such thing."""
    import numpy as np

    if array.dtype != np.uint8 or array.ndim != 1:
        raise InputError(f"text is stored as {array.dtype} of shape {array.shape}, but must be a row of bytes")
    return array.tobytes().decode("utf-8")
