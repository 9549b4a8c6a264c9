"""The one loop: fact in, records out, the log before the act."""

from collections.abc import Callable, Sequence

from rungwise.core.protocols import Backend, Log
from rungwise.core.records import COMMANDS, Record
from rungwise.tuner.tuner import Tuner

Observer = Callable[[Sequence[Record]], None]


def drive(tuner: Tuner, backend: Backend, log: Log, observers: Sequence[Observer] = ()) -> None:
    """Run an experiment until it is over, or until the backend has nothing more to tell.

    What follows from an event is in the log before any of it is carried out; observers see it after that.
    """
    ledger = tuner.ledger
    for event in backend.events():
        records = tuner.handle(event)
        log.append(records)
        if len(records) > 1:
            for record in records:
                if isinstance(record, COMMANDS):
                    backend.submit(record)
        for observe in observers:
            observe(records)
        if ledger.running == 0 and tuner.over:
            return
