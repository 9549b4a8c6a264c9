"""MOBSTER (Klein et al. 2020): a Gaussian process over configurations and resources says which trial is worth starting.

1. Observations are the values with which trials entered rungs, in the order of their moments. They count by rank: as
   normal scores of all of them, so that outliers, and values of 1e300, weigh no more than others; what is not finite is
   worst. With `per_rung` they rank within their rung, and rungs have nothing in common but the hyperparameters.
2. Hyperparameters are fitted to the first 8, 11, 15, 21, … observations, 1.4 times as many each time: to the most of
   these that had been made two seconds ago. So a fit has begun long before it is needed, where somebody says how the
   history grows (`prepare`). While there is none, they are fitted to what past trials show, if there are any (numbers
   below 0: see `rungwise.searchers.past`); else the trial gets what random search would have given it.
3. Of more than 128 observations a fit sees 128, and of more than 384 a suggestion sees 384: half of them of the trials
   that came furthest, the rest spread over all that there are.
4. A trial on its way to a rung counts there with 20 joint draws of what it may report.
5. The expected improvement is that at the highest rung with three finite values, on the best that is expected there of
   any trial with a value: the best value itself owes something to luck.
6. Candidates are 200 random configurations and some near the best observed, then some near the best candidates, twice.
   What is forbidden, or was tried before, is none.
7. Where nothing is left, or linear algebra gives up, the trial gets what random search would have given it; if some
   trial has had that, another is drawn; where a finite space is exhausted there is none.
8. Every draw is keyed by the seed and the trial: a suggestion follows from these and from the history alone.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.searchers.finite import usual_or_untried
from rungwise.searchers.gp.fits import Fits
from rungwise.searchers.observations import Arrivals, Observations
from rungwise.searchers.random import RandomSearch
from rungwise.space import Space

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from rungwise.searchers.codes import Array
    from rungwise.searchers.gp.evidence import Inputs
    from rungwise.searchers.gp.process import Columns, Process

FIRST_FIT, GROWTH = 8, 1.4
SETTLED = 2.0  # seconds
FITTED, SEEN = 128, 384
ENOUGH = 3
FANTASIES, MOST_PENDING = 20, 64
RANDOM, LEADERS, NEAR = 200, 4, 12
STEPS = (0.15, 0.05, 0.02)


class GPSearch:
    """Expected improvement under a Gaussian process. `per_rung`: one process for each rung, which is cheaper."""

    __slots__ = ("_fits", "_per_rung", "_random", "_seed", "_size", "_space", "_table")

    def __init__(self, space: Space, seed: int, *, per_rung: bool = False) -> None:
        """Raises InputError for a seed below 0, or where BoTorch is not installed."""
        from importlib.util import find_spec

        from rungwise.searchers.codes import axes_of

        if find_spec("botorch") is None:
            raise InputError("the searcher is 'gp', but botorch is not installed: pip install 'rungwise[bo]'")
        self._space = space
        self._seed = check_whole("seed", seed, 0)
        self._per_rung = per_rung
        self._random = RandomSearch(space, seed)
        self._table = Observations(axes_of(space.to_json()["hyperparameters"]))
        self._size = space.size()
        self._fits = Fits()

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's configuration; None where every one of a finite space has been had.

        O(trials) to look through the history; the process itself sees no more than so many of them.
        """
        import numpy as np

        rows, own = self._rows(history)
        had = self._table.had(own)
        if self._size is not None and len(had) >= self._size:
            return None
        drawing, sampling, filling = sequence(self._seed, Purpose.SUGGESTION, request.trial).spawn(3)
        arrivals = self._table.arrivals(rows)
        fit, rung = self._fit(history, until=history.now - SETTLED), _target(arrivals)
        if fit is not None and rung is not None:
            from rungwise.searchers.gp.process import UNSOLVED

            random = np.random.RandomState(np.random.PCG64(drawing))
            with suppress(*UNSOLVED):
                hunt = self._hunt(history, arrivals, rung, fit.result(), random)
                found = self._best(hunt, self._space.sample(sampling, RANDOM), had, random)
                if found is not None:
                    return found
        return usual_or_untried(self._space, self._random.suggest(history, request), had, self._table.key, filling)

    def prepare(self, history: History) -> None:
        """Begin the fit that later suggestions will need, in a thread of its own. It changes no suggestion."""
        self._fits.go_ahead()
        self._fit(history, until=history.now)

    def _rows(self, history: History) -> tuple[list[int], list[int]]:
        """The rows of all trials, and those of this experiment's own."""
        rows = self._table.update(history.trials)
        return rows, self._table.own(history.trials, rows)

    def _inputs(self, history: History) -> "Inputs":
        from rungwise.searchers.gp.evidence import Inputs

        return Inputs(self._table.axes, history.milestones, self._per_rung)

    def _fit(self, history: History, *, until: float) -> "Future[dict[str, Any]] | None":
        """The hyperparameters for what had been observed by then: at hand, on the way, or fitted now; None: too few."""
        import numpy as np

        from rungwise.searchers.gp.evidence import thinned

        rows, own = self._rows(history)
        arrivals = self._table.arrivals(own)
        arrivals = arrivals[: fit_size(int(np.searchsorted(arrivals.moments, until, side="right")))]
        if not len(arrivals):
            arrivals = self._table.arrivals(rows[: len(rows) - len(own)])
        if not (len(arrivals) and self._table.axes):
            return None
        inputs, values = self._inputs(history).observed(self._table, thinned(arrivals, FITTED))
        return self._fits.of(inputs, values, self._columns)

    @property
    def _columns(self) -> "Columns":
        from rungwise.searchers.gp.process import Columns

        places = range(len(self._table.axes))
        ordered = [axis.ordered for axis in self._table.axes]
        return Columns(
            tuple(place for place in places if ordered[place]),
            tuple(place for place in places if not ordered[place]),
            self._per_rung,
        )

    def _hunt(
        self,
        history: History,
        arrivals: Arrivals,
        rung: int,
        hyperparameters: dict[str, Any],
        random: "np.random.RandomState",
    ) -> "_Hunt":
        """What candidates at a rung are judged by."""
        import numpy as np

        from rungwise.searchers.gp.evidence import thinned
        from rungwise.searchers.gp.process import Process

        table, inputs = self._table, self._inputs(history)
        chosen = arrivals[arrivals.rungs == rung] if self._per_rung else arrivals
        seen = thinned(chosen, SEEN)
        observed, values = inputs.observed(table, seen)
        process = Process(observed, values, self._columns, hyperparameters)
        trials = np.unique(seen.rows)
        expected = process.means(inputs.of(table.codes[trials], rung))
        pending = self._pending(history, rung)
        return _Hunt(
            process,
            inputs,
            rung,
            trials[np.argsort(expected, kind="stable")[:LEADERS]],
            float(expected.min()),
            inputs.of(table.codes[[row for row, _ in pending]], np.array([at for _, at in pending], dtype=np.int64)),
            np.array([at == rung for _, at in pending], dtype=bool),
            random.standard_normal((len(pending), FANTASIES)),
        )

    def _pending(self, history: History, rung: int) -> list[tuple[int, int]]:
        """Rows of the trials on their way, the newest, and the rungs they will enter; with `per_rung` this one."""
        numbers = sorted(history.trials)
        found = [
            (row, entry.rung)
            for row, entry in zip(self._rows(history)[0], map(history.trials.__getitem__, numbers), strict=True)
            if entry.status == "running"
            and (entry.rung == rung or (not self._per_rung and entry.rung < len(history.milestones)))
        ]
        return found[-MOST_PENDING:]

    def _best(
        self, hunt: "_Hunt", drawn: Sequence[Configuration], had: set[bytes], random: "np.random.RandomState"
    ) -> Configuration | None:
        """The candidate of the highest expected improvement; None where there is none."""
        import numpy as np

        from rungwise.searchers.gp.candidates import Candidates

        candidates = Candidates(self._space, self._table, had)
        candidates.add(drawn)
        scores = np.empty(0)
        near = self._table.codes[hunt.leaders]
        for step in STEPS:
            candidates.add_near(near, step, NEAR, random)
            new = candidates.codes[len(scores) :]
            if new:
                scores = np.concatenate([scores, hunt.improvement(np.array(new))])
            if not len(scores):
                return None
            near = np.array([candidates.codes[place] for place in np.argsort(-scores, kind="stable")[:LEADERS]])
        return candidates.configurations[int(np.argmax(scores))]


def fit_size(count: int) -> int:
    """To how many of so many observations the hyperparameters are fitted; 0: there are too few.

    >>> [fit_size(count) for count in (7, 8, 10, 11, 300)]
    [0, 8, 8, 11, 296]
    """
    size = 0
    following = FIRST_FIT
    while following <= count:
        size, following = following, int(following * GROWTH)
    return size


def _target(arrivals: Arrivals) -> int | None:
    """The highest rung with enough finite values."""
    import numpy as np

    counts = np.bincount(arrivals.rungs[np.isfinite(arrivals.values)])
    enough = np.flatnonzero(counts >= ENOUGH)
    return int(enough[-1]) if len(enough) else None


@dataclass(frozen=True, slots=True)
class _Hunt:
    """A process, the rung to improve on, the rows of who is best there and what is expected of the best, and what is on
    its way.
    """

    process: "Process"
    inputs: "Inputs"
    rung: int
    leaders: "NDArray[np.int64]"
    best: float
    pending: "Array"
    counts: "NDArray[np.bool_]"
    draws: "Array"

    def improvement(self, codes: "Array") -> "Array":
        """The expected improvement of candidates, shape (m, d)."""
        candidates = self.inputs.of(codes, self.rung)
        return self.process.improvement(self.pending, candidates, self.counts, self.best, self.draws)
