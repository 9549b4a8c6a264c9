"""Tells how jobs have ended, once what they left on disk is as it should be; what that means is in jobs.py.

1. As long as no job has ended well, a breach of contract is the experiment's, not a failure of the trial.
2. A job that died of a full disk is told of when there is room again (full_disk.py).
3. How often a trial has lost its place in a row is counted here (rule 7 of jobs.py).
"""

from collections import deque
from collections.abc import Callable

from rungwise.backends.local.child import Child
from rungwise.backends.local.full_disk import FullDisk, look_around
from rungwise.backends.local.jobs import PLACES, Displaced, Failed, JobEnd, Outcome, Running, blamed, conclude
from rungwise.backends.local.output import pour, tidy
from rungwise.backends.local.scripts import take_draft
from rungwise.core.errors import ContractError
from rungwise.core.events import BackendEvent, TrialEnded, TrialFailed


class Ends:
    """Appends to `events` how jobs ended; `now` is the clock that stamps them.

    `breach` is the broken contract of a training of which no job has ended well, here or (`proven`) before. `refused`
    hears of a trial's checkpoint that was too large, and its bytes.
    """

    __slots__ = ("_displaced", "_events", "_full_disk", "_now", "_proven", "_refused", "breach")

    def __init__(
        self, events: deque[BackendEvent], full_disk: FullDisk, *, proven: bool, now: Callable[[], float],
        refused: Callable[[int, int], object],
    ) -> None:  # fmt: skip
        self._events = events
        self._full_disk = full_disk
        self._proven = proven
        self._now = now
        self._refused = refused
        self._displaced: dict[int, int] = {}
        self.breach: ContractError | None = None

    def tell(self, child: Child, running: Running, outcome: Outcome) -> None:
        """A child's job has ended so: it has none any more."""
        look_around(running, outcome)
        outcome = blamed(running, outcome)
        outcome = take_draft(running, outcome, self._refused)
        trial = running.job.trial
        child.running = None
        if isinstance(outcome, Displaced):
            outcome = self._displacement(running, outcome)
        event: JobEnd | ContractError | None = conclude(running, outcome, self._now())
        if not child.once:
            child.catch_up()
            pour(child.output, running.folder)
        tidy(running.folder, running.ranks)
        match event:
            case ContractError() if not self._proven:
                self.breach = self.breach or event
                return
            case ContractError():
                event = TrialFailed(self._now(), trial, running.checkpoint, "contract", str(event))
            case TrialFailed():
                event = self._full_disk.judge(running, event)
            case TrialEnded(reason="stopped"):
                pass
            case _ if not isinstance(outcome, Displaced):
                self._proven = True
        if event is not None:
            self._events.append(event)

    def _displacement(self, running: Running, outcome: Displaced) -> Outcome:
        """What a job that lost its place has come to."""
        trial = running.job.trial
        times = 1 if running.reported else self._displaced.get(trial, 0) + 1
        self._displaced[trial] = times % PLACES
        return Failed("lost", f"{outcome.detail}, for the {PLACES}rd time running") if times == PLACES else outcome
