"""What a suggestion costs in CPU, by searcher, space and number of observations; and how long a free slot waits."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log10
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time, sleep
from typing import Any

import rungwise as rw
from _table import print_table
from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import TimePassed, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import History, Searcher
from rungwise.searchers import make
from rungwise.space import parse

MILESTONES = (1, 3, 9, 27, 81)
ETA = 3
Form = Mapping[str, Any]

NUMBERS: Form = {"lr": (1e-4, 1.0, "log"), "momentum": (0.0, 0.99), "width": (16, 1024, "log"), "dropout": (0.0, 0.9)}
SPACES: Mapping[str, Form] = {
    "4 numbers": NUMBERS,
    "20 numbers": {f"x{place}": (0.0, 1.0) for place in range(20)},
    "6 choices of 5": {f"edge{place}": list("abcde") for place in range(6)},
    "20 choices of 5": {f"choice{place}": list("abcde") for place in range(20)},
    "200 numbers": {f"x{place}": (0.0, 1.0) for place in range(200)},
}


def observed(form: Form, observations: int) -> Ledger:
    """A history with so many values on rungs, a third of each rung promoted; a moment later."""
    space, ledger = parse(form), Ledger(MILESTONES)
    draw = make("random", space, 1)
    told, trial = 0, 0
    while told < observations:
        configuration = draw.suggest(ledger, StartTrial(trial, 1))
        assert configuration is not None
        rungs = next(rung for rung in range(len(MILESTONES), 0, -1) if trial % ETA ** (rung - 1) == 0)
        ledger.apply(Launch(trial, configuration, 0, MILESTONES[rungs - 1], 1, 0))
        for milestone in MILESTONES[: min(rungs, observations - told)]:
            value = quality(configuration) + 1 / milestone
            ledger.apply(TrialReported(float(told), trial, milestone, value, {}))
            told += 1
        ledger.apply(TrialPaused(float(told), trial, MILESTONES[rungs - 1]))
        trial += 1
    ledger.apply(TimePassed(told + 60.0))
    return ledger


def quality(configuration: Configuration) -> float:
    """How far a configuration is from the middle of its space, more or less."""
    numbers = [value for value in configuration.values() if isinstance(value, float)]
    return sum(abs(log10(number + 1e-9) + 0.3) for number in numbers) + list(configuration.values()).count("a")


def each(name: str | Mapping[str, Any], form: Form, observations: int, *, count: int = 30) -> str:
    """Milliseconds of CPU a suggestion: the median and the 95th percentile; what is fitted now and then, apart."""
    history, searcher = observed(form, observations), make(name, parse(form), 2)
    first = len(history.trials)
    begun = process_time()
    searcher.suggest(history, StartTrial(first, 1))
    fitted = process_time() - begun
    took = []
    for trial in range(first, first + count):
        begun = process_time()
        searcher.suggest(history, StartTrial(trial, 1))
        took.append(1000 * (process_time() - begun))
    shown = f"{median(took):.2f} ms median, {quantiles(took, n=20)[-1]:.2f} ms 95th percentile"
    return f"{shown}; the first one, with its fit, {1000 * fitted:.0f} ms" if fitted > 0.2 else shown


def blocks() -> str:
    """Microseconds of CPU for a trial's configuration under random search, drawn in blocks, checks and all."""
    searcher, history, count = make("random", parse(NUMBERS), 2), Ledger(MILESTONES), 20_000
    searcher.suggest(history, StartTrial(0, 1))
    requests = [StartTrial(trial, 1) for trial in range(count)]
    begun = process_time()
    for request in requests:
        searcher.suggest(history, request)
    return f"{1e6 * (process_time() - begun) / count:.1f} µs"


@dataclass(frozen=True, slots=True)
class Timed:
    """A searcher, and how long each suggestion took, in seconds as they pass."""

    searcher: Searcher
    took: list[float]

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """What the searcher suggests."""
        begun = perf_counter()
        found = self.searcher.suggest(history, request)
        self.took.append(perf_counter() - begun)
        return found

    def prepare(self, history: History) -> None:
        """Let the searcher think ahead."""
        self.searcher.prepare(history)  # type: ignore[attr-defined]


def train(trial: rw.Trial) -> None:
    """A training of half a second a unit."""
    for unit in trial.epochs():
        sleep(0.5)
        trial.report(unit, loss=quality(trial.config) + 1 / unit)


def waiting(fit_of: Callable[[], Searcher]) -> str:
    """How long a free slot waits for a suggestion in a real experiment, fits included."""
    timed = Timed(fit_of(), [])
    with tempfile.TemporaryDirectory() as folder:
        rw.tune(
            train, NUMBERS, metric="loss", max_resource=9, scheduler="asha", searcher=timed, trials=60, workers=2,
            store=Path(folder) / "runs.db", reuse_workers=True,
        )  # fmt: skip
    late = sum(1 for took in timed.took if took > 0.1)
    return (
        f"{1000 * median(timed.took):.0f} ms median, {1000 * max(timed.took):.0f} ms at most, {late} of 60 over 100 ms"
    )


def main() -> None:
    """Measure and print."""
    rows = [("random, 4 numbers", "< 5 µs", blocks())]
    rows += [(f"kde, 1,000 observations, {space}", "< 3 ms", each("kde", form, 1000)) for space, form in SPACES.items()]
    for settings in ({"name": "gp"}, {"name": "gp", "per_rung": True}):
        what = "gp, per rung" if "per_rung" in settings else "gp"
        for observations, target in ((100, "< 150 ms"), (300, "< 500 ms"), (1000, "")):
            for space in ("4 numbers", "6 choices of 5", "20 numbers"):
                took = each(settings, SPACES[space], observations, count=10)
                rows.append((f"{what}, {observations:,} observations, {space}", target, took))
    for name in ("evolution", "tpe", "cmaes"):
        for observations in (100, 1000):
            took = each(name, NUMBERS, observations, count=20)
            rows.append((f"{name}, {observations:,} observations, 4 numbers", "", took))
    rows.append(("gp, a free slot's wait", "< 0.1 s for a fit", waiting(lambda: make("gp", parse(NUMBERS), 3))))
    print_table(rows)


if __name__ == "__main__":
    main()
