"""Write the golden logs: `python tests/golden/make_logs.py [--overwrite] [NAME ...]`, without names all that lack.

A golden log pins what a scheduler and the tuner decide. One is made again only when a change of what they decide is
meant, and has an entry in CHANGELOG.md that says so; never because a test is red. A log is JSON lines: the settings (an
ExperimentSpec), then the row of every record.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, nan
from pathlib import Path
from random import Random
from typing import Any

from rungwise import searchers
from rungwise.allocation import make_allocation
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Command, Halt, Launch
from rungwise.core.events import BackendEvent, CapacityChanged, TrialEnded, TrialFailed, TrialReported, TrialRewound
from rungwise.core.limits import Limits
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.named import OPTIONS, make_scheduler
from rungwise.space import Space, parse
from rungwise.store.codec import encode
from rungwise.tuner.loop import drive
from rungwise.tuner.tuner import Tuner

LOGS = Path(__file__).parent / "logs"
ROWS, UNITS = 12, 8
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Golden:
    """One experiment. `dies` tells at which unit a trial's job dies, and how often; `diverges` from which unit on it
    reports NaN; `slots` the capacity after so many events; `torn` whose checkpoints are of no use.
    """

    scheduler: Settings
    trials: int | None = ROWS
    workers: int = 2
    stop: Any = "drain"
    searcher: str = "grid"
    dies: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    diverges: Mapping[int, int] = field(default_factory=dict)
    slots: Mapping[int, int] = field(default_factory=dict)
    torn: tuple[int, ...] = ()
    more: Settings = field(default_factory=dict)

    def spec(self) -> ExperimentSpec:
        options = OPTIONS[self.scheduler["name"]]
        seed = {"seed": 5} if "seed" in options else {}
        settings = {"min_resource": 1, "max_resource": UNITS, "eta": 2, **seed, **self.scheduler}
        rows = list(range(ROWS)) if self.searcher == "grid" else (0, ROWS - 1)
        return ExperimentSpec(
            metric="loss", mode="min", milestones=make_scheduler(settings).milestones, scheduler=settings,
            searcher={"name": self.searcher}, space=parse({"row": rows}).to_json(), training={}, trials=self.trials,
            workers=self.workers, seed=5, stop=self.stop, **self.more,
        )  # fmt: skip


def by_rung(slots: int, most: int) -> Settings:
    """The settings of an experiment whose promoted trials get more slots."""
    return {"allocation": {"name": "by-rung", "slots": slots, "most": most}}


def fill(**forecast: float) -> Settings:
    """The settings of an experiment whose idle slots go to running trials."""
    scaling = {"scaling": [[1, 1.0], [4, 0.25]]} if forecast else {}
    return {"max_retries": 1, "allocation": {"name": "fill", "slots": 1, "most": 4, **scaling, **forecast}}


GOLDEN: Mapping[str, Golden] = {
    "fifo": Golden({"name": "fifo", "resource": 5}, workers=3),
    "asha-floor": Golden({"name": "asha"}, workers=3),
    "asha-quantile": Golden({"name": "asha", "rule": "quantile"}, stop="instant"),
    "asha-random": Golden({"name": "asha", "eta": 3}, searcher="random", trials=10),
    "stopping-asha-floor": Golden({"name": "stopping-asha"}, workers=3),
    "stopping-asha-quantile": Golden({"name": "stopping-asha", "rule": "quantile"}, stop="instant"),
    "pasha-auto": Golden({"name": "pasha"}),
    "pasha-quantile": Golden({"name": "pasha", "rule": "quantile", "ranking": {"name": "auto", "percentile": 50}}),
    "pasha-direct": Golden({"name": "pasha", "ranking": "direct"}, workers=3, stop="instant"),
    "pasha-fixed": Golden({"name": "pasha", "ranking": {"name": "fixed", "epsilon": 0.25}}),
    "pasha-sigma": Golden({"name": "pasha", "ranking": {"name": "sigma", "k": 1}}),
    "pasha-mean": Golden({"name": "pasha", "ranking": "mean"}),
    "pasha-median": Golden({"name": "pasha", "ranking": "median"}),
    "pasha-rbo": Golden({"name": "pasha", "ranking": {"name": "rbo", "p": 1.0, "threshold": 0.75}}),
    "pasha-rrr": Golden({"name": "pasha", "ranking": {"name": "rrr", "p": 1.0, "threshold": 0.0}}),
    "pasha-arrr": Golden({"name": "pasha", "ranking": {"name": "arrr", "p": 0.5, "threshold": 0.05}}),
    "stopping-pasha": Golden({"name": "stopping-pasha"}, workers=3),
    "stopping-pasha-quantile": Golden({"name": "stopping-pasha", "rule": "quantile", "ranking": "direct"}),
    "asha-hurdle": Golden({"name": "asha", "hurdle": 6}),
    "stopping-asha-hurdle": Golden({"name": "stopping-asha", "hurdle": 6}, workers=3),
    "pasha-hurdle": Golden({"name": "pasha", "hurdle": 6}),
    "stopping-pasha-hurdle": Golden({"name": "stopping-pasha", "hurdle": 6}, workers=3),
    "successive-halving": Golden({"name": "successive-halving", "trials": 9}, trials=9, workers=3),
    "hyperband": Golden({"name": "hyperband", "max_resource": 4, "rounds": 2}, trials=None, workers=3),
    "async-hyperband-asha": Golden({"name": "async-hyperband"}, workers=3),
    "async-hyperband-stopping": Golden(
        {"name": "async-hyperband", "within": "stopping-asha", "choice": "round-robin", "brackets": 3}
    ),
    "async-hyperband-pasha": Golden(
        {"name": "async-hyperband", "within": "pasha", "ranking": "direct", "brackets": 2, "choice": "round-robin"}
    ),
    "async-hyperband-stopping-pasha": Golden(
        {"name": "async-hyperband", "within": "stopping-pasha", "rule": "quantile", "brackets": 2}, stop="instant"
    ),
    "gated-pasha": Golden({"name": "gated-pasha", "width": 2, "scouts": 2}, dies={2: (2, 9), 4: (1, 9), 6: (5, 9)}),
    "gated-pasha-divergence": Golden({"name": "gated-pasha", "scouts": 2}, workers=3, diverges={0: 3, 5: 3, 8: 3}),
    "gated-pasha-usual": Golden({"name": "gated-pasha"}, workers=3, stop="instant"),
    "taper": Golden({"name": "taper", "trials": 12, "gamma": 0.8}, workers=3),
    "taper-failures": Golden(
        {"name": "taper", "trials": 12, "gamma": 0.5, "step": 2, "survivors": 1}, dies={2: (2, 9), 4: (1, 9), 9: (3, 9)}
    ),
    "taper-open": Golden({"name": "taper", "gamma": 0.8, "survivors": 1}, trials=None, workers=3),
    "median-stopping": Golden({"name": "median-stopping", "min_trials": 2}, workers=3),
    "pbt": Golden(
        {"name": "pbt", "trials": 5, "interval": 2, "quantile": 0.4}, searcher="random", trials=11, workers=3
    ),
    "retraining": Golden(
        {"name": "retraining", "expected": [-9.0, 0.0, 0.5, 0.0], "tolerance": 0.25}, trials=4, workers=1
    ),
    "asha-by-rung": Golden({"name": "asha"}, workers=5, slots={20: 2, 32: 5}, more=by_rung(1, 4)),
    "pasha-by-rung": Golden({"name": "pasha"}, workers=4, more=by_rung(1, 4)),
    "hyperband-by-rung": Golden(
        {"name": "hyperband", "max_resource": 4}, trials=None, workers=4, stop="instant", more=by_rung(2, 3)
    ),
    "asha-fill": Golden({"name": "asha"}, workers=6, slots={20: 2, 32: 6}, dies={1: (1, 1)}, more=fill(restart=0.0)),
    "fifo-fill": Golden({"name": "fifo"}, workers=7, trials=4, dies={1: (6, 1)}, more=fill(restart=0.25)),
    "pasha-fill": Golden({"name": "pasha", "ranking": "direct"}, workers=8, more=fill()),
    "stopping-asha-fill": Golden({"name": "stopping-asha"}, workers=8, more=fill(restart=0.0)),
    "fixed-slots": Golden(
        {"name": "asha"}, workers=5, dies={1: (1, 1), 4: (1, 9)},
        more={"max_retries": 1, "allocation": {"name": "fixed", "slots": 2}},
    ),
    "capacity": Golden({"name": "asha"}, workers=3, slots={9: 1, 25: 3, 40: 0}),
    "retries": Golden(
        {"name": "asha"}, dies={1: (1, 1), 2: (2, 2), 4: (1, 9), 6: (3, 2), 7: (4, 1)}, more={"max_retries": 2}
    ),
    "rewound": Golden({"name": "asha"}, torn=(0, 3)),
    "suspended": Golden(
        {"name": "pasha"}, workers=3, dies=dict.fromkeys(range(4, ROWS), (1, 9)),
        more={"max_retries": 1, "max_failures": 3},
    ),
    "limit-time": Golden({"name": "asha"}, more={"limits": Limits(time=5.25)}),
    "limit-resource": Golden({"name": "pasha"}, more={"limits": Limits(resource=14, then="drain")}),
    "limit-cost": Golden({"name": "fifo"}, more={"limits": Limits(cost=10, price_per_unit=0.5, price_per_hour=900)}),
    "limit-target": Golden({"name": "asha"}, more={"limits": Limits(target=0.25, then="drain")}),
    "limit-patience": Golden({"name": "fifo"}, more={"limits": Limits(patience_resource=6, patience_time=4.5)}),
}  # fmt: skip


def table(seed: int) -> list[list[float]]:
    """Quarters, so that there are ties; rankings that change on the way, and some values that are none."""
    random = Random(seed)
    base = [random.randrange(10) for _ in range(ROWS)]
    slope = [random.choice([0, 0, 1, 1, 2, 3]) for _ in range(ROWS)]
    noise = [[random.choice([0, 0, 0, 1, 1, 2]) for _ in range(UNITS)] for _ in range(ROWS)]
    odd = {(random.randrange(ROWS), unit): random.choice([nan, inf]) for unit in (0, 1, 3)}
    return [
        [odd.get((row, at), (2 * base[row] + noise[row][at] - slope[row] * at) / 4) for at in range(UNITS)]
        for row in range(ROWS)
    ]


VALUES = table(135)  # of some hundred tables the one on which the ranking functions of PASHA differ most


def curve(launch: Launch) -> Curve:
    """Every third row reports at every other unit only; the full resource is always reported."""
    row = int(launch.configuration["row"])
    every = [unit for unit in range(1, UNITS + 1) if row % 3 != 2 or unit % 2 == 0]
    ahead = [unit for unit in every if unit > launch.start]
    units = ahead[: len([unit for unit in ahead if unit < launch.milestone]) + 1]
    return Curve(units, [VALUES[row][unit - 1] for unit in units], [0.5 + row % 2 for _ in units])


class Dying:
    """The simulator, but some jobs die before they report, some find no checkpoint, and the capacity changes."""

    def __init__(self, golden: Golden, max_resource: int) -> None:
        self._inner = Simulator(curve, workers=golden.workers, max_resource=max_resource)
        self._slots = golden.slots
        self._left = {trial: list(death) for trial, death in golden.dies.items()}
        self._checkpoints: dict[int, int] = {}
        self._dead: set[int] = set()
        self._diverges = golden.diverges
        self._torn = golden.torn
        self._rewound: list[int] = []

    def submit(self, command: Command) -> None:
        if isinstance(command, Launch):
            if command.start and command.trial in self._torn:
                command = replace(command, start=0)
                self._rewound.append(command.trial)
            self._checkpoints[command.trial] = command.start
        self._inner.submit(command)

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        count = 0
        for events in self._inner.events():
            for event in filter(None, map(self._told, events)):
                yield (event,)
                while self._rewound:
                    yield (TrialRewound(event.at, self._rewound.pop(), 0),)
                if count in self._slots:
                    yield (CapacityChanged(event.at, self._slots[count]),)
                count += 1

    def _told(self, event: BackendEvent) -> BackendEvent | None:
        match event:
            case TrialReported(_, trial, resource) if trial in self._left and resource >= self._left[trial][0]:
                self._left[trial][1] -= 1
                if self._left[trial][1] == 0:
                    del self._left[trial]
                self._dead.add(trial)
                self._inner.submit(Halt(trial))  # which is why it ends next
                return None
            case TrialReported(_, trial, resource) if resource >= self._diverges.get(trial, inf):
                return replace(event, value=nan)
            case TrialEnded(at, trial) if trial in self._dead:
                self._dead.discard(trial)
                return TrialFailed(at, trial, self._checkpoints[trial], "exit", "exit code 3")
            case _:
                return event


class Kept:
    """A log in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def append(self, records: Sequence[Record]) -> None:
        self.records.extend(records)


def lines(golden: Golden) -> list[str]:
    """The lines of one log."""
    spec = golden.spec()
    searcher = searchers.make(spec.searcher["name"], Space.from_json(spec.space), spec.seed)
    allocation = make_allocation(spec.allocation, spec.milestones, spec.scheduler["eta"])
    tuner = Tuner(
        make_scheduler(spec.scheduler), searcher, allocation, seed=spec.seed, trials=spec.trials, stop=spec.stop,
        limits=spec.limits, max_retries=spec.max_retries, max_failures=spec.max_failures,
    )  # fmt: skip
    log = Kept()
    drive(tuner, Dying(golden, spec.max_resource), log)
    rows = (json.dumps(encode(record), separators=(",", ":")) for record in log.records)
    return [json.dumps(spec.to_json(), separators=(",", ":")), *rows]


def main(arguments: Sequence[str]) -> None:
    """Write what is named, or lacks; an existing log only with --overwrite."""
    overwrite = "--overwrite" in arguments
    named = [each for each in arguments if each != "--overwrite"]
    unknown = [name for name in named if name not in GOLDEN]
    if unknown:
        raise SystemExit(f"no such golden log: {', '.join(unknown)}; there are {', '.join(GOLDEN)}")
    LOGS.mkdir(exist_ok=True)
    for name in named or GOLDEN:
        path = LOGS / f"{name}.jsonl"
        if path.exists() and not overwrite:
            if named:
                raise SystemExit(f"{path} exists: it is made again only for a change of behaviour that is meant, with"
                                 " --overwrite and an entry in CHANGELOG.md")  # fmt: skip
            continue
        path.write_text("\n".join(lines(GOLDEN[name])) + "\n", encoding="ascii")
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
