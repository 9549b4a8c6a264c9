"""Tuners killed with SIGKILL at random moments."""

import signal
from collections.abc import Callable
from random import Random
from typing import Any

from faults.ordeal import Ordeal, Stage
from faults.outcomes import Outcome
from faults.session import Acknowledged, After, Moment
from faults.settings import Setting

Scenario = Callable[[Stage], Outcome]
RECORDS = 25
WRITINGS = 15
STALL_SECONDS = 0.1


def draw(rng: Random, span: float) -> tuple[Moment | None, dict[str, Any]]:
    """When to strike: at any time, as soon as a record is acknowledged, or right before or after a writing of the log.

    None: it strikes from inside. A `span` of 0 leaves it to what happens, not to the clock.
    """
    kind = rng.choice(("time", "time", "record", "before", "after")[0 if span else 2 :])
    match kind:
        case "time":
            return After(rng.uniform(0, span)), {}
        case "record":
            return Acknowledged(rng.randint(1, RECORDS)), {}
        case _:
            return None, {kind: rng.randint(1, WRITINGS)}


def tuner_killed(setting: Setting, **always: Any) -> Scenario:
    """The tuner dies again and again, until the experiment is over or all faults have been tried."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        while ordeal.tried < stage.faults and ordeal.winner is None:
            moment, strike = draw(stage.rng, stage.span)
            session = ordeal.begin(**strike, **always)
            if moment is not None and session.go_until(moment):
                session.kill()
            ordeal.tried += ordeal.bury(session) == -9
        return ordeal.conclude()

    return scenario


def tuner_stalled(setting: Setting) -> Scenario:
    """The tuner falls behind its trials, as on a slow or a full disk, and dies before it has caught up."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        while ordeal.tried < stage.faults and ordeal.winner is None:
            session = ordeal.begin()
            if session.go_until(Acknowledged(stage.rng.randint(1, RECORDS))):
                session.kill(signal.SIGSTOP)
                session.go_until(After(session.elapsed + stage.rng.uniform(0, STALL_SECONDS)))
                session.kill()
            ordeal.tried += ordeal.bury(session) == -9
        return ordeal.conclude()

    return scenario
