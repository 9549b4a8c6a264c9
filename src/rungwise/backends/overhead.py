"""What a job costs besides its units: starting it up, and its checkpoints."""

from dataclasses import dataclass, fields
from math import isfinite

from rungwise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds that a job takes on however many slots: `startup` until its first unit begins, `load` before that where
    it goes on from a checkpoint, `save` before it reports its milestone. None of them where a number is 0.

    Raises InputError for a time that is not a finite number of 0 or more.
    """

    startup: float = 0.0
    load: float = 0.0
    save: float = 0.0

    def __post_init__(self) -> None:
        for each in fields(self):
            check_seconds(each.name, getattr(self, each.name))

    @property
    def restart(self) -> float:
        """Seconds that a pause and going on from its checkpoint take."""
        return self.save + self.startup + self.load

    def before(self, start: int) -> float:
        """Seconds before the first unit of a job that begins at `start` units."""
        return self.startup + (self.load if start else 0.0)


def check_seconds(name: str, took: object) -> None:
    """Raise InputError for what is no finite number of 0 or more."""
    if isinstance(took, bool) or not isinstance(took, int | float) or not (took >= 0 and isfinite(took)):
        raise InputError(f"{name} is {took!r}, but must be a finite number of seconds, 0 or more")
