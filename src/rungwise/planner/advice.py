"""Advice: which of the forecasts to take.

1. With a deadline the cheapest that fits, with a budget the fastest that fits, with both the cheapest that fits both,
   with neither the fastest. One fits if the upper end of its interval does.
2. Who is not surely worse than the best is as good: the 95 % interval of the difference, paired by seed, reaches down
   to 0, and none that fits has both means below its own (a scheduler whose runs scatter would be as good as any). Of
   these the one that is better by the other measure is taken: the cheaper of the fastest, the faster of the cheapest.
3. Where none fits, the one that exceeds a limit by the smallest factor is named, and that it does not fit.
4. What a forecast finds is not weighed against what it costs; but whose regret is surely worse than another's is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from rungwise.comparison.resampling import Resamples
from rungwise.core.errors import InputError
from rungwise.planner.forecast import Forecast


@dataclass(frozen=True, slots=True)
class Wanted:
    """Limits: the most seconds (`deadline`) and slot-hours (`budget`), None: any. Raises InputError out of range."""

    deadline: float | None = None
    budget: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("deadline", self.deadline), ("budget", self.budget)):
            if value is not None and not (value > 0 and isfinite(value)):
                raise InputError(f"{name} is {value!r}, but must be a finite number above 0")

    def excess(self, forecast: Forecast) -> float:
        """How many times as much as is allowed it may take, where it may take most; 1 and less: it fits."""
        pairs = ((forecast.time.high, self.deadline), (forecast.hours.high, self.budget))
        return max((most / limit for most, limit in pairs if limit is not None), default=0.0)


@dataclass(frozen=True, slots=True)
class Advice:
    """The `chosen` forecast, whether it `fits`, and what for: it is the cheapest, or the fastest, of those that fit.

    `tied` are others as good by that measure, the very best of them first; `better` is the forecast with the least
    regret, where that is surely less.
    """

    chosen: Forecast
    fits: bool
    cheapest: bool
    tied: tuple[Forecast, ...]
    better: Forecast | None


def advise(found: Sequence[Forecast], wanted: Wanted) -> Advice:
    """Choose among forecasts, one at least."""
    fitting = [each for each in found if wanted.excess(each) <= 1]
    cheapest = wanted.deadline is not None
    if not fitting:
        nearest = min(found, key=wanted.excess)
        return Advice(nearest, False, cheapest, (), _better(nearest, found))
    resamples = Resamples(1, len(found[0].times), 0)
    best = min(fitting, key=lambda each: _means(each, cheapest))
    front = [each for each in fitting if not any(_below(other, each) for other in fitting)]
    equals = [each for each in front if not _surely_worse(each, best, cheapest, resamples)]
    chosen = min(equals, key=lambda each: _means(each, not cheapest))
    tied = [best, *(each for each in equals if each is not best)]
    return Advice(chosen, True, cheapest, tuple(each for each in tied if each is not chosen), _better(chosen, found))


def _means(forecast: Forecast, cheapest: bool) -> tuple[float, float]:
    """The measure that counts, and the other."""
    means = (forecast.hours.mean, forecast.time.mean)
    return means if cheapest else (means[1], means[0])


def _below(one: Forecast, other: Forecast) -> bool:
    """Whether it takes less time and costs less, in the mean."""
    return one.time.mean < other.time.mean and one.hours.mean < other.hours.mean


def _surely_worse(one: Forecast, best: Forecast, cheapest: bool, resamples: Resamples) -> bool:
    import numpy as np

    pairs = (one.costs, best.costs) if cheapest else (one.times, best.times)
    mine, theirs = map(np.array, pairs)
    return resamples.estimate((mine - theirs)[None, :]).low > 0


def _better(chosen: Forecast, found: Sequence[Forecast]) -> Forecast | None:
    """The one with the least regret, if its interval lies below that of the chosen one."""
    known = [each for each in found if each.regret is not None]
    if chosen.regret is None or not known:
        return None
    best = min(known, key=lambda each: each.regret.mean if each.regret is not None else 0.0)
    return best if best.regret is not None and best.regret.high < chosen.regret.low else None
