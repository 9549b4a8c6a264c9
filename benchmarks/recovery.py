"""How long `rungwise resume` takes to go through a long log. Run: python benchmarks/recovery.py [records]."""

import json
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

from _table import print_table
from rungwise.api.run import Parts, make_tuner
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Launch
from rungwise.core.protocols import Log
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.space import Space, parse
from rungwise.store import Store
from rungwise.tuner.loop import drive
from rungwise.tuner.recovery import replay

RECORDS = 1_000_000
NAME = "long"
TOP = 81
SPACE = {
    "activation": ["relu", "tanh", "gelu"],
    "batch_size": (16, 512, "log"),
    "dropout": (0.0, 0.5),
    "layers": (1, 8),
    "lr": (1e-4, 1e-1, "log"),
    "momentum": (0.8, 0.99),
    "optimizer": ["sgd", "adam"],
    "width": (16, 512, "log"),
}


class Full(Exception):
    """The log is as long as it was to be."""


class Gathering:
    """Appends in groups of a thousand, because a simulation has nothing to lose; ends it after so many records."""

    def __init__(self, log: Log, most: int) -> None:
        self._log = log
        self._left = most
        self._held: list[Record] = []

    def append(self, records: Sequence[Record]) -> None:
        """Take records; raises Full after the last."""
        self._held += records
        self._left -= len(records)
        if len(self._held) >= 1000 or self._left <= 0:
            self._log.append(self._held)
            self._held = []
        if self._left <= 0:
            raise Full


def curve(launch: Launch) -> Curve:
    """What a trial reports at every unit: it learns at a pace of its own, with noise, towards a value of its own."""
    own = random.Random(launch.trial)
    least, pace = own.random(), own.uniform(0.2, 1.0)
    units = range(launch.start + 1, launch.milestone + 1)
    return Curve(
        units, [least + unit**-pace + own.gauss(0.0, 0.01) for unit in units], [own.uniform(0.5, 2.0)] * len(units)
    )


def make(path: Path, records: int) -> None:
    """Run ASHA in the simulator, by the real tuner into a real store, until the log holds so many records."""
    space = parse(SPACE)
    spec = ExperimentSpec(
        "loss", "min", (1, 3, 9, 27, TOP),
        {"name": "asha", "min_resource": 1, "max_resource": TOP, "eta": 3}, {"name": "random"}, space.to_json(), {},
        trials=None, workers=16,
    )  # fmt: skip
    tuner, _ = make_tuner(spec, space, Parts())
    with Store.open(path, create=True) as store:
        log = store.create(NAME, spec.to_json())
        try:
            drive(tuner, Simulator(curve, workers=16, max_resource=TOP), Gathering(log, records))
        except Full:
            return


def recover(path: Path) -> dict[str, float]:
    """What resuming does before it goes on, in this process."""
    begun, begun_cpu = perf_counter(), process_time()
    with Store.open(path) as store:
        log = store.experiment(NAME)
        spec = ExperimentSpec.from_json(log.spec)
        recorded = log.configurations()
        launches = perf_counter()
        tuner, _ = make_tuner(spec, Space.from_json(spec.space), Parts(), recorded)
        replay(tuner, log.records())
        done, cpu = perf_counter(), process_time() - begun_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
    return {
        "launches": launches - begun,
        "replay": done - launches,
        "cpu": cpu,
        "peak": peak,
        "trials": len(tuner.ledger.trials),
    }


def main() -> None:
    """Make the log, recover it in a process of its own, and print the table."""
    if sys.argv[1:2] == ["--recover"]:
        print(json.dumps(recover(Path(sys.argv[2]))))
        return
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.db"
        begun = perf_counter()
        make(path, records)
        made = perf_counter() - begun
        found = json.loads(
            subprocess.run([sys.executable, __file__, "--recover", path], check=True, capture_output=True).stdout
        )
        begun = perf_counter()
        with Store.open(path) as store:
            kinds = Counter(type(record).__name__ for record in store.experiment(NAME).records())
        reading = perf_counter() - begun
        size = path.stat().st_size
    print(", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common()))
    print_table([
        ("records, trials", "", f"{sum(kinds.values()):,}, {found['trials']:,}"),
        ("the log on disk", "", f"{size / 2**20:.0f} MiB"),
        ("simulate and record it", "", f"{made:.1f} s"),
        ("read it", "", f"{reading:.1f} s"),
        ("resume: read the configurations", "", f"{found['launches']:.1f} s"),
        ("resume: replay", "", f"{found['replay']:.1f} s"),
        ("resume, together", "< 20 s", f"{found['launches'] + found['replay']:.1f} s ({found['cpu']:.1f} s of CPU)"),
        ("resume, peak memory", "< 1000 MiB", f"{found['peak']:.0f} MiB"),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
