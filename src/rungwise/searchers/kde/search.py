"""The model of BOHB (Falkner, Klein and Hutter 2018, section 3.2 and algorithm 2; details as in the authors' code).

1. A rung's observations are the values with which trials entered it. They are ranked, best first, the earlier trial
   first if equal; what is not finite is last. A trial without such a value, failed or not, counts for nothing.
2. Of n observations the best max(d + 1, floor(0.15 n)) are good, the next max(d + 1, floor(0.85 n)), or all that are
   left, are bad; d is the number of hyperparameters that vary. What is not finite is never good. Each needs d + 1.
3. The model is made from the highest rung that has enough: a density of the good ones, l, and one of the bad ones, g.
   Kernels and bandwidths: `rungwise.searchers.kde.kernels`. What is inactive is filled from other rows of its kind.
4. A third of all trials get the configuration that random search would have given them; so does everyone while there
   is no model.
5. Any other gets, of 64 draws near good points, the one with the highest l/g.
6. Conditions and forbidden clauses are judged as a draw becomes a configuration: what is forbidden is passed over, and
   so is what any trial has had, running and paused ones included (but not those of earlier experiments, which have
   numbers below 0). If nothing is left of three rounds of draws, the trial gets its random configuration.
7. If some trial has had that one too, another is drawn; where a finite space is exhausted there is none.
8. Every draw is keyed by the seed and the trial: a suggestion follows from these and from the history alone.
"""

from math import inf
from typing import TYPE_CHECKING

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.searchers.finite import usual_or_untried
from rungwise.searchers.observations import Observations
from rungwise.searchers.random import RandomSearch
from rungwise.space import Space

if TYPE_CHECKING:
    import numpy as np

    from rungwise.searchers.kde.kernels import Density

ROUNDS = 3
ROUNDING = 1e-9


class KDESearch:
    """Densities of good and of bad configurations, one pair per rung.

    `min_points`: how many observations good and bad ones need each (None: d + 1); `top`: the share of good ones;
    `random_share`: of trials; `candidates`: draws per round; `bandwidth_factor`: how much wider than the kernels draws
    are; `min_bandwidth`: in codes (see `rungwise.searchers.codes`).
    """

    __slots__ = (
        "_candidates",
        "_factor",
        "_min_points",
        "_random",
        "_seed",
        "_shape",
        "_share",
        "_size",
        "_space",
        "_table",
        "_top",
    )

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        min_points: int | None = None,
        top: float = 0.15,
        random_share: float = 1 / 3,
        candidates: int = 64,
        bandwidth_factor: float = 3.0,
        min_bandwidth: float = 1e-3,
    ) -> None:
        """Raises InputError for a seed below 0, or an argument out of its range."""
        if min_points is not None:
            check_whole("min_points", min_points, 1)
        check_whole("candidates", candidates, 1)
        for name, share in (("top", top), ("random_share", random_share)):
            if not (isinstance(share, int | float) and 0 <= share <= 1):
                raise InputError(f"{name} is {share!r}, but must be from 0 to 1: it is a share")
        for name, width in (("bandwidth_factor", bandwidth_factor), ("min_bandwidth", min_bandwidth)):
            if not (isinstance(width, int | float) and 0 < width < inf):
                raise InputError(f"{name} is {width!r}, but must be above 0 and finite")
        from rungwise.searchers.codes import axes_of
        from rungwise.searchers.kde.kernels import Shape

        self._space = space
        self._seed = check_whole("seed", seed, 0)
        self._random = RandomSearch(space, seed)
        axes = axes_of(space.to_json()["hyperparameters"])
        self._shape = Shape.of(axes, min_bandwidth)
        self._table = Observations(axes)
        self._min_points = len(axes) + 1 if min_points is None else min_points
        self._top = top
        self._share = random_share
        self._candidates = candidates
        self._factor = bandwidth_factor
        self._size = space.size()

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's configuration, which no trial has had; None where every one of a finite space has been had.

        In a space without end there is always one, a repeated one if nothing else is found.
        """
        import numpy as np

        rows = self._table.update(history.trials)
        had = self._table.had(self._table.own(history.trials, rows))
        if self._size is not None and len(had) >= self._size:
            return None
        drawing, filling = sequence(self._seed, Purpose.SUGGESTION, request.trial).spawn(2)
        random = np.random.RandomState(np.random.PCG64(drawing))
        if random.random_sample() >= self._share:
            model = self._model(rows, random)
            found = None if model is None else self._best(*model, had, random)
            if found is not None:
                return found
        return usual_or_untried(self._space, self._random.suggest(history, request), had, self._table.key, filling)

    def _model(self, rows: list[int], random: "np.random.RandomState") -> "tuple[Density, Density] | None":
        """The densities of good and of bad configurations in the highest rung that has enough of both."""
        from rungwise.searchers.kde.kernels import Density, imputed

        least = self._min_points
        for ranked, finite in self._table.rungs(rows) if self._table.axes else ():
            count = len(ranked)
            good = min(max(least, int(self._top * count + ROUNDING)), finite)
            bad = min(max(least, int((1 - self._top) * count + ROUNDING)), count - good)
            if good >= least and bad >= least:
                codes = self._table.codes[ranked]
                parts = codes[:good], codes[good : good + bad]
                low, high = (Density(imputed(part, self._shape, random), self._shape) for part in parts)
                return low, high
        return None

    def _best(
        self, good: "Density", bad: "Density", had: set[bytes], random: "np.random.RandomState"
    ) -> Configuration | None:
        """Of draws near good points the one with the highest l/g, of those that are allowed and new."""
        import numpy as np

        from rungwise.searchers.kde.kernels import draws_near

        for _ in range(ROUNDS):
            drawn = draws_near(good, self._shape, self._factor, self._candidates, random)
            for axis, codes in zip(self._table.axes, drawn.T, strict=True):
                codes[:] = axis.snap(codes)
            for place in np.argsort(bad.log(drawn) - good.log(drawn), kind="stable").tolist():
                found = self._table.composed(self._space, drawn[place].tolist())
                if found is not None and self._table.key(found) not in had:
                    return found
        return None
