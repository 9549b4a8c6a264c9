"""What a cluster is asked for: so many slots, and what each of them is."""

from dataclasses import dataclass
from math import floor

from rungwise.core.checks import check_whole

FINEST = 10_000
"""Ray counts resources in such parts."""


@dataclass(frozen=True, slots=True)
class RaySettings:
    """A slot has `cpus` cores and `gpu` of one GPU; a trial takes up to `together` slots, which are asked for in one.

    `address` is a cluster's ("auto": the one on this machine; None: the one that this process has joined already, or
    that RAY_ADDRESS names, else one of our own on this machine). Raises InputError for values out of range.
    """

    address: str | None = None
    cpus: int = 1
    gpu: float = 0.0
    together: int = 1

    def __post_init__(self) -> None:
        check_whole("cpus", self.cpus, 1)
        check_whole("together", self.together, 1)


def share_of_gpu(per_gpu: int) -> float:
    """The share of a GPU that each of so many trials on one gets, as Ray can count it.

    >>> share_of_gpu(2), share_of_gpu(3)
    (0.5, 0.3333)
    """
    return floor(FINEST / per_gpu) / FINEST
