"""Fits of hyperparameters: each made once, here and now, or ahead in a thread of its own."""

from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rungwise.searchers.codes import Array
    from rungwise.searchers.gp.process import Columns

KEPT = 4


class Fits:
    """The last few fits, by what they were made from: which one is asked for decides, not when it was made."""

    __slots__ = ("_found", "_thread")

    def __init__(self) -> None:
        self._found: dict[bytes, Future[dict[str, Any]]] = {}
        self._thread: ThreadPoolExecutor | None = None

    def go_ahead(self) -> None:
        """From now on fits are made in a thread, which imports what takes seconds while the first trials train."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "rungwise-gp")
            self._thread.submit(_import)

    def of(self, inputs: "Array", values: "Array", columns: "Columns") -> "Future[dict[str, Any]]":
        """The hyperparameters for these observations: at hand, on the way, or made now."""
        key = blake2b(inputs.tobytes() + values.tobytes(), digest_size=16).digest()
        if key not in self._found:
            if self._thread is None:
                self._found[key] = Future()
                self._found[key].set_result(_fitted(inputs, values, columns))
            else:
                self._found[key] = self._thread.submit(_fitted, inputs, values, columns)
            if len(self._found) > KEPT:
                del self._found[next(iter(self._found))]
        return self._found[key]


def _import() -> None:
    import rungwise.searchers.gp.process  # noqa: F401


def _fitted(inputs: "Array", values: "Array", columns: "Columns") -> dict[str, Any]:
    from rungwise.searchers.gp.process import fit

    return fit(inputs, values, columns)
