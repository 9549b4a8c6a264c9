"""What a user should know of while a run goes on, told once each through `logging`."""

import logging
from collections.abc import Sequence
from math import isfinite

from rungwise.api.choosing import known
from rungwise.api.shares import share_advice
from rungwise.core.decisions import FailTrial
from rungwise.core.events import CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported, TrialRewound
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec
from rungwise.schedulers.advice import ladder_advice
from rungwise.searchers.advice import space_advice

logger = logging.getLogger("rungwise")


def advice(spec: ExperimentSpec, unit: str) -> list[str]:
    """What should be known of an experiment's settings before it starts, a line each."""
    lines = (
        ladder_advice(spec.scheduler, spec.milestones, unit),
        space_advice(spec.searcher, spec.space, spec.trials),
        share_advice(spec.allocation, spec.workers),
    )
    return [line for line in lines if line is not None]


class Notices:
    """Tells of advice, failures, divergence and missing checkpoints; what is known of schedulers is information."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self._spec = spec
        self._diverged: set[int] = set()
        self._restarts_told = False

    def __call__(self, records: Sequence[Record]) -> None:
        """Look at an event and what followed from it."""
        spec = self._spec
        match records[0]:
            case CapacityChanged(0.0):
                if (told := known(spec)) is not None:
                    logger.info(told)
                for text in advice(spec, spec.unit):
                    logger.warning(text)
            case TrialReported(_, trial, resource, value) if not isfinite(value) and trial not in self._diverged:
                self._diverged.add(trial)
                shown = spec.objective.shown(value)
                logger.warning(
                    "trial %d reported %s = %s at %d: it counts as the worst", trial, spec.metric, shown, resource
                )
            case TrialRewound(_, trial, resource):
                logger.warning("trial %d's last checkpoint is gone or torn: it trains from %d", trial, resource)
            case TrialFailed(_, trial, resource, _, detail):
                if FailTrial(trial) in records:
                    logger.warning("trial %d failed: %s", trial, detail)
                else:
                    logger.warning("trial %d is tried again from %d: %s", trial, resource, detail)
            case TrialEnded(_, trial, "failed" | "lost" as reason, detail):
                logger.warning("trial %d %s: %s", trial, "failed" if reason == "failed" else "was lost", detail)
            case TrialPaused(_, trial, 0) if not self._restarts_told:
                self._restarts_told = True
                logger.warning(
                    "trial %d saved no checkpoint (see trial.report's save): it will train from the start", trial
                )
            case _:
                pass
