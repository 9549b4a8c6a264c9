"""How soon trials run on this machine, and how many. Run: python benchmarks/local.py.

Moments are taken on the monotonic clock, which all processes of a machine share: a trial reports when its first line
ran.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from statistics import median
from time import monotonic

from _table import print_table
from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining, Training
from rungwise.core.commands import Launch
from rungwise.core.events import TrialEnded, TrialFailed, TrialReported
from rungwise.core.objective import Objective
from rungwise.trial import Trial

TRIALS = 100
WARM_TRIALS = 10_000
WORKERS = 2
SCRIPT = """
from time import monotonic
begun = monotonic()
from rungwise.by_hand import current_trial
trial = current_trial()
trial.report(1, begun=begun, ended=monotonic())
"""


def moments(trial: Trial) -> None:
    """Tell when the first line ran, and the last."""
    begun = monotonic()
    trial.report(1, begun=begun, ended=monotonic())


def trivial(trial: Trial) -> None:
    """Report once."""
    trial.report(1, begun=0.0)


def opened(training: Training, folder: str, workers: int, *, reuse: bool, preload: Sequence[str] = ()) -> LocalBackend:
    """A backend for trials of one report."""
    return LocalBackend(
        training, LocalSettings(workers=workers, reuse_workers=reuse, preload=preload),
        objective=Objective("begun", "min"), max_resource=1, checkpoints=Path(folder),
    )  # fmt: skip


def reports(backend: LocalBackend, trials: int, workers: int) -> Iterator[TrialReported]:
    """Run that many trials, always as many at a time as there are slots."""
    stream = chain.from_iterable(backend.events())
    next(stream)
    started = 0
    while started < min(workers, trials):
        backend.submit(Launch(started, {"lr": 0.1}, 0, 1, 1, 0))
        started += 1
    ended = 0
    while ended < trials:
        event = next(stream)
        if isinstance(event, TrialReported):
            yield event
        if isinstance(event, TrialFailed):
            sys.exit(f"a trial failed: {event.detail}")
        if isinstance(event, TrialEnded):
            ended += 1
            if started < trials:
                backend.submit(Launch(started, {"lr": 0.1}, 0, 1, 1, 0))
                started += 1


def first_line(training: Training) -> float:
    """Seconds from nothing to the first trial's first line."""
    with tempfile.TemporaryDirectory() as folder:
        asked = monotonic()
        with opened(training, folder, 1, reuse=False) as backend:
            (report,) = reports(backend, 1, 1)
            return report.metrics["begun"] - asked


def gaps(training: Training, preload: Sequence[str] = (), *, reuse: bool = False) -> list[float]:
    """Milliseconds from one trial's last line to the next one's first line, on one slot, sorted."""
    with tempfile.TemporaryDirectory() as folder, opened(training, folder, 1, reuse=reuse, preload=preload) as backend:
        seen = [report.metrics for report in reports(backend, TRIALS + 1, 1)]
    return sorted(1000 * (after["begun"] - before["ended"]) for before, after in pairwise(seen))


def warm_rate() -> float:
    """Trivial trials per second through the backend alone."""
    training = FunctionTraining(trivial)
    with tempfile.TemporaryDirectory() as folder, opened(training, folder, WORKERS, reuse=True) as backend:
        for _ in reports(backend, 100, WORKERS):  # until the processes are warm
            pass
        begun = monotonic()
        for _ in reports(backend, WARM_TRIALS, WORKERS):
            pass
        return WARM_TRIALS / (monotonic() - begun)


def spread(milliseconds: Sequence[float]) -> str:
    """Median and 95th percentile."""
    return f"{median(milliseconds):.1f} ms median, {milliseconds[int(0.95 * len(milliseconds))]:.1f} ms p95"


def main() -> None:
    """Measure and print."""
    function = FunctionTraining(moments)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "train.py")
        file.write_text(SCRIPT)
        script = ScriptTraining((str(file),))
        rows = [
            ("first trial's first line, function", "< 3 s", f"{first_line(function):.2f} s"),
            ("first trial's first line, script", "< 3 s", f"{first_line(script):.2f} s"),
            (f"free slot to the next first line, {TRIALS} forked trials", "< 30 ms", spread(gaps(function))),
            ("  with numpy loaded before the fork", "< 30 ms", spread(gaps(function, ("numpy",)))),
            ("  warm process", "", spread(gaps(function, reuse=True))),
            ("  script (a new Python each time)", "", spread(gaps(script))),
        ]
    rows.append((f"warm trivial trials, {WORKERS} workers, backend alone", "> 2,500/s", f"{warm_rate():,.0f}/s"))
    print_table(rows)


if __name__ == "__main__":
    main()
