"""The shape of SQLite's files, as far as SQLite itself does not look: whether the end of a store is missing.

SQLite takes the missing end of the last page for zeros, and a whole missing page for an error only when it is read.
"""

from pathlib import Path

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_WAL_HEADER = 32
_FRAME_HEADER = 24


def missing_bytes(path: Path) -> tuple[int, int]:
    """How many bytes the file lacks at its end, and how many it should have; (0, 0) where none lack.

    What the write-ahead log beside it holds is not missing: it is on its way here. Raises OSError.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        return 0, 0
    page_size = 65536 if header[16:18] == b"\0\1" else int.from_bytes(header[16:18])
    pages = int.from_bytes(header[28:32])
    if page_size < 512 or header[24:28] != header[92:96]:  # no page count that SQLite would believe either
        return 0, 0
    whole = pages * page_size
    if path.stat().st_size >= whole:
        return 0, 0
    coming = _pages_in_wal(Path(f"{path}-wal"), page_size)
    size = path.stat().st_size  # asked anew: while the log was read, its pages may have arrived
    if all(page in coming for page in range(size // page_size + 1, pages + 1)):
        return 0, 0
    return whole - size, whole


def _pages_in_wal(wal: Path, page_size: int) -> set[int]:
    """The numbers of the pages in a write-ahead log: frames of a header and a page, under the log's present salt."""
    try:
        file = wal.open("rb")
    except FileNotFoundError:
        return set()
    with file:
        salt = file.read(_WAL_HEADER)[16:24]
        pages: set[int] = set()
        while len(frame := file.read(_FRAME_HEADER)) == _FRAME_HEADER and frame[8:16] == salt:
            pages.add(int.from_bytes(frame[:4]))
            file.seek(page_size, 1)
        return pages
