"""Population based training (Jaderberg et al. 2017, algorithm 1), asynchronous: the bad go on from where the good are.

1. A population has so many places, each held by one trial at a time. A trial runs from milestone to milestone, every
   `interval` units and at the maximum resource, and pauses at each.
2. A free slot works on the place that has passed the fewest milestones, and all places are started before any goes on.
   Of several, one that waits for a child comes before trials that wait to go on, lest its parents have gone; else the
   one that came there first.
3. At a milestone a trial's value takes its rank among the latest values of all n places that have one, the earlier
   first if tied. NaN, infinities and failures rank last, and so does a place that a child has taken over until that
   child has reported a milestone.
4. A trial among the worst ⌊quantile·n⌋ is stopped if one of the best ⌊quantile·n⌋ is strictly better and can be a
   parent. One that reports NaN or infinity is stopped in any case. Both, and one that fails, leave their place to a
   child.
5. A child starts when its place's turn comes: with the checkpoint of its parent, which a draw keyed by the seed and the
   child picks from the best ⌊quantile·n⌋, towards the milestone that the parent goes for next. Where none of these can
   be a parent, the place waits.
6. A parent has paused, has reported a finite value, and has not ended: its checkpoint is there. It may run meanwhile.
7. At the maximum resource nothing is decided any more: the trial is completed, and its place with it.
8. A place is given up where a child fails before its first milestone (what it inherited does not suit it), and where a
   trial ends early by itself or is stopped by others.
9. While nothing may be started, only NaN and infinity stop a trial.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from math import inf, isfinite

from rungwise.core.checks import check_whole
from rungwise.core.decisions import PromoteTrial, Request, StartTrial, StopTrial
from rungwise.core.errors import InputError
from rungwise.core.events import CapacityChanged, Draining, EndReason, Event, TrialEnded, TrialPaused, TrialReported
from rungwise.core.seed import Purpose, sequence
from rungwise.schedulers.starts import Starts

Rank = tuple[float, int, int]
Turn = tuple[int, int, int]
LARGEST = 1000


@dataclass(slots=True)
class _Place:
    """One place of the population.

    `trial` holds it (None: nobody); `passed` counts milestones; `rank` is value, arrival, place; `turn` is milestones
    passed, arrival, place, where a free slot may go on here. `child`: its trial has inherited, and reported no
    milestone yet; `saved`: it has paused; `last` is its last value.
    """

    number: int
    trial: int | None = None
    passed: int = 0
    rank: Rank | None = None
    turn: Turn | None = None
    child: bool = False
    saved: bool = False
    last: float = inf

    def take(self, trial: int, passed: int, *, child: bool) -> None:
        """A new trial holds it."""
        self.trial, self.passed, self.child = trial, passed, child
        self.turn, self.saved, self.last = None, False, inf


class PBT:
    """Population based training. A milestone costs O(trials), any other report O(1).

    `trials` is the size of the population, which the trials started in all exceed; `interval` and `max_resource` are
    whole units; `quantile` is the share that is replaced, and that of the parents. Raises InputError for arguments out
    of range, and for a population so small that nobody could be replaced.

    >>> pbt = PBT(trials=4, interval=10, max_resource=25)
    >>> pbt.milestones, pbt.ask()
    ((10, 20, 25), StartTrial(trial=0, milestone=10, parent=None))
    """

    def __init__(
        self,
        trials: int,
        interval: int,
        max_resource: int,
        quantile: float = 0.25,
        max_trials: int | None = None,
        *,
        seed: int = 0,
    ) -> None:
        size = check_whole("trials", trials, 1)
        self._milestones = _milestones(interval, max_resource)
        self._share = _share(quantile)
        if self._count(size) < 1:
            raise InputError(
                f"the best {quantile} of {size} trials is nobody, so none could ever be replaced: give the scheduler"
                " 'pbt' more trials, or a larger quantile"
            )
        self._seed = check_whole("seed", seed, 0)
        self._starts = Starts(max_trials)
        self._places = [_Place(number) for number in range(size)]
        self._begun = 0
        self._home: dict[int, _Place] = {}
        self._ranked: list[Rank] = []
        self._arrivals = 0
        self._waiting: list[Turn] = []
        self._vacant: list[Turn] = []

    @property
    def milestones(self) -> tuple[int, ...]:
        """The resources at which trials pause, rising."""
        return self._milestones

    def tell(self, event: Event) -> Sequence[StopTrial]:
        """Take in an event; a report at a milestone may stop its trial. Raises InputError for one that does not run."""
        match event:
            case TrialReported(_, trial, resource, value):
                return self._reported(trial, resource, value)
            case TrialPaused(_, trial):
                if trial in self._home:
                    self._home[trial].saved = True
            case TrialEnded(_, trial, reason):
                place = self._home.pop(trial, None)
                if place is not None:
                    self._ended(place, reason)
            case Draining():
                self._starts.close()
            case CapacityChanged():
                pass
        return ()

    def may_promote(self, trial: int) -> bool:
        """Whether a paused trial will go on, or a child may inherit from it: while it holds a place, short of the full
        resource.
        """
        place = self._home.get(trial)
        return not self._starts.known(trial) if place is None else place.passed < len(self._milestones)

    def ask(self) -> Request | None:
        """A new place while there is one, else the place whose turn it is goes on, or gets a child; else None."""
        if self._begun < len(self._places):
            trial = self._starts.take()
            if trial is not None:
                place = self._home[trial] = self._places[self._begun]
                self._begun += 1
                place.take(trial, 0, child=False)
                return StartTrial(trial, self._milestones[0])
        waiting = self._first_waiting()
        if self._vacant and not self._starts.over and (waiting is None or self._vacant[0][0] <= waiting[0]):
            parents = self._parents()
            if parents:
                return self._bear(parents)
        if waiting is None:
            return None
        place = self._places[heappop(self._waiting)[2]]
        place.turn = None
        assert place.trial is not None  # whoever leaves a place takes its turn away
        return PromoteTrial(place.trial, self._milestones[place.passed])

    def _reported(self, trial: int, resource: int, value: float) -> Sequence[StopTrial]:
        place = self._home.get(trial)
        if place is None:
            raise InputError(f"trial {trial} reported, but does not run: tell a scheduler only of trials it asked for")
        place.last = value
        milestones = self._milestones
        if place.passed == len(milestones) or resource < milestones[place.passed]:
            return ()
        place.passed = bisect_right(milestones, resource)
        place.child = False
        self._rank(place, value)
        place.turn = None
        if place.passed == len(milestones):
            return ()
        if isfinite(value) and not self._loses(place):
            place.turn = (place.passed, self._arrivals, place.number)
            heappush(self._waiting, place.turn)
            return ()
        del self._home[trial]
        self._vacate(place)
        return (StopTrial(trial),)

    def _ended(self, place: _Place, reason: EndReason) -> None:
        waits, over = place.turn is not None, place.passed == len(self._milestones)
        place.trial = place.turn = None
        if over:
            return
        if reason in ("failed", "lost"):
            if place.child:
                self._rank(place, inf)
            else:
                self._vacate(place)
        elif reason == "completed" and not waits:
            self._rank(place, place.last)

    def _vacate(self, place: _Place) -> None:
        """A child is to take this place when its turn comes."""
        place.trial = place.turn = None
        self._rank(place, inf)
        heappush(self._vacant, (place.passed, self._arrivals, place.number))

    def _bear(self, parents: Sequence[_Place]) -> StartTrial:
        """Start a child of one of them at the place whose turn it is."""
        child = self._starts.take()
        assert child is not None  # the caller has looked
        word = int(sequence(self._seed, Purpose.INHERITANCE, child).generate_state(1)[0])
        parent = parents[word * len(parents) >> 32]
        place = self._home[child] = self._places[heappop(self._vacant)[2]]
        place.take(child, parent.passed, child=True)
        return StartTrial(child, self._milestones[parent.passed], parent.trial)

    def _rank(self, place: _Place, value: float) -> None:
        """Give a place its value of this moment."""
        if place.rank is not None:
            del self._ranked[bisect_left(self._ranked, place.rank)]
        self._arrivals += 1
        place.rank = (value if isfinite(value) else inf, self._arrivals, place.number)
        insort(self._ranked, place.rank)

    def _loses(self, place: _Place) -> bool:
        """Whether a place just ranked is one of the worst, and a better one can be inherited from."""
        assert place.rank is not None
        among_the_worst = bisect_left(self._ranked, place.rank) >= len(self._ranked) - self._count(len(self._ranked))
        if not among_the_worst or self._starts.over:
            return False
        value = place.rank[0]
        return any(parent.rank is not None and parent.rank[0] < value for parent in self._parents())

    def _parents(self) -> list[_Place]:
        """Those of the best that can be inherited from, the best first."""
        best = self._ranked[: self._count(len(self._ranked))]
        places = [self._places[number] for value, _, number in best if value < inf]
        full = len(self._milestones)
        return [place for place in places if place.saved and place.trial is not None and place.passed < full]

    def _count(self, places: int) -> int:
        """How many of so many places are the best, or the worst."""
        return places * self._share.numerator // self._share.denominator

    def _first_waiting(self) -> Turn | None:
        """The turn of the trial that goes on first."""
        waiting = self._waiting
        while waiting and self._places[waiting[0][2]].turn is not waiting[0]:
            heappop(waiting)
        return waiting[0] if waiting else None


def _milestones(interval: int, max_resource: int) -> tuple[int, ...]:
    interval = check_whole("interval", interval, 1)
    max_resource = check_whole("max_resource", max_resource, 1)
    if interval > max_resource:
        raise InputError(f"interval is {interval}, above max_resource {max_resource}: there would be no milestone")
    return (*range(interval, max_resource, interval), max_resource)


def _share(quantile: float) -> Fraction:
    """The quantile as the fraction that was meant: 0.29 · 100 is 29, which it is not in floats."""
    if isinstance(quantile, bool) or not isinstance(quantile, int | float) or not 0 < quantile <= 0.5:
        raise InputError(f"quantile is {quantile!r}, but must be a number above 0 and at most 0.5")
    return Fraction(quantile).limit_denominator(LARGEST)
