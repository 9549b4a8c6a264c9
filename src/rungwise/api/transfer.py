"""Transfer: what a new experiment takes over from earlier ones of the same store, finished or not.

1. Winners: the best configurations of each earlier experiment, by the best value that each reported, the earlier trial
   first if tied, each configuration once. They come in the order in which the experiments are named, before the user's
   own points, because the first trials are those that set hurdles (see `rungwise.schedulers.hurdles`).
2. Observations, for a searcher that learns: of all trials of these experiments the most promising, which are those that
   came furthest, then those that ranked best there. What is kept of them are ranks (see `rungwise.core.past`).
3. They are looked at by the new ladder: a past trial's value on a rung is the first that it reported at or past its
   milestone, as it would have been here. Rungs that it did not come to it says nothing of.
4. A configuration is taken over into the new search space: hyperparameters that it does not know are dropped, those
   that are new take their defaults. One with a value that is not in the new space is left out.
5. The metric may have another name, but must have the same direction.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from rungwise.api.checks import meant, texts
from rungwise.core.checks import check_flag, check_whole
from rungwise.core.errors import InputError
from rungwise.core.ledger import Ledger, TrialEntry
from rungwise.core.objective import Mode
from rungwise.core.past import Past, PastTrial
from rungwise.core.spec import ExperimentSpec
from rungwise.space import Space
from rungwise.space.domain import named
from rungwise.store import Store

Config = dict[str, Any]
KEYS = ("from", "winners", "hurdle", "observations")
EXPECTED = "the name of an earlier experiment, a list of names, or a mapping such as {from: [digits-1], winners: 2}"


@dataclass(frozen=True, slots=True)
class Transfer:
    """So many winners of each of these experiments, as a hurdle too if wanted, and so many observations of them all."""

    names: tuple[str, ...] = ()
    winners: int = 1
    hurdle: bool = False
    observations: int = 64


def parse_transfer(given: object) -> Transfer:
    """What the argument `transfer` asks for: nothing (None), a name, a list of them, or a mapping of `KEYS`.

    Raises InputError for anything else, an unknown key, or a value out of range.

    >>> parse_transfer("digits-1").names, parse_transfer({"from": ["digits-1", "digits-2"], "winners": 3}).winners
    (('digits-1',), 3)
    """
    if given is None:
        return Transfer()
    settings: Mapping[str, Any] = given if isinstance(given, Mapping) else {"from": given}
    for key in settings:
        if key not in KEYS:
            raise InputError(f"transfer has the key {key!r}, which is unknown{meant(key, KEYS)}")
    source = settings.get("from")
    names = [source] if isinstance(source, str) else texts("transfer", source) if isinstance(source, Sequence) else []
    if not names:
        raise InputError(f"transfer is {given!r}, but must be {EXPECTED}")
    return Transfer(
        tuple(dict.fromkeys(names)),
        check_whole("winners of transfer", settings.get("winners", 1), 0),
        check_flag("hurdle of transfer", settings.get("hurdle", False)),
        check_whole("observations of transfer", settings.get("observations", 64), 0),
    )


def take_over(
    store: Path, transfer: Transfer, space: Space, mode: Mode, milestones: Sequence[int], *, learns: bool
) -> tuple[list[Config], Past]:
    """The winners, and what is to be recorded of the past; trials are in it only if the searcher `learns`.

    `milestones` are those of the new ladder. Raises StoreError where an experiment is not there, InputError where it
    has no finite value, another direction, or nothing that is in the new space.
    """
    if not transfer.names:
        return [], Past()
    winners: list[Config] = []
    found: list[_Candidate] = []
    with Store.open(store) as opened:
        for place, name in enumerate(transfer.names):
            log = opened.experiment(name)
            spec = ExperimentSpec.from_json(log.spec)
            _check_alike(name, spec, space, mode)
            ledger = Ledger(milestones, winner=spec.winner)
            for record in log.records():
                ledger.apply(record)
            best = _best(name, spec, ledger, space, max(1, transfer.winners))
            winners += [each for each in best[: transfer.winners] if each not in winners]
            if learns:
                found += _candidates(name, ledger, place)
    observed = tuple(_observed(found, space, transfer.observations))
    return winners, Past(transfer.names, len(winners), transfer.observations, observed)


def _check_alike(name: str, spec: ExperimentSpec, space: Space, mode: Mode) -> None:
    if spec.mode != mode:
        raise InputError(
            f"the experiment {name!r} has the mode {spec.mode!r}, but this one {mode!r}: what was better there is not"
            " better here"
        )
    theirs = Space.from_json(spec.space).names
    if not set(theirs) & set(space.names):
        raise InputError(
            f"the experiment {name!r} searched {named(theirs)}, and none of these is in the search space: there is"
            " nothing to transfer"
        )


def _fitted(name: str, entry: TrialEntry, space: Space) -> Config:
    """The configuration of a past trial in the new space; raises InputError for one that is not in it."""
    known = {key: value for key, value in entry.configuration.items() if key in space.names}
    return dict(space.check(known, f"trial {entry.trial} of {name!r}"))


def _best(name: str, spec: ExperimentSpec, ledger: Ledger, space: Space, most: int) -> list[Config]:
    """The best `most` configurations, each once, the best first; raises InputError where there is none."""
    entries = sorted((entry for entry in ledger.trials.values() if entry.best_resource), key=ledger.merit)
    if not entries:
        raise InputError(
            f"no trial of the experiment {name!r} reported a finite {spec.metric}: there is nothing to transfer"
        )
    found: list[Config] = []
    refused: list[InputError] = []
    for entry in entries:
        try:
            configuration = _fitted(name, entry, space)
        except InputError as error:
            refused.append(error)
            continue
        if configuration not in found:
            found.append(configuration)
        if len(found) == most:
            break
    if not found:
        raise InputError(f"no configuration of the experiment {name!r} is in the search space: {refused[0]}")
    return found


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A past trial that may be shown; the smaller its `promise`, the sooner."""

    promise: tuple[int, float, int, int]
    experiment: str
    entry: TrialEntry
    ranks: tuple[float | None, ...]


def _candidates(name: str, ledger: Ledger, place: int) -> Iterator[_Candidate]:
    """The trials of one experiment with a value on some rung, ranked on each."""
    values: list[list[float]] = [[] for _ in ledger.milestones]
    for entry in ledger.trials.values():
        for rung, value in enumerate(entry.levels, entry.rung - len(entry.levels)):
            if isfinite(value):
                values[rung].append(value)
    for each in values:
        each.sort()
    for entry in ledger.trials.values():
        if entry.levels:
            first = entry.rung - len(entry.levels)
            ranks = tuple(_rank(value, values[rung]) for rung, value in enumerate(entry.levels, first))
            last = 2.0 if ranks[-1] is None else ranks[-1]
            yield _Candidate((-entry.rung, last, place, entry.trial), name, entry, ranks)


def _rank(value: float, ranked: Sequence[float]) -> float | None:
    """Where a value stands among all, from 0 (best) to 1 (worst), in the middle of those equal to it.

    One that is alone stands at a half: nothing is known of it. None for a value that is not finite.
    """
    if not isfinite(value):
        return None
    if len(ranked) == 1:
        return 0.5
    return (bisect_left(ranked, value) + bisect_right(ranked, value) - 1) / 2 / (len(ranked) - 1)


def _observed(found: Sequence[_Candidate], space: Space, most: int) -> Iterator[PastTrial]:
    """The most promising `most` of those that are in the new space."""
    left = most
    for each in sorted(found, key=lambda candidate: candidate.promise):
        if left == 0:
            return
        try:
            configuration = _fitted(each.experiment, each.entry, space)
        except InputError:
            continue
        left -= 1
        yield PastTrial(configuration, each.entry.rung, each.ranks)
