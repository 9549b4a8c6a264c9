"""A running job as the tuner's side knows it, and how it ends: the rules in one place, for every way to run a trial.

1. Whoever was asked to halt has stopped, whatever happened then.
2. A breach of contract that ended the job is told as such; so is a return without any report, unless a pause was
   asked for. While no job has ended well the breach is the experiment's, later a failure of the trial, "contract".
3. A failure is told with its cause and the newest whole checkpoint, but for a signal of ours that ended the job after
   its milestone, or that asked it to pause.
4. Whoever reported the milestone is paused, or completed if nothing lies above it.
5. Whoever was asked to pause is paused; all others that return have completed by their own decision.
6. Of several ranks, the first that fails before rank 0 has returned says why the job has failed; but a rank that died
   of a signal or for want of memory explains the exceptions and exit codes of others, which lost it. Those that are
   left are killed in that case, else they get a grace to follow. When rank 0 has returned and is gone, they get one
   too, and what then becomes of them does not matter. The job has ended when all are gone.
7. A job whose place is gone (a node of a cluster) has not failed: it has completed if it had reported the full
   resource, else it is paused. Only where that happens `PLACES` times running without a report between, it has: "lost".
8. A job that waits to be started, and is asked to end, is stopped or paused as if it had run and reported nothing.
A paused trial goes on from its newest checkpoint, whichever job left it; 0 if there is none.

The causes of failures. "exception": the function raised. "exit": a process left with a code other than 0, or with 0
before the training returned; the function called sys.exit with one; a program could not be run. "signal": one that is
not ours killed the process. "memory": that was SIGKILL, and the kernel counts more processes killed for want of memory
than when the process began; or the function raised MemoryError, or an exception whose class is called OutOfMemory.
"timeout": neither a report nor an end for `trial_timeout` seconds. "checkpoint": it could not be kept, or not be taken
over from the parent. "lost": the launcher died, and every trial with it; or rule 7. A failure for want of room on the
disk is none (see full_disk.py).
"""

import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from rungwise.core.errors import ContractError
from rungwise.core.events import Cause, TrialEnded, TrialFailed, TrialPaused
from rungwise.trial.job import Job, Wish

VAGUE: tuple[Cause, ...] = ("exception", "exit")
"""What a rank may also die of because another one is gone."""
PLACES = 3
"""So many places in a row may be lost to one trial: it might be what ends them."""
TERMINATED = (-signal.SIGTERM, 128 + signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Returned:
    """The training came to its own end."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not: why, the same for people and, where the process died, its exit code or minus the signal."""

    cause: Cause
    detail: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Displaced:
    """The place where it ran is gone; the same for people."""

    detail: str


Outcome = Returned | Failed | Displaced
JobEnd = TrialPaused | TrialFailed | TrialEnded


@dataclass(slots=True)
class Running:
    """One job under way in the trial's `folder`, in so many `ranks`; `draft` is where a script may leave a checkpoint.

    `checkpoint` is the resource of the newest whole checkpoint, `unrecorded` that of one whose report may not be in the
    log yet (0: none), `reported` the job's last report (0: none). `asked` is
    what the tuner wants of it; `breach` the rule it broke. `deadline` (monotonic seconds) is when patience ends:
    `spared` once because it was saving, `terminated` once it has been sent SIGTERM, `cut` once killed. `outcome` is
    what it said of its own end. `heard` (monotonic seconds) is when it began or last reported; `late` that it was cut
    for saying nothing. `full` is the resource of the checkpoint for which the disk had no room, and the bytes that were
    written of it; `unkept` that of one that could not be put to the storage, and why. `drafted_at` is the resource of
    the checkpoint that a script has left for the storage (-1: it is not known yet, 0: there is none, or none is
    wanted). `afar`: its processes run where the trial has another folder, in which nobody here can look; `saving` that
    a script has begun to fill its draft there.
    """

    job: Job
    folder: Path
    draft: Path | None
    checkpoint: int
    ranks: int = 1
    unrecorded: int = 0
    reported: int = 0
    asked: Wish | None = None
    breach: str | None = None
    deadline: float | None = None
    spared: bool = False
    terminated: bool = False
    cut: bool = False
    outcome: Outcome | None = None
    heard: float = field(default_factory=time.monotonic)
    late: bool = False
    full: tuple[int, int] | None = None
    unkept: tuple[int, str] | None = None
    drafted_at: int = 0
    afar: bool = False
    saving: bool = False

    @property
    def reached(self) -> bool:
        """Whether the milestone has been reported."""
        return self.reported >= self.job.milestone

    @property
    def out_of_room(self) -> bool:
        """Whether the disk was full when the job was last heard of."""
        return self.full is not None and self.full[0] >= self.reported

    def is_over_at(self, resource: int) -> bool:
        """Whether after this report the job must end soon: at its milestone, and at `max_resource` once beyond it.

        The end of a whole training may take its time; it is not kept from anything else.
        """
        last = self.job.milestone >= self.job.max_resource
        return resource > self.job.milestone if last else resource >= self.job.milestone

    @property
    def drafted(self) -> bool:
        """Whether a script has put something into the folder for its checkpoint."""
        if self.afar:
            return self.saving
        try:
            return self.draft is not None and any(self.draft.iterdir())
        except OSError:  # somebody removed it
            return False


def blamed(running: Running, outcome: Outcome) -> Outcome:
    """The outcome of a job, which is for its checkpoint where it failed as soon as that could not be kept."""
    if isinstance(outcome, Failed) and running.unkept is not None and running.unkept[0] >= running.reported:
        return replace(outcome, cause="checkpoint", detail=running.unkept[1])
    return outcome


def by_us(running: Running, status: int | None) -> bool:
    """Whether a process that is gone with this status died of a signal of ours."""
    return running.cut or (running.terminated and status in TERMINATED)


def note(running: Running, rank: int, outcome: Outcome) -> None:
    """A rank has said how it ended, or is gone: take down what that says of the job (rule 6)."""
    so_far = running.outcome
    match outcome:
        case Failed(cause, _, status) if not by_us(running, status):
            unexplained = isinstance(so_far, Failed) and so_far.cause in VAGUE and cause not in VAGUE
            if so_far is None or unexplained:
                running.outcome = outcome
        case Displaced() if not isinstance(so_far, Returned):
            running.outcome = outcome
        case _ if rank == 0:
            running.outcome = so_far or outcome


def of_rank(rank: int, outcome: Outcome) -> Outcome:
    """The outcome of a rank, which says so where it is another than rank 0."""
    if isinstance(outcome, Failed) and rank:
        return replace(outcome, detail=f"rank {rank}: {outcome.detail}")
    return outcome


def is_lost(running: Running) -> bool:
    """Whether nothing more need be waited for of the ranks that are left."""
    match running.outcome:
        case Failed(cause, _, status):
            return cause not in VAGUE and not by_us(running, status)
        case Displaced():
            return True
        case outcome:
            return outcome is not None and running.asked == "halt"


def unstarted(trial: int, resource: int, wish: Wish, at: float) -> TrialPaused | TrialEnded:
    """The event that ends a job which still waits, with its trial's checkpoint at `resource` (rule 8)."""
    return TrialEnded(at, trial, "stopped") if wish == "halt" else TrialPaused(at, trial, resource)


def conclude(running: Running, outcome: Outcome, at: float) -> JobEnd | ContractError:
    """The event that ends a job, or the breach of contract that did."""
    job = running.job
    if running.asked == "halt":
        return TrialEnded(at, job.trial, "stopped")
    match outcome:
        case Displaced():
            full = running.reported >= job.max_resource
            return TrialEnded(at, job.trial, "completed") if full else TrialPaused(at, job.trial, running.checkpoint)
        case Failed(cause, detail, status):
            if running.breach is not None:
                return ContractError(running.breach)
            if not (by_us(running, status) and (running.reached or running.asked == "pause")):
                return TrialFailed(at, job.trial, running.checkpoint, cause, detail)
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
