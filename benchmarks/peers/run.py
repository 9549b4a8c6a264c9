"""What a decision costs in Rungwise and in other libraries, side by side in one run.

    python benchmarks/peers/run.py [--markdown FILE] [--folder FOLDER] [--limit SECONDS] [--trials N N …]

Run it with the Python that has Rungwise. The others get an environment each (venv and pip, 1.1 GB in all) in FOLDER,
one among the user's caches unless given; the next run uses them again.

The loop is the same for all: one worker, trials one after another on the same noisy curves, a report at every unit up
to 81, eta = 3. It ends when one trial too many would start, or after SECONDS of CPU (60 unless given). Each case is a
process of its own, one at a time; what takes less than 10 s is measured 3 to 20 times, and the median counts. All of it
takes ten minutes, and two more the first time.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _environments import Environment, PeerError, Release, default_folder, environment

HERE = Path(__file__).parent
OURS_ALONE = (100_000,)
NUMBERS = (1, 4, 5, 6, 7, 8)
"""The columns of the table that are set to the right."""
METHODS = {
    "stopping": "ASHA by stopping",
    "promotion": "ASHA by promotion",
    "pasha": "PASHA",
    "hyperband": "Hyperband by stopping",
    "synchronous": "Hyperband, synchronous",
    "nobody": "the loop alone",
}


@dataclass(frozen=True, slots=True)
class Library:
    """A library, the script that drives it, its scheduler for each method; without a release, this Python has it."""

    name: str
    script: str
    schedulers: dict[str, str]
    release: Release | None = None


RUNGWISE = Library(
    "Rungwise", "with_rungwise.py",
    {
        "stopping": "StoppingASHA", "promotion": "ASHA", "pasha": "PASHA", "hyperband": "AsyncHyperband",
        "synchronous": "Hyperband", "nobody": "-",
    },
)  # fmt: skip
PEERS = (
    Library(
        "Ray Tune", "with_ray.py", {"stopping": "ASHAScheduler"},
        Release("ray-2.60", "ray[tune]==2.60.0", ("numpy==2.4.6",)),
    ),
    Library(
        "Optuna", "with_optuna.py", {"stopping": "SuccessiveHalvingPruner", "hyperband": "HyperbandPruner"},
        Release("optuna-5.0", "optuna==5.0.0", ("numpy==2.4.6",)),
    ),
    Library(
        "Syne Tune", "with_syne_tune_13.py", {"stopping": "ASHA", "promotion": "ASHA", "pasha": "PASHA"},
        Release("syne-tune-0.13", "syne-tune==0.13.0", ("numpy==1.26.4", "pandas==3.0.6")),
    ),
    Library(
        "Syne Tune", "with_syne_tune_16.py", {"stopping": "ASHA"},
        Release(
            "syne-tune-0.16", "syne-tune==0.16.0",
            ("numpy==2.4.6", "pandas==3.1.1", "dill==0.4.1", "sortedcontainers==2.4.0", "typing-extensions"),
            alone=True,
        ),
    ),
)  # fmt: skip
NOTES = (
    "µs per report: CPU of the whole loop over its reports, with asking, promoting and ending trials, and with drawing "
    "the curves (the row of the loop alone). Last fifth: the same while the last fifth of the trials was started.",
    "Asking: the share of the loop spent on getting the next trial, from a sample of jobs.",
    "Ratio: to Rungwise's scheduler of the same method and number of trials; > where the time was up first, so that "
    "the mean is over fewer trials, whose reports cost less.",
    "Reports differ because the rules do: in Rungwise and Optuna the best n // eta of a rung go on, in Syne Tune those "
    "within a quantile of it, in Ray Tune those within a quantile of the ones before.",
    "Ray Tune: the scheduler class alone, with stub trials and a stub controller; no Ray is started.",
    "Optuna: a study in memory; its loop writes every report and every rung into the storage, and ends trials with "
    "tell. No parameters are suggested.",
    "Hyperband by stopping: brackets of ASHA by stopping, chosen by a hash in Optuna, by a keyed draw in Rungwise "
    "(within='stopping-asha').",
    "Syne Tune: scheduler and random searcher over one hyperparameter, without tuner and backend. For every suggestion "
    "0.16 builds its searcher anew and tells it the last result of every trial. 0.16 is installed without xgboost and "
    "the like, which its ASHA does not import.",
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a case came to: trials reached, reports, seconds of CPU, and both of the last fifth of the trials."""

    release: str
    rounds: int
    trials: int
    reports: int
    jobs: int
    seconds: float
    late_reports: int
    late_seconds: float
    asking: float

    @property
    def cost(self) -> float:
        """Microseconds a report, over the whole loop."""
        return self.seconds / self.reports * 1e6

    @property
    def late(self) -> float:
        """Microseconds a report, over the last fifth of the trials."""
        return self.late_seconds / self.late_reports * 1e6


@dataclass(frozen=True, slots=True)
class Case:
    """One library's scheduler on so many trials, and what came of it: a measurement, or why there is none."""

    library: Library
    method: str
    trials: int
    outcome: Measured | PeerError


def measure(library: Library, python: Path, method: str, trials: int, limit: float) -> Measured:
    """What the library's script measures; raises PeerError where it fails."""
    print(f"… {library.name}, {METHODS[method]}, {trials:,} trials", file=sys.stderr)
    command = [str(python), str(HERE / library.script), method, str(trials), str(limit)]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    patience = 10 * limit + 60
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=plain, timeout=patience)
    except subprocess.TimeoutExpired:
        raise PeerError(f"{library.script} did not end in {patience:.0f} s") from None
    if done.returncode:
        raise PeerError(f"{library.script} failed: {(done.stderr.splitlines() or ['without a word'])[-1]}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def cases(sizes: Sequence[int], limit: float, made: dict[str, Environment | PeerError]) -> list[Case]:
    """Measure everybody, method by method, Rungwise first."""
    found = []
    for method in METHODS:
        for trials in (*sizes, *OURS_ALONE):
            for library in (RUNGWISE, *(PEERS if trials in sizes else ())):
                if method not in library.schedulers:
                    continue
                place = made[library.release.name] if library.release else Path(sys.executable)
                outcome: Measured | PeerError
                try:
                    if isinstance(place, PeerError):
                        raise place
                    python = place.python if isinstance(place, Environment) else place
                    outcome = measure(library, python, method, trials, limit)
                except PeerError as error:
                    outcome = error
                found.append(Case(library, method, trials, outcome))
    return found


def row(case: Case, ours: Measured | None) -> tuple[str, ...]:
    """One line of the table."""
    library, outcome = case.library, case.outcome
    method, scheduler = METHODS[case.method], library.schedulers[case.method]
    if isinstance(outcome, PeerError):
        wanted = library.release.requirement if library.release else library.name
        return (method, f"{case.trials:,}", wanted, scheduler, "not measured", "-", "-", "-", "-")
    cut = outcome.trials < case.trials
    trials = f"{outcome.trials:,} of {case.trials:,}" if cut else f"{case.trials:,}"
    ratio = "-" if ours is None else f"{'> ' if cut else ''}{number(outcome.cost / ours.cost)}"
    return (
        method, trials, f"{library.name} {outcome.release}", scheduler, f"{outcome.reports:,}", number(outcome.cost),
        number(outcome.late), f"{outcome.asking:.0%}", ratio,
    )  # fmt: skip


def number(value: float) -> str:
    """Two digits at least."""
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def rows(found: Sequence[Case]) -> list[tuple[str, ...]]:
    """The whole table, its head first."""
    head = ("method", "trials", "library", "scheduler", "reports", "µs per report", "last fifth", "asking", "ratio")
    ours = {
        (case.method, case.trials): case.outcome
        for case in found
        if case.library is RUNGWISE and case.method != "nobody" and isinstance(case.outcome, Measured)
    }
    return [head, *(row(case, ours.get((case.method, case.trials))) for case in found)]


def places(made: dict[str, Environment | PeerError]) -> list[str]:
    """A line about each environment."""
    lines = []
    for name, place in made.items():
        if isinstance(place, PeerError):
            lines.append(f"{name}: none ({place})")
        else:
            size = f"{place.megabytes:.0f} MB, {len(place.packages)} packages, made in {place.seconds:.0f} s"
            lines.append(f"{name}: {size}, numpy {place.packages['numpy']}")
    return lines


def as_text(table: Sequence[Sequence[str]]) -> str:
    """Aligned columns."""
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines = []
    for line in table:
        cells = [
            cell.rjust(width) if column in NUMBERS else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(machine: str, environments: Sequence[str], table: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """The same as a page."""
    head, *body = table
    marks = ["---:" if column in NUMBERS else "---" for column in range(len(head))]
    lines = [f"| {' | '.join(line)} |" for line in (head, marks, *body)]
    return "\n".join(
        [
            "# Decisions, beside other libraries", "", "Made by `python benchmarks/peers/run.py`.", "",
            f"{machine}.", "", *lines, "", *(f"- {note}" for note in notes), "", "Environments:", "",
            *(f"- {line}" for line in environments), "",
        ]
    )  # fmt: skip


def main() -> int:
    """Make what is missing, measure, print; 1 where something could not be measured."""
    parser = argparse.ArgumentParser(description="What a decision costs in Rungwise and in other libraries.")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="where the environments are kept")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of CPU for each case")
    parser.add_argument("--trials", type=int, nargs="+", default=[1_000, 10_000], help="numbers of trials")
    parser.add_argument("--markdown", type=Path, help="write the table there too")
    options = parser.parse_args()
    made: dict[str, Environment | PeerError] = {}
    for library in PEERS:
        if library.release is None:
            continue
        print(f"… {library.release.requirement}", file=sys.stderr)
        try:
            made[library.release.name] = environment(library.release, options.folder)
        except PeerError as error:
            made[library.release.name] = error
    load = os.getloadavg()[0]
    found = cases(options.trials, options.limit, made)
    failures = [(case, case.outcome) for case in found if isinstance(case.outcome, PeerError)]
    notes = [
        *NOTES,
        *(f"Not measured: {case.library.name}, {METHODS[case.method]}: {error}" for case, error in failures),
    ]
    machine = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f} at the start and {os.getloadavg()[0]:.1f} at the end (1 is this alone)"
    )
    table = rows(found)
    print(f"{machine}\n\n{as_text(table)}\n")
    print("\n".join(f"- {note}" for note in notes))
    print("\nEnvironments:\n" + "\n".join(f"- {line}" for line in places(made)))
    if options.markdown:
        options.markdown.write_text(as_markdown(machine, places(made), table, notes))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
