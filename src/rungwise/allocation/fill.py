"""Idle slots go to trials that run, where the forecast says that the restart pays.

1. What every job is asked slots for is up to another policy, the `base`. Only when nothing more can be started, and
   nothing waits for slots, are those that are left over given away.
2. A job that is launched just then starts with them, which costs nothing. A job that runs pauses at its next report
   and goes on from that checkpoint, first of all, with what is then free.
3. They go one by one to the job that will end last, with what it has got so far: seconds of a unit so far, the units
   to the next milestone, how fast more slots are, and what a restart takes (see `rungwise.allocation.pace`).
4. Whoever would not be done `MARGIN` times sooner than with the share it has keeps that, and what it leaves goes to the
   others. Each further change is measured against the last, so that nobody is paused twice for the same gain.
5. A share is kept until the milestone. The next job of the trial gets what `base` says again.
6. Nobody is paused before it is known what a unit and a restart take; and nobody any more once a trial that paused came
   back without what it had trained last.

HyperSched (Liaw et al., SoCC 2019) changes shares by such a rule, with the same margin, before a deadline.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nlargest

from rungwise.allocation.fixed import Fixed
from rungwise.allocation.pace import Job, Pace
from rungwise.core.checks import check_number, check_whole
from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.decisions import PromoteTrial, Request, Resize
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.protocols import Allocation
from rungwise.core.records import Record
from rungwise.core.scaling import Scaling

MARGIN = 1.1


@dataclass(slots=True)
class _Claim:
    """A job that could use more slots: `work` are its seconds on one slot, `cost` those of a restart."""

    trial: int
    slots: int
    work: float
    cost: float
    share: int = 0


class Fill:
    """The slots of `base` for every job (None: one), and up to `most` (None: all) for those that can use idle ones.

    `milestones` are the scheduler's. `scaling` says how fast more slots are, `restart` how many seconds a restart takes
    (None: what the run teaches). It is told of the run, so each run needs a fresh one.
    Raises InputError for numbers out of range, and a `most` below what jobs get on the lowest rung.
    """

    def __init__(
        self, milestones: Sequence[int], base: Allocation | None = None, most: int | None = None,
        scaling: Scaling | None = None, restart: float | None = None,
    ) -> None:  # fmt: skip
        self.base = Fixed(1) if base is None else base
        if most is not None:
            least = self.base.slots(PromoteTrial(0, milestones[0]), check_whole("most", most, 1))
            if most < least:
                raise InputError(
                    f"most is {most}, but a job has {least} slots already: it must be that or more (see the allocation"
                    " 'fill')"
                )
        self._milestones = tuple(milestones)
        self._most = most
        self._pace = Pace(scaling, None if restart is None else check_number("restart", restart, 0))
        self._jobs: dict[int, Job] = {}
        self._now = 0.0
        self._capacity = 0
        self._loses = False

    def slots(self, request: Request, capacity: int) -> int:
        """What `base` says: idle slots come on top of it."""
        return self.base.slots(request, capacity)

    def tell(self, record: Record) -> bool:
        """Take note of a record; true where a job can be judged now that could not be before."""
        match record:
            case TrialReported(at, trial, resource):
                self._now = at
                job = self._jobs.get(trial)
                return job is not None and self._reported(job, resource)
            case Launch(trial, _, start, milestone, slots):
                self._jobs[trial] = Job(trial, start, milestone, slots, self._now, wanted=slots)
            case TrialPaused(at, trial, resource):
                self._learn(at, self._jobs.pop(trial, None), resource)
            case TrialEnded(at, trial, "completed"):
                self._learn(at, self._jobs.pop(trial, None))
            case TrialEnded(at, trial) | TrialFailed(at, trial):
                self._now = at
                self._jobs.pop(trial, None)
            case TrialRewound(at, trial, resource):
                self._now = at
                if trial in self._jobs:
                    self._jobs[trial].rewind(resource)
            case CapacityChanged(at, slots):
                self._now, self._capacity = at, slots
            case Pause(trial) | Halt(trial):
                if trial in self._jobs:
                    self._jobs[trial].leaving = True
            case _:
                pass
        return False

    def widen(self, launches: Sequence[Launch], idle: int) -> list[Resize]:
        """Who gets how many of the `idle` slots, those about to be launched first."""
        room = idle - sum(job.wanted - job.slots for job in self._jobs.values())
        if room <= 0:
            return []
        claims = [self._launching(launch) for launch in launches]
        restart = self._pace.restart
        if restart is not None and not self._loses:
            top = self._pace.top(min(self._most or self._capacity, self._capacity))
            claims += filter(None, (self._restarting(job, restart, top) for job in self._jobs.values()))
        if len(claims) > room:  # the others will be done sooner, and would get nothing
            claims = nlargest(room, claims, key=lambda claim: (self._left(claim, claim.slots), -claim.trial))
        granted = self._shared(claims, room)
        for claim in granted:
            if claim.trial in self._jobs:
                self._jobs[claim.trial].wanted = claim.share
        return [Resize(claim.trial, claim.share) for claim in granted]

    def _reported(self, job: Job, resource: int) -> bool:
        passed = self._ahead(resource) > self._ahead(job.position)
        job.report(resource, self._now)
        return job.reports == 2 or (passed and resource < job.milestone)

    def _learn(self, at: float, job: Job | None, checkpoint: int | None = None) -> None:
        """A job has ended well, with a checkpoint at so many units, unless its trial is completed.

        What is told while there is no capacity is what became of jobs that were cut: it teaches nothing.
        """
        self._now = at
        if job is not None and self._capacity:
            self._loses |= checkpoint is not None and checkpoint < job.position
            self._pace.learn(job, at)

    def _ahead(self, position: int) -> int:
        """The next milestone: a trial surely trains so far."""
        place = bisect_right(self._milestones, position)
        return self._milestones[min(place, len(self._milestones) - 1)]

    def _launching(self, launch: Launch) -> _Claim:
        units = min(launch.milestone, self._ahead(launch.start)) - launch.start
        return _Claim(launch.trial, launch.slots, units * self._pace.work(launch.trial), 0.0)

    def _restarting(self, job: Job, restart: float, top: float) -> _Claim | None:
        """What a running job asks for, after its next report; None: it cannot gain, even at `top` speed, nobody knows,
        or it is told to leave.
        """
        unit = job.unit
        if unit is None or job.leaving:
            return None
        stride = job.last[0] - job.before[0]
        units = min(job.milestone, self._ahead(job.position)) - job.position - stride
        left, speed = units * unit, self._pace.speed(job.slots)
        if (restart + left * speed / top) * MARGIN >= left:
            return None
        return _Claim(job.trial, job.slots, left * speed, restart)

    def _left(self, claim: _Claim, share: int) -> float:
        """Seconds until it is done, with such a share."""
        return claim.work / self._pace.speed(share) + (claim.cost if share > claim.slots else 0.0)

    def _pays(self, claim: _Claim) -> bool:
        return self._left(claim, claim.share) * MARGIN < self._left(claim, claim.slots)

    def _shared(self, claims: Sequence[_Claim], room: int) -> list[_Claim]:
        """The claims that get more, with their shares.

        Of those for whom it does not pay the half that will be done first leave what they got to the others, and all is
        given away anew.
        """
        while True:
            self._pour(claims, room)
            vain = [claim for claim in claims if claim.share > claim.slots and not self._pays(claim)]
            if not vain:
                return [claim for claim in claims if claim.share > claim.slots]
            vain.sort(key=lambda claim: (self._left(claim, claim.slots), claim.trial))
            leaving = {claim.trial for claim in vain[: (len(vain) + 1) // 2]}
            claims = [claim for claim in claims if claim.trial not in leaving]

    def _pour(self, claims: Sequence[_Claim], room: int) -> None:
        """One slot after another to whoever will be done last, as long as more make it faster."""
        heap = []
        for claim in claims:
            claim.share = claim.slots
            heap.append((-self._left(claim, claim.slots), claim.trial, claim))
        heapify(heap)
        while heap and room > 0:
            _, trial, claim = heappop(heap)
            share = self._faster(claim.share, room)
            if share is not None:
                room -= share - claim.share
                claim.share = share
                heappush(heap, (-self._left(claim, share), trial, claim))

    def _faster(self, share: int, room: int) -> int | None:
        """The next larger share that is faster, of those that there is room for."""
        most = min(each for each in (share + room, self._most, self._pace.largest) if each is not None)
        speed = self._pace.speed(share)
        return next((each for each in range(share + 1, most + 1) if self._pace.speed(each) > speed), None)
