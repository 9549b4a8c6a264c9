"""Twelve tables that mimic trouble, made from a seed: a test-bed for schedulers, never a result about trainings.

1. A configuration is (x, y, z), even draws from 0 to 1. Its quality, 0 the best, is what its loss ends at: a valley in
   x and y. Its pace, from z, is how steeply the loss falls. So the order of configurations may change on the way.
2. A plain curve is quality + (1 - quality) · (1 + u)^(-pace) after u units, minimised. Each trouble changes that in one
   way, which its function states.
3. A unit takes a second, unless the trouble is about seconds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rungwise.benchmarks.table import Table
from rungwise.core.errors import InputError
from rungwise.space import parse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONFIGURATIONS, UNITS = 256, 81
NOTE = "synthetic: curves are drawn from a formula (rungwise.benchmarks.synthetic), nothing was trained"
FORM = {"x": (0.0, 1.0), "y": (0.0, 1.0), "z": (0.0, 1.0)}


@dataclass(frozen=True)
class Draws:
    """What the curves of a table are made from: columns per configuration, a row of units, and more random numbers."""

    x: "Array"
    z: "Array"
    quality: "Array"
    pace: "Array"
    units: "Array"
    random: "np.random.Generator"

    def plain(self) -> "Array":
        """Curves without any trouble, [configurations, units]."""
        return falling(self.quality, self.pace, self.units)


def falling(quality: "Array", pace: "Array | float", units: "Array") -> "Array":
    """Curves that fall to their quality as a power of the units."""
    curves: Array = quality + (1 - quality) * (1 + units) ** -pace
    return curves


def late_nan(draws: Draws) -> "Array":
    """Who falls fastest diverges between a third and two thirds of the way: a quarter of all."""
    import numpy as np

    fast = draws.pace > np.quantile(draws.pace, 0.75)
    end = draws.units[:, -1:]
    death = end * draws.random.uniform(1 / 3, 2 / 3, draws.quality.shape)
    return np.where(fast & (draws.units > death), np.nan, draws.plain() - 0.2 * fast)


def late_collapse(draws: Draws) -> "Array":
    """A third lead by far for half of the way, and then fall apart to a loss of 1 and more."""
    import numpy as np

    leads = draws.z > 2 / 3
    after = np.clip(draws.units / draws.units[:, -1:] - 0.5, 0.0, None)
    return np.where(leads, 0.5 * draws.plain() + 4 * after, draws.plain())


def misleading_warmup(draws: Draws) -> "Array":
    """For the first tenth of the way the order is the reverse of the last."""
    import numpy as np

    share = np.clip(draws.units / (0.1 * draws.units[:, -1:]), 0.0, 1.0)
    return 2 - share - draws.quality * (1 - share) + share * (draws.plain() - 1)


def bound_to_horizons(draws: Draws) -> "Array":
    """Each has a schedule, a third of the way or all of it, at the end of which its loss falls: deeper if longer."""
    import numpy as np

    end = draws.units[:, -1:]
    horizon = np.where(draws.z > 0.5, end, np.ceil(end / 3))
    share = np.minimum(draws.units / horizon, 1.0)
    floor = draws.quality + np.where(horizon < end, 0.15, 0.0)
    curves: Array = floor + (1 - floor) * (1 + np.cos(np.pi * share)) / 2
    return curves


def breakthroughs(draws: Draws) -> "Array":
    """Nothing happens for a long while, then the loss drops at once; the better the earlier, but not surely."""
    import numpy as np

    moment = draws.units[:, -1:] * (0.1 + 0.5 * draws.quality + 0.3 * draws.random.random(draws.quality.shape))
    return np.where(draws.units < moment, 1.0 - 0.001 * draws.units / draws.units[:, -1:], draws.quality)


def noise(draws: Draws) -> "Array":
    """Every report is off by a tenth, as a standard deviation."""
    curves: Array = draws.plain() + 0.1 * draws.random.standard_normal(draws.plain().shape)
    return curves


def ties(draws: Draws) -> "Array":
    """Losses are counted in twentieths, as on a validation set of twenty."""
    import numpy as np

    curves: Array = np.round(draws.plain() * 20) / 20
    return curves


def constant(draws: Draws) -> "Array":
    """All configurations have one loss, for ever."""
    import numpy as np

    return np.full(draws.plain().shape, 0.5)


def cost_tied_to_quality(draws: Draws) -> "Array":
    """The better a configuration the longer its units take: ten times from worst to best."""
    return draws.plain()


def overfitting(draws: Draws) -> "Array":
    """Losses fall and rise again; the better the configuration the later."""
    import numpy as np

    share = draws.units / draws.units[:, -1:]
    turn = 0.1 + 0.6 * (1 - draws.quality)
    return draws.plain() + 0.5 * np.clip(share - turn, 0.0, None)


def easy(draws: Draws) -> "Array":
    """The first unit tells the order: all fall at one pace."""
    return falling(draws.quality, 0.5, draws.units)


def slow_settling(draws: Draws) -> "Array":
    """What a loss begins with says nothing, and gives way to the quality evenly until the end."""
    share = draws.units / draws.units[:, -1:]
    curves: Array = share * draws.quality + (1 - share) * (0.5 + 0.5 * draws.random.random(draws.quality.shape))
    return curves


TROUBLES: Mapping[str, Callable[[Draws], "Array"]] = {
    "late-nan": late_nan,
    "late-collapse": late_collapse,
    "misleading-warmup": misleading_warmup,
    "bound-to-horizons": bound_to_horizons,
    "breakthroughs": breakthroughs,
    "noise": noise,
    "ties": ties,
    "constant": constant,
    "cost-tied-to-quality": cost_tied_to_quality,
    "overfitting": overfitting,
    "easy": easy,
    "slow-settling": slow_settling,
}
NAMES = tuple(f"synthetic/{name}" for name in TROUBLES)


def synthetic(name: str, configurations: int = CONFIGURATIONS, units: int = UNITS, seed: int = 0) -> Table:
    """The table of a trouble in `TROUBLES`; the same one for the same arguments.

    Raises InputError for a name that is not there.
    """
    import numpy as np

    if name not in TROUBLES:
        raise InputError(f"there is no synthetic table {name!r}: there are {', '.join(TROUBLES)}")
    random = np.random.default_rng([seed, len(name)])
    x, y, z = random.random((3, configurations, 1))
    quality = 0.1 + 0.8 * np.sqrt(((x - 0.7) ** 2 + (y - 0.3) ** 2) / 0.98)
    draws = Draws(x, z, quality, 0.4 + 0.4 * z, np.arange(1.0, units + 1)[None, :], random)
    seconds = 1.0 + 9.0 * (1 - (quality - 0.1) / 0.8) if name == "cost-tied-to-quality" else np.ones_like(quality)
    return Table(
        TROUBLES[name](draws),
        np.broadcast_to(seconds, (configurations, units)),
        "min",
        configs=[dict(zip(FORM, row, strict=True)) for row in np.concatenate([x, y, z], axis=1).tolist()],
        space=parse(FORM),
        name=f"synthetic/{name}",
        metric="loss",
        note=NOTE,
    )
