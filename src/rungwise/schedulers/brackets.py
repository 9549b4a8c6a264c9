"""A bracket of synchronous successive halving (Jamieson & Talwalkar 2016): every rung waits for all of its trials.

1. `sizes[0]` trials are started. Rung k is complete when everybody who was to come has come, or failed.
2. Then its best `sizes[k + 1]` go on, the best first; NaN, infinities and failures stay, so fewer may.
3. A trial that passes several milestones with one report enters the higher ones only if the lower ones promote it.
"""

from collections import deque
from collections.abc import Sequence
from math import inf, isfinite

from rungwise.core.decisions import PromoteTrial
from rungwise.core.events import EndReason
from rungwise.schedulers.foresight import Prospects
from rungwise.schedulers.rungs import never_started


def halving_sizes(trials: int, rungs: int, eta: int) -> tuple[int, ...]:
    """How many trials each rung holds: ⌊n / eta^i⌋; rungs that would hold none are left out.

    >>> halving_sizes(34, 4, 3)
    (34, 11, 3, 1)
    """
    sizes = [trials // eta**k for k in range(rungs)]
    return tuple(size for size in sizes if size > 0)


class Bracket:
    """One bracket over given milestones; O(log trials) per report, amortised."""

    def __init__(self, milestones: Sequence[int], sizes: Sequence[int]) -> None:
        self.milestones = tuple(milestones[: len(sizes)])
        self._sizes = tuple(sizes)
        self._open = True
        self._complete_rungs = 0
        self._expected = [0] * len(sizes)
        self._entries: list[list[tuple[float, int, int]]] = [[] for _ in sizes]
        self._rung: dict[int, int] = {}
        self._values: dict[int, list[float]] = {}
        self._last: dict[int, float] = {}
        self._over: set[int] = set()
        self._prospects = [Prospects(ties=False) for _ in sizes]
        self._promotions: deque[int] = deque()

    @property
    def starts_left(self) -> int:
        """How many trials may still be started."""
        return self._sizes[0] - len(self._rung) if self._open else 0

    @property
    def over(self) -> bool:
        """Whether nothing will be asked for any more: all are started, and the last promotions are made."""
        return self._complete_rungs + 1 >= len(self._sizes) and not self._promotions and not self.starts_left

    def start(self, trial: int) -> None:
        """A trial sets out for the bottom rung."""
        self._rung[trial] = 0
        self._values[trial] = []
        self._expected[0] += 1

    def close(self) -> None:
        """Nothing more is started: the bottom rung waits only for those who were."""
        self._open = False
        self._complete(0)

    def report(self, trial: int, resource: int, value: float) -> None:
        """A trial of this bracket reported; raises InputError for one that was never started."""
        if trial not in self._rung:
            raise never_started(trial)
        self._last[trial] = value
        values, rung = self._values[trial], self._rung[trial]
        awaited = len(values) <= rung
        while len(values) < len(self.milestones) and resource >= self.milestones[len(values)]:
            values.append(value)
        if awaited and len(values) > rung:
            self._enter(trial, values[rung])  # it may complete the rung, and take the trial on to the next

    def end(self, trial: int, reason: EndReason) -> None:
        """A trial is over, and promoted no more. Short of its rung, it stands there with its last value if it chose
        to end, last of all otherwise; a lost one nobody waits for any longer.
        """
        self._over.add(trial)
        self._prospects[self._rung[trial]].trials.discard(trial)
        if trial in self._promotions:
            self._promotions.remove(trial)
        rung = self._rung[trial]
        if len(self._values[trial]) > rung:
            return
        if reason == "lost":
            self._expected[rung] -= 1
            self._complete(rung)
        else:
            self._enter(trial, self._last.get(trial, inf) if reason == "completed" else inf)

    def may_promote(self, trial: int) -> bool:
        """Whether a trial of this bracket is on its way, or waits and can still be among those that are promoted."""
        rung = self._rung[trial]
        if trial in self._over:
            return False
        return len(self._values[trial]) <= rung or trial in self._prospects[rung].trials

    def promote(self) -> PromoteTrial | None:
        """The next promotion, if a rung is complete."""
        if not self._promotions:
            return None
        trial = self._promotions.popleft()
        return PromoteTrial(trial, self.milestones[self._rung[trial]])

    def _enter(self, trial: int, value: float) -> None:
        rung = self._rung[trial]
        entries = self._entries[rung]
        if isfinite(value) and rung + 1 < len(self._sizes):
            prospects = self._prospects[rung]
            prospects.enter(value, len(entries), trial, waits=trial not in self._over)
            prospects.limit(self._sizes[rung + 1])
        entries.append((value if isfinite(value) else inf, len(entries), trial))
        self._complete(rung)

    def _complete(self, rung: int) -> None:
        """Promote from a rung that everybody has reached."""
        entries = self._entries[rung]
        waits = len(entries) < self._expected[rung] or (rung == 0 and self.starts_left > 0)
        if waits or rung < self._complete_rungs or rung + 1 == len(self._sizes):
            return
        best = sorted(entries)[: self._sizes[rung + 1]]
        chosen = [trial for value, _, trial in best if value < inf and trial not in self._over]
        self._complete_rungs = rung + 1 if chosen else len(self._sizes)
        self._prospects[rung].limit(0)
        self._expected[rung + 1] = len(chosen)
        for trial in chosen:
            self._rung[trial] = rung + 1
        for trial in chosen:
            if len(self._values[trial]) > rung + 1:
                self._enter(trial, self._values[trial][rung + 1])
            else:
                self._promotions.append(trial)
