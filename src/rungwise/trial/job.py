"""What a trial's process is told: the job that it has, and what may be asked of it meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Wish = Literal["pause", "halt"]


@dataclass(frozen=True, slots=True)
class Job:
    """One job as a trial's process is told of it: train `trial` from `start` to `milestone`.

    `metric` is what the experiment tunes for (None: not checked). Checkpoints go into `folder` (None: none are kept),
    which may then hold `room` bytes (None: as many as there are): one at the milestone, and before it one after every
    `every_units` units and `every_seconds` seconds (0: never). This process is the `rank`-th of `world_size`.

    Where checkpoints are kept at a `storage`, the URL of the experiment's folder there (None: they are not), `source`
    is the path from that folder of the one at `start`, this trial's or its parent's; None where it is not known.
    """

    trial: int
    config: Mapping[str, Any]
    seed: int
    slots: int
    start: int
    milestone: int
    max_resource: int
    metric: str | None = None
    folder: str | None = None
    every_units: int = 0
    every_seconds: float = 0.0
    room: int | None = None
    storage: str | None = None
    source: str | None = None
    rank: int = 0
    world_size: int = 1

    def message(self) -> dict[str, Any]:
        """The job as plain values, but for the rank; `Job(**message)` is the way back."""
        # By hand, because dataclasses.asdict costs more than the whole rest of a message.
        return {
            "trial": self.trial, "config": dict(self.config), "seed": self.seed, "slots": self.slots,
            "start": self.start, "milestone": self.milestone, "max_resource": self.max_resource,
            "metric": self.metric, "folder": self.folder,
            "every_units": self.every_units, "every_seconds": self.every_seconds, "room": self.room,
            "storage": self.storage, "source": self.source,
        }  # fmt: skip

    def wants_checkpoint_at(self, resource: int) -> bool:
        """Whether a job that ends at `resource` has to leave a checkpoint."""
        return self.milestone <= resource
