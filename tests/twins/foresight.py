"""Who can still be promoted: by the rules, worked out afresh from what a slow twin holds; and by trying everything."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from rungwise.core.decisions import PromoteTrial, Request, StartTrial
from rungwise.core.events import Draining, Event, TrialEnded, TrialPaused, TrialReported
from twins.progressing import SlowAsyncHyperband, SlowStoppingPASHA
from twins.rungs import Entry, best_first, clearing, finite, quota_by_quantile
from twins.schedulers import Slow, SlowASHA, SlowPASHA, SlowStopping
from twins.synchronous import SlowBracket, SlowHyperband

Climbing = SlowASHA | SlowPASHA | SlowStoppingPASHA


def may_be_promoted(slow: Climbing, over: set[int], unstarted: int | None) -> set[int]:
    """Of those that have started: whoever is on the way, or waits and can still be promoted.

    `over` have ended; `unstarted` may yet start (None: nobody knows).
    """
    asha = slow.asha if isinstance(slow, SlowPASHA) else slow
    alive = set(asha.highest) - over
    found: set[int] = set()
    more = unstarted or 0
    for k in range(len(asha.levels)):
        coming = {trial for trial in alive if asha.highest[trial] == k - 1 and asha.target[trial] >= k}
        found |= coming
        more += len(coming)
        if k == len(asha.levels) - 1:
            return found
        rung = asha.rungs[k]
        good = finite(rung) if unstarted is None else good_enough(asha, k, len(rung) + more)
        good = clearing(good, rung, asha.leaders)
        waiting = {entry.trial for entry in good if asha.highest[entry.trial] == k >= asha.target[entry.trial]} & alive
        found |= waiting
        more += len(waiting)
    raise AssertionError


def good_enough(asha: SlowASHA | SlowStoppingPASHA, k: int, entries: int) -> list[Entry]:
    """Those that would be among the best if the rung had so many entries, the further ones being worse than all."""
    stops = isinstance(asha, SlowStoppingPASHA)
    if asha.rule == "floor":
        quota = entries // asha.eta
    else:
        quota = quota_by_quantile(entries, asha.levels[k], asha.levels[k + 1])
    quota = max(1, quota) if stops else quota
    ranked = best_first(finite(asha.rungs[k]))
    if len(ranked) <= quota:
        return ranked
    if asha.rule == "floor" and not stops:
        return ranked[:quota]
    return [entry for entry in ranked if quota > 0 and entry.value <= ranked[quota - 1].value]


def may_be_chosen(bracket: SlowBracket, trial: int) -> bool:
    """Whether a trial of a bracket is on its way, or waits in a rung where it ranks among those that will go on."""
    if trial in bracket.over:
        return False
    rung = max(k for k, members in enumerate(bracket.members) if trial in members)
    entries = bracket.rungs[rung]
    if trial not in {entry.trial for entry in entries}:
        return True
    if rung + 1 == len(bracket.sizes) or rung + 1 < len(bracket.members):
        return False
    return trial in {entry.trial for entry in finite(best_first(entries)[: bracket.sizes[rung + 1]])}


@dataclass
class Watched:
    """A scheduler that is asked after every event and decision who can still be promoted, and must keep its word.

    With a `twin`, which is told the same, it must also say what follows from where that twin stands. `trials` may
    start in all (None: nobody knows).
    """

    inner: Any
    trials: int | None
    twin: Slow | None = None
    paused: set[int] = field(default_factory=set)
    hopeless: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)
    stopping: set[int] = field(default_factory=set)
    started: int = 0
    drained: bool = False

    @property
    def milestones(self) -> tuple[int, ...]:
        return tuple(self.inner.milestones)

    def tell(self, event: Event) -> Any:
        answer = self.inner.tell(event)
        match event:
            case TrialReported(_, trial, resource, value):
                assert trial not in self.hopeless
                if self.twin is not None and self.twin.report(trial, resource, value):
                    self.stopping.add(trial)
            case TrialPaused(_, trial):
                self.paused.add(trial)
            case TrialEnded(_, trial, reason):
                self.over.add(trial)
                self.paused.discard(trial)
                self.stopping.discard(trial)
                assert not self.inner.may_promote(trial)
                if self.twin is not None:
                    self.twin.end(trial, reason)
            case Draining():
                self.drained = True
                if self.twin is not None:
                    self.twin.close()
            case _:
                pass
        self.look()
        return answer

    def ask(self) -> Request | None:
        request: Request | None = self.inner.ask()
        match request:
            case StartTrial(trial, _, parent):
                assert parent not in self.hopeless
                self.started += 1
                if self.twin is not None:
                    self.twin.start(trial)
            case PromoteTrial(trial):
                assert trial not in self.hopeless
                self.paused.discard(trial)
                if self.twin is not None:
                    assert self.twin.promotion() == (trial, request.milestone)
            case _:
                pass
        self.look()
        return request

    def look(self) -> None:
        """Nobody who was given up has hope again."""
        hopeful = {trial for trial in self.paused if self.inner.may_promote(trial)}
        assert not hopeful & self.hopeless
        self.hopeless |= self.paused - hopeful
        over = self.trials is not None and self.started > self.trials  # one too many: the tuner ends it
        if self.twin is not None and not self.stopping and not over:
            assert hopeful == self.paused & self.foreseen(self.twin)

    def foreseen(self, twin: Slow) -> set[int]:
        unstarted = None if self.trials is None else range(self.started, self.trials)
        if self.drained:
            unstarted = range(0)
        if isinstance(twin, SlowHyperband):
            return {trial for trial in self.paused if may_be_chosen(twin.home[trial], trial)}
        if isinstance(twin, SlowAsyncHyperband):
            found = set()
            for number, within in enumerate(twin.within):
                theirs = [trial for trial in unstarted or () if trial % len(twin.within) == number]
                if isinstance(within, SlowStopping):  # a pause is an interruption there
                    found |= set(within.highest) - self.over
                elif isinstance(within, Climbing):
                    found |= may_be_promoted(within, self.over, None if unstarted is None else len(theirs))
            return found
        assert isinstance(twin, Climbing)
        return may_be_promoted(twin, self.over, None if unstarted is None else len(unstarted))


@dataclass(frozen=True)
class Moment:
    """Where everybody stands under ASHA by promotion, floor rule. No values: of each rung only the order matters.

    `rungs` hold trials best first, but for the top one, where nothing is decided; `ahead` is the rung that a trial
    enters next, `goes` who is on the way there, `dead` who is in a rung, or was on the way to one, and goes on no more.
    """

    eta: int
    limit: int
    rungs: tuple[tuple[int, ...], ...]
    ahead: tuple[int, ...] = ()
    goes: frozenset[int] = frozenset()
    dead: frozenset[int] = frozenset()

    def asked(self) -> tuple["Moment", int | None] | None:
        """After a free slot has asked, and who was promoted; None if there is nothing to do."""
        for k in reversed(range(len(self.rungs))):
            for trial in self.rungs[k][: len(self.rungs[k]) // self.eta]:
                if self.ahead[trial] == k + 1 and trial not in self.goes | self.dead:
                    return replace(self, goes=self.goes | {trial}), trial
        if len(self.ahead) == self.limit:
            return None
        return replace(self, ahead=(*self.ahead, 0), goes=self.goes | {len(self.ahead)}), None

    def reported(self, trial: int, position: int) -> "Moment":
        """After it entered its next rung, at this position of those there."""
        k = self.ahead[trial]
        rungs = list(self.rungs)
        if k < len(rungs):
            rungs[k] = (*rungs[k][:position], trial, *rungs[k][position:])
        ahead = (*self.ahead[:trial], k + 1, *self.ahead[trial + 1 :])
        return replace(self, rungs=tuple(rungs), ahead=ahead, goes=self.goes - {trial})

    def lost(self, trial: int) -> "Moment":
        return replace(self, goes=self.goes - {trial}, dead=self.dead | {trial})

    def positions(self, trial: int) -> range:
        k = self.ahead[trial]
        return range(len(self.rungs[k]) + 1 if k < len(self.rungs) else 1)

    def following(self) -> Iterator["Moment"]:
        for trial in self.goes:
            for position in self.positions(trial):
                yield self.reported(trial, position)
            yield self.lost(trial)


@cache
def ever_promoted(moment: Moment) -> frozenset[int]:
    """Everybody who is promoted from here on, however it goes on."""
    found: set[int] = set()
    asked = moment.asked()
    if asked is not None:
        after, promoted = asked
        found |= ever_promoted(after) | ({promoted} - {None})
    for after in moment.following():
        found |= ever_promoted(after)
    return frozenset(found)
