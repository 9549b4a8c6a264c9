"""Retrain: the paper's second phase, the winner from scratch to the full resource, watched for falling apart."""

from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path
from statistics import median

from rungwise.api.experiment import Experiment
from rungwise.api.names import DEFAULT_STORE
from rungwise.api.places import elsewhere
from rungwise.api.run import Parts, Watch, begin
from rungwise.api.shares import widest
from rungwise.api.storage import fetched
from rungwise.api.training import Train, parse_training, training_from_json, training_to_json
from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import Disagreement
from rungwise.core.errors import RungwiseError
from rungwise.core.events import TrialReported
from rungwise.core.ledger import Ledger, TrialEntry
from rungwise.core.past import Past
from rungwise.core.records import heard
from rungwise.schedulers.retraining import Retraining, Verdict
from rungwise.space import Space
from rungwise.store import Store

BAD = 0.2
"""A winner is bad if it ends further below what tuning saw than this share of the gap between median and best."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of tuning's best, retrained: what tuning saw, what it ended at (both in the metric's own direction)."""

    trial: int
    config: Configuration
    expected: float
    final: float
    verdict: Verdict | None
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Retrained:
    """The outcome of a retraining: all candidates tried, in order; `chosen` is the kept one, or the best if none is."""

    experiment: Experiment
    candidates: tuple[Candidate, ...]
    chosen: Candidate
    checkpoint: Path | None

    @property
    def held(self) -> bool:
        """Whether the chosen one is as good as tuning promised."""
        return self.chosen.verdict == "kept"


def retrain(
    name: str,
    train: Train | None = None,
    *,
    store: str | Path = DEFAULT_STORE,
    top: int = 3,
    seed: int | None = None,
    backend: str | None = None,
    address: str | None = None,
    watch: Watch | None = None,
) -> Retrained:
    """Train an experiment's winner from scratch to the full resource, with a seed of its own.

    If it diverges, dies, or ends below what tuning saw of it, the runner-up follows, of the best `top` configurations.
    "Below" means by more than the noise that PASHA estimated, or a fifth of the gap between the median and the best of
    the trials that climbed highest, whichever is more. It is an experiment of its own, NAME.retrain-1, keeps the final
    checkpoint, and gets the largest share of slots that a trial could have. `backend` and `address` are as in `tune`
    (None: where the experiment ran).
    Raises InputError for arguments out of range, StoreError where the experiment is not there.
    """
    check_whole("top", top, 1)
    tuned = Experiment.open(name, store)
    tuned.best  # noqa: B018 - raises where there is none
    entries = _ranked(tuned.ledger)[:top]
    spec = elsewhere(tuned.spec, backend, address)
    slots = widest(spec.allocation)
    settings = {
        "name": "retraining",
        "min_resource": spec.max_resource,
        "max_resource": spec.max_resource,
        "eta": spec.scheduler["eta"],
        "expected": [entry.best for entry in entries],
        "tolerance": tolerance(tuned.ledger),
    }
    retraining = replace(
        spec,
        scheduler=settings,
        searcher={"name": "random"},
        milestones=(spec.max_resource,),
        points=tuple(dict(entry.configuration) for entry in entries),
        trials=len(entries),
        workers=slots,
        allocation={"name": "fixed", "slots": slots},
        seed=spec.seed + 1 if seed is None else seed,
        stop="drain",
        of=name,
        past=Past(),
        winner="any",
        chosen="",
    )
    training = training_from_json(spec.training) if train is None else parse_training(train)
    if train is not None:
        retraining = replace(retraining, training=training_to_json(training))
    with Store.open(Path(store)) as opened:
        chosen_name = opened.free_name(f"{name}.retrain")
        done = begin(opened, chosen_name, retraining, training, Space.from_json(spec.space), Parts(), watch)
    return outcome(done)


def tolerance(ledger: Ledger) -> float:
    """How far (minimised) a retrained winner may end below what tuning saw of it, before the runner-up is tried.

    The gap is taken among trials of like training: those in the highest rung that three of them reached.
    """
    finite = sorted((entry for entry in ledger.trials.values() if entry.best_resource), key=lambda entry: -entry.rung)
    height = finite[min(2, len(finite) - 1)].rung
    values = [entry.best for entry in finite if entry.rung >= height]
    gap = median(values) - min(values)
    reasons = (opening.reason for opening in ledger.openings)
    noise = max((each.epsilon or 0.0 for each in reasons if isinstance(each, Disagreement)), default=0.0)
    return max(BAD * gap, noise)


def _ranked(ledger: Ledger) -> list[TrialEntry]:
    """Trials that reported a finite value, best first, the earlier started first if tied; a configuration once.

    Where only clean trials may win, those that diverged come last.
    """
    ranked: list[TrialEntry] = []
    for entry in sorted((each for each in ledger.trials.values() if each.best_resource), key=ledger.merit):
        if not any(entry.configuration == other.configuration for other in ranked):
            ranked.append(entry)
    return ranked


def outcome(done: Experiment) -> Retrained:
    """Read what became of each candidate off a finished retraining: the scheduler that judged them, fed once more.

    Raises RungwiseError where none of them ended well enough to be taken.
    """
    settings = done.spec.scheduler
    judge = Retraining(done.spec.max_resource, settings["expected"], settings["tolerance"])
    tuned = _ranked(Experiment.open(done.spec.of or done.name, done.store).ledger)
    last: dict[int, TrialReported] = {}
    for record in done.records():
        if isinstance(record, TrialReported):
            last[record.trial] = record
        if (event := heard(record, 0.0)) is not None:
            judge.tell(event)
    shown = done.spec.objective.shown
    candidates = tuple(
        Candidate(
            trial=next(entry.trial for entry in tuned if dict(entry.configuration) == dict(point)),
            config=dict(point),
            expected=shown(settings["expected"][number]),
            final=shown(last[number].value) if number in last else nan,
            verdict=judge.verdicts.get(number),
            metrics=dict(last[number].metrics) if number in last else {},
        )
        for number, point in enumerate(done.spec.points)
        if number in done.ledger.trials
    )
    kept = [number for number, candidate in enumerate(candidates) if candidate.verdict == "kept"]
    finite = [number for number in range(len(candidates)) if isfinite(candidates[number].final)]
    if not kept and not finite:
        raise RungwiseError(
            f"none of the {len(candidates)} best configurations could be retrained: see rungwise show {done.name}"
        )
    number = kept[0] if kept else min(finite, key=lambda each: last[each].value)
    checkpoint = fetched(done.spec, done.store, done.name, number, done.spec.max_resource)
    return Retrained(done, candidates, candidates[number], checkpoint)
