"""Resuming is replaying: the events of a log, through a fresh tuner, lead to the state in which it broke off."""

from collections.abc import Callable, Iterable

from rungwise.core.errors import ReplayError
from rungwise.core.events import TrialEnded, TrialPaused
from rungwise.core.ledger import TrialEntry
from rungwise.core.records import BACKEND_EVENTS, Record
from rungwise.tuner.tuner import Tuner


def replay(tuner: Tuner, records: Iterable[Record]) -> list[Record]:
    """Feed the events of a log to a fresh tuner; the records that the log still lacks.

    Raises ReplayError at the first record that differs from what the tuner decides now. A log may end in the middle of
    what followed from its last event: the rest of that is to be appended before the experiment goes on.
    """
    expected: list[Record] = []
    for count, record in enumerate(records, 1):
        if isinstance(record, BACKEND_EVENTS):
            if expected:
                raise ReplayError(f"the log lacks {expected[0]!r} before its record {count}: it is another scheduler's")
            expected = tuner.handle(record)[1:]
        elif expected and expected[0] == record:
            expected.pop(0)
        else:
            decided = repr(expected[0]) if expected else "nothing"
            raise ReplayError(f"record {count} of the log is {record!r}, but replaying decides {decided}: was the log"
                              " written by another version, or with other settings?")  # fmt: skip
    return expected


def orphans(tuner: Tuner, checkpoint: Callable[[TrialEntry], int]) -> list[TrialPaused | TrialEnded]:
    """What became of the jobs that were running when the tuner died.

    A halted one is stopped, one that had reported the full resource is completed, any other is paused at its newest
    checkpoint, whose resource `checkpoint` finds out: it may be newer than the log knows.
    """
    ledger = tuner.ledger
    full = ledger.milestones[-1]
    found: list[TrialPaused | TrialEnded] = []
    for entry in ledger.trials.values():
        if entry.status != "running":
            continue
        if entry.halted:
            found.append(TrialEnded(ledger.now, entry.trial, "stopped"))
        elif entry.resource >= full:
            found.append(TrialEnded(ledger.now, entry.trial, "completed"))
        else:
            found.append(TrialPaused(ledger.now, entry.trial, checkpoint(entry)))
    return found
