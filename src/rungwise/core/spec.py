"""What an experiment is: all that must be known to run it again, as plain data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.errors import StoreError
from rungwise.core.incumbent import Winner
from rungwise.core.limits import Limits, Stop, check_stop
from rungwise.core.objective import Mode, Objective
from rungwise.core.past import Past


@dataclass(frozen=True, slots=True)
class ExperimentSpec:
    """An experiment's settings; resources are whole units. It is stored with the log, as JSON.

    `scheduler` and `searcher` hold a name and options; `space` and `training` are as their rooms serialise them;
    `milestones` are the scheduler's rungs, `unit` is the word for what they count.
    `allocation` holds a policy's name, the slots that it begins with, and its options.
    `of` names the experiment that this one retrains the winners of, `past` is what was taken over from others. A trial
    is tried again `max_retries` times after its job died; the experiment is suspended when `max_failures` trials in a
    row have failed (None: never). `winner` tells who may win, see `rungwise.core.incumbent`. `chosen` says why this
    scheduler was chosen for the user ("": the user chose it).

    A setting that is not there is as experiments were before there was such a setting: their logs still replay.
    """

    metric: str
    mode: Mode
    milestones: tuple[int, ...]
    scheduler: Mapping[str, Any]
    searcher: Mapping[str, Any]
    space: Mapping[str, Any]
    training: Mapping[str, Any]
    trials: int | None = 64
    workers: int = 1
    seed: int = 0
    stop: Stop = "drain"
    unit: str = "units"
    points: tuple[Configuration, ...] = ()
    local: Mapping[str, Any] = field(default_factory=dict)
    of: str | None = None
    max_retries: int = 0
    max_failures: int | None = None
    limits: Limits = field(default_factory=Limits)
    past: Past = field(default_factory=Past)
    allocation: Mapping[str, Any] = field(default_factory=lambda: {"name": "fixed", "slots": 1})
    winner: Winner = "any"
    chosen: str = ""

    def __post_init__(self) -> None:
        plain: dict[str, object] = {
            "workers": check_whole("workers", self.workers, 1),
            "seed": check_whole("seed", self.seed, 0),
            "max_retries": check_whole("max_retries", self.max_retries, 0),
            "milestones": tuple(check_whole("a milestone", each, 1) for each in self.milestones),
        }
        if self.trials is not None:
            plain["trials"] = check_whole("trials", self.trials, 1, also=", or None for no limit")
        if self.max_failures is not None:
            plain["max_failures"] = check_whole("max_failures", self.max_failures, 1, also=", or None for no limit")
        for name, value in plain.items():
            object.__setattr__(self, name, value)
        check_stop("stop", self.stop)

    @property
    def objective(self) -> Objective:
        """The metric and its direction."""
        return Objective(self.metric, self.mode)

    @property
    def max_resource(self) -> int:
        """The most that any trial can get, in resource units."""
        return self.milestones[-1]

    @property
    def at_once(self) -> int:
        """The most trials that run side by side."""
        return max(1, self.workers // int(self.allocation["slots"]))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ExperimentSpec":
        """The spec that `to_json` gave; raises StoreError where something is missing."""
        known = {name: data[name] for name in (each.name for each in fields(cls)) if name in data}
        try:
            known["milestones"] = tuple(known["milestones"])
            known["points"] = tuple(known.get("points", ()))
            known["limits"] = Limits.from_json(known.get("limits", {}))
            if "past" in known:
                known["past"] = Past.from_json(known["past"])
            return cls(**known)
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"an experiment's settings cannot be read ({error}): was it written by another version?"
            ) from None
