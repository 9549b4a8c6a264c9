"""Measuring a profile: a few units of the real training on the real backend, for each share of slots.

1. The machine is as full as it will be: as many trials at once as have room, so that what they take from one another
   (caches, memory, clock rates) is in the figures.
2. A first trial is trained for one unit and not counted: the process that starts the others imports what they need.
3. Each of the others trains `units` units, pauses with a checkpoint, and trains as many again from there.
4. The configurations are the defaults of the space, then draws from it: the same ones for each share.
5. A run begins with the first draw from the space, for which ConfigSpace is imported, while the process that starts
   trials imports what they need: the longer of the two is what the first trials wait for.
6. Nothing is kept: neither a store nor checkpoints.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from rungwise.allocation import Fixed
from rungwise.api.training import Train, parse_training
from rungwise.backends.local import LocalBackend, LocalSettings
from rungwise.backends.overhead import Overhead
from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from rungwise.core.errors import InputError, RungwiseError
from rungwise.core.events import Draining, Event, TrialEnded, TrialPaused
from rungwise.core.protocols import History
from rungwise.core.records import Record
from rungwise.core.seed import Purpose, sequence
from rungwise.planner.profile import Profile
from rungwise.planner.timing import Timing, laps, timing
from rungwise.space import Space, parse
from rungwise.tuner.loop import drive
from rungwise.tuner.tuner import Tuner

WARM_UP = 0
"""The trial that is not counted."""
UNSEEN = 1e-3
"""Seconds below which nothing can be told from outside."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A profile, and what could not be measured, each in a sentence."""

    profile: Profile
    unknown: tuple[str, ...]


@dataclass(slots=True)
class TwoJobs:
    """A scheduler: one trial for a unit alone, then `count` trials for `units` units, each to be promoted once."""

    units: int
    count: int
    started: int = 0
    warm: bool = False
    paused: list[int] = field(default_factory=list)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The warm-up's, and those of the first and the second jobs."""
        return (1, self.units, 2 * self.units)

    def tell(self, event: Event) -> tuple[()]:
        """Take note of whom to promote."""
        match event:
            case TrialPaused(_, trial) | TrialEnded(_, trial) if trial == WARM_UP:
                self.warm = True
            case TrialPaused(_, trial):
                self.paused.append(trial)
            case Draining():
                self.count = self.started - 1
            case _:
                pass
        return ()

    def ask(self) -> Request | None:
        """Promotions first."""
        if self.paused:
            return PromoteTrial(self.paused.pop(0), 2 * self.units)
        if self.started > self.count or (self.started > WARM_UP and not self.warm):
            return None
        self.started += 1
        return StartTrial(self.started - 1, self.units if self.started > 1 else 1)


@dataclass(frozen=True, slots=True)
class Given:
    """A searcher: the first configuration to warm up with, then all in turn."""

    configurations: Sequence[Configuration]

    def suggest(self, history: History, request: StartTrial) -> Configuration:  # noqa: ARG002 - the protocol's
        """The configuration of a trial."""
        return self.configurations[max(0, request.trial - 1) % len(self.configurations)]


@dataclass(frozen=True, slots=True)
class Records:
    """A log in memory."""

    records: list[Record] = field(default_factory=list)

    def append(self, records: Sequence[Record]) -> None:
        """Keep records."""
        self.records.extend(records)


def measure(
    train: Train,
    space: object,
    shares: Sequence[int],
    *,
    workers: int | None = None,
    units: int = 4,
    configurations: int = 1,
    seed: int = 0,
    unit: str = "units",
    one_process: bool = False,
    config_as: str = "args",
    local: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Measured:
    """Measure a training's seconds per unit on so many slots each, of `workers` in all (default: the largest share).

    `train`, `space`, `unit`, `one_process` and `config_as` are those of `rungwise.tune`; `local` are other settings of
    the backend (`gpus`, `per_gpu`, `reuse_workers`, `preload`, `env`). Each job trains `units` units; seconds are means
    over so many `configurations`. `progress` is told what is being measured.
    Raises InputError for arguments out of range, RungwiseError where a trial fails.
    """
    wanted = sorted({check_whole("a share of slots", share, 1) for share in shares})
    if not wanted:
        raise InputError("there is no share of slots to measure: name one at least, such as 1")
    slots = check_whole("workers", wanted[-1] if workers is None else workers, 1)
    if wanted[-1] > slots:
        raise InputError(f"a trial is to have {wanted[-1]} slots, but there are {slots} in all (workers)")
    check_whole("units", units, 3, also=", so that start-up and checkpoints can be told from units")
    check_whole("configurations", configurations, 1)
    training, parsed = parse_training(train, config_as), parse(space)
    began = monotonic()
    chosen = _configurations(parsed, configurations, seed)
    drawing = monotonic() - began
    found: dict[int, Timing] = {}
    for share in wanted:
        at_once = slots // share
        count = max(len(chosen), at_once)
        if progress is not None:
            progress(f"trials on {share} of {slots} slots: {count}, {at_once} at once, {2 * units} {unit} each")
        settings = LocalSettings(workers=slots, ranks=wanted[-1] > 1 and not one_process, **(local or {}))
        scheduler = TwoJobs(units, count)
        tuner = Tuner(scheduler, Given(chosen), Fixed(share), seed=seed, trials=count + 1, max_failures=1)
        log = Records()
        with TemporaryDirectory(prefix="rungwise-profile-") as folder, LocalBackend(
            training, settings, objective=None, max_resource=2 * units, checkpoints=Path(folder)
        ) as backend:  # fmt: skip
            drive(tuner, backend, log)
        _check_failures(tuner, share)
        first, *others = laps(log.records)
        found[share] = timing(first, others)
    return _measured(found, drawing, unit, f"measured with {slots} workers, {count_text(len(chosen))}")


def count_text(configurations: int) -> str:
    """What was trained."""
    return "the default configuration" if configurations == 1 else f"{configurations} configurations"


def _configurations(space: Space, count: int, seed: int) -> list[Configuration]:
    """The defaults, and draws."""
    default = space.default()
    if count == 1:
        return [default]
    return [default, *space.sample(sequence(seed, Purpose.CONFIGURATION), count - 1)]


def _check_failures(tuner: Tuner, share: int) -> None:
    for entry in tuner.ledger.trials.values():
        if entry.failure is not None:
            lines = [line for line in entry.failure.detail.splitlines() if line.strip()]
            raise RungwiseError(
                f"with {share} slot{'s' if share > 1 else ''} a trial failed, so that nothing can be measured:"
                f" {lines[-1].strip() if lines else entry.failure.cause}"
            )


def _measured(found: Mapping[int, Timing], drawing: float, unit: str, note: str) -> Measured:
    """A profile of the shares; what jobs cost besides is the mean over them. `drawing` is what first draws took."""
    unknown = []
    if not all(each.apart for each in found.values()):
        unknown.append(
            "The training reports less than three times in a job, so start-up and checkpoints are in the seconds of its"
            " units: with more --units they can be told apart."
        )
    if not all(each.resumed for each in found.values()):
        unknown.append(
            "The training saves no checkpoint, so a promoted trial starts afresh, which costs more than a plan says."
        )
    begin = max(drawing, fmean(each.begin for each in found.values()))
    told = [each for each in found.values() if each.apart]
    costs = {name: fmean(getattr(each, name) for each in told) if told else 0.0 for name in ("startup", "load", "save")}
    for name, words in (("startup", "start-up"), ("load", "loading a checkpoint"), ("save", "saving a checkpoint")):
        if told and costs[name] < UNSEEN and not (name == "load" and len(unknown) > 0):
            unknown.append(f"The time for {words} is too short to be seen beside that of a unit.")
    seconds = tuple((share, _rounded(each.unit)) for share, each in sorted(found.items()))
    overhead = Overhead(**{name: _rounded(took) for name, took in costs.items()})
    return Measured(Profile(seconds, overhead, _rounded(begin), unit, note), tuple(unknown))


def _rounded(seconds: float) -> float:
    """Four digits: more were not measured."""
    return float(f"{seconds:.4g}")
