"""Workers killed under a tuner that lives, and the processes that start and watch them."""

from typing import Literal

from faults.killings import Scenario
from faults.ordeal import Ordeal, Stage
from faults.outcomes import Outcome
from faults.processes import Crew, crew_of, descendants, handles_of, kill, outlive
from faults.session import Acknowledged, After
from faults.settings import Setting

Victim = Literal["worker", "launcher", "reaper"]


def crew_killed(setting: Setting, victim: Victim) -> Scenario:
    """One of a tuner's processes dies again and again; the tuner has to bring the experiment to its end."""

    def scenario(stage: Stage) -> Outcome:
        ordeal = Ordeal(stage, setting)
        session = ordeal.begin()
        alive = session.go_until(Acknowledged(1))
        while alive and ordeal.tried < stage.faults:
            if stage.rng.random() < 0.5:
                alive = session.go_until(After(session.elapsed + stage.rng.uniform(0, stage.span / stage.faults)))
            else:
                alive = session.go_until(Acknowledged(len(session.acknowledged) + stage.rng.randint(1, 5)))
            struck = alive and _strike(ordeal, stage, crew_of(session.pid), victim)
            ordeal.tried += struck
            if alive and not struck:
                alive = session.go_until(Acknowledged(len(session.acknowledged) + 1))
        ordeal.bury(session)
        return ordeal.conclude()

    return scenario


def _strike(ordeal: Ordeal, stage: Stage, crew: Crew, victim: Victim) -> bool:
    """Kill one of that kind, if there is one, and see that what it started goes with it."""
    match victim:
        case "worker":
            pid = stage.rng.choice(crew.workers) if crew.workers else None
        case "launcher":
            pid = crew.launcher
        case "reaper":
            pid = crew.reaper
    if pid is None:
        return False
    offspring = handles_of(descendants(pid))
    struck = kill(pid)
    ordeal.orphans += len(outlive(offspring))
    return struck
