"""The space an experiment searches: plain data, compiled to ConfigSpace on first use."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.space.domain import Scalar, count_of, shown
from rungwise.space.priors import even, is_prior
from rungwise.space.serialised import decode, decode_apart, plain

if TYPE_CHECKING:
    import numpy as np
    from ConfigSpace import ConfigurationSpace

    from rungwise.space.compiled import Compiled, Domain


class Space:
    """A search space; `rungwise.space.parse` makes one.

    Configurations are plain dicts of Python's own bool, int, float and str. They hold active hyperparameters only, in
    the order in which the space was written.
    """

    __slots__ = ("_compiled", "_document", "names")

    def __init__(self, document: Mapping[str, Any]) -> None:
        """A space from the serialised form that `to_json` gives; `parse` and `from_json` check it first."""
        self._document = document
        self._compiled: Compiled | None = None
        self.names: tuple[str, ...] = tuple(item["name"] for item in document["hyperparameters"])

    def default(self) -> dict[str, Scalar]:
        """The configuration in which every hyperparameter has its default."""
        return self._compile().complete({}, "the default configuration")

    def sample(self, seed_sequence: "np.random.SeedSequence", count: int) -> list[dict[str, Scalar]]:
        """`count` configurations drawn at random; the same ones for the same seed sequence and count.

        Raises InputError if forbidden clauses leave nothing to draw.
        """
        return self._compile().sample(seed_sequence, count)

    def grid(self, points: int) -> Iterator[dict[str, Scalar]]:
        """Every allowed combination of all choices and of `points` values per range, the last hyperparameter fastest.

        The values lie evenly over the range (in log space where it is log), both bounds included, each whole number
        once. A combination in which a hyperparameter is inactive comes once. Nothing is built ahead of the iterator.
        Raises InputError if `points` is below 1.
        """
        return self._compile().grid(check_whole("points of a grid", points, 1))

    def check(self, configuration: Mapping[str, object], what: str = "the given point") -> dict[str, Scalar]:
        """A given configuration as `sample` would have written it; what is missing takes its default.

        Raises InputError, beginning with `what`, for an unknown or inactive hyperparameter, a value outside its domain,
        or a forbidden combination.
        """
        if not isinstance(configuration, Mapping):
            raise InputError(f"{what} is {shown(configuration)}, but must be a mapping from hyperparameters to values")
        return self._compile().complete(configuration, what)

    def compose(self, choose: "Callable[[Domain], Scalar]") -> dict[str, Scalar] | None:
        """The configuration in which every active hyperparameter has the value chosen for it, parents before children.

        `choose` answers with values of the domain it is given. None where the outcome is forbidden.
        """
        return self._compile().compose(choose)

    def size(self) -> int | None:
        """How many configurations there are (at most, with conditions or forbidden clauses); None: infinitely many."""
        total = 1
        for item in self._document["hyperparameters"]:
            count = count_of(item)
            if count is None:
                return None
            total *= count
        return total

    def evenly(self) -> "Space":
        """This space without its priors, drawn evenly over every range, on its scale, and over all choices.

        What belongs to it, and its defaults, stay. The space itself where it has no prior.
        """
        items = self._document["hyperparameters"]
        if not any(map(is_prior, items)):
            return self
        domains = self._compile().domains
        evened = [even(item, domains[item["name"]].default()) if is_prior(item) else item for item in items]
        return Space({**self._document, "hyperparameters": evened})

    def configuration_space(self) -> "ConfigurationSpace":
        """A ConfigSpace object of this space, built afresh: the caller may change it."""
        return decode(self._document)

    def to_json(self) -> dict[str, Any]:
        """This space as plain JSON data: ConfigSpace's serialised form, hyperparameters in the order written."""
        return deepcopy(dict(self._document))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Space":
        """The space that `to_json` wrote; InputError if the data is no such thing."""
        if not isinstance(data, Mapping):
            raise InputError(
                f"the logged search space is {shown(data)}, but must be a mapping in ConfigSpace's serialised form"
            )
        return cls(plain(data))

    def prove(self) -> None:
        """Build and try the space at once; InputError if ConfigSpace refuses it or nothing in it is allowed."""
        import numpy as np

        self.sample(np.random.SeedSequence(0), 1)

    def _compile(self) -> "Compiled":
        if self._compiled is None:
            self._compiled = _compile(self._document)
        return self._compiled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self._document == other._document

    def __reduce__(self) -> tuple[Any, ...]:
        return Space, (self._document,)

    def __repr__(self) -> str:
        return f"Space({', '.join(self.names)})"


def _compile(document: Mapping[str, Any]) -> "Compiled":
    from ConfigSpace.exceptions import ForbiddenValueError

    from rungwise.space.compiled import Compiled

    try:
        native = decode(document)
    except ForbiddenValueError:
        raise _forbidden_default(document) from None
    return Compiled(native, document, native.forbidden_clauses)


def _forbidden_default(document: Mapping[str, Any]) -> InputError:
    """What to say where the defaults are forbidden, with an allowed configuration to take instead.

    ConfigSpace refuses such a space. Raises InputError itself if the forbidden clauses leave nothing at all.
    """
    import numpy as np

    from rungwise.space.compiled import Compiled

    unbound, clauses = decode_apart(document)
    allowed = Compiled(unbound, document, clauses).sample(np.random.SeedSequence(0), 1)[0]
    shown = ", ".join(f"{name}={value!r}" for name, value in Compiled(unbound, document, []).complete({}, "").items())
    return InputError(
        f"the default configuration of the search space, {shown}, is forbidden by its clauses: give it other defaults"
        f" ('default:'), for example those of {allowed}"
    )
