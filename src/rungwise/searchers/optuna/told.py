"""Trials as Optuna is told them, and the storage from which its samplers read them.

What a trial counts as, for a sampler that reads values rung by rung:

1. Running or paused before its first rung: running. So a sampler keeps away from it.
2. Running or paused past a rung: pruned, with its values on entering each rung. What a promoted trial has shown is not
   forgotten while it trains on, and samplers rank pruned trials by how far they came, then by their value there.
3. Stopped: pruned, with its values at rungs, else with its last; failed if it reported nothing.
4. Completed: complete with its last value. If that is not finite: pruned, its last value not a number, which ranks
   behind all others that came as far.
5. Failed or lost: failed.

In Optuna a finished trial never changes again, here a paused one goes on: so the trials lie in a storage of our own.
"""

# ruff: noqa: ARG002 (BaseStorage says what its methods take)

from collections.abc import Container, Mapping, Sequence
from copy import deepcopy as deep
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

from rungwise.core.commands import Configuration
from rungwise.core.ledger import TrialEntry
from rungwise.core.protocols import History
from rungwise.searchers.optuna.spaces import Axis

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, TrialState

NAME = "rungwise"
State = Literal["RUNNING", "PRUNED", "COMPLETE", "FAIL"]


class Told:
    """The methods of Optuna's BaseStorage, for one list of trials that its owner may change at will.

    A trial's number in Optuna is its place in the list.
    """

    def __init__(self) -> None:
        self.trials: list[FrozenTrial] = []
        self._user_attrs: dict[str, Any] = {}
        self._system_attrs: dict[str, Any] = {}

    def put(self, place: int, trial: "FrozenTrial") -> None:
        """A trial at its place, in front of what was there; `place` is at most the length of the list."""
        trial.number = trial._trial_id = place
        self.trials[place : place + 1] = [trial]

    def create_new_study(self, directions: object, study_name: str | None = None) -> int:
        """There is one study, whose number is 0."""
        return 0

    def delete_study(self, study_id: int) -> None:
        """Forget all trials."""
        self.trials.clear()

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keep an attribute of the study."""
        self._user_attrs[key] = value

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keep an attribute of the study."""
        self._system_attrs[key] = value

    def get_study_id_from_name(self, study_name: str) -> int:
        """There is one study, whose number is 0."""
        return 0

    def get_study_name_from_id(self, study_id: int) -> str:
        """The name of the one study."""
        return NAME

    def get_study_directions(self, study_id: int) -> "list[StudyDirection]":
        """Values are minimised."""
        from optuna.study import StudyDirection

        return [StudyDirection.MINIMIZE]

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """The attributes kept."""
        return self._user_attrs

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """The attributes kept."""
        return self._system_attrs

    def get_all_studies(self) -> list[Any]:
        """No study can be listed: this one belongs to a searcher."""
        return []

    def create_new_trial(self, study_id: int, template_trial: "FrozenTrial | None" = None) -> int:
        """A running trial at the end of the list, or a copy of the given one."""
        from optuna.trial import TrialState, create_trial

        trial = create_trial(state=TrialState.RUNNING) if template_trial is None else deep(template_trial)
        self.put(len(self.trials), trial)
        return trial.number

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: "BaseDistribution"
    ) -> None:
        """A value that the sampler chose."""
        trial = self.trials[trial_id]
        trial.params = {**trial.params, param_name: distribution.to_external_repr(param_value_internal)}
        trial.distributions = {**trial.distributions, param_name: distribution}

    def set_trial_state_values(self, trial_id: int, state: "TrialState", values: Sequence[float] | None = None) -> bool:
        """A trial's state; false where a trial to run is running already."""
        trial = self.trials[trial_id]
        if state.name == "RUNNING" and trial.state.name != "WAITING":
            return False
        trial.state = state
        if values is not None:
            trial.values = list(values)
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """A value at a resource."""
        trial = self.trials[trial_id]
        trial.intermediate_values = {**trial.intermediate_values, step: intermediate_value}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """An attribute of a trial."""
        trial = self.trials[trial_id]
        trial.user_attrs = {**trial.user_attrs, key: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """An attribute of a trial, as samplers with a state keep it."""
        trial = self.trials[trial_id]
        trial.system_attrs = {**trial.system_attrs, key: value}

    def get_trial(self, trial_id: int) -> "FrozenTrial":
        """The trial at its place; KeyError where there is none."""
        if not 0 <= trial_id < len(self.trials):
            raise KeyError(f"no trial has the number {trial_id}")
        return self.trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: "Container[TrialState] | None" = None
    ) -> "list[FrozenTrial]":
        """The trials in their order, of the given states or of any."""
        found = list(self.trials) if states is None else [trial for trial in self.trials if trial.state in states]
        return deep(found) if deepcopy else found


def storage() -> Told:
    """An empty list of trials that Optuna takes for a storage."""
    from optuna.storages import BaseStorage

    class Storage(Told, BaseStorage):
        """What is left of BaseStorage rests on the methods above."""

    return Storage()


def frozen(
    axes: Mapping[str, Axis],
    configuration: Configuration,
    state: State,
    value: float | None = None,
    *,
    steps: Mapping[int, float] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> "FrozenTrial":
    """A trial for the list; of its configuration what the axes know. `steps` are its values by resource."""
    from optuna.trial import TrialState, create_trial

    told = {name: axes[name].told(held) for name, held in configuration.items() if name in axes}
    params = {name: held for name, held in told.items() if held is not None}
    return create_trial(
        state=TrialState[state],
        value=value,
        params=params,
        distributions={name: axes[name].distribution for name in params},
        intermediate_values=dict(steps or {}),
        system_attrs=dict(attrs or {}),
    )


def counted(entry: TrialEntry, milestones: Sequence[int]) -> tuple[State, float | None, dict[int, float]]:
    """What a trial counts as (rules 1 to 5): its state, its value and its values by resource."""
    first = entry.rung - len(entry.levels)
    steps = {milestones[first + place]: _plain(value) for place, value in enumerate(entry.levels)}
    match entry.status:
        case "failed" | "lost":
            return "FAIL", None, steps
        case "running" | "paused":
            return "PRUNED" if steps else "RUNNING", None, steps
        case "completed" if entry.reported and isfinite(entry.value):
            return "COMPLETE", entry.value, steps
        case _:
            if not entry.reported:
                return "FAIL", None, steps
            if not steps or entry.status == "completed":
                steps[entry.resource] = _plain(entry.value)
            return "PRUNED", None, steps


def first_values(history: History) -> list[tuple[int, float]]:
    """Every trial that passed the first rung, by number, with its value there (infinite: it diverged)."""
    found = []
    for trial, entry in history.trials.items():
        if entry.levels and entry.rung == len(entry.levels):
            value = entry.levels[0]
            found.append((trial, value if isfinite(value) else float("inf")))
    return sorted(found)


def _plain(value: float) -> float:
    """Optuna ranks a value that is not a number last; an infinite one of either sign has diverged just so."""
    return value if isfinite(value) else nan
