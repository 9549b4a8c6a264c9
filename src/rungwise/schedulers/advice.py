"""Advice before anything is paid for: which scheduler when (the rule of `auto`), and what a ladder is good for.

The rule, as measured on recorded curves (docs/results/choosing.md; in words: docs/how-to/choose-a-scheduler.md):

1. Where there is little to save (fewer than `FEW` trials, or a ladder to less than `SHORT` times its lowest milestone):
   ASHA.
2. Where trainings can diverge: GatedPASHA, or ASHA where fewer than `SCOUTED` trials leave too few scouts. What they
   save is less, but Taper and PASHA do not see what happens later.
3. Where the ladder reaches beyond `LONG` times its lowest milestone: PASHA. Taper ends at a height that the number of
   trials sets; PASHA's ladder grows as long as rankings change.
4. Else Taper: told the number of trials, with gamma `GENTLE` if there are fewer than `MANY`; not told one that a limit
   may keep it from reaching.

So the regret of Taper is not surely above PASHA's, whether 16 trials or more are told, or 128 or more come untold. The
number of workers changes nothing: from 1 to 64 the same ones train the least.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

FEW, SCOUTED, MANY = 16, 128, 256
SHORT, LONG = 9, 200
GENTLE = 1.2
"""The gamma for few trials: it narrows less, and loses less."""
WORTH = 1.1
"""So many times less training is worth a word."""
PAGE = "docs/how-to/choose-a-scheduler.md"
ALIKE = frozenset(("asha", "successive-halving", "pasha", "gated-pasha", "taper"))
"""Schedulers of one purpose: the best configuration of many, by promotion. Who takes another one has a reason."""
ENOUGH = 5
"""PASHA's saving lies in rungs that it need not open; the paper recommends five at least, with eta = 3 R / r >= 100."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known before a run: the ends of the ladder in resource units, how many trials there will be (None: nobody
    knows), and whether trainings can diverge, or look well for a while and then fall apart."""

    min_resource: int
    max_resource: int
    trials: int | None
    diverges: bool = False

    @property
    def reach(self) -> float:
        """How many times as high the top of the ladder is as its foot."""
        return self.max_resource / self.min_resource


@dataclass(frozen=True, slots=True)
class Measured:
    """How many times less than ASHA others train, from so many trials on (None: not known), on ladders that reach so
    many times as high as they begin, or higher. `taper` is told the number where it is known, and gamma by rule 4.
    """

    trials: int | None
    reach: int
    halving: float
    pasha: float
    gated: float
    taper: float
    tables: str = "real tables"

    def less(self, name: str) -> float:
        """The figure of a scheduler; NaN where it was not measured."""
        figures = {"asha": 1.0, "successive-halving": self.halving, "pasha": self.pasha, "gated-pasha": self.gated,
                   "taper": self.taper}  # fmt: skip
        return figures.get(name, nan)


MEASURED = (
    Measured(16, 9, 1.10, 1.00, 1.14, 1.11),
    Measured(256, 9, 1.10, 1.00, 1.14, 1.33),
    Measured(None, 9, 1.10, 1.00, 1.14, 1.23),
    Measured(16, 27, 1.20, 1.06, 1.20, 1.27),
    Measured(256, 27, 1.20, 1.06, 1.20, 1.64),
    Measured(None, 27, 1.20, 1.06, 1.20, 1.50),
    Measured(16, 50, 1.34, 1.16, 1.34, 1.43),
    Measured(32, 50, 1.28, 1.21, 1.62, 1.67),
    Measured(64, 50, 1.35, 1.22, 1.61, 1.53),
    Measured(128, 50, 1.37, 1.20, 1.42, 1.54),
    Measured(256, 50, 1.25, 1.15, 1.25, 1.89),
    Measured(None, 50, 1.25, 1.15, 1.25, 1.73),
    Measured(16, LONG + 1, 1.46, 1.64, 1.86, 1.66, "synthetic tables"),
    Measured(256, LONG + 1, 1.48, 1.80, 2.10, 2.91, "synthetic tables"),
    Measured(None, LONG + 1, 1.48, 1.80, 2.10, 2.69, "synthetic tables"),
)
"""The ratios of docs/results/choosing.md at 4 workers. Shorter and longer ladders were measured with 256 trials, the
longer ones with 64 too."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A scheduler's `settings`, its name and options, and the `reason` for it, a clause without an end."""

    settings: Mapping[str, Any]
    reason: str

    @property
    def name(self) -> str:
        """The scheduler's name."""
        return str(self.settings["name"])


def choose(situation: Situation) -> Choice:
    """The scheduler of the rule, and why, with the figure that was measured.

    >>> choose(Situation(1, 81, trials=256)).settings, choose(Situation(1, 81, trials=64)).settings
    ({'name': 'taper'}, {'name': 'taper', 'gamma': 1.2})
    >>> choose(Situation(1, 81, trials=None, diverges=True)).name, choose(Situation(1, 4, trials=64)).name
    ('gated-pasha', 'asha')
    """
    trials, reach = situation.trials, situation.reach
    if trials is not None and trials < FEW:
        return Choice({"name": "asha"}, f"fewer than {FEW} trials leave little to save")
    if reach < SHORT:
        why = f"a ladder to less than {SHORT} times its lowest milestone leaves little to save"
        return Choice({"name": "asha"}, why)
    if situation.diverges:
        return _safe(situation)
    if reach > LONG:
        return Choice({"name": "pasha"}, f"so long a ladder grows as it must; {_less('pasha', situation)}")
    return Choice(_taper(trials), _less("taper", situation))


def _safe(situation: Situation) -> Choice:
    """Where trainings can diverge."""
    if situation.trials is not None and situation.trials < SCOUTED:
        why = f"trainings can diverge, and fewer than {SCOUTED} trials leave too few to look ahead with"
        return Choice({"name": "asha"}, why)
    why = f"trainings can diverge, and some look ahead for all; {_less('gated-pasha', situation)}"
    return Choice({"name": "gated-pasha"}, why)


def _taper(trials: int | None) -> dict[str, Any]:
    if trials is None:
        return {"name": "taper", "trials": None}
    return {"name": "taper", "gamma": GENTLE} if trials < MANY else {"name": "taper"}


def times_less(name: str, other: str, situation: Situation) -> float:
    """How many times less the one trains than the other, in the situation measured that is nearest from below; NaN
    where one of them was not measured.

    >>> times_less("taper", "asha", Situation(1, 81, 300)) > times_less("taper", "pasha", Situation(1, 81, 300)) > 1.5
    True
    """
    found = _measured(situation)
    return found.less(name) / found.less(other)


def _less(name: str, situation: Situation) -> str:
    found = _measured(situation)
    return f"{found.less(name):.1f}x less training than asha on {found.tables}"


def _measured(situation: Situation) -> Measured:
    alike = [each for each in MEASURED if (each.trials is None) == (situation.trials is None)]
    least = alike[0]
    below = [
        each
        for each in alike
        if each.reach <= max(situation.reach, least.reach)
        and (each.trials or 0) <= max(situation.trials or 0, least.trials or 0)
    ]
    return max(below, key=lambda each: (each.reach, each.trials or 0))


def ladder_advice(scheduler: Mapping[str, Any], milestones: Sequence[int], unit: str) -> str | None:
    """A line about a ladder with too few rungs for PASHA to save much; None where there is nothing to say.

    Bohdal et al. 2023, section 6 and appendix E.

    `scheduler` are settings as `make_scheduler` takes them, `unit` is the word for what milestones count.

    >>> ladder_advice({"name": "pasha"}, (1, 3, 9, 20), "epochs")
    'only 4 rungs (1 3 9 20 epochs): PASHA saves more with 5 or more; count finer units (steps, batches)'
    >>> ladder_advice({"name": "pasha"}, (1, 3, 9, 27, 81), "epochs"), ladder_advice({"name": "fifo"}, (81,), "epochs")
    (None, None)
    >>> ladder_advice({"name": "gated-pasha"}, (1, 3, 9, 20), "epochs") is None  # its ladder is open from the start
    True
    """
    grows = scheduler.get("within", scheduler["name"]) in ("pasha", "stopping-pasha")
    if not grows or len(milestones) >= ENOUGH:
        return None
    rungs = "only 1 rung" if len(milestones) == 1 else f"only {len(milestones)} rungs"
    return (
        f"{rungs} ({' '.join(map(str, milestones))} {unit}): PASHA saves more with {ENOUGH} or more; count finer units"
        " (steps, batches)"
    )
