"""How trials run on this machine: what stays the same for all of an experiment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.trial.environment import check_env

GRACE = 2.0


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """`workers` slots; all else may stay as it is. Raises InputError for values out of range.

    `gpus` are the values for CUDA_VISIBLE_DEVICES, of which each carries `per_gpu` trials at most. Functions run in a
    process of their own for each job, forked from one that has imported the function and the modules in `preload`; with
    `reuse_workers` a process goes on to the next job. With `ranks` a job of w slots runs in w processes, of one slot
    each; else in one process, which has all of them. `env` is added to the environment of every trial (see
    `rungwise.trial.environment`).

    A job that has neither reported nor ended for `trial_timeout` seconds is killed (None: never). A checkpoint is saved
    after every `every_units` units of resource and `every_seconds` seconds, besides those at milestones (0: never).
    `storage` is the URL of the experiment's folder where checkpoints are kept (None: on this disk).
    `grace`, in seconds, is what a job gets that was asked to halt or has reported its milestone; it is then killed. One
    that has reached the full resource may take its time, unless it goes on reporting.
    """

    workers: int
    gpus: Sequence[str] = ()
    per_gpu: int = 1
    reuse_workers: bool = False
    preload: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    trial_timeout: float | None = None
    every_units: int = 0
    every_seconds: float = 0.0
    grace: float = GRACE
    ranks: bool = False
    storage: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers is {self.workers}, but at least 1 trial must run at a time")
        if self.trial_timeout is not None and not (self.trial_timeout > 0 and isfinite(self.trial_timeout)):
            raise InputError(f"trial_timeout is {self.trial_timeout}, but must be a number of seconds above 0")
        check_whole("the number of units between two checkpoints", self.every_units, 0)
        if not (self.every_seconds >= 0 and isfinite(self.every_seconds)):
            raise InputError(
                f"the number of seconds between two checkpoints is {self.every_seconds}, but must be 0 or more"
            )
        check_env(self.env)
        if self.ranks and self.reuse_workers:
            raise InputError(
                "reuse_workers keeps a process for the next job, but ranks find one another anew in each: leave it out,"
                " or let a trial have all its slots in one process (one_process)"
            )
        if self.ranks and self.gpus and self.per_gpu > 1:
            raise InputError(
                f"per_gpu is {self.per_gpu}, but each rank of a trial needs a GPU of its own: let it be 1, or let a"
                " trial have all its slots in one process (one_process)"
            )
