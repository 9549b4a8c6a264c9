"""How soon a plan is there, and how near it comes to what runs really take. Run: python benchmarks/planning.py.

Each real run is profiled first, then forecast, then run on this machine's two cores with a seed of its own:

- digits, asha / pasha / taper: the network of examples/digits.py, a slot for each trial. A unit takes some of its
  configurations ten times as long as others, so 16 are profiled. Curves: the table `digits`.
- products: a training of matrix products, two slots for each trial, in one process of two threads. All configurations
  take the same. Curves: synthetic/easy.

"before" is what `rungwise plan` could have said, with the 95 % interval of its mean over five orders; "its own curves"
is told the values, and forecasts the times alone. Other programs on the machine move both, so the load is printed: what
changes between profile and run is no fault of a plan's.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any

import rungwise as rw
from _table import print_table
from rungwise.api.training import load_function
from rungwise.planner import against, find_curves, measure

EXAMPLE = Path(__file__).parents[1] / "examples" / "digits.py"
PROFILE = "seconds_per_unit: {1: 60, 2: 33, 4: 19, 8: 13}\nstartup: 20\nload: 3\nsave: 2\n"
TARGET = 0.2


def products(trial: rw.Trial) -> None:
    """Matrix products, and a loss that falls to the learning rate."""
    import numpy as np

    matrix = np.random.default_rng(trial.seed).random((900, 900))
    product = matrix
    trial.load()
    for unit in trial.epochs():
        for _ in range(6):
            product = matrix @ matrix
        loss = trial.config["lr"] + float(product[0, 0] > 0) / unit
        trial.report(unit, loss=loss, save=lambda folder: np.save(folder / "matrix.npy", matrix))


@dataclass(frozen=True, slots=True)
class Case:
    """A real run: its training, the number of configurations to profile, curves to plan with, and tune's settings."""

    name: str
    train: Callable[[rw.Trial], object]
    space: Any
    configurations: int
    curves: str
    settings: dict[str, Any]


def cases() -> Iterator[Case]:
    """The real runs."""
    digits = load_function(EXAMPLE, "train")
    space = vars(sys.modules[digits.__module__])["SPACE"]
    for scheduler in ("asha", "pasha", "taper"):
        common = {"metric": "val_accuracy", "mode": "max", "max_resource": 81, "trials": 64, "scheduler": scheduler}
        yield Case(f"digits-{scheduler}", digits, space, 16, "digits", common)
    small = {"metric": "loss", "max_resource": 27, "trials": 24, "scheduler": "asha", "slots": 2, "one_process": True}
    yield Case("products-asha", products, {"lr": (0.1, 1.0)}, 1, "synthetic/easy", small)


def planned(folder: str) -> None:
    """The command line, start of Python included."""
    path = Path(folder) / "profile.yaml"
    path.write_text(PROFILE)
    words = [sys.executable, "-m", "rungwise", "plan", str(path), "--workers", "64", "--trials", "256"]
    rows = []
    for schedulers in (("pasha",), ("asha", "pasha", "hyperband")):
        options = [word for name in schedulers for word in ("--scheduler", name)]
        began = perf_counter()
        subprocess.run([*words, *options, "--max-resource", "81"], check=True, capture_output=True, cwd=folder)
        rows.append((f"plan, 64 workers, 256 trials, {', '.join(schedulers)}", "< 10 s",
                     f"{perf_counter() - began:.1f} s"))  # fmt: skip
    print_table(rows)


def real(case: Case, store: Path) -> list[tuple[str, ...]]:
    """Profile, run, and compare."""
    local = {key: case.settings[key] for key in ("one_process",) if key in case.settings}
    slots = case.settings.get("slots", 1)
    began = perf_counter()
    found = measure(
        case.train, case.space, [slots], workers=2, configurations=case.configurations, **local
    )  # fmt: skip
    profiled = perf_counter() - began
    load = os.getloadavg()[0]
    with redirect_stdout(StringIO()):
        experiment = rw.tune(case.train, case.space, workers=2, seed=1, store=store, name=case.name, **case.settings)
    profile, rows = found.profile, []
    trials, units = case.settings["trials"], case.settings["max_resource"]
    curves = find_curves(case.curves, "none.db", trials=trials, units=units, profile=profile)
    for told, chosen in (("before", curves), ("its own curves", None)):
        compared = against(experiment, profile, chosen)
        for figure in (compared.time, compared.units):
            error = figure.error or 0.0
            unit = " s" if figure is compared.time else ""
            mean, low, high = figure.forecast.mean, figure.forecast.low, figure.forecast.high
            rows.append((
                f"{case.name}, {told}: {figure.what}", f"within {TARGET:.0%}",
                f"{mean:.1f}{unit} ({low:.1f} to {high:.1f}), {figure.took:.1f}{unit} taken: {error:+.0%}"
                f"{'' if abs(error) <= TARGET else ', missed'}",
            ))  # fmt: skip
    overhead = profile.overhead
    rows.append((f"{case.name}: the profile", "", f"{profile.base:.3f} s a unit, {overhead.startup:.3f} s start-up,"
                 f" {profile.begin:.1f} s to begin,"
                 f" {overhead.save:.3f} s saving, measured in {profiled:.0f} s; load {load:.1f}, then"
                 f" {os.getloadavg()[0]:.1f}"))  # fmt: skip
    return rows


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        planned(folder)
        for case in cases():
            print_table(real(case, Path(folder) / "runs.db"))


if __name__ == "__main__":
    main()
