"""Population based training as its rules read: everything is worked out anew from the places whenever it is needed."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isfinite

import numpy as np

from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from twins.schedulers import EndReason


@dataclass
class Place:
    """One place; `state` is one of empty, running, waiting, vacant, over. `rank` is a value and when it came."""

    trial: int = -1
    state: str = "empty"
    passed: int = 0
    since: int = 0
    rank: tuple[float, int] | None = None
    child: bool = False
    saved: bool = False
    last: float = inf


class SlowPBT:
    """`report` answers whether the trial is stopped."""

    def __init__(self, size: int, interval: int, high: int, share: Fraction, seed: int, limit: int | None) -> None:
        self.levels = [unit for unit in range(1, high + 1) if unit % interval == 0 or unit == high]
        self.places = [Place() for _ in range(size)]
        self.share, self.seed, self.limit = share, seed, limit
        self.started = 0
        self.clock = 0

    def now(self) -> int:
        self.clock += 1
        return self.clock

    def full(self) -> bool:
        return self.limit is not None and self.started >= self.limit

    def of(self, trial: int) -> Place | None:
        held = [place for place in self.places if place.trial == trial and place.state in ("running", "waiting")]
        return held[0] if held else None

    def ranked(self) -> list[Place]:
        return sorted((place for place in self.places if place.rank), key=lambda place: place.rank or (0.0, 0))

    def count(self) -> int:
        return int(len(self.ranked()) * self.share)

    def parents(self) -> list[Place]:
        best = self.ranked()[: self.count()]
        return [
            place
            for place in best
            if place.state in ("running", "waiting")
            and place.rank
            and isfinite(place.rank[0])
            and place.saved
            and place.passed < len(self.levels)
        ]

    def report(self, trial: int, resource: int, value: float) -> bool:
        place = self.of(trial)
        assert place is not None
        place.last = value
        passed = sum(level <= resource for level in self.levels)
        if passed <= place.passed:
            return False
        place.passed, place.child, place.state, place.since = passed, False, "waiting", self.now()
        place.rank = (value if isfinite(value) else inf, place.since)
        if passed == len(self.levels):
            place.state = "running"  # to its end
            return False
        worst = self.ranked()[len(self.ranked()) - self.count() :]
        better = [parent for parent in self.parents() if parent.rank and parent.rank[0] < place.rank[0]]
        if isfinite(value) and (place not in worst or not better or self.full()):
            return False
        self.vacate(place)
        return True

    def vacate(self, place: Place) -> None:
        place.state, place.since = "vacant", self.now()
        place.rank = (inf, place.since)

    def pause(self, trial: int) -> None:
        place = self.of(trial)
        if place:
            place.saved = True

    def end(self, trial: int, reason: EndReason) -> None:
        place = self.of(trial)
        if place is None:
            return
        if place.passed == len(self.levels):
            place.state = "over"
        elif reason in ("failed", "lost") and not place.child:
            self.vacate(place)
        else:
            if reason in ("failed", "lost"):
                place.rank = (inf, self.now())
            elif reason == "completed" and place.state == "running":
                place.rank = (place.last if isfinite(place.last) else inf, self.now())
            place.state = "over"

    def close(self) -> None:
        self.limit = self.started

    def ask(self) -> Request | None:
        empty = [place for place in self.places if place.state == "empty"]
        if empty and not self.full():
            self.hold(empty[0], 0, child=False)
            return StartTrial(empty[0].trial, self.levels[0])
        parents = self.parents()
        turns = [
            place
            for place in self.places
            if place.state == "waiting" or (place.state == "vacant" and parents and not self.full())
        ]
        if not turns:
            return None
        place = min(turns, key=lambda each: (each.passed, each.state == "waiting", each.since))
        if place.state == "waiting":
            place.state = "running"
            return PromoteTrial(place.trial, self.levels[place.passed])
        parent = self.drawn(parents)
        self.hold(place, parent.passed, child=True)
        return StartTrial(place.trial, self.levels[parent.passed], parent.trial)

    def drawn(self, parents: Sequence[Place]) -> Place:
        words = np.random.SeedSequence(self.seed, spawn_key=(4, self.started)).generate_state(1)
        return parents[int(words[0]) * len(parents) // 2**32]

    def hold(self, place: Place, passed: int, *, child: bool) -> None:
        place.trial, place.state, place.passed, place.child = self.started, "running", passed, child
        place.saved, place.last = False, inf
        self.started += 1
