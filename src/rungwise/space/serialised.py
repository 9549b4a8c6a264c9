"""ConfigSpace's serialised form as plain JSON data, the one form in which a space is kept."""

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rungwise.core.errors import InputError
from rungwise.space.domain import scalar, shown
from rungwise.space.priors import refuse_without_spread

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace
    from ConfigSpace.forbidden import ForbiddenLike


def document_of(space: "ConfigurationSpace") -> dict[str, Any]:
    """A ConfigurationSpace in serialised form; its random state and the notes in `meta` stay behind."""
    try:
        document = plain(space.to_serialized_dict())
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the ConfigurationSpace cannot be written down, so it could not be logged: {_first(error)}"
        ) from None
    refuse_without_spread(document)
    return document


def plain(source: Mapping[Any, Any]) -> dict[str, Any]:
    """A serialised form with Python's own scalars, lists and dicts only; InputError for values that are neither."""
    items = source.get("hyperparameters")
    if not isinstance(items, list) or not items:
        raise InputError("the search space is empty, but must have at least one hyperparameter")
    for item in items:
        if (
            not isinstance(item, Mapping)
            or not isinstance(item.get("name"), str)
            or not isinstance(item.get("type"), str)
        ):
            raise InputError(
                f"the serialised search space has the hyperparameter {shown(item)}, but each needs a name and a type"
            )
    return {
        "name": source.get("name"),
        "hyperparameters": [_item(item) for item in items],
        "conditions": [_value(one, "a value in a condition") for one in source.get("conditions") or []],
        "forbiddens": [_value(one, "a value in a forbidden clause") for one in source.get("forbiddens") or []],
        "format_version": source.get("format_version"),
    }


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    of = f"of hyperparameter {item['name']!r}"
    if item["type"] == "constant":
        scalar(item.get("value"), f"the value {of}")
    return {key: _value(value, f"{key!r} {of}") for key, value in item.items() if key != "meta"}


def _value(value: object, what: str) -> Any:
    match value:
        case None:
            return None  # no weights, no default of its own
        case Mapping():
            return {str(key): _value(one, what) for key, one in value.items()}
        case list() | tuple():
            return [
                _value(one, what) if isinstance(one, Mapping) else scalar(one, f"an element of {what}") for one in value
            ]
        case _:
            return scalar(value, what)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def decode(document: Mapping[str, Any]) -> "ConfigurationSpace":
    """The ConfigurationSpace of a document, built afresh; InputError if ConfigSpace refuses it.

    ConfigSpace's ForbiddenValueError passes: the default configuration is forbidden, which is the caller's to tell.
    """
    from ConfigSpace import ConfigurationSpace
    from ConfigSpace.exceptions import ForbiddenValueError

    try:
        return ConfigurationSpace.from_serialized_dict(deepcopy(dict(document)))
    except ForbiddenValueError:
        raise
    except Exception as error:  # a document from outside can fail in any of the decoder's lines
        reason = f"{type(error).__name__}: {_first(error)[:160]}"
        raise InputError(f"the search space is not one that ConfigSpace can build ({reason})") from None


def decode_apart(document: Mapping[str, Any]) -> "tuple[ConfigurationSpace, list[ForbiddenLike]]":
    """The ConfigurationSpace of a document without its forbidden clauses, and these, for a default that they forbid."""
    from ConfigSpace.read_and_write.dictionary import FORBIDDEN_DECODERS

    native = decode({**document, "forbiddens": []})

    def clause_of(item: dict[str, Any], space: "ConfigurationSpace", recurse: Any) -> Any:
        return FORBIDDEN_DECODERS[item.pop("type")](item, space, recurse)

    clauses = [clause_of(deepcopy(item), native, clause_of) for item in document["forbiddens"]]
    for clause in clauses:
        clause.set_vector_idx(native.index_of)
    return native, clauses


def canonical(source: Mapping[str, Any]) -> dict[str, Any]:
    """A serialised form from outside, of any version, as this ConfigSpace writes it, in the order given."""
    from ConfigSpace.exceptions import ForbiddenValueError

    given = plain(source)
    refuse_without_spread(given)
    try:
        document = document_of(decode(given))
    except ForbiddenValueError:
        return given
    place = {item["name"]: index for index, item in enumerate(given["hyperparameters"])}
    document["hyperparameters"].sort(key=lambda item: place[item["name"]])
    return document
