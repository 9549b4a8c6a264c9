"""Asynchronous Hyperband (Li et al. 2020, section 3.3): brackets that never wait, side by side.

1. Bracket s is one of Hyperband's: its lowest milestone is rung S - s (see `rungwise.schedulers.hyperband`); `brackets`
   says how many of them there are, the one that starts lowest first.
2. Within a bracket ASHA rules, or whichever scheduler `within` names; brackets know nothing of each other.
3. A free slot promotes in the first bracket that can, else starts a trial in the bracket chosen for it: by round robin,
   or by a draw keyed by the seed and the trial, in proportion to the trials that Hyperband would start there.
"""

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, Literal

from rungwise.core.checks import check_whole
from rungwise.core.decisions import OpenRung, PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.seed import BLOCK, Purpose, sequence
from rungwise.schedulers.asha import ASHA
from rungwise.schedulers.best import Rule
from rungwise.schedulers.hyperband import hyperband_brackets
from rungwise.schedulers.pasha import PASHA
from rungwise.schedulers.ranking import Auto, Ranking
from rungwise.schedulers.rungs import ladder
from rungwise.schedulers.starts import Starts, next_request
from rungwise.schedulers.stopping import StoppingASHA

Within = Literal["asha", "stopping-asha", "pasha", "stopping-pasha"]
Choice = Literal["random", "round-robin"]
COUNTED = 100_000
Climber = ASHA | StoppingASHA | PASHA


class AsyncHyperband:
    """Hyperband whose brackets do not wait. O(log trials) per report.

    Resources are whole units; `rule` and `ranking` as in `PASHA` (None for a `within` that ranks nothing). `seed` is
    that of the choice "random". Raises InputError for arguments out of range.
    """

    def __init__(
        self,
        min_resource: int = 1,
        max_resource: int = 81,
        eta: int = 3,
        rule: Rule = "floor",
        ranking: Ranking | Auto | None = None,
        max_trials: int | None = None,
        *,
        within: Within = "asha",
        brackets: int | None = None,
        choice: Choice = "random",
        seed: int = 0,
    ) -> None:
        self._milestones = ladder(min_resource, max_resource, eta)
        planned = hyperband_brackets(self._milestones, eta)
        count = len(planned) if brackets is None else check_whole("brackets", brackets, 1)
        if count > len(planned):
            raise InputError(f"brackets is {brackets}, but a ladder of {len(planned)} rungs has no more than that many")
        chosen = planned[:count]
        self.within = within
        make = _maker(within, max_resource, eta, rule, ranking)
        self._brackets = [make(self._milestones[rung]) for rung, _ in chosen]
        self._choose = _chooser(choice, [sizes[0] for _, sizes in chosen], check_whole("seed", seed, 0))
        self._starts = Starts(max_trials)
        if max_trials is not None:
            self.expect(max_trials)
        self._home: dict[int, Climber] = {}

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources of the rungs, rising; every bracket begins at one of them."""
        return self._milestones

    @property
    def brackets(self) -> tuple[Climber, ...]:
        """The schedulers of the brackets, the one that starts lowest first."""
        return tuple(self._brackets)

    def tell(self, event: Event) -> Sequence[StopTrial | OpenRung]:
        """Take in an event: it concerns the bracket of its trial alone."""
        match event:
            case TrialEnded(_, trial):
                home = self._home.pop(trial, None)
                return () if home is None else home.tell(event)
            case TrialReported() | TrialPaused():
                home = self._home.get(event.trial)
                return () if home is None else home.tell(event)
            case Draining():
                self._starts.close()
                for bracket in self._brackets:
                    bracket.tell(event)
            case CapacityChanged():
                pass
        return ()

    def expect(self, trials: int) -> None:
        """No more than so many trials will ever be started: fewer checkpoints may be needed than if nobody knew.

        It takes counting who goes to which bracket, which is not done for more than `COUNTED` trials.
        """
        if trials > COUNTED:
            return
        homes = Counter(map(self._choose, range(trials)))
        for number, bracket in enumerate(self._brackets):
            if not isinstance(bracket, StoppingASHA):
                bracket.expect(homes[number])

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial can still be promoted in its bracket."""
        home = self._home.get(trial)
        return not self._starts.known(trial) if home is None else home.may_promote(trial)

    def ask(self) -> Request | None:
        """A promotion in the first bracket that admits one, else a new trial, else None."""
        return next_request(self, self._starts)

    def promote(self) -> PromoteTrial | None:
        """The promotion of the first bracket that admits one."""
        for bracket in self._brackets:
            promotion = bracket.promote()
            if promotion is not None:
                return promotion
        return None

    def start(self, trial: int) -> StartTrial:
        """A new trial sets out in the bracket chosen for it."""
        home = self._home[trial] = self._brackets[self._choose(trial)]
        return home.start(trial)


def _maker(
    within: Within, max_resource: int, eta: int, rule: Rule, ranking: Ranking | Auto | None
) -> Callable[[int], Climber]:
    kinds: dict[str, Callable[..., Climber]] = {
        "asha": ASHA,
        "stopping-asha": StoppingASHA,
        "pasha": PASHA,
        "stopping-pasha": partial(PASHA, by="stopping"),
    }
    if within not in kinds:
        raise InputError(f"within is {within!r}, but must be one of {', '.join(kinds)}")
    if not within.endswith("pasha") and ranking is not None:
        raise InputError(f"ranking is {ranking!r}, but {within!r} ranks nothing: leave it out, or set within='pasha'")
    further: tuple[Any, ...] = (ranking,) if within.endswith("pasha") else ()
    return lambda low: kinds[within](low, max_resource, eta, rule, *further)


def _chooser(choice: Choice, sizes: Sequence[int], seed: int) -> Callable[[int], int]:
    """Which bracket a trial gets."""
    if choice == "round-robin":
        return lambda trial: trial % len(sizes)
    if choice != "random":
        raise InputError(f"choice is {choice!r}, but must be 'random' or 'round-robin'")
    upto = [*accumulate(sizes)]

    @lru_cache(maxsize=2)
    def block(number: int) -> list[int]:
        words = sequence(seed, Purpose.BRACKET, number).generate_state(BLOCK)
        return [bisect(upto, int(word) * upto[-1] >> 32) for word in words]

    return lambda trial: block(trial // BLOCK)[trial % BLOCK]
