"""FIFO: every trial to the same resource, in the order in which they are asked for."""

from rungwise.core.checks import check_whole
from rungwise.core.decisions import StartTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.schedulers.starts import Starts


class FIFO:
    """Trains every trial for `resource` units: random search, the k-epoch baselines, and retraining.

    Raises InputError where `resource` or `max_trials` is not a whole positive number.
    """

    def __init__(self, resource: int, max_trials: int | None = None) -> None:
        self._resource = check_whole("resource", resource, 1)
        self._starts = Starts(max_trials)
        self._going: set[int] = set()

    @property
    def milestones(self) -> tuple[int, ...]:
        """The one resource at which trials end."""
        return (self._resource,)

    def tell(self, event: Event) -> tuple[()]:
        """Nothing follows from any event."""
        match event:
            case TrialEnded(_, trial):
                self._going.discard(trial)
            case Draining():
                self._starts.close()
            case TrialReported() | TrialPaused() | CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial goes on: until it has ended, for nothing but an interruption pauses it."""
        return trial in self._going or not self._starts.known(trial)

    def ask(self) -> StartTrial | None:
        """The next new trial, while there may be one."""
        start = self._starts.next(self._resource)
        if start is not None:
            self._going.add(start.trial)
        return start
