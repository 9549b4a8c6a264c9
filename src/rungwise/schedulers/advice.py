"""Advice on a ladder, before anything is paid for (Bohdal et al. 2023, section 6 and appendix E)."""

from collections.abc import Mapping, Sequence
from typing import Any

ENOUGH = 5
"""PASHA's saving lies in rungs that it need not open; the paper recommends five at least, with eta = 3 R / r >= 100."""


def ladder_advice(scheduler: Mapping[str, Any], milestones: Sequence[int], unit: str) -> str | None:
    """A line about a ladder with too few rungs for PASHA to save much; None where there is nothing to say.

    `scheduler` are settings as `make_scheduler` takes them, `unit` is the word for what milestones count.

    >>> ladder_advice({"name": "pasha"}, (1, 3, 9, 20), "epochs")
    'only 4 rungs (1 3 9 20 epochs): PASHA saves more with 5 or more; count finer units (steps, batches)'
    >>> ladder_advice({"name": "pasha"}, (1, 3, 9, 27, 81), "epochs"), ladder_advice({"name": "fifo"}, (81,), "epochs")
    (None, None)
    >>> ladder_advice({"name": "gated-pasha"}, (1, 3, 9, 20), "epochs") is None  # its ladder is open from the start
    True
    """
    grows = scheduler.get("within", scheduler["name"]) in ("pasha", "stopping-pasha")
    if not grows or len(milestones) >= ENOUGH:
        return None
    rungs = "only 1 rung" if len(milestones) == 1 else f"only {len(milestones)} rungs"
    return (
        f"{rungs} ({' '.join(map(str, milestones))} {unit}): PASHA saves more with {ENOUGH} or more; count finer units"
        " (steps, batches)"
    )
