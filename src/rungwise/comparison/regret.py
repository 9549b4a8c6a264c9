"""Which searcher finds good configurations for the same resource? Regret, ranks and paired differences of a contest.

1. The budget of a scheduler on a table is what random search spends with it to its own end: the median over
   repetitions (the lower of two). All searchers are looked at when a quarter, a half, three quarters and all of it are
   spent.
2. A run that has come to its own end before that keeps its incumbent: the scheduler saw no need for more.
3. Ranks are among the searchers of one table, scheduler and repetition, 1 the least regret, ties averaged.
4. Means are over tables and repetitions, each table counting alike, with the intervals of
   `rungwise.comparison.resampling`. Differences are to random search in the same repetition: below 0 is better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median_low
from typing import TYPE_CHECKING, Any

from rungwise.comparison.contest import BASELINE, Held
from rungwise.comparison.outcomes import Stat
from rungwise.comparison.resampling import Estimate, Resamples
from rungwise.comparison.traces import Trace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARES = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A searcher with a scheduler, on one table (None: over all), when a share of the budget is spent.

    `regret`, its `rank`, and its `difference` to random search's regret; `better` is on how many tables the mean regret
    is below random's, half for a tie; `ended` is the share of runs that had come to their own end by then. On one table
    `units` says how many units that share is, and `quality` what the incumbents' is, in the metric's own direction.
    """

    table: str | None
    scheduler: str
    searcher: str
    share: float
    regret: Estimate
    rank: Estimate
    difference: Estimate
    better: float
    ended: float
    units: int | None = None
    quality: Stat | None = None


@dataclass(frozen=True)
class Regrets:
    """The measures of a contest that was held."""

    held: Held

    @cached_property
    def budgets(self) -> dict[tuple[str, str], int]:
        """The units of (table, scheduler)."""
        return {
            (table, scheduler): median_low(trace.outcome.resource for trace in self.held.of(table, scheduler, BASELINE))
            for table in self.held.contest.names
            for scheduler in self.held.contest.schedulers
        }

    def regrets(self, scheduler: str, share: float) -> "NDArray[np.float64]":
        """Regret [searcher, table, repetition] when a share of the budget is spent."""
        import numpy as np

        return np.array(self._each(scheduler, share, Trace.regret))

    def _each(self, scheduler: str, share: float, look: Callable[[Trace, float], Any]) -> list[list[list[Any]]]:
        """What a look at each trace shows [searcher][table][repetition], when a share of the budget is spent."""
        contest, budgets = self.held.contest, self.budgets
        return [
            [
                [look(trace, share * budgets[table, scheduler]) for trace in self.held.of(table, scheduler, searcher)]
                for table in contest.names
            ]
            for searcher in contest.searchers
        ]

    @cached_property
    def overall(self) -> list[Point]:
        """A point for every scheduler, searcher and share, over all tables."""
        contest = self.held.contest
        return [
            point
            for scheduler in contest.schedulers
            for share in SHARES
            for point in self._points(scheduler, share, range(len(contest.names)), None)
        ]

    @cached_property
    def by_table(self) -> list[Point]:
        """A point for every table, scheduler, searcher and share."""
        contest = self.held.contest
        return [
            point
            for place, table in enumerate(contest.names)
            for scheduler in contest.schedulers
            for share in SHARES
            for point in self._points(scheduler, share, [place], table)
        ]

    def curves(self, scheduler: str, shares: Sequence[float]) -> dict[str, tuple[list[float], list[Estimate]]]:
        """Every searcher's mean regret over all tables at shares of the budget, and how far it is from random's."""
        contest = self.held.contest
        draws, random = self._draws(len(contest.names)), contest.searchers.index(BASELINE)
        at = [self.regrets(scheduler, share) for share in shares]
        return {
            searcher: (
                [float(values[place].mean()) for values in at],
                [draws.estimate(values[place] - values[random]) for values in at],
            )
            for place, searcher in enumerate(contest.searchers)
        }

    def _draws(self, tables: int) -> Resamples:
        setting = self.held.contest.setting
        return Resamples(tables, setting.repetitions, setting.seed)

    def _points(self, scheduler: str, share: float, places: Sequence[int], table: str | None) -> list[Point]:
        """The points of all searchers, over the tables at these places; `table` names the only one."""
        import numpy as np

        searchers, draws = self.held.contest.searchers, self._draws(len(places))
        values = self.regrets(scheduler, share)[:, places]
        ended = np.array(self._each(scheduler, share, _ended))[:, places].mean(axis=(1, 2))
        ranks, random = ranked(values), values[searchers.index(BASELINE)]
        points = []
        for place, searcher in enumerate(searchers):
            apart = values[place] - random
            mean = apart.mean(axis=1)
            better = float((mean < 0).sum() + (mean == 0).sum() / 2)
            regret, rank, difference = (draws.estimate(each) for each in (values[place], ranks[place], apart))
            known = (None, None) if table is None else self._known(table, scheduler, searcher, share)
            points.append(
                Point(table, scheduler, searcher, share, regret, rank, difference, better, float(ended[place]), *known)
            )
        return points

    def _known(self, table: str, scheduler: str, searcher: str, share: float) -> tuple[int, Stat]:
        """What only one table has: units of resource, and qualities of the incumbents."""
        units = share * self.budgets[table, scheduler]
        steps = [trace.at(units) for trace in self.held.of(table, scheduler, searcher)]
        return round(units), Stat.of([step.quality for step in steps if step is not None])


def _ended(trace: Trace, units: float) -> bool:
    return trace.outcome.resource < units


def ranked(values: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Ranks along the first axis, 1 the least, ties averaged.

    >>> import numpy as np
    >>> ranked(np.array([0.3, 0.1, 0.3])).tolist()
    [2.5, 1.0, 2.5]
    """
    less = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    ranks: NDArray[np.float64] = less + (equal + 1) / 2
    return ranks
