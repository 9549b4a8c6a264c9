"""The scheduler "auto": who wants it, what is known of the run, and what the run says of schedulers at its start.

It is settled when an experiment is made, so that its settings hold the scheduler that was chosen: whoever resumes or
replays it does not ask the rule again (see `rungwise.schedulers.advice`).
"""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from rungwise.api.checks import AUTO, scheduler_settings
from rungwise.api.transfer import Transfer
from rungwise.core.checks import check_flag, check_whole
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.core.limits import Limits
from rungwise.core.protocols import Scheduler
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.advice import ALIKE, PAGE, WORTH, Choice, Situation, choose, times_less
from rungwise.schedulers.named import KEYED, RESOURCES, SIZED
from rungwise.store import Store

Given = str | Mapping[str, Any] | Scheduler
DIVERGES = "diverges"


def is_auto(scheduler: object) -> bool:
    """Whether a scheduler's name, or its settings, ask for the choice."""
    return (scheduler.get("name") if isinstance(scheduler, Mapping) else scheduler) == AUTO


def chosen(
    scheduler: object, min_resource: int, max_resource: int, trials: int | None, *, diverged: bool = False
) -> Choice:  # fmt: skip
    """What "auto" comes to. `diverged` says that trainings of earlier experiments did, unless the option speaks.

    Raises InputError for another option than `diverges`, or an argument out of range.

    >>> chosen({"name": "auto", "diverges": True}, 1, 81, 256).name
    'gated-pasha'
    """
    options = (
        {key: value for key, value in scheduler.items() if key != "name"} if isinstance(scheduler, Mapping) else {}
    )
    for key in options:
        if key != DIVERGES:
            raise InputError(f"the scheduler {AUTO!r} has no option {key!r}; its options are: {DIVERGES} (see {PAGE})")
    check_flag(f"{DIVERGES} of the scheduler {AUTO!r}", options.get(DIVERGES, False))
    low, high = check_whole("min_resource", min_resource, 1), check_whole("max_resource", max_resource, 1)
    most = None if trials is None else check_whole("trials", trials, 1)
    return choose(Situation(low, high, most, options.get(DIVERGES, diverged)))


def completed(scheduler: object, resources: Mapping[str, int], trials: int, seed: int) -> dict[str, Any]:
    """Settings from a name or options, "auto" among them, where it is known how many `trials` there will be.

    Raises InputError for an unknown name, or a number out of range.
    """
    if is_auto(scheduler):
        scheduler = chosen(scheduler, resources["min_resource"], resources["max_resource"], trials).settings
    settings = scheduler_settings(scheduler, resources)
    if settings["name"] in SIZED:
        settings.setdefault("trials", trials)
    if settings["name"] in KEYED:
        settings.setdefault("seed", seed)
    return settings


def known_trials(trials: int | None, limits: Limits) -> int | None:
    """How many trials will surely be started; None where a limit may end the run before the last of them."""
    early = (limits.time, limits.resource, limits.cost, limits.patience_resource, limits.patience_time)
    return trials if all(limit is None for limit in early) else None


def settled(
    scheduler: Given, min_resource: int, max_resource: int, trials: int | None, transfer: Transfer, store: Path
) -> tuple[Given, str]:
    """The scheduler, or what "auto" comes to and why; "": it was not asked. Earlier experiments are looked at for it.

    Raises InputError as `chosen` does, and where a hurdle is wanted; StoreError where an earlier experiment is missing.
    """
    if not is_auto(scheduler):
        return scheduler, ""
    if transfer.hurdle:
        raise InputError(
            f"hurdle of transfer is true, but the scheduler {AUTO!r} may choose one that knows no hurdle: name asha or"
            " pasha"
        )
    diverged = diverged_before(store, transfer.names)
    choice = chosen(scheduler, min_resource, max_resource, trials, diverged=diverged)
    return choice.settings, choice.reason


def diverged_before(store: Path, names: tuple[str, ...]) -> bool:
    """Whether a trial of these experiments reported a value that is not finite; StoreError where one is not there."""
    if not names:
        return False
    with Store.open(store) as opened:
        return any(
            isinstance(record, TrialReported) and not isfinite(record.value)
            for name in names
            for record in opened.experiment(name).records()
        )


def known(spec: ExperimentSpec) -> str | None:
    """What is known of schedulers in an experiment's situation, in a sentence; None where its own is of another kind.

    What "auto" chose is told with its reason. Else it is that the scheduler suits, or that another one would be
    expected to train less.
    """
    name = str(spec.scheduler["name"])
    if spec.chosen:
        return f"{AUTO} took {_called(spec.scheduler)}: {spec.chosen} ({PAGE})"
    if name not in ALIKE or "hurdle" in spec.scheduler:
        return None
    trials = known_trials(spec.trials, spec.limits)
    situation = Situation(spec.milestones[0], spec.max_resource, trials, diverges=name == "gated-pasha")
    choice = choose(situation)
    less = times_less(choice.name, name, situation)
    if choice.name != name and less >= WORTH:
        return f"{_called(choice.settings)} would be expected to take {less:.1f}x less training here ({PAGE})"
    return f"{_called(choice.settings)} is known to work here: {choice.reason} ({PAGE})"


def _called(settings: Mapping[str, Any]) -> str:
    """A scheduler's name and options, as the command line takes them, without what other arguments say."""
    options = [f"{key}={value}" for key, value in settings.items() if key not in ("name", "trials", *RESOURCES)]
    return ",".join((str(settings["name"]), *options))
