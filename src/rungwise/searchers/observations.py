"""What a history says, in arrays, for searchers that learn from it with a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from rungwise.core.commands import Configuration
from rungwise.core.ledger import TrialEntry
from rungwise.space import Space
from rungwise.space.domain import Scalar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rungwise.searchers.codes import Array, Axis
    from rungwise.space.compiled import Domain


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Values with which trials entered rungs, as they came: the `rows` of the trials, the rungs by index, the values
    (infinite: not finite), and the moments, in seconds.
    """

    rows: "NDArray[np.int64]"
    rungs: "NDArray[np.int64]"
    values: "Array"
    moments: "Array"

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: "slice | NDArray[Any]") -> "Arrivals":
        return Arrivals(self.rows[chosen], self.rungs[chosen], self.values[chosen], self.moments[chosen])


class Observations:
    """What the history says, in arrays: each configuration is encoded once, each level taken in once.

    A row per trial: `codes` (one column per axis), values (one per rung; NaN: none, infinite: not finite), and the
    moments of these.
    """

    __slots__ = ("_entries", "_keys", "_moments", "_rows", "_seen", "_values", "axes", "codes")

    def __init__(self, axes: "list[Axis]") -> None:
        import numpy as np

        self.axes = axes
        self.codes: Array = np.empty((64, len(axes)))
        self._values: Array = np.full((64, 4), nan)
        self._moments: Array = np.full((64, 4), nan)
        self._rows: dict[int, int] = {}
        self._entries: list[TrialEntry] = []
        self._seen: list[int] = []
        self._keys: list[bytes] = []

    def update(self, trials: Mapping[int, TrialEntry]) -> list[int]:
        """Take in what is new; the rows of these trials, in the order of their numbers."""
        known, entries, seen = self._rows, self._entries, self._seen
        rows: list[int] = []
        for trial in trials if _rising(trials) else sorted(trials):
            entry = trials[trial]
            row = known.get(trial)
            if row is None or entries[row] is not entry:
                row = self._enter(trial, entry)
            if seen[row] != len(entry.levels):
                self._learn(row, entry)
            rows.append(row)
        return rows

    def own(self, trials: Mapping[int, TrialEntry], rows: list[int]) -> list[int]:
        """Of the rows that `update` gave, those of this experiment: earlier ones' trials have numbers below 0."""
        return rows[sum(trial < 0 for trial in trials) :]

    def had(self, rows: list[int]) -> set[bytes]:
        """The keys of the configurations in these rows."""
        keys = self._keys
        return {keys[row] for row in rows}

    def key(self, configuration: Configuration) -> bytes:
        """What equal configurations have in common, and others have not."""
        key: bytes = self.encoded(configuration).tobytes()
        return key

    def rungs(self, rows: list[int]) -> "Iterator[tuple[NDArray[np.int64], int]]":
        """Of each rung, the highest first: the rows with a value there, best first, and how many values are finite."""
        import numpy as np

        of = np.array(rows, dtype=np.int64)
        for rung in reversed(range(self._values.shape[1])):
            values = self._values[of, rung]
            there = np.flatnonzero(~np.isnan(values))
            if len(there):
                ranked = there[np.argsort(values[there], kind="stable")]
                yield of[ranked], int(np.isfinite(values[there]).sum())

    def arrivals(self, rows: list[int]) -> Arrivals:
        """All values in these rows in the order of their moments; those of one moment by row, then rung."""
        import numpy as np

        of = np.array(rows, dtype=np.int64)
        values = self._values[of]
        places, rungs = np.nonzero(~np.isnan(values))
        moments = self._moments[of][places, rungs]
        order = np.argsort(moments, kind="stable")
        return Arrivals(of[places], rungs, values[places, rungs], moments)[order]

    def composed(self, space: Space, codes: Sequence[float]) -> dict[str, Scalar] | None:
        """The configuration that the codes stand for; None where it is forbidden."""
        values = {axis.name: axis.decode(code) for axis, code in zip(self.axes, codes, strict=True)}

        def choose(domain: "Domain") -> Scalar:
            if domain.choices is not None:
                return values.get(domain.name, domain.choices[0])
            low, high = domain.bounds
            number = values.get(domain.name, low)
            assert not isinstance(number, str)  # a range holds numbers
            return min(max(number, low), high)

        return space.compose(choose)

    def encoded(self, configuration: Configuration) -> "Array":
        """The codes of a configuration, one per axis."""
        import numpy as np

        return np.array([axis.encode(configuration.get(axis.name)) for axis in self.axes], dtype=np.float64)

    def _enter(self, trial: int, entry: TrialEntry) -> int:
        import numpy as np

        row = self._rows.get(trial)
        if row is None:
            row = self._rows[trial] = len(self._entries)
            self._entries.append(entry)
            self._seen.append(0)
            self._keys.append(b"")
        if row == len(self.codes):
            self.codes = np.concatenate([self.codes, np.empty_like(self.codes)])
            self._values = np.concatenate([self._values, np.full_like(self._values, nan)])
            self._moments = np.concatenate([self._moments, np.full_like(self._moments, nan)])
        self._entries[row] = entry
        self._seen[row] = 0
        self._values[row] = nan
        self.codes[row] = encoded = self.encoded(entry.configuration)
        self._keys[row] = encoded.tobytes()
        return row

    def _learn(self, row: int, entry: TrialEntry) -> None:
        import numpy as np

        if entry.rung > self._values.shape[1]:
            more = entry.rung - self._values.shape[1]
            wider = np.full((len(self._values), more), nan)
            self._values = np.concatenate([self._values, wider], axis=1)
            self._moments = np.concatenate([self._moments, wider], axis=1)
        levels = [value if isfinite(value) else inf for value in entry.levels]
        self._values[row] = nan
        self._values[row, entry.rung - len(levels) : entry.rung] = levels
        self._moments[row, entry.rung - len(levels) : entry.rung] = entry.entered
        self._seen[row] = len(levels)


def _rising(trials: Mapping[int, TrialEntry]) -> bool:
    """Whether the trials come in the order of their numbers, as they do unless a launch was held."""
    numbers = list(trials)
    return numbers == sorted(numbers)
