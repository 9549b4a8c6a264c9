"""Which checkpoints of an experiment stay: those that can still be needed, by what the records say.

1. A paused trial's newest, for as long as the scheduler may promote it or let another inherit from it.
2. The incumbent's newest, whatever became of its trial.
3. In a retraining, those of all candidates: they are what it is for.
When an experiment is finished only 2 and 3 remain.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rungwise.api.storage import shelf
from rungwise.checkpoints.keeper import Keeper
from rungwise.core.decisions import FailTrial, Finish
from rungwise.core.events import TrialEnded, TrialFailed, TrialPaused
from rungwise.core.ledger import Ledger, TrialEntry
from rungwise.core.protocols import Foresight, Scheduler
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec

FLUSH = 20.0
"""Seconds that may still pass at the end, until what is needed no more has been removed from a storage."""
LEAVING = 2.0
"""The same where somebody interrupts the run, or it fails: what is left goes when it goes on."""


class Keeping:
    """Watches the records of a run, and lets the keeper remove what is needed no more; `quota` is in bytes.

    Leaving its context finishes what is to be removed. Raises StorageError where the storage cannot be listed.
    """

    def __init__(self, store: Path, name: str, spec: ExperimentSpec, ledger: Ledger, scheduler: Scheduler) -> None:
        self._shelf = shelf(spec, store, name)
        self._ledger = ledger
        self._foresight = scheduler if isinstance(scheduler, Foresight) else None
        self._keeps_completed = spec.of is not None
        self._incumbent: int | None = None
        self._enough = 0
        self._ranking: deque[tuple[int, int]] = deque()
        self._paused = 1  # since the ranking was made
        self.keeper = Keeper(
            self._shelf,
            quota=spec.local.get("checkpoint_quota"),
            workers=spec.at_once,
            droppable=self._least_promising,
            running=lambda trial: trial in ledger.trials and ledger.trials[trial].status == "running",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shelf.close(FLUSH if kind is None else LEAVING)

    def __call__(self, records: Sequence[Record]) -> None:
        """Look at an event and what followed from it."""
        incumbent = self._ledger.incumbent
        if incumbent is not None and incumbent.trial != self._incumbent:
            former, self._incumbent = self._incumbent, incumbent.trial
            if former is not None:
                self._settle(self._ledger.trials[former])
        if len(records) == 1 and not isinstance(records[0], TrialPaused | TrialFailed | TrialEnded):
            return
        for record in records:
            match record:
                case TrialPaused(_, trial) | TrialFailed(_, trial) | TrialEnded(_, trial) | FailTrial(trial):
                    self._settle(self._ledger.trials[trial])
                    self._paused += 1
                    if len(self.keeper.kept) > self._enough:
                        self._forget_the_hopeless()
                case Finish():
                    self.sweep()
                case _:
                    pass

    def sweep(self) -> None:
        """Remove whatever is needed no more: at the end, and what a tuner that died has left."""
        for trial in list(self.keeper.kept):
            self._settle(self._ledger.trials[trial]) if trial in self._ledger.trials else self.keeper.drop(trial)

    def recover(self, entry: TrialEntry) -> int:
        """The newest whole checkpoint of a trial that ran when the tuner died, at what it has reported: a newer one
        stands for a report that was lost.

        A child that the tuner died over before it had its parent's checkpoint gets it now: the parent has it still.
        """
        found = self._shelf.recover(entry.trial, entry.resource)
        if not found and entry.parent is not None and entry.inherited and not entry.reported:
            self._shelf.inherit(entry.parent, entry.trial, entry.inherited)
            found = self._shelf.recover(entry.trial, entry.resource)
        return found

    def _settle(self, entry: TrialEntry) -> None:
        """What stays of a trial whose job is over; one that has been launched again meanwhile is left alone."""
        if entry.status == "running":
            return
        if self._stays(entry):
            paused = entry.status == "paused"
            resource = entry.checkpoint if paused else self._shelf.newest(entry.trial, entry.resource)
            self.keeper.settle(entry.trial, resource)
        else:
            self.keeper.drop(entry.trial)

    def _stays(self, entry: TrialEntry) -> bool:
        if self._is_incumbent(entry.trial) or (self._keeps_completed and entry.status == "completed"):
            return True
        return entry.status == "paused" and self._ledger.finish is None and self._may_promote(entry.trial)

    def _is_incumbent(self, trial: int) -> bool:
        return self._ledger.incumbent is not None and self._ledger.incumbent.trial == trial

    def _may_promote(self, trial: int) -> bool:
        return self._foresight is None or self._foresight.may_promote(trial)

    def _forget_the_hopeless(self) -> None:
        """Ask about all that are kept, when there are half as many again as when it was asked last."""
        self.sweep()
        self._enough = len(self.keeper.kept) * 3 // 2 + 4

    def _least_promising(self) -> Iterator[int]:
        """Trials that do not run, those whose checkpoint is least likely to be needed first, the incumbent last.

        They are ranked anew when a quarter as many trials have paused since as there were: a tight quota asks at every
        launch. Who has climbed meanwhile is left out.
        """
        if self._paused > len(self._ranking) // 4:
            self._ranking, self._paused = deque(self._ranked()), 0
        ranking, trials, kept = self._ranking, self._ledger.trials, self.keeper.kept
        while ranking and ranking[0][0] not in kept:
            ranking.popleft()
        for trial, rung in ranking:
            if trials[trial].status != "running" and trials[trial].rung == rung:
                yield trial

    def _ranked(self) -> list[tuple[int, int]]:
        """Kept trials and their rungs: the hopeless first, then the worst of each rung by their place among those kept
        there, lower rungs first.
        """
        entries = [self._ledger.trials[trial] for trial in self.keeper.kept if trial in self._ledger.trials]
        idle = sorted((each for each in entries if each.status != "running"), key=lambda each: (each.value, each.trial))
        rungs: dict[int, list[int]] = {}
        for entry in idle:
            rungs.setdefault(entry.rung, []).append(entry.trial)
        chances = {
            (trial, rung): (self._is_incumbent(trial), self._may_promote(trial), -(place + 1) / len(trials), rung)
            for rung, trials in rungs.items()
            for place, trial in enumerate(trials)
        }
        return sorted(chances, key=chances.__getitem__)
