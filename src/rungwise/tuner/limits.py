"""Whether a limit is reached, and when time alone may reach one: pure questions to limits and ledger."""

from rungwise.core.decisions import FinishReason
from rungwise.core.ledger import Ledger
from rungwise.core.limits import Limits

SHORTEST_LOOK = 1.0  # seconds, so that a cost which slots in part approach is not looked at ever more often


def cost(limits: Limits, ledger: Ledger) -> float:
    """What the experiment has cost so far, in whatever the prices are in.

    >>> cost(Limits(price_per_unit=0.5, price_per_hour=2.0), Ledger(spent=10, busy=1800.0))
    6.0
    """
    return ledger.spent * limits.price_per_unit + ledger.busy / 3600 * limits.price_per_hour


def limit_reached(limits: Limits, ledger: Ledger) -> FinishReason | None:
    """The limit that is reached, if any; a target before the others, because it is a success."""
    best = ledger.incumbent
    since, spent = ledger.improved
    if limits.target is not None and best is not None and best.value <= limits.target:
        return "target"
    if limits.time is not None and ledger.now >= limits.time:
        return "time"
    if limits.resource is not None and ledger.spent >= limits.resource:
        return "resource"
    if limits.cost is not None and cost(limits, ledger) >= limits.cost:
        return "cost"
    patience = limits.patience_resource
    if patience is not None and ledger.spent - spent >= patience:
        return "patience"
    if limits.patience_time is not None and ledger.now - since >= limits.patience_time:
        return "patience"
    return None


def next_look(limits: Limits, ledger: Ledger) -> float | None:
    """The earliest moment, in seconds, at which time alone may reach a limit; None: it never does."""
    moments: list[float] = []
    if limits.time is not None:
        moments.append(limits.time)
    if limits.patience_time is not None:
        moments.append(ledger.improved[0] + limits.patience_time)
    if limits.cost is not None and limits.price_per_hour and ledger.capacity:
        rate = ledger.capacity * limits.price_per_hour / 3600
        moments.append(ledger.now + max(SHORTEST_LOOK, (limits.cost - cost(limits, ledger)) / rate))
    return min(moments, default=None)
