"""Every job gets the same number of slots."""

from dataclasses import dataclass

from rungwise.core.decisions import Request


@dataclass(frozen=True, slots=True)
class Fixed:
    """`width` slots for every job."""

    width: int = 1

    def slots(self, request: Request, capacity: int) -> int:  # noqa: ARG002 - the protocol's signature
        """The same for every request."""
        return self.width
