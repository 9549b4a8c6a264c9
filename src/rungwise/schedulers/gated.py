"""GatedPASHA, a scheduler of our own: ASHA on the whole ladder, but at one rung, the gate, only a few scouts go on.

1. A trial is started towards the lowest milestone, and pauses at each. A free slot promotes the best that its rung
   admits, from the top rung but one downwards, else starts a trial: as ASHA does, with the floor rule.
2. At the gate fewer are admitted. When what the scouts show above contradicts the order below, the gate rises; when one
   diverges, it goes to the top (see `rungwise.schedulers.stability.gate`).
3. With the gate at the top this is ASHA; on a ladder of one or two rungs it is from the start.
4. The winner is the best over all reports of trials that never reported NaN or infinity (`winner`).

See docs/explanation/schedulers.md for what was measured.
"""

from rungwise.core.checks import check_number, check_whole
from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.incumbent import Winner
from rungwise.schedulers.best import quotas
from rungwise.schedulers.rungs import Ladder, ladder
from rungwise.schedulers.stability.gate import Gate
from rungwise.schedulers.starts import Starts, next_request


class GatedPASHA:
    """PASHA's saving without its blind spot for what happens later. O(log trials) per report, amortised.

    Resources are whole units. Of n trials at the gate the best n // `width` go on (None: eta²), and one as soon as n
    reaches `scouts` (None: 2 · eta); both must be eta or more, or it would be no gate. Changes of order within `phi` of
    a rung's spread, from its median to its best, are let pass. Raises InputError for arguments out of range.

    >>> GatedPASHA(min_resource=1, max_resource=27).gate
    3
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        max_trials: int | None = None,
        *,
        phi: float = 0.1,
        width: int | None = None,
        scouts: int | None = None,
    ) -> None:
        milestones = ladder(min_resource, max_resource, eta)
        eta = check_whole("eta", eta, 2)
        self._quotas = quotas("floor", eta, milestones)
        self._ladder = Ladder(milestones, self._quotas, open_rungs=len(milestones))
        self._gate = Gate(
            milestones,
            eta,
            check_number("phi", phi, 0),
            eta**2 if width is None else check_whole("width", width, eta),
            2 * eta if scouts is None else check_whole("scouts", scouts, eta),
        )
        self._narrow()
        self._starts = Starts(max_trials)
        if max_trials is not None:
            self.expect(max_trials)

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising."""
        return self._ladder.milestones

    @property
    def winner(self) -> Winner:
        """Who may win: trials that never diverged, as long as one of them has a value."""
        return "clean"

    @property
    def gate(self) -> int:
        """The milestone of the gate, in resource units; at the maximum resource it is one no more."""
        return self.milestones[self._gate.rung]

    def tell(self, event: Event) -> tuple[OpenRung, ...]:
        """Take in an event; a report at a milestone above the gate may move it."""
        match event:
            case TrialReported():
                trial, resource, value = event.trial, event.resource, event.value
                self._gate.report(trial, value)
                rungs = self._ladder.report(trial, resource, value)
                return self._entered(trial, rungs, value) if rungs else ()
            case TrialEnded(_, trial, reason):
                self._gate.joined(*self._ladder.end(trial, reason))
            case Draining():
                self._starts.close()
                self._ladder.foresee()
            case TrialPaused() | CapacityChanged():
                pass
        return ()

    def expect(self, trials: int) -> None:
        """No more than so many trials will ever be started: fewer checkpoints may be needed than if nobody knew."""
        self._ladder.foresee(trials)

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted, wherever the gate may go."""
        return self._ladder.may_promote(trial)

    def ask(self) -> Request | None:
        """A promotion if one is admitted, else a new trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion that is admitted first, from the top rung but one downwards."""
        promotion = self._ladder.promote()
        return None if promotion is None else PromoteTrial(*promotion)

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out for the lowest milestone."""
        return StartTrial(trial, self._ladder.start(trial))

    def _entered(self, trial: int, rungs: range, value: float) -> tuple[OpenRung, ...]:
        former = self._gate.rung
        opened = self._gate.entered(trial, rungs, value)
        if opened:
            self._ladder.rungs[former].admit(self._quotas[former])
            self._narrow()
        return opened

    def _narrow(self) -> None:
        """Admit only scouts at the gate."""
        if not self._gate.passed:
            self._ladder.rungs[self._gate.rung].admit(self._gate.quota)
