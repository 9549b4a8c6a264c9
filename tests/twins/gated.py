"""GatedPASHA as the rules read: the lists of ASHA, and a look at two of them when a trial climbs above the gate."""

from math import inf, isfinite

from twins.rungs import Entry, best_first, finite
from twins.schedulers import SlowASHA


class SlowGated(SlowASHA):
    """`gate` is the index of a rung; `moves` are the milestones that it went to."""

    def __init__(self, low: int, high: int, eta: int, phi: float, width: int, scouts: int) -> None:
        super().__init__(low, high, eta, "floor")
        self.phi, self.width, self.scouts = phi, width, scouts
        self.gate = min(1, len(self.levels) - 1)
        self.diverged: set[int] = set()
        self.moves: list[int] = []

    def may_go_on(self, k: int) -> list[int]:
        entries = self.rungs[k]
        count = len(entries) // self.eta
        if k == self.gate:
            count = len(entries) // self.width
            if count == 0 and len(entries) >= self.scouts:
                count = 1
        return [entry.trial for entry in finite(best_first(entries)[:count])]

    def report(self, trial: int, resource: int, value: float) -> bool:
        if not isfinite(value):
            self.diverged.add(trial)
        for rung in self.enter(trial, resource, value):
            if rung > self.gate:
                self.look(rung, trial, value)
        return False

    def look(self, rung: int, trial: int, value: float) -> None:
        below = sorted(entry.value if isfinite(entry.value) else inf for entry in self.rungs[rung - 1])
        median = below[len(below) // 2]
        if trial in self.diverged or value > median:
            self.move(len(self.levels) - 1)
            return
        arrived = [entry for entry in self.rungs[rung] if entry.reported]
        earlier = {entry.trial: entry for entry in self.rungs[rung - 1]}
        favoured = best_first(Entry(entry.trial, earlier[entry.trial].value) for entry in arrived)
        favoured = favoured[: -(-len(arrived) // self.eta)]
        here = {entry.trial: entry.value for entry in arrived}
        spread = median - below[0] if isfinite(median) else 0.0
        short = min(here[entry.trial] for entry in favoured) - min(here.values())
        if len(arrived) >= self.eta and short > self.phi * spread:
            self.move(self.gate + 1)

    def move(self, rung: int) -> None:
        self.gate = rung
        self.moves.append(self.levels[rung])
