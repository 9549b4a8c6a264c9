"""How a run's incumbent came along, unit by unit, and how far it is from the best that the table holds.

1. The incumbent is the best value reported so far, the earliest if tied, of those that may win by the scheduler's rule:
   what the tuner itself would answer.
2. It is judged by its row's quality (`Table.quality`: by default the best of its curve, as in the PASHA paper), not by
   the value that was reported of it.
3. Regret is (quality - best) / (median - best), both over the rows of the table that have a finite quality, with the
   sign in which smaller is better: 0 is the best row, 1 is what half of all rows reach. While there is no incumbent, or
   its quality is not known, regret is 1.
4. Units are those spent by all trials together when it was reported, running ones included.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from rungwise.api.simulate import Simulation
from rungwise.benchmarks.table import Table
from rungwise.comparison.outcomes import Outcome
from rungwise.core.errors import InputError
from rungwise.core.ledger import Ledger
from rungwise.core.protocols import Scheduler, winner_of

UNKNOWN = 1.0


@dataclass(frozen=True, slots=True)
class Step:
    """A new incumbent: the units `spent` until it was reported, its row's quality (in its own direction) and regret."""

    spent: int
    quality: float
    regret: float


@dataclass(frozen=True, slots=True)
class Trace:
    """A run to its own end: its incumbents in the order in which they came, and what it came to."""

    steps: Sequence[Step]
    outcome: Outcome

    def at(self, units: float) -> Step | None:
        """The incumbent when so many units were spent; None while there is none. After the run's own end it stands."""
        place = bisect_right(self.steps, units, key=lambda step: step.spent)
        return self.steps[place - 1] if place else None

    def regret(self, units: float = float("inf")) -> float:
        """The regret when so many units were spent."""
        step = self.at(units)
        return UNKNOWN if step is None else step.regret


@dataclass(frozen=True, slots=True)
class Scale:
    """The best and the median quality of a table's rows, with the sign in which smaller is better."""

    best: float
    median: float

    @classmethod
    def of(cls, table: Table) -> "Scale":
        """A table's; raises InputError where its median row is as good as its best: nothing could be told apart."""
        import numpy as np

        losses = table.objective.shown(table.quality)
        finite = losses[np.isfinite(losses)]
        if not len(finite) or float(np.median(finite)) <= float(finite.min()):
            raise InputError(
                f"of the table {table.name!r} half of the rows are as good as the best, or none has a finite value:"
                " regret has no scale there"
            )
        return cls(float(finite.min()), float(np.median(finite)))

    def regret(self, loss: float) -> float:
        """The regret of a quality, given with the sign in which smaller is better."""
        return (loss - self.best) / (self.median - self.best) if isfinite(loss) else UNKNOWN


def traced(run: Simulation, table: Table, scheduler: Scheduler, scale: Scale) -> Trace:
    """What a run simulated with a scheduler comes to."""
    ledger, steps = Ledger(scheduler.milestones, winner=winner_of(scheduler)), list[Step]()
    seen = None
    for record in run.log:
        ledger.apply(record)
        if ledger.incumbent is not seen and ledger.incumbent is not None:
            seen = ledger.incumbent
            quality = float(table.quality[run.rows[seen.trial]])
            steps.append(Step(ledger.spent, quality, scale.regret(table.objective.shown(quality))))
    best = run.best.trial
    row = None if best is None else run.rows[best]
    quality = float("nan") if row is None else float(table.quality[row])
    return Trace(tuple(steps), Outcome(row, run.best.value, quality, run.time, run.resource, run.max_resource))
