"""The same loop around every library: ask, report at every unit, take the decision.

One worker; nothing but the standard library, so that it runs in any environment.
"""

import json
import sys
from collections.abc import Callable, Mapping
from time import perf_counter, process_time
from typing import Protocol

from _curves import Value, curves

LAPS = 100
LEAST_ROUNDS, MOST_ROUNDS, SHORT, ENOUGH = 3, 20, 10.0, 2.0
"""Rounds of a case that takes less than SHORT seconds; more than the least until ENOUGH seconds are spent on it."""
SAMPLED = 17
"""Every so many jobs, asking and reporting are timed apart: the clock would weigh on a loop of a few microseconds."""


class Peer(Protocol):
    """One scheduler of one library."""

    def next(self) -> int:
        """The trial to train now: a new one (they count up from 0), or one that goes on."""
        ...

    def report(self, trial: int, unit: int, value: float) -> bool:
        """Whether the trial goes on after this report; if not, the library has been told all that it wants to know."""
        ...


def drive(peer: Peer, trials: int, limit: float, value: Value) -> dict[str, float]:
    """Let `trials` trials run one after another, for `limit` seconds of CPU at most (looked at between two jobs).

    Answers with what was reached and what it cost, over the whole loop and over the last fifth of the trials, in
    seconds of CPU.
    """
    units = [0] * (trials + 1)
    started = reports = jobs = 0
    asking = job_time = 0.0
    begun = process_time()
    laps = [(0, 0, 0.0)]
    lap = max(1, trials // LAPS)
    patience = perf_counter() + limit
    while True:
        sampled = 0.0 if jobs % SAMPLED else process_time()
        trial = peer.next()
        if sampled:
            asking += process_time() - sampled
        if trial == started:
            if started - laps[-1][0] >= lap:
                laps.append((started, reports, process_time() - begun))
            if started == trials:
                break
            started += 1
        unit = units[trial] + 1
        while peer.report(trial, unit, value(trial, unit)):
            unit += 1
        reports += unit - units[trial]
        units[trial] = unit
        jobs += 1
        if sampled:
            job_time += process_time() - sampled
        if perf_counter() > patience:
            if process_time() - begun > limit:
                break
            patience = perf_counter() + 1.0  # others had the processor meanwhile
    seconds = process_time() - begun
    late = max(each for each in laps if each[0] <= 0.8 * started)
    return {
        "trials": started, "reports": reports, "jobs": jobs, "seconds": seconds,
        "late_reports": reports - late[1], "late_seconds": seconds - late[2], "asking": asking / job_time,
    }  # fmt: skip


class Nobody:
    """What the loop itself costs: four reports a trial, and no decision."""

    def __init__(self) -> None:
        self._trials = 0

    def next(self) -> int:
        """A new trial, always."""
        self._trials += 1
        return self._trials - 1

    def report(self, _trial: int, unit: int, _value: float) -> bool:
        """Four reports are enough."""
        return unit < 4


def main(release: str, makers: Mapping[str, Callable[[], Peer]]) -> None:
    """Measure what the command line names (`METHOD TRIALS SECONDS`), print the median round as JSON, the last line."""
    method, trials, limit = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    value = curves(trials + 1)
    rounds: list[dict[str, float]] = []
    spent = 0.0
    while len(rounds) < MOST_ROUNDS and (len(rounds) < LEAST_ROUNDS or spent < ENOUGH):
        measured = drive(makers[method](), trials, limit, value)
        rounds.append(measured)
        spent += measured["seconds"]
        if measured["seconds"] > SHORT:
            break
    middle = sorted(rounds, key=lambda each: each["seconds"])[(len(rounds) - 1) // 2]
    print(json.dumps({"release": release, "rounds": len(rounds), **middle}))
