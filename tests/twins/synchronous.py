"""Successive Halving and Hyperband as the rules read: a bracket works out who stands where after every event."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, inf, nan

from twins.rungs import Entry, best_first, finite, milestones
from twins.schedulers import EndReason

Report = tuple[int, float]


def sizes_by_fractions(trials: int, rungs: int, eta: int) -> list[int]:
    """Rung i holds floor(n / eta^i); those that would hold none are not there."""
    sizes = [floor(Fraction(trials, eta**i)) for i in range(rungs)]
    return [size for size in sizes if size > 0]


def brackets_by_fractions(rungs: int, eta: int) -> list[tuple[int, list[int]]]:
    """Bracket s = S, …, 0 begins at rung S - s with ceil((S+1) / (s+1) · eta^s) trials; S = rungs - 1."""
    top = rungs - 1
    starts = {s: ceil(Fraction(top + 1, s + 1) * eta**s) for s in range(rungs)}
    return [(top - s, sizes_by_fractions(starts[s], s + 1, eta)) for s in reversed(range(rungs))]


class SlowBracket:
    """One bracket. Rung k + 1 is for the best of rung k, chosen once everybody who was to come to rung k has come."""

    def __init__(self, levels: Sequence[int], sizes: Sequence[int]) -> None:
        self.levels, self.sizes = levels[: len(sizes)], sizes
        self.members: list[list[int]] = [[]]  # who is to come to each rung, as far as that is known
        self.rungs: list[list[Entry]] = [[] for _ in sizes]  # who has come, in order of arrival
        self.reports: dict[int, list[Report]] = {}
        self.over: dict[int, EndReason] = {}
        self.promoted: set[tuple[int, int]] = set()
        self.closed = False

    @property
    def starts_left(self) -> int:
        return 0 if self.closed else self.sizes[0] - len(self.members[0])

    def start(self, trial: int) -> int:
        self.members[0].append(trial)
        self.reports[trial] = []
        return self.levels[0]

    def report(self, trial: int, resource: int, value: float) -> None:
        self.reports[trial].append((resource, value))
        self.settle()

    def end(self, trial: int, reason: EndReason) -> None:
        self.over[trial] = reason
        self.settle()

    def close(self) -> None:
        self.closed = True
        self.settle()

    def entry(self, trial: int, k: int) -> Entry | None:
        """How a trial stands in rung k: by its first report there, else by the way it ended; None: not yet."""
        for resource, value in self.reports[trial]:
            if resource >= self.levels[k]:
                return Entry(trial, value)
        match self.over.get(trial):
            case None | "lost":
                return None
            case "completed":
                return Entry(trial, self.reports[trial][-1][1] if self.reports[trial] else nan, reported=False)
            case _:
                return Entry(trial, inf, reported=False)

    def awaited(self, k: int) -> list[int]:
        """Who has yet to come to rung k; nobody waits for the lost."""
        there = {entry.trial for entry in self.rungs[k]}
        return [trial for trial in self.members[k] if trial not in there and self.over.get(trial) != "lost"]

    def settle(self) -> None:
        for k in range(len(self.sizes)):
            if k == len(self.members):
                return
            there = {entry.trial for entry in self.rungs[k]}
            for trial in self.members[k]:
                entry = self.entry(trial, k)
                if entry is not None and trial not in there:
                    self.rungs[k].append(entry)
            waits = self.awaited(k) or (k == 0 and self.starts_left > 0)
            if not waits and k + 1 == len(self.members) < len(self.sizes):
                best = best_first(self.rungs[k])[: self.sizes[k + 1]]
                self.members.append([entry.trial for entry in finite(best) if entry.trial not in self.over])

    def promotion(self) -> tuple[int, int] | None:
        """The best first; a trial that has come to its next rung already, or is over, needs none."""
        for k, chosen in enumerate(self.members):
            for trial in chosen if k > 0 else ():
                if (k, trial) not in self.promoted and trial not in self.over and self.entry(trial, k) is None:
                    self.promoted.add((k, trial))
                    return trial, self.levels[k]
        return None


class SlowHyperband:
    """Brackets, begun one after another: the next when the ones before have nothing to do for a free slot."""

    def __init__(self, levels: list[int], brackets: Sequence[tuple[int, Sequence[int]]]) -> None:
        self.levels = levels
        self.planned = [SlowBracket(levels[rung:], sizes) for rung, sizes in brackets]
        self.home: dict[int, SlowBracket] = {}

    def start(self, trial: int) -> int | None:
        for bracket in self.planned:
            if bracket.starts_left > 0:
                self.home[trial] = bracket
                return bracket.start(trial)
        return None

    def report(self, trial: int, resource: int, value: float) -> bool:
        self.home[trial].report(trial, resource, value)
        return False

    def end(self, trial: int, reason: EndReason) -> None:
        self.home[trial].end(trial, reason)

    def promotion(self) -> tuple[int, int] | None:
        for bracket in self.planned:
            promotion = bracket.promotion()
            if promotion is not None:
                return promotion
        return None

    def close(self) -> None:
        for bracket in self.planned:
            bracket.close()


def slow_hyperband(low: int, high: int, eta: int, rounds: int = 1) -> SlowHyperband:
    """So many rounds of all brackets."""
    levels = milestones(low, high, eta)
    return SlowHyperband(levels, brackets_by_fractions(len(levels), eta) * rounds)


def slow_halving(trials: int, low: int, high: int, eta: int) -> SlowHyperband:
    """One bracket that begins at the bottom rung."""
    levels = milestones(low, high, eta)
    return SlowHyperband(levels, [(0, sizes_by_fractions(trials, len(levels), eta))])
