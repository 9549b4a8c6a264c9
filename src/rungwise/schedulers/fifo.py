"""FIFO: every trial to the same resource, in the order in which they are asked for."""

from rungwise.core.checks import check_whole
from rungwise.core.decisions import StartTrial
from rungwise.core.events import Draining, Event
from rungwise.schedulers.starts import Starts


class FIFO:
    """Trains every trial for `resource` units: random search, the k-epoch baselines, and retraining.

    Raises InputError where `resource` or `max_trials` is not a whole positive number.
    """

    def __init__(self, resource: int, max_trials: int | None = None) -> None:
        self._resource = check_whole("resource", resource, 1)
        self._starts = Starts(max_trials)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The one resource at which trials end."""
        return (self._resource,)

    def tell(self, event: Event) -> tuple[()]:
        """Nothing follows from any event."""
        if isinstance(event, Draining):
            self._starts.close()
        return ()

    def ask(self) -> StartTrial | None:
        """The next new trial, while there may be one."""
        return self._starts.next(self._resource)
