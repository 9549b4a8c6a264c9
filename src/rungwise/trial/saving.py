"""When a job saves a checkpoint of its own accord."""

import time


class Intervals:
    """Says when so many units, or seconds, have passed since the job began or last tried to save (0: never)."""

    __slots__ = ("_every_seconds", "_every_units", "_moment", "_units")

    def __init__(self, start: int, every_units: int, every_seconds: float) -> None:
        self._every_units = every_units
        self._every_seconds = every_seconds
        self.begin(start)

    def begin(self, units: int) -> None:
        """Count from here on."""
        self._units = units
        self._moment = time.monotonic() if self._every_seconds else 0.0

    def over(self, units: int) -> bool:
        """Whether a checkpoint is due after so many units."""
        if self._every_units and units - self._units >= self._every_units:
            return True
        return bool(self._every_seconds) and time.monotonic() - self._moment >= self._every_seconds
