"""What the short form says between hyperparameters: when one exists, and which combinations are forbidden."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Any

from rungwise.core.errors import InputError
from rungwise.space.domain import Item, Scalar, fit, named, shown


def conditions(whens: Mapping[str, Any], domains: Mapping[str, Item]) -> list[dict[str, Any]]:
    """The conditions of `when` mappings (by child) in serialised form; every parent named must agree."""
    found = []
    for child, when in whens.items():
        if not isinstance(when, Mapping) or not when:
            raise InputError(
                f"'when' of hyperparameter {child!r} is {shown(when)}, but must be a mapping such as {{optimizer: sgd}}"
            )
        parts = [_condition(child, parent, value, domains) for parent, value in when.items()]
        found.append(parts[0] if len(parts) == 1 else {"type": "AND", "child": child, "conditions": parts})
    _refuse_cycle({child: list(when) for child, when in whens.items()})
    return found


def _condition(child: str, parent: object, value: object, domains: Mapping[str, Item]) -> dict[str, Any]:
    what = f"the condition of hyperparameter {child!r}"
    if parent == child:
        raise InputError(f"{what} names {child!r} itself, but must name another hyperparameter")
    values = _values(parent, value, what, domains)
    link = {"child": child, "parent": parent}
    return {"type": "EQ", **link, "value": values[0]} if len(values) == 1 else {"type": "IN", **link, "values": values}


def _refuse_cycle(parents: Mapping[str, Sequence[str]]) -> None:
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        circle = " → ".join(map(repr, error.args[1]))
        raise InputError(
            f"the conditions go round in a circle, {circle}, but must start from one without a 'when'"
        ) from None


def forbidden(clauses: Sequence[Mapping[Any, Any]], domains: Mapping[str, Item]) -> list[dict[str, Any]]:
    """Forbidden clauses in serialised form: each mapping is one combination of values or lists of values."""
    found = []
    for clause in clauses:
        if not clause:
            raise InputError(
                "a forbidden clause of the search space is empty, but must name a hyperparameter and its value"
            )
        parts = [_equality(name, value, domains) for name, value in clause.items()]
        found.append(parts[0] if len(parts) == 1 else {"type": "AND", "clauses": parts})
    return found


def _equality(name: object, value: object, domains: Mapping[str, Item]) -> dict[str, Any]:
    values = _values(name, value, "a forbidden clause", domains)
    if len(values) == 1:
        return {"type": "EQUALS", "name": name, "value": values[0]}
    return {"type": "IN", "name": name, "values": values}


def _values(name: object, value: object, what: str, domains: Mapping[str, Item]) -> list[Scalar]:
    if name not in domains:
        near = get_close_matches(str(name), domains, n=1)
        instead = f", did you mean {near[0]!r}?" if near else f": there are {named(domains)}"
        raise InputError(f"{what} names {name!r}, which is not in the search space{instead}")
    values = list(value) if isinstance(value, list | tuple) else [value]
    if not values:
        raise InputError(f"{what} gives no value for {name!r}, but must give at least one")
    return [fit(domains[str(name)], one, f"{name!r} in {what}") for one in values]
