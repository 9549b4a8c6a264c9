"""One experiment, from its first tuner through all that die over it to its end, and what was lost on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from faults.judge import (
    Logged,
    checkpoints,
    given_up,
    logged,
    missing,
    replayed,
    reports,
    setback,
    time_goes_on,
    trained,
    winner_of,
    wrong_values,
)
from faults.outcomes import Outcome
from faults.processes import Server, descendants, handles_of, outlive
from faults.session import Session
from faults.settings import Setting
from faults.simulated import checkpoint_of, undisturbed
from rungwise.core.commands import Launch

ENDS = 20
"""Tuners that may give up, one after another, before an experiment counts as lost."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a scenario is given: where tuners are forked, a folder of its own, chance, and how many faults to try.

    `span` is how long an undisturbed tuner takes, in seconds.
    """

    server: Server
    place: Path
    rng: Random
    faults: int
    span: float


class Ordeal:
    """An experiment under faults.

    `tampered`: checkpoints are torn or cannot be saved, so that it may have to go back by more than one; `lenient`: to
    anywhere.
    """

    def __init__(
        self, stage: Stage, setting: Setting, *, folder: Path | None = None, lenient: bool = False,
        tampered: bool = False,
    ) -> None:  # fmt: skip
        self.setting = setting
        self.folder = stage.place / "run" if folder is None else folder
        self.folder.mkdir(exist_ok=True)
        self.output = stage.place / "output.txt"
        self.tried = 0
        self.notes: list[str] = []
        self.orphans = 0
        self.winner: dict[str, Any] | None = None
        self._stage = stage
        self._lenient = lenient
        self._exact = not (lenient or tampered)
        self._acknowledged: list[str] = []
        self._lost = self._needless = 0
        self._seconds: list[float] = []
        self._length = 0
        self._standing: dict[int, int] = {}

    @property
    def acknowledged(self) -> list[str]:
        """The records that earlier tuners have told of."""
        return self._acknowledged

    def begin(self, task: str | None = None, **strike: Any) -> Session:
        """Start a tuner, which begins the experiment or goes on with it, whichever is due."""
        task = task or ("tune" if logged(self.folder) is None else "resume")
        arguments = {"setting": self.setting.message(), "strike": strike}
        return Session(self._stage.server, task, self.folder, self.output, arguments)

    def bury(self, session: Session, tamper: Callable[[Session], None] | None = None) -> int | None:
        """Wait until a tuner is gone, and all of its processes, and look at what it leaves: its exit status.

        `tamper` is called when nobody is left to see it, and before the look.
        """
        status = session.end()
        if status is None:
            self.notes.append(f"a tuner hangs after {len(session.acknowledged)} records: {self._last_words()}")
        elif status not in (0, -9, -15):
            self.notes.append(f"a tuner ends with status {status}: {self._last_words()}")
        self.no_orphans()
        if tamper is not None:
            tamper(session)
        self._look(session)
        if session.outcome is not None and "error" not in session.outcome:
            self.winner = session.outcome
        return status

    def no_orphans(self) -> None:
        """Count the processes that outlive their tuner."""
        while left := handles_of(descendants(self._stage.server.pid)):
            self.orphans += len(outlive(left))

    def conclude(self, *, as_undisturbed: bool = True) -> Outcome:
        """Let the experiment come to its end without a further fault, and sum up."""
        for _ in range(ENDS):
            if self.winner is not None:
                break
            session = self.begin()
            self.bury(session)
            if session.outcome is None or "error" in session.outcome:
                self.notes.append(f"a tuner without a fault did not come to its end: {session.outcome}")
        found = logged(self.folder)
        if found is None or self.winner is None:
            return self._summed(0, same_winner=False)
        verdict = replayed(self.folder)
        self.notes.extend(verdict.notes)
        self.notes.extend(wrong_values(found.records)[:3])
        if not time_goes_on(found.records):
            self.notes.append("the times in the log go back")
        best = winner_of(found.records)
        told = (self.winner["trial"], self.winner["resource"], self.winner["value"])
        same = best is not None and told == (best.trial, best.resource, best.value) and not verdict.notes
        count, wrong = given_up(found.records)
        self.notes.extend(wrong)
        every = self.setting.checkpoint_every
        # A save waits until the one before is recorded, which comes some reports late where a unit takes milliseconds.
        if self._exact and every is not None and (excess := setback(found.records) - 2 * every) > 0:
            self._needless += excess
            self.notes.append(f"a job had to train {excess} units more again than lie between three checkpoints")
        if as_undisturbed and self.setting.determined and not count:
            alike = undisturbed(self.setting)
            same = same and winner_of(alike) == best
            if reports(alike) != reports(found.records):
                self.notes.append(
                    f"other units were trained than without faults: {len(reports(found.records))} reports,"
                    f" not {len(reports(alike))}"
                )
        return self._summed(verdict.counted_twice, same_winner=same)

    def _summed(self, counted_twice: int, *, same_winner: bool) -> Outcome:
        found = logged(self.folder)
        again = 0 if found is None else trained(found.records).again
        return Outcome(
            self.tried, self._lost, counted_twice, again, self._needless, self.orphans, tuple(self._seconds),
            same_winner, tuple(self.notes),
        )  # fmt: skip

    def _look(self, session: Session) -> None:
        """Compare the log with what was acknowledged, and the jobs since the last look with the checkpoints then."""
        self._acknowledged.extend(session.acknowledged)
        if self._length and session.first_report is not None:
            self._seconds.append(session.first_report)
        if session.unsynced:
            self.notes.append(f"{len(session.unsynced)} writings of the log were acted on before they were on the disk")
        found = logged(self.folder)
        records = [] if found is None else found.records
        lost = missing(self._acknowledged, records)
        if lost:
            self._lost += lost
            self._acknowledged.clear()  # each is counted once
        for record in records[self._length :]:
            if isinstance(record, Launch) and (standing := self._standing.pop(record.trial, None)) is not None:
                self._needless += max(0, standing - record.start)
        self._length = len(records)
        self._standing = {} if found is None or self._lenient else self._stand(found)

    def _stand(self, found: Logged) -> dict[int, int]:
        """From where each trial that is not over can go on."""
        alive = [entry for entry in found.ledger().trials.values() if not entry.ended]
        if self.setting.training == "simulated":
            return {entry.trial: checkpoint_of(entry) for entry in alive}
        whole = checkpoints(self.folder)
        return {
            entry.trial: max((each for each in whole.get(entry.trial, ()) if each <= entry.resource), default=0)
            for entry in alive
        }

    def _last_words(self) -> str:
        return " | ".join(self.output.read_text(errors="replace").strip().splitlines()[-3:])
