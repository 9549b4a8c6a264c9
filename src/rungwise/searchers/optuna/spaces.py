"""Search spaces as Optuna's samplers see them.

1. A range is a float or int distribution with its bounds and its scale.
2. An ordinal is a whole number, the place of the value in the order: neighbours stay neighbours.
3. Other choices are categorical, a constant among them.
4. Conditions are not told: a hyperparameter is asked for only where it is active (define-by-run).
"""

from typing import TYPE_CHECKING

from rungwise.core.errors import InputError
from rungwise.space import Space
from rungwise.space.domain import Scalar, index_of, is_integer

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

    from rungwise.space.compiled import Domain


class Axis:
    """One hyperparameter as Optuna sees it; `always` says that it has no conditions."""

    __slots__ = ("_domain", "_log", "_ordinal", "always", "distribution")

    def __init__(self, domain: "Domain") -> None:
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        self._domain = domain
        self._log = bool(domain.item.get("log"))
        self._ordinal = domain.item["type"] == "ordinal"
        choices = domain.choices or []
        self.always = not domain.conditions
        self.distribution: BaseDistribution
        low, high = domain.bounds
        if self._ordinal:
            self.distribution = IntDistribution(0, len(choices) - 1)
        elif domain.choices is not None:
            self.distribution = CategoricalDistribution(domain.choices)
        elif is_integer(domain.item):
            self.distribution = IntDistribution(int(low), int(high), log=self._log)
        else:
            self.distribution = FloatDistribution(low, high, log=self._log)

    def ask(self, trial: "Trial") -> Scalar:
        """The value that the sampler chooses for this hyperparameter, as the domain holds it."""
        domain = self._domain
        name, choices, (low, high) = domain.name, domain.choices, domain.bounds
        if self._ordinal:
            assert choices is not None
            return choices[trial.suggest_int(name, 0, len(choices) - 1)]
        if choices is not None:
            chosen = trial.suggest_categorical(name, choices)
            assert chosen is not None
            return chosen
        if is_integer(domain.item):
            return int(trial.suggest_int(name, int(low), int(high), log=self._log))
        return min(max(float(trial.suggest_float(name, low, high, log=self._log)), low), high)

    def told(self, value: object) -> Scalar | None:
        """A value of the domain as Optuna is told it; None for one that the domain does not hold."""
        try:
            held = None if value is None else self._domain.fit(value, self._domain.name)
        except InputError:
            return None
        choices = self._domain.choices
        return index_of(choices, held) if self._ordinal and choices is not None and held is not None else held


def axes_of(space: Space) -> dict[str, Axis]:
    """Every hyperparameter of the space by name, in the order written."""
    from rungwise.space.compiled import Domain

    native = space.configuration_space()
    return {item["name"]: Axis(Domain(native, item)) for item in space.to_json()["hyperparameters"]}
