"""Rungs as lists in order of arrival, sorted afresh whenever somebody asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

WORSE_THAN_ANY = 1e300
"""Stands for NaN, infinities and failures where numpy must compute a quantile over them."""


def milestones(low: int, high: int, eta: int) -> list[int]:
    """low, low·eta, … below high, then high."""
    levels = []
    level = low
    while level < high:
        levels.append(level)
        level *= eta
    return [*levels, high]


@dataclass(frozen=True)
class Entry:
    """A trial that arrived in a rung, by a report or by its end; a value of NaN or infinity counts as the worst."""

    trial: int
    value: float
    reported: bool = True

    @property
    def badness(self) -> float:
        return self.value if isfinite(self.value) else WORSE_THAN_ANY


def best_first(entries: Iterable[Entry]) -> list[Entry]:
    """Sorting keeps the order of arrival among equals."""
    return sorted(entries, key=lambda entry: entry.badness)


def finite(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if isfinite(entry.value)]


def clearing(entries: Iterable[Entry], rung: Sequence[Entry], leaders: int) -> list[Entry]:
    """Those that are leaders, or no worse than the best finite leader of the rung, if it has one."""
    hurdle = min((entry.value for entry in finite(rung) if entry.trial < leaders), default=WORSE_THAN_ANY)
    return [entry for entry in entries if entry.trial < leaders or entry.badness <= hurdle]


def promotable_by_floor(entries: Sequence[Entry], eta: int) -> list[Entry]:
    """The best floor(n / eta), best first."""
    return finite(best_first(entries)[: len(entries) // eta])


def promotable_by_quantile(entries: Sequence[Entry], low: int, high: int) -> list[Entry]:
    """Those at or below the linear quantile at low / high, of two entries at least; best first."""
    if len(entries) < 2:
        return []
    threshold = np.quantile([entry.badness for entry in entries], low / high)
    return [entry for entry in finite(best_first(entries)) if entry.value <= threshold]


def quota_by_floor(count: int, eta: int) -> int:
    return count // eta


def quota_by_quantile(count: int, low: int, high: int) -> int:
    """How many of `count` different values lie at or below the quantile."""
    if count < 2:
        return 0
    values = np.arange(count)
    return int((values <= np.quantile(values, low / high)).sum())
