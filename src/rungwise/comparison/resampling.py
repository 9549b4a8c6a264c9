"""Bootstrap intervals (Efron 1979) for means over tables and repetitions: 95 %, by percentiles of 2,000 resamples.

1. Tables are drawn with replacement, then in each drawn table as many repetitions as there are. With one table only the
   repetitions are drawn: what is found then holds for that table.
2. All numbers share the draws, so that a difference of two searchers is resampled as pairs.
3. The draws are keyed by the seed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rungwise.core.seed import Purpose, sequence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COUNT = 2000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, and the bounds of its 95 % interval."""

    mean: float
    low: float
    high: float


class Resamples:
    """The draws for so many tables and repetitions."""

    __slots__ = ("_repetitions", "_tables")

    def __init__(self, tables: int, repetitions: int, seed: int) -> None:
        from numpy.random import default_rng

        draw = default_rng(sequence(seed, Purpose.RESAMPLING, tables, repetitions))
        self._tables = draw.integers(tables, size=(COUNT, tables, 1))
        self._repetitions = draw.integers(repetitions, size=(COUNT, tables, repetitions))

    def estimate(self, values: "NDArray[np.float64]") -> Estimate:
        """The mean of values [table, repetition], all finite, and its interval."""
        import numpy as np

        means = values[self._tables, self._repetitions].mean(axis=(1, 2))
        low, high = np.percentile(means, INTERVAL)
        return Estimate(float(values.mean()), float(low), float(high))
