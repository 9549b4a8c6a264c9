"""A running job as the tuner's side knows it, and how it ends: the rules in one place, for every way to run a trial.

1. Whoever was asked to halt has stopped, whatever happened then.
2. A breach of contract that ended the job is told as such; so is a return without any report, unless a pause was
   asked for.
3. A failure (exception, exit code, signal) ends the trial, but for a signal of ours that ended it after its milestone,
   or that asked it to pause.
4. Whoever reported the milestone is paused, or completed if nothing lies above it.
5. Whoever was asked to pause is paused; all others that return have completed by their own decision.
A paused trial goes on from its newest checkpoint, whichever job left it; 0 if there is none.
"""

import signal
from dataclasses import dataclass
from pathlib import Path

from rungwise.core.errors import ContractError
from rungwise.core.events import TrialEnded, TrialPaused
from rungwise.trial.trial import Job, Wish

TERMINATED = (-signal.SIGTERM, 128 + signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Returned:
    """The training came to its own end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not: the reason for people and, where the process died, its exit code or minus the signal."""

    detail: str
    status: int | None = None


Outcome = Returned | Failed


@dataclass(slots=True)
class Running:
    """One job under way in the trial's `folder`; `draft` is where a script may leave a checkpoint.

    `checkpoint` is the resource of the newest whole checkpoint, `reported` the job's last report (0: none). `asked` is
    what the tuner wants of it; `breach` the rule it broke. `deadline` (monotonic seconds) is when patience ends:
    `spared` once because it was saving, `terminated` once it has been sent SIGTERM, `cut` once killed. `outcome` is
    what it said of its own end.
    """

    job: Job
    folder: Path
    draft: Path | None
    checkpoint: int
    reported: int = 0
    asked: Wish | None = None
    breach: str | None = None
    deadline: float | None = None
    spared: bool = False
    terminated: bool = False
    cut: bool = False
    outcome: Outcome | None = None

    @property
    def reached(self) -> bool:
        """Whether the milestone has been reported."""
        return self.reported >= self.job.milestone

    def is_over_at(self, resource: int) -> bool:
        """Whether after this report the job must end soon: at its milestone, and at `max_resource` once beyond it.

        The end of a whole training may take its time; it is not kept from anything else.
        """
        last = self.job.milestone >= self.job.max_resource
        return resource > self.job.milestone if last else resource >= self.job.milestone

    @property
    def drafted(self) -> bool:
        """Whether a script has put something into the folder for its checkpoint."""
        return self.draft is not None and self.draft.is_dir() and any(self.draft.iterdir())


def conclude(running: Running, outcome: Outcome, at: float) -> TrialPaused | TrialEnded | ContractError:
    """The event that ends a job, or the breach of contract that did."""
    job = running.job
    if running.asked == "halt":
        return TrialEnded(at, job.trial, "stopped")
    match outcome:
        case Failed(detail, status):
            if running.breach is not None:
                return ContractError(running.breach)
            by_us = running.cut or (running.terminated and status in TERMINATED)
            if not (by_us and (running.reached or running.asked == "pause")):
                return TrialEnded(at, job.trial, "failed", detail)
        case Returned():
            if not running.reported and running.asked is None:
                return ContractError(
                    running.breach
                    or f"trial {job.trial} returned without reporting anything in its job from resource {job.start} to"
                    f" {job.milestone}: a training must report at least once before it returns (see trial.report)"
                )
    if running.reached and job.milestone < job.max_resource:
        return TrialPaused(at, job.trial, running.checkpoint)
    if running.asked == "pause" and not running.reached:
        return TrialPaused(at, job.trial, running.checkpoint)
    return TrialEnded(at, job.trial, "completed")
