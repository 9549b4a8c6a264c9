"""The higher the rung, the more slots (RASDA, arXiv 2412.02729): a promoted trial goes on with eta times as many.

1. A job towards the lowest milestone gets `base` slots, towards each one above eta times as many as below, `most` at
   most.
2. It depends on the milestone alone, so that a job that is tried again, or resumed, gets what it had. What starts on a
   higher rung, in a bracket of Hyperband, gets what that rung's jobs get.
3. Trials must pause at every rung: the share changes where a checkpoint is left and a new job is launched from it.
"""

from bisect import bisect_left
from dataclasses import dataclass

from rungwise.core.decisions import Request
from rungwise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class ByRung:
    """`base` slots towards the first of the `milestones`, `eta` times as many towards each next, `most` at most.

    Raises InputError for numbers below 1, an `eta` below 2, and a `most` below `base`.

    >>> from rungwise.core.decisions import PromoteTrial
    >>> [ByRung((1, 3, 9), eta=3, most=4).slots(PromoteTrial(0, milestone), 8) for milestone in (1, 3, 9)]
    [1, 3, 4]
    """

    milestones: tuple[int, ...]
    eta: int
    most: int
    base: int = 1

    def __post_init__(self) -> None:
        if self.base < 1 or self.eta < 2:
            raise InputError(
                f"the lowest rung has {self.base} slots and eta is {self.eta}, but must be 1 and 2 or more"
            )
        if self.most < self.base:
            raise InputError(
                f"most is {self.most}, but a trial on the lowest rung has {self.base} slots already: it must be that or"
                " more (see the allocation 'by-rung')"
            )

    def slots(self, request: Request, capacity: int) -> int:  # noqa: ARG002 - the protocol's signature
        """What a job towards the request's milestone gets."""
        share = self.base
        for _ in range(bisect_left(self.milestones, request.milestone)):
            if share >= self.most:
                break
            share *= self.eta
        return min(share, self.most)
