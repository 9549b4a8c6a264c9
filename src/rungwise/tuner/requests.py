"""Requests that wait, and changes of share: what a ledger says of whether they can be, and from where."""

from rungwise.core.commands import Launch
from rungwise.core.decisions import PromoteTrial, Request, Resize
from rungwise.core.errors import InputError
from rungwise.core.ledger import Ledger


def void(request: Request, ledger: Ledger) -> bool:
    """Whether the trial to promote ended while its promotion was held (saving its checkpoint failed)."""
    return isinstance(request, PromoteTrial) and ledger.trials[request.trial].ended


def saving(request: Request, ledger: Ledger) -> bool:
    """Whether the trial to promote, or the parent to inherit from, has reported its milestone but not yet paused.

    A parent at the full resource leaves no newer checkpoint to wait for.
    """
    if isinstance(request, PromoteTrial):
        return ledger.trials[request.trial].status == "running"
    if request.parent is None:
        return False
    parent = ledger.trials[request.parent]
    return parent.status == "running" and parent.reached and parent.milestone < ledger.milestones[-1]


def inherited(parent: int, milestone: int, ledger: Ledger) -> tuple[int, int]:
    """Where a child starts and what it goes for; from scratch where its parent leaves nothing to train."""
    start = ledger.trials[parent].checkpoint
    if start < milestone:
        return start, milestone
    above = next((each for each in ledger.milestones if each > start), None)
    return (0, milestone) if above is None else (start, above)


def check_resize(resize: Resize, ledger: Ledger) -> None:
    """Raise InputError for a change of share that is none: the trial does not run, is leaving, or has as many."""
    entry = ledger.trials.get(resize.trial)
    if entry is None or entry.status != "running" or entry.leaving or resize.slots <= entry.slots:
        raise InputError(
            f"the allocation asks for {resize!r}, but only a trial that runs, and was not told to leave, can get more"
            " slots (see rungwise.core.protocols.Elastic)"
        )


def check_room(resize: Resize, launch: Launch, left: int) -> None:
    """Raise InputError where a launch is to have fewer slots than it asked for, or more than are idle."""
    if left < 0 or resize.slots < launch.slots:
        raise InputError(
            f"the allocation asks for {resize!r}, but trial {launch.trial} can have {launch.slots} slots or more, of"
            " those that are idle (see rungwise.core.protocols.Elastic)"
        )
