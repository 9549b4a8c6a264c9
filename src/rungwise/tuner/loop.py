"""The one loop: fact in, records out, the log before the act."""

from collections.abc import Callable, Sequence
from itertools import chain

from rungwise.core.protocols import Backend, Log
from rungwise.core.records import COMMANDS, Record
from rungwise.tuner.tuner import Tuner

Observer = Callable[[Sequence[Record]], None]


def drive(tuner: Tuner, backend: Backend, log: Log, observers: Sequence[Observer] = ()) -> None:
    """Run an experiment until it is over, or until the backend has nothing more to tell.

    What follows from an event is in the log before any of it is carried out; observers see it after that. All events
    that have come while the log was written are one group, written together: the busier, the larger the groups.
    """
    ledger = tuner.ledger
    for events in backend.events():
        steps = [tuner.handle(event) for event in events]
        log.append(steps[0] if len(steps) == 1 else [*chain.from_iterable(steps)])
        for records in steps:
            if len(records) > 1:
                for record in records:
                    if isinstance(record, COMMANDS):
                        backend.submit(record)
        for observe in observers:
            for records in steps:
                observe(records)
        if ledger.running == 0 and tuner.over:
            return
