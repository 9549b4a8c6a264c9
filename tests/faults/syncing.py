"""What of a file has not reached the disk yet, as Linux knows it (cachestat, since 6.5)."""

import ctypes
import os
import tempfile
from pathlib import Path

CACHESTAT = 451


class _Range(ctypes.Structure):
    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class _Pages(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint64) for name in ("cached", "dirty", "writing", "evicted", "lately"))


def can_tell(folder: Path) -> bool:
    """Whether the system can tell what of the files in a folder is on the disk: a file that was synced must be."""
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        probe.write(b"x")
        probe.flush()
        os.fsync(probe.fileno())
        return dirty_pages(Path(probe.name)) == 0


def dirty_pages(path: Path) -> int | None:
    """How many pages of a file a loss of power would take; None where the system cannot tell, or there is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    pages = _Pages()
    try:
        failed = ctypes.CDLL(None).syscall(CACHESTAT, descriptor, ctypes.byref(_Range(0, 0)), ctypes.byref(pages), 0)
    finally:
        os.close(descriptor)
    return None if failed else int(pages.dirty + pages.writing)
