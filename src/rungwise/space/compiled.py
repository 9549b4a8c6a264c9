"""A document compiled to ConfigSpace: how configurations are drawn, completed and enumerated.

Values are drawn by ConfigSpace's own distributions and judged by its own conditions and forbidden clauses, a column of
many configurations at a time. Its `sample_configuration` is left aside, for reasons seen in version 1.2.2: it judges a
condition on two parents before the deeper parent's own, so that draws can be illegal; it never returns where nothing is
allowed; log integers that differ in the last bit escape its conditions; and a plain dict from it costs over 100 µs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rungwise.core.errors import InputError
from rungwise.space.domain import Item, Scalar, choices_of, fit, is_integer, named, shown

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace
    from ConfigSpace.forbidden import ForbiddenLike
    from ConfigSpace.hyperparameters import Hyperparameter

# So many draws in a row, all forbidden, count as proof that nothing is left: 0.1 s.
HOPELESS = 100_000
_AHEAD = 256


class Domain:
    """One hyperparameter, compiled: its row in ConfigSpace's vectors, its values, and when it is active."""

    __slots__ = ("bounds", "choices", "conditions", "hyperparameter", "item", "judged", "name", "row")

    def __init__(self, native: "ConfigurationSpace", item: Item) -> None:
        self.item = item
        self.name: str = item["name"]
        self.row: int = native.index_of[self.name]
        self.hyperparameter: Hyperparameter[Any, Any] = native[self.name]
        self.conditions = native.parent_conditions_of[self.name]
        self.choices = choices_of(item)
        self.judged = self.choices is None and bool(native.children_of[self.name] or native.forbidden_clauses)
        self.bounds: tuple[float, float] = (-inf, inf)
        if self.choices is None:
            # ConfigSpace rounds bounds, and can end up outside of what was asked for, by one bit or one whole number.
            native_range: Any = self.hyperparameter
            self.bounds = (max(item["lower"], native_range.lower), min(item["upper"], native_range.upper))

    def default(self) -> Scalar:
        """The default value, which ConfigSpace chooses where the document has none."""
        value = self.item.get("default_value")
        return self.fit(self.hyperparameter.default_value if value is None else value, f"the default of {self.name!r}")

    def fit(self, value: object, what: str) -> Scalar:
        """The value as this domain holds it; InputError if it does not."""
        fitted = fit(self.item, value, what)
        if self.choices is not None or isinstance(fitted, str):
            return fitted
        return min(max(fitted, self.bounds[0]), self.bounds[1])

    def code(self, value: Scalar) -> float:
        """The value as a vector's element."""
        if self.choices is None:
            return float(self.hyperparameter.to_vector(value))
        return 1.0 if self.item["type"] == "constant" else float(self.choices.index(value))

    def active(self, vectors: NDArray[np.float64]) -> Any:
        """For each column (one bool for a single vector), whether every condition holds."""
        judge = "satisfied_by_vector" if vectors.ndim == 1 else "satisfied_by_vector_array"
        return np.logical_and.reduce([getattr(condition, judge)(vectors) for condition in self.conditions])

    def draw(self, random: np.random.RandomState, count: int) -> tuple[NDArray[np.float64], list[Scalar]]:
        """`count` draws: as elements of vectors and as values."""
        codes = self.hyperparameter.sample_vector(count, seed=random)
        if self.choices is not None:
            if self.item["type"] == "constant":
                return codes, self.choices * count
            return codes, [self.choices[index] for index in codes.astype(int).tolist()]
        low, high = self.bounds
        # Not np.clip: for a block of 64 it takes as long as drawing.
        values = np.minimum(np.maximum(self.hyperparameter.to_value(codes), low), high)
        if self.judged:
            # A drawn code may differ from its value's in the last bit, and conditions compare codes for equality.
            codes = self.hyperparameter.to_vector(values)
        return codes, values.tolist()

    def axis(self, points: int) -> list[Scalar]:
        """The values of a grid: every choice, or `points` values evenly over the range (the middle if just 1)."""
        if self.choices is not None:
            return self.choices
        codes = np.linspace(0.0, 1.0, points) if points > 1 else np.array([0.5])
        values = self.hyperparameter.to_value(codes).tolist()
        if not is_integer(self.item):
            # Twelve digits: 0.01 rather than 0.010000000000000004.
            values = [float(f"{value:.12g}") for value in values]
        low, high = self.bounds
        if points > 1:
            values[0], values[-1] = low, high
        return list(dict.fromkeys(min(max(value, low), high) for value in values))


class Compiled:
    """A whole space, compiled from its document and the ConfigurationSpace and forbidden clauses decoded from it."""

    __slots__ = ("clauses", "domains", "drawn", "names", "ordered")

    def __init__(
        self, native: "ConfigurationSpace", document: Mapping[str, Any], clauses: "Sequence[ForbiddenLike]"
    ) -> None:
        self.names = tuple(item["name"] for item in document["hyperparameters"])
        self.domains = {item["name"]: Domain(native, item) for item in document["hyperparameters"]}
        self.ordered = _parents_first(native, self.domains)
        # In ConfigSpace's order, so that a space draws the same in whatever order it was written.
        self.drawn = sorted(self.ordered, key=lambda domain: domain.row)
        self.clauses = list(clauses)

    def sample(self, sequence: np.random.SeedSequence, count: int) -> list[dict[str, Scalar]]:
        """`count` configurations at random; InputError if the forbidden clauses leave nothing."""
        random = np.random.RandomState(np.random.PCG64(sequence))
        block = max(count, _AHEAD) if self.clauses else count
        found: list[dict[str, Scalar]] = []
        fruitless = 0
        while len(found) < count:
            drawn = self._draw(random, block)
            found += drawn
            fruitless = 0 if drawn else fruitless + block
            if fruitless >= HOPELESS:
                raise InputError(
                    "the search space is contradictory: its forbidden clauses leave nothing (of"
                    f" {fruitless:,} configurations drawn at random, none is allowed)"
                )
        return found[:count]

    def _draw(self, random: np.random.RandomState, count: int) -> list[dict[str, Scalar]]:
        vectors = np.empty((len(self.names), count))
        columns: dict[str, list[Any]] = {}
        for domain in self.drawn:
            vectors[domain.row], columns[domain.name] = domain.draw(random, count)
        absent = object()
        gaps = False
        for domain in self.ordered:
            if domain.conditions:
                active = domain.active(vectors)
                vectors[domain.row, ~active] = np.nan
                pairs = zip(columns[domain.name], active.tolist(), strict=True)
                columns[domain.name] = [value if is_active else absent for value, is_active in pairs]
                gaps = True
        rows = list(zip(*(columns[name] for name in self.names), strict=True))
        if self.clauses:
            allowed = ~np.logical_or.reduce([clause.is_forbidden_vector_array(vectors) for clause in self.clauses])
            rows = [row for row, is_allowed in zip(rows, allowed.tolist(), strict=True) if is_allowed]
        names = self.names
        if not gaps:
            return [dict(zip(names, row, strict=True)) for row in rows]
        return [{name: value for name, value in zip(names, row, strict=True) if value is not absent} for row in rows]

    def complete(self, given: Mapping[str, object], what: str) -> dict[str, Scalar]:
        """A configuration from some of its values, the rest by default; InputError where a value breaks a rule."""
        for name in given:
            if name not in self.domains:
                near = get_close_matches(str(name), self.names, n=1)
                instead = f", did you mean {near[0]!r}?" if near else f": there are {named(self.names)}"
                raise InputError(f"{what} has the hyperparameter {name!r}, which is not in the search space{instead}")
        vector = np.full(len(self.names), np.nan)
        chosen: dict[str, Scalar] = {}
        for domain in self.ordered:
            name = domain.name
            if domain.conditions and not domain.active(vector):
                if name in given:
                    why = " and ".join(str(condition) for condition in domain.conditions).replace(f"{name} | ", "")
                    raise InputError(
                        f"{what} gives {name!r} the value {shown(given[name])}, but it is inactive: {why} does not hold"
                    )
                continue
            value = domain.fit(given[name], f"{name!r} of {what}") if name in given else domain.default()
            chosen[name] = value
            vector[domain.row] = domain.code(value)
        for clause in self.clauses:
            if clause.is_forbidden_vector(vector):
                full = ", ".join(f"{name}={chosen[name]!r}" for name in self.names if name in chosen)
                raise InputError(
                    f"{what} is forbidden by the search space ({clause}): with defaults filled in it is {full}"
                )
        return self._as_written(chosen)

    def compose(self, choose: Callable[[Domain], Scalar]) -> dict[str, Scalar] | None:
        """The configuration in which every active hyperparameter has the value chosen for it, parents before children.

        `choose` answers with values of the domain. None where the outcome is forbidden.
        """
        vector = np.full(len(self.names), np.nan)
        chosen: dict[str, Scalar] = {}
        for domain in self.ordered:
            if domain.conditions and not domain.active(vector):
                continue
            value = chosen[domain.name] = choose(domain)
            vector[domain.row] = domain.code(value)
        if any(clause.is_forbidden_vector(vector) for clause in self.clauses):
            return None
        return self._as_written(chosen)

    def _as_written(self, chosen: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {name: chosen[name] for name in self.names if name in chosen}

    def grid(self, points: int) -> Iterator[dict[str, Scalar]]:
        """Every allowed combination of the axes, the last hyperparameter changing fastest."""
        axes = {d.name: [(value, d.code(value)) for value in d.axis(points)] for d in self.ordered}
        vector = np.full(len(self.names), np.nan)
        chosen: dict[str, Scalar] = {}

        def walk(depth: int) -> Iterator[dict[str, Scalar]]:
            if depth == len(self.ordered):
                if not any(clause.is_forbidden_vector(vector) for clause in self.clauses):
                    yield self._as_written(chosen)
                return
            domain = self.ordered[depth]
            if domain.conditions and not domain.active(vector):
                vector[domain.row] = np.nan
                chosen.pop(domain.name, None)
                yield from walk(depth + 1)
                return
            for value, code in axes[domain.name]:
                vector[domain.row] = code
                chosen[domain.name] = value
                yield from walk(depth + 1)

        return walk(0)


def _parents_first(native: "ConfigurationSpace", domains: Mapping[str, Domain]) -> list[Domain]:
    """The domains as they were written, except that a parent comes before its children."""
    ordered: dict[str, Domain] = {}

    def place(name: str) -> None:
        if name not in ordered:
            for parent in native.parents_of[name]:
                place(parent.name)
            ordered[name] = domains[name]

    for name in domains:
        place(name)
    return list(ordered.values())
