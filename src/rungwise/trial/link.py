"""A trial's line to the tuner, over a channel."""

from collections.abc import Mapping

from rungwise.checkpoints.shipping import Shipped
from rungwise.trial.channel import Channel
from rungwise.trial.job import Wish
from rungwise.trial.supply import kept


class TunerLink:
    """Passes reports on, and hears what the tuner asks; once closed it says and hears nothing more."""

    __slots__ = ("_channel", "_open", "_recorded", "_wish")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._wish: Wish | None = None
        self._recorded = 0
        self._open = True

    def report(self, resource: int, metrics: Mapping[str, float], *, saved: bool) -> None:
        """Pass a checked report on."""
        if self._open:
            self._channel.send({"resource": resource, "metrics": metrics, "saved": saved})

    def breach(self, sentence: str) -> None:
        """Tell that a report broke the contract."""
        if self._open:
            self._channel.send({"breach": sentence})

    def refused(self, size: int) -> None:
        """Tell that a checkpoint was larger than the room for it."""
        if self._open:
            self._channel.send({"refused": size})

    def full(self, resource: int, held: int) -> None:
        """Tell that the disk was full when the checkpoint at `resource` was written."""
        if self._open:
            self._channel.send({"full": held, "at": resource})

    def kept(self, one: Shipped) -> None:
        """Tell that a checkpoint is at the storage."""
        if self._open:
            self._channel.send(kept(one))

    def unkept(self, resource: int, sentence: str) -> None:
        """Tell why the checkpoint at `resource` could not be put to the storage."""
        if self._open:
            self._channel.send({"unkept": sentence, "at": resource})

    def recorded(self) -> int:
        """The last checkpoint that the tuner said to be recorded, as far as `wish` has heard."""
        return self._recorded

    def wish(self) -> Wish | None:
        """The last thing that the tuner asked for; never waits."""
        if self._open:
            for message in self._channel.poll():
                match message:
                    case {"request": "pause" | "halt" as wish}:
                        self._wish = wish
                    case {"recorded": int(resource)}:
                        self._recorded = resource
        return self._wish

    def close(self) -> None:
        """The job is over: a thread that the training left behind must not report into the next one."""
        self._open = False
