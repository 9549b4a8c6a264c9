"""Trainings that break their contract with the tuner, one rule each."""

import rungwise as rw


def unknown_metric(trial: rw.Trial) -> None:
    trial.report(1, accuracy=0.5)


def no_metric(trial: rw.Trial) -> None:
    trial.report(1)


def text(trial: rw.Trial) -> None:
    trial.report(1, loss="0.5")  # type: ignore[arg-type]


def long_text(trial: rw.Trial) -> None:
    trial.report(1, loss="5" * 10_000_000)  # type: ignore[arg-type]


def long_list(trial: rw.Trial) -> None:
    trial.report(1, loss=[0.5] * 1_250_000)  # type: ignore[arg-type]


def backwards(trial: rw.Trial) -> None:
    trial.report(2, loss=0.5)
    trial.report(1, loss=0.5)


def twice(trial: rw.Trial) -> None:
    trial.report(1, loss=0.5)
    trial.report(1, loss=0.5)


def fraction(trial: rw.Trial) -> None:
    trial.report(0.5, loss=0.5)  # type: ignore[arg-type]


def silent(trial: rw.Trial) -> None:
    pass


unnamed = lambda trial: trial.report(1, loss=0.5)  # noqa: E731


def _make() -> object:
    def nested(trial: rw.Trial) -> None:
        trial.report(1, loss=0.5)

    return nested


nested = _make()


class Holder:
    """Calls may be pickled, unless it holds an open file."""

    def __init__(self, file: object) -> None:
        self.file = file

    def __call__(self, trial: rw.Trial) -> None:
        trial.report(1, loss=0.5)


unpicklable = Holder(open(__file__))  # noqa: PTH123, SIM115
number = 3
