"""Opening files that somebody else wrote: whatever is wrong with one becomes an InputError of one sentence."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from rungwise.core.errors import InputError


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Turn every failure in the block into an InputError that names the file and what it was expected to be."""
    try:
        yield
    except InputError as error:
        told = str(error)
        raise InputError(told if str(path) in told else f"{path}: {told}") from error
    except FileNotFoundError as error:
        raise InputError(f"{error.filename or path} is not there, but must be {expected}") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, but must be {expected}") from error
    # Damaged archives, pickles and texts raise nearly anything, from KeyError to MemoryError (an absurd length).
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is cut short, damaged or something else ({shortened(reason)}), but must be {expected}"
        ) from error


def start_of(path: Path, size: int = 512) -> bytes:
    """The first bytes of a file; raises InputError where it is empty."""
    with path.open("rb") as file:
        found = file.read(size)
    if not found:
        raise InputError(f"{path} is empty, but must hold a learning-curve table (see rungwise.benchmarks.load)")
    return found


def shortened(text: str, length: int = 120) -> str:
    """Text as an error message shows it, cut where it is long."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def listed(items: Sequence[str], most: int = 12) -> str:
    """Names as an error message lists them: the first dozen."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def meant(name: str, among: Sequence[str]) -> str:
    """The names nearest to one that is not known, as words to end a sentence with; nothing where none is near."""
    lower = name.lower()
    by_lower = {part: known for known in among for part in (known.lower().rpartition("/")[2], known.lower())}
    near = [by_lower[found] for found in get_close_matches(lower, by_lower, n=3, cutoff=0.6)]
    near += [known for key, known in by_lower.items() if lower and lower in key]
    near = list(dict.fromkeys(near))
    return f": did you mean {' or '.join(map(repr, near[:3]))}?" if near else ""


def chosen(path: Path, part: str | None, there: Sequence[str]) -> str:
    """The part of a file that is meant, whatever its case; raises InputError where none or another is named."""
    if not there:
        raise InputError(f"{path} holds no tables at all")
    if part is None:
        if len(there) == 1:
            return there[0]
        raise InputError(
            f"{path} holds {len(there)} tables, so name one, as in {path.name}::{there[0]}: it has {listed(there)}"
        )
    for name in there:
        if name.lower() == part.lower():
            return name
    raise InputError(f"{path} holds no table {part!r}{meant(part, there) or ': it has ' + listed(there)}")
