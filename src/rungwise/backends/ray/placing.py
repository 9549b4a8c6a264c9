"""Which slots a job gets, of those that are free: all on one node where that can be."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Placed(Protocol):
    """What lies on a node."""

    @property
    def node(self) -> str:
        """The node's name."""
        ...


Slot = TypeVar("Slot", bound=Placed)


def choose(free: Sequence[Slot], count: int, *, together: bool) -> list[Slot] | None:
    """So many slots, those of a node side by side; None where there are too few, or not on one node if `together`.

    They come from the node with the fewest free slots that has enough, so that larger jobs find room on the others;
    where none has enough, from as few nodes as possible.
    """
    nodes: dict[str, list[Slot]] = {}
    for slot in free:
        nodes.setdefault(slot.node, []).append(slot)
    enough = [slots for slots in nodes.values() if len(slots) >= count]
    if enough:
        return min(enough, key=len)[:count]
    if together or len(free) < count:
        return None
    return [slot for slots in sorted(nodes.values(), key=len, reverse=True) for slot in slots][:count]


def local_places(chosen: Sequence[Placed]) -> list[tuple[int, int]]:
    """For each slot which it is on its node, and of how many, in the order of all.

    >>> from types import SimpleNamespace
    >>> local_places([SimpleNamespace(node=node) for node in "aab"])
    [(0, 2), (1, 2), (0, 1)]
    """
    nodes = [slot.node for slot in chosen]
    return [(nodes[:place].count(node), nodes.count(node)) for place, node in enumerate(nodes)]
