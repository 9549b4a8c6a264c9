"""What a user waits for: imports, help, the first trial, and trivial trials per second, loop and log included."""

import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic

import rungwise as rw
from _table import print_table
from rungwise.core.events import TrialReported

TRIALS = 4000
HERE = Path(sys.executable).parent


def report_once(trial: rw.Trial) -> None:
    """The least that a training can do."""
    trial.report(1, value=trial.config["x"])


def seconds(*command: str, runs: int = 9) -> float:
    """The median wall time of a command."""
    took = []
    for _ in range(runs):
        begun = monotonic()
        subprocess.run(command, check=True, capture_output=True)
        took.append(monotonic() - begun)
    return median(took)


def warm_trials_per_second() -> float:
    """Trials through `rw.tune`, everything included but the start: from the first report to the last."""
    with tempfile.TemporaryDirectory() as folder:
        done = rw.tune(
            report_once, {"x": (0.0, 1.0)}, metric="value", max_resource=1, scheduler="fifo", trials=TRIALS, workers=2,
            reuse_workers=True, store=Path(folder) / "bench.db",
        )  # fmt: skip
        times = [record.at for record in done.records() if isinstance(record, TrialReported)]
    return (len(times) - 1) / (times[-1] - times[0])


def first_report() -> float:
    """Seconds from calling `rw.tune` to a trial's first report."""
    with tempfile.TemporaryDirectory() as folder:
        begun = monotonic()
        moments: list[float] = []
        rw.tune(
            report_once, {"x": (0.0, 1.0)}, metric="value", max_resource=1, scheduler="fifo", trials=1,
            store=Path(folder) / "bench.db", watch=lambda *_: Stopwatch(moments),
        )  # fmt: skip
        return moments[0] - begun


class Stopwatch:
    """Notes when the first report was seen."""

    def __init__(self, moments: list[float]) -> None:
        self._moments = moments

    def __enter__(self) -> "Stopwatch":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, records: object) -> None:
        """Look at an event and what followed."""
        if isinstance(records, list) and isinstance(records[0], TrialReported):
            self._moments.append(monotonic())


def main() -> None:
    """Measure and print."""
    bare = seconds(sys.executable, "-c", "pass")
    rows = [
        (
            "import rungwise, above bare Python",
            "< 0.1 s",
            f"{seconds(sys.executable, '-c', 'import rungwise') - bare:.3f} s",
        ),
        ("rungwise --help", "< 0.25 s", f"{seconds(str(HERE / 'rungwise'), '--help'):.3f} s"),
        ("rw.tune to the first report", "< 3 s", f"{first_report():.2f} s"),
        ("warm trivial trials, loop and log included", "> 1000/s", f"{warm_trials_per_second():.0f}/s"),
    ]
    print_table(rows)


if __name__ == "__main__":
    main()
