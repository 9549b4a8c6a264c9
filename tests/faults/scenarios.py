"""Every fault that there is, by name, and how often the long run tries it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from faults.disasters import checkpoints_deleted, disk_full, second_tuner, store_moved, told_to_end
from faults.killings import Scenario, tuner_killed, tuner_stalled
from faults.power import power_lost
from faults.settings import Setting
from faults.workers import crew_killed

FUNCTION, WARM = Setting("function", checkpoint_every=2), Setting("warm", checkpoint_every=2)
LONG = Setting("function", scheduler="stopping-asha", trials=6, max_resource=27, checkpoint_every=2)
SCRIPT, PLAIN = Setting("script", trials=5), Setting("plain", trials=5)
SIMULATED = Setting("simulated", trials=40, max_resource=27)
SCHEDULERS = ("asha", "pasha", "stopping-asha", "hyperband", "pbt")


@dataclass(frozen=True, slots=True)
class Fault:
    """A scenario in its usual setting; `share` of it are tried for one kill of the tuner's, and of workers', each."""

    make: Callable[[Setting], Scenario]
    setting: Setting
    share: float

    def small(self) -> Scenario:
        """The scenario in its usual setting, with fewer trials."""
        return self.make(replace(self.setting, trials=min(6, self.setting.trials)))

    def varied(self, rng: Random) -> Scenario:
        """The scenario with another scheduler, seed and number of workers."""
        setting = self.setting
        schedulers = SCHEDULERS if setting.training in ("function", "warm", "script") else SCHEDULERS[:-1]
        workers = rng.choice((1, 1, 2))
        return self.make(
            replace(setting, scheduler=rng.choice(schedulers), workers=workers, seed=rng.randrange(1 << 16))
        )


# The first five add up to 1, and so do the next four: so many kills of tuners and of workers there are.
FAULTS: Mapping[str, Fault] = {
    "tuner killed, forked trials": Fault(tuner_killed, FUNCTION, 0.3),
    "tuner killed, warm workers": Fault(tuner_killed, WARM, 0.25),
    "tuner killed, Python scripts": Fault(tuner_killed, SCRIPT, 0.1),
    "tuner killed, other programs": Fault(tuner_killed, PLAIN, 0.1),
    "tuner killed, simulated trials": Fault(tuner_killed, SIMULATED, 0.25),
    "worker killed, forked trials": Fault(partial(crew_killed, victim="worker"), FUNCTION, 0.4),
    "worker killed, warm workers": Fault(partial(crew_killed, victim="worker"), WARM, 0.35),
    "worker killed, Python scripts": Fault(partial(crew_killed, victim="worker"), SCRIPT, 0.125),
    "worker killed, other programs": Fault(partial(crew_killed, victim="worker"), PLAIN, 0.125),
    "tuner stalls, then killed": Fault(tuner_stalled, LONG, 0.1),
    "launcher killed": Fault(partial(crew_killed, victim="launcher"), FUNCTION, 0.1),
    "reaper killed": Fault(partial(crew_killed, victim="reaper"), FUNCTION, 0.05),
    "power lost": Fault(power_lost, FUNCTION, 0.15),
    "power lost, simulated trials": Fault(power_lost, SIMULATED, 0.1),
    "disk full": Fault(disk_full, FUNCTION, 0.05),
    "SIGTERM": Fault(told_to_end, FUNCTION, 0.1),
    "SIGTERM, other programs": Fault(told_to_end, PLAIN, 0.05),
    "SIGTERM to all processes": Fault(partial(told_to_end, everybody=True), FUNCTION, 0.05),
    "checkpoints deleted": Fault(checkpoints_deleted, FUNCTION, 0.1),
    "store moved away": Fault(store_moved, FUNCTION, 0.05),
    "second tuner": Fault(second_tuner, FUNCTION, 0.05),
    "clock jumps, tuner killed": Fault(partial(tuner_killed, clock=4e7), FUNCTION, 0.1),
}
