"""The same work for every library, in plain Python: who reports what, and on which ladder."""

from collections.abc import Callable
from random import Random
from statistics import NormalDist

ETA, MIN_RESOURCE, MAX_RESOURCE = 3, 1, 81
NOISE, PERIOD = 0.05, 65_537
Value = Callable[[int, int], float]


def curves(trials: int) -> Value:
    """The loss of a trial after so many units: different qualities and speeds, some noise.

    It depends on the trial and the unit alone, so that it is the same whoever asks, and in whatever order.
    """
    rng = Random(1)
    quality = [rng.random() for _ in range(trials)]
    slowness = [rng.random() for _ in range(trials)]
    normal = NormalDist(0.0, NOISE)
    noise = [normal.inv_cdf(rng.random()) for _ in range(PERIOD)]
    return lambda trial, unit: quality[trial] + slowness[trial] / unit + noise[(trial * 7919 + unit * 104_729) % PERIOD]
