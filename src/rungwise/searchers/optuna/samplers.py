"""Optuna's samplers as searchers: "tpe", "cmaes", or any object of optuna.samplers.BaseSampler.

1. A suggestion follows from the seed, the trial's number and the history alone: Optuna's own samplers are copied as
   they were given for each suggestion (TPE, which caches nothing else: once what it was told is taken back), and their
   random states seeded anew. So a resume goes on as if nothing had been.
2. CMA-ES learns generation by generation, and compares the trials of each: it is told of every trial that passed the
   first rung, once, with its value there, the only resource that all have in common. Its state is rebuilt by asking it
   for these trials in the order of their numbers; what it answers is put aside for what the trial had. It is told of
   hyperparameters without conditions; those with conditions, and choices without an order, are drawn at random.
3. Every other sampler is told of all trials as `rungwise.searchers.optuna.told` says. One that may keep a state with
   trials is first asked for those that it was not asked for (given points, children, all before a resume), as Optuna
   does for trials put into its queue. After a resume such a state need not be the same.
4. What is forbidden, or was tried before in a finite space, is asked for again, a few times; then the trial gets a
   configuration drawn at random that is neither.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError, RungwiseError
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.searchers.finite import Key, key_of, untried
from rungwise.searchers.optuna.spaces import Axis, axes_of
from rungwise.searchers.optuna.told import NAME, Told, counted, first_values, frozen, storage
from rungwise.space import Space

if TYPE_CHECKING:
    import numpy as np
    from optuna import Study
    from optuna.samplers import BaseSampler

NAMES = ("tpe", "cmaes")
TRIES = 10


class OptunaSearch:
    """Suggestions of one of Optuna's samplers, by name or as an object.

    An object of a class that is not Optuna's own (OptunaHub's) is used as it is, since it may not bear copying; its
    random states are seeded anew where they are found. Give a fresh one on resuming: it learns of all trials then.
    """

    __slots__ = ("_axes", "_keys", "_seed", "_space", "_told")

    def __init__(self, space: Space, seed: int, sampler: "str | BaseSampler") -> None:
        """Raises InputError for a name not in `NAMES`, an object of another kind, a bad seed, or a lacking library."""
        self._seed = check_whole("seed", seed, 0)
        given = _sampler(sampler)
        self._space = space
        self._axes = axes_of(space)
        self._keys: dict[int, tuple[Configuration, Key]] = {}
        from optuna.samplers import CmaEsSampler

        self._told: _Mirrored | _Replayed
        if isinstance(given, CmaEsSampler):
            self._told = _Replayed(given, {name: axis for name, axis in self._axes.items() if axis.always}, self._seed)
        else:
            self._told = _Mirrored(given, self._axes, self._seed)

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:
        """The trial's configuration; None once all of a finite space have been tried.

        Raises InputError, naming the sampler, where it raises anything itself.
        """
        trial, size = request.trial, self._space.size()
        tried = set() if size is None else self._tried(history)
        if size is not None and len(tried) >= size:
            return None
        with _telling(self._told.name, trial), _quiet():
            self._told.update(history)
            for attempt in range(TRIES):
                found = self._ask(trial, attempt)
                if found is not None and (not tried or key_of(self._space, found) not in tried):
                    return found
        words = sequence(self._seed, Purpose.CONFIGURATION, trial, TRIES)
        return untried(self._space, tried, lambda each: key_of(self._space, each), words)

    def _ask(self, trial: int, attempt: int) -> Configuration | None:
        """What the sampler answers; the list of trials is left as it was. None where that is forbidden."""
        told = self._told
        place = len(told.storage.trials)
        try:
            asked = told.study(_words(self._seed, trial, attempt)).ask()
            found = self._space.compose(lambda domain: self._axes[domain.name].ask(asked))
            told.note(trial, told.storage.trials[place].system_attrs)
            return found
        finally:
            del told.storage.trials[place:]

    def _tried(self, history: History) -> set[Key]:
        keys = self._keys
        for trial, entry in history.trials.items():
            if trial not in keys or keys[trial][0] is not entry.configuration:
                keys[trial] = entry.configuration, key_of(self._space, entry.configuration)
        return {keys[trial][1] for trial in history.trials}


class _Mirrored:
    """Every trial as it stands, brought up to date where one has changed."""

    __slots__ = ("_attrs", "_axes", "_keeps", "_sampler", "_seed", "_seen", "_stateless", "_study", "name", "storage")

    def __init__(self, sampler: "BaseSampler", axes: Mapping[str, Axis], seed: int) -> None:
        from optuna.samplers import BruteForceSampler, GPSampler, RandomSampler, TPESampler

        self.name = type(sampler).__name__
        self.storage = storage()
        self._sampler = sampler
        self._stateless = type(sampler) in (TPESampler, GPSampler, RandomSampler, BruteForceSampler)
        self._keeps = type(sampler) is TPESampler
        self._axes = axes
        self._seed = seed
        self._study = _study(self.storage, _copied(sampler))
        self._seen: list[tuple[Configuration, tuple[object, ...]]] = []
        self._attrs: dict[int, dict[str, Any]] = {}

    def update(self, history: History) -> None:
        """Take in what has changed."""
        seen = self._seen
        back = len(seen) > len(history.trials)
        for place, (trial, entry) in enumerate(history.trials.items()):
            stamp = (trial, entry.status, len(entry.levels), entry.value)
            if place < len(seen) and seen[place][1] == stamp and seen[place][0] is entry.configuration:
                continue
            if not self._stateless and trial not in self._attrs:
                self._attrs[trial] = _asked_in_vain(self, self._axes, _words(self._seed, trial, 0))
            state, value, steps = counted(entry, history.milestones)
            if place < len(seen):
                back |= seen[place][0] is not entry.configuration or state == "FAIL"
            attrs = self._attrs.get(trial)
            self.storage.put(place, frozen(self._axes, entry.configuration, state, value, steps=steps, attrs=attrs))
            seen[place : place + 1] = [(entry.configuration, stamp)]
        del seen[len(history.trials) :], self.storage.trials[len(history.trials) :]
        if back and self._keeps:
            self._study.sampler = _copied(self._sampler)

    def study(self, words: "np.random.SeedSequence") -> "Study":
        """The study to ask, its sampler seeded anew."""
        sampler = self._study.sampler if self._keeps else _copied(self._sampler)
        self._study.sampler = _seeded(sampler, words)
        return self._study

    def note(self, trial: int, attrs: dict[str, Any]) -> None:
        """Keep what the sampler wrote on the trial that it was asked for."""
        if not self._stateless:
            self._attrs[trial] = attrs


class _Replayed:
    """Trials with their values in the first rung, each one asked for before it is told."""

    __slots__ = ("_axes", "_done", "_fits", "_sampler", "_seed", "_study", "name", "storage")

    def __init__(self, sampler: "BaseSampler", axes: Mapping[str, Axis], seed: int) -> None:
        self.name = type(sampler).__name__
        self.storage = storage()
        self._sampler = sampler
        self._axes = axes
        self._seed = seed
        self._study = _study(self.storage, _copied(sampler))
        self._done: list[tuple[int, float]] = []
        self._fits: dict[int, tuple[Configuration, bool]] = {}

    def update(self, history: History) -> None:
        """Ask for and tell what is new, from the first trial on at which the list differs from the one told."""
        values = [(trial, value) for trial, value in first_values(history) if self._fit(trial, history)]
        same = next((at for at, pair in enumerate(zip(values, self._done, strict=False)) if pair[0] != pair[1]), None)
        same = min(len(values), len(self._done)) if same is None else same
        if same < len(self._done):
            del self._done[same:], self.storage.trials[same:]
            self._study.sampler = _copied(self._sampler)  # it may remember trials that are gone
        for trial, value in values[same:]:
            attrs = _asked_in_vain(self, self._axes, _words(self._seed, trial, 0))
            told = frozen(self._axes, history.trials[trial].configuration, "COMPLETE", value, attrs=attrs)
            self.storage.put(len(self._done), told)
            self._done.append((trial, value))

    def study(self, words: "np.random.SeedSequence") -> "Study":
        """The study to ask, its sampler seeded anew."""
        self._study.sampler = _seeded(self._study.sampler, words)
        return self._study

    def note(self, trial: int, attrs: dict[str, Any]) -> None:
        """Nothing is kept: the trial is asked for again once it has a value."""

    def _fit(self, trial: int, history: History) -> bool:
        """Whether the trial has a value of every hyperparameter's domain."""
        configuration = history.trials[trial].configuration
        known = self._fits.get(trial)
        if known is None or known[0] is not configuration:
            fits = all(axis.told(configuration.get(name)) is not None for name, axis in self._axes.items())
            known = self._fits[trial] = configuration, fits
        return known[1]


def _asked_in_vain(
    told: _Mirrored | _Replayed, axes: Mapping[str, Axis], words: "np.random.SeedSequence"
) -> dict[str, Any]:
    """What the sampler writes on a trial whose configuration is another's: it is asked, and the answer put aside."""
    place = len(told.storage.trials)
    try:
        asked = told.study(words).ask()
        for axis in axes.values():
            axis.ask(asked)
        return told.storage.trials[place].system_attrs
    finally:
        del told.storage.trials[place:]


def _sampler(given: "str | BaseSampler") -> "BaseSampler":
    """The sampler that a name stands for, or the object itself; InputError for anything else."""
    try:
        import optuna

        if given == "cmaes":
            import cmaes  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"the searcher is {given!r}, but {error.name} is not installed: pip install 'rungwise[optuna]'"
        ) from None
    with _quiet():
        match given:
            case "tpe":
                return optuna.samplers.TPESampler(constant_liar=True)
            case "cmaes":
                return optuna.samplers.CmaEsSampler(warn_independent_sampling=False)
            case optuna.samplers.BaseSampler():
                return given
    raise InputError(f"the searcher is {given!r}, but must be 'tpe', 'cmaes' or an object of optuna.samplers")


def _study(told: Told, sampler: "BaseSampler") -> "Study":
    """A study over our own list; loaded, because Optuna logs a line for one that it creates."""
    from typing import cast

    import optuna

    return optuna.load_study(study_name=NAME, storage=cast("optuna.storages.BaseStorage", told), sampler=sampler)


def _copied(sampler: "BaseSampler") -> "BaseSampler":
    """A copy of one of Optuna's own samplers; any other as it is."""
    return deepcopy(sampler) if type(sampler).__module__.partition(".")[0] == "optuna" else sampler


def _words(seed: int, trial: int, attempt: int) -> "np.random.SeedSequence":
    return sequence(seed, Purpose.CONFIGURATION, trial, attempt)


def _seeded(sampler: "BaseSampler", words: "np.random.SeedSequence") -> "BaseSampler":
    """The sampler with every random state in it, and in samplers within it, seeded anew.

    Optuna's `reseed_rng` takes no seed: it draws one from the operating system.
    """
    import numpy as np
    from optuna.samplers import BaseSampler

    for held in getattr(sampler, "__dict__", {}).values():
        state = held if isinstance(held, np.random.RandomState) else None
        if isinstance(held, BaseSampler):
            _seeded(held, words)
        elif isinstance(held, np.random.Generator):
            held.bit_generator.state = type(held.bit_generator)(words.spawn(1)[0]).state
        elif state is None:
            state = getattr(held, "rng", None)
        if isinstance(state, np.random.RandomState):
            state.seed(int(words.spawn(1)[0].generate_state(1)[0]))
    return sampler


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's warnings that something is experimental."""
    import warnings

    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


@contextmanager
def _telling(name: str, trial: int) -> Iterator[None]:
    """What a sampler raises as one sentence."""
    try:
        yield
    except RungwiseError:
        raise
    except Exception as error:  # a sampler is foreign code and may raise anything
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"the sampler {name} raised {type(error).__name__} when asked for trial {trial}"
            f"{f' ({said})' if said else ''}: the experiment can be resumed once it is mended"
        ) from error
