"""`load`: a table by its name or from a file, whatever form it is in; every wrong one refused in a sentence."""

import gzip
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from rungwise.benchmarks import synthetic
from rungwise.benchmarks.checks import checked
from rungwise.benchmarks.opening import meant, reading, start_of
from rungwise.benchmarks.shared import FAMILIES, VARIABLE, read_shared, shared_names
from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError

Reader = Callable[[Path, str | None], Iterator[Table]]

DIGITS = Path(__file__).with_name("data") / "digits.npz"
_ANY = (
    "a learning-curve table: .npz or .parquet of our own, LCBench's json, NATS-Bench's or NAS-Bench-201's pickle, or"
    " PD1's jsonl (see rungwise.benchmarks)"
)
_SUFFIXES = (".npz", ".parquet", ".json", ".jsonl", ".gz", ".zip", ".pbz2", ".pth")


def load(what: str | Path) -> Table:
    """The table of a name (see `names`) or a file, the first where it has several seeds (see `variants`).

    A file is known by its content, not by its name. One that holds several tables takes the one that is meant after two
    colons: `data_2k_lw.json::adult`. Raises InputError for a name that is not known, for a file that is not there, cut
    short, damaged or of another kind, and for a table in which a curve begins with NaN and goes on, a time is negative
    or not finite, or two rows have one configuration.
    """
    return next(_checked(what))


def variants(what: str | Path) -> list[Table]:
    """The tables of all seeds of a benchmark, in order; one where it has no seeds. Raises InputError as `load` does."""
    return list(_checked(what))


def names() -> list[str]:
    """The names that load now: our own tables, and those of the files in the folder that RUNGWISE_DATA names."""
    return [*(["digits"] if DIGITS.is_file() else []), *synthetic.NAMES, *shared_names()]


def matching(pattern: str) -> list[str]:
    """The names that a pattern such as "lcbench/*" means; what is no pattern stands for itself.

    Raises InputError where no name that loads now matches.
    """
    if not any(sign in pattern for sign in "*?[") or Path(pattern).exists():
        return [pattern]
    found = [name for name in names() if fnmatchcase(name, pattern)]
    if not found:
        raise InputError(
            f"no table's name matches {pattern!r}: {len(names())} load now (see rungwise.benchmarks.names, and the"
            f" variable {VARIABLE})"
        )
    return found


def _checked(what: str | Path) -> Iterator[Table]:
    for table in _tables(what):
        try:
            yield checked(table)
        except InputError as error:
            raise InputError(f"{what}: {error}") from None


def _tables(what: str | Path) -> Iterator[Table]:
    if isinstance(what, str):
        prefix, _, name = what.partition("/")
        if prefix == "synthetic":
            yield synthetic.synthetic(name)
            return
        if prefix in FAMILIES:
            yield from read_shared(prefix, name)
            return
    if what == "digits":
        if not DIGITS.is_file():
            raise InputError(f"the table 'digits' comes with Rungwise, but {DIGITS} is not there: install it anew")
        what = DIGITS
    path, part = _place(str(what))
    if not path.exists() and isinstance(what, str) and part is None and path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"there is no table and no file called {what!r}"
            + (meant(what, [*names(), *FAMILIES]) or f" (see rungwise.benchmarks.names, and the variable {VARIABLE})")
        )
    with reading(path, _ANY):
        reader = _reader_of_folder(path) if path.is_dir() else _reader_of_file(path)
    yield from reader(path, part)


def _place(text: str) -> tuple[Path, str | None]:
    """The file, and the part of it that is named after two colons."""
    path = Path(text).expanduser()
    if path.exists() or "::" not in text:
        return path, None
    before, _, part = text.rpartition("::")
    return Path(before).expanduser(), part


def _reader_of_folder(path: Path) -> Reader:
    from rungwise.benchmarks import nats, pd1

    if (path / nats.META).exists():
        return nats.read
    if any(path.glob(pd1.PATTERN)):
        return pd1.read
    raise InputError(
        f"{path} is a folder, but holds neither NATS-Bench's {nats.META} nor PD1's pd1_…_phase1_results.jsonl.gz"
    )


def _reader_of_file(path: Path) -> Reader:
    """By the first bytes; the readers themselves say what is wrong with the rest."""
    from rungwise.benchmarks import lcbench, nats, own, parquet, pd1

    start = start_of(path)
    match start[:4]:
        case b"PAR1":
            return parquet.read
        case b"PK\x03\x04" | b"PK\x05\x06":
            return _reader_of_archive(path)
        case _ if start.startswith((b"BZh", b"\x80")):
            return nats.read
        case _ if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as file:
                start = file.read(512)
    if start.lstrip().startswith(b"{"):
        return pd1.read if ".jsonl" in path.name.lower() else lcbench.read
    expected = {
        ".npz": own.EXPECTED, ".parquet": parquet.EXPECTED, ".json": lcbench.EXPECTED, ".jsonl": pd1.EXPECTED,
        ".pbz2": nats.EXPECTED, ".pth": nats.EXPECTED,
    }  # fmt: skip
    raise InputError(f"{path} begins with {start[:16]!r}, but must be {expected.get(path.suffix.lower(), _ANY)}")


def _reader_of_archive(path: Path) -> Reader:
    import zipfile

    from rungwise.benchmarks import lcbench, nats, own

    if path.suffix.lower() == ".npz":
        return own.read
    with zipfile.ZipFile(path) as archive:
        inside = archive.namelist()
    if any(name.endswith("/data.pkl") for name in inside):
        return nats.read
    return own.read if any(name.endswith(".npy") for name in inside) else lcbench.read
