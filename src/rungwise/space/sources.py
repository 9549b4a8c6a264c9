"""Everything a space can be written as, made into a Space."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from rungwise.core.errors import InputError
from rungwise.space.domain import shown
from rungwise.space.files import read_mapping
from rungwise.space.serialised import canonical, document_of
from rungwise.space.short import translate
from rungwise.space.space import Space

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

_SUFFIXES = (".yaml", ".yml", ".json")


def parse(source: object) -> Space:
    """The space that `source` describes.

    It may be ConfigSpace's ConfigurationSpace (copied, never changed), the short form (see `rungwise.space`),
    ConfigSpace's serialised form, the path of a YAML or JSON file with either form, or a Space already.

    Raises InputError for all else, and for a space that is empty, contradicts itself or breaks a rule of its form. A
    short form without forbidden clauses is checked in full without ConfigSpace, whose import takes seconds: that waits
    for the first use.
    """
    if isinstance(source, Space):
        return source
    if _is_configuration_space(source):
        return _checked(document_of(source))
    match source:
        case Mapping():
            return _from_mapping(source, quotes_lost=True)
        case Path():
            return _from_file(source)
        case str() if source.lower().endswith(_SUFFIXES):
            return _from_file(Path(source))
        case str():
            raise InputError(
                f"the search space is {shown(source)}, but text must be the path of a .yaml, .yml or .json file"
            )
        case _:
            raise InputError(
                f"the search space is {shown(source)} ({type(source).__name__}), but must be a mapping from"
                " hyperparameters to ranges or choices, a ConfigurationSpace, or the path of a YAML or JSON file"
            )


def _is_configuration_space(source: object) -> "TypeGuard[ConfigurationSpace]":
    # Whoever holds one has imported ConfigSpace; nobody else should have to wait for it.
    module = sys.modules.get("ConfigSpace")
    return module is not None and isinstance(source, module.ConfigurationSpace)


def _from_file(path: Path) -> Space:
    content = read_mapping(path)
    try:
        return _from_mapping(content, quotes_lost=False)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _from_mapping(source: Mapping[Any, Any], *, quotes_lost: bool) -> Space:
    if _is_serialised(source):
        return _checked(canonical(source))
    document = translate(source, quotes_lost=quotes_lost)
    return _checked(document) if document["forbiddens"] else Space(document)


def _is_serialised(source: Mapping[Any, Any]) -> bool:
    """ConfigSpace's own form lists its hyperparameters as mappings, which no choices of the short form are."""
    items = source.get("hyperparameters")
    return isinstance(items, list) and all(isinstance(item, Mapping) for item in items)


def _checked(document: dict[str, Any]) -> Space:
    space = Space(document)
    space.prove()
    return space
