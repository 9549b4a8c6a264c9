"""What is run under faults: one small experiment, in one of the ways in which trials can run."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

NAME = "it"
STORE = "runs.db"
Training = Literal["function", "warm", "script", "plain", "simulated"]


@dataclass(frozen=True, slots=True)
class Setting:
    """An experiment: how its trials run, and how large it is."""

    training: Training
    scheduler: str = "asha"
    trials: int = 9
    workers: int = 1
    max_resource: int = 9
    seed: int = 0
    checkpoint_every: int | None = None

    @property
    def determined(self) -> bool:
        """Whether every run of it trains the same, whatever the order in which processes get the processor."""
        return self.workers == 1 and self.scheduler != "pbt"

    def message(self) -> dict[str, Any]:
        """As plain values, for a tuner's process; `Setting(**message)` is the way back."""
        return asdict(self)
