"""The environment of a trial, and the variables by which its process learns what it is to do.

A trial's environment is, each overriding the one before: the tuner's own (on a Ray cluster that of Ray's workers on its
node) without the variables that begin with RUNGWISE_; OMP_NUM_THREADS, OPENBLAS_NUM_THREADS, MKL_NUM_THREADS,
VECLIB_MAXIMUM_THREADS and NUMEXPR_NUM_THREADS, set to its share of the cores; the experiment's `env`; where the
experiment names GPUs, CUDA_VISIBLE_DEVICES; where trials run in one process for each slot, RANK, LOCAL_RANK,
WORLD_SIZE, LOCAL_WORLD_SIZE, MASTER_ADDR and MASTER_PORT; for a script PYTHONUNBUFFERED=1 and the variables below.
Nothing else is added or taken away.

Every script gets these variables, whatever language it is written in:

    RUNGWISE_TRIAL          the trial's number, from 0
    RUNGWISE_CONFIG         path of a JSON file with its configuration
    RUNGWISE_HP_<NAME>      one hyperparameter each, where the configuration was asked for as environment: the name in
                            capitals, whatever is neither a letter nor a digit turned into an underscore
    RUNGWISE_START          resource of the checkpoint that it goes on from; 0 = from scratch
    RUNGWISE_MILESTONE      resource at which to stop
    RUNGWISE_MAX_RESOURCE   the most that any trial can get
    RUNGWISE_SEED           its own seed, 32 bits
    RUNGWISE_LOAD           folder of the checkpoint at RUNGWISE_START; not set when it starts from scratch
    RUNGWISE_SAVE           an empty folder: what is in it when the script exits with 0 is its checkpoint, at its last
                            report, provided that the job ends there: it is at its milestone, or a pause was asked for
    RUNGWISE_SLOTS          its slots; it may be one of as many ranks
    RUNGWISE_CHANNEL        for `rungwise.current_trial()` alone: the descriptor of its socket to the tuner
    RUNGWISE_LINE           likewise, only among ranks: those of its pipes from the rank before and to the next, or -1

A script reports by printing a JSON object with a "resource" on a line of its own, flushed at once, such as
`{"resource": 3, "val_accuracy": 0.91}`; other lines are ordinary output. After the line of its milestone it should
leave its checkpoint, if it has not yet, and exit with 0: one that goes on is sent SIGTERM after a short grace, and
killed after another. SIGTERM before that asks for a pause or a halt; it may save, report and exit with 0. Since a
checkpoint counts only when the script exits, `checkpoint_every` does nothing for it: what is trained between two
milestones is lost with it. A script that calls `rungwise.current_trial()` need know none of this, and saves as often as
`checkpoint_every` says.

Of several ranks, what rank 0 prints is its trial's report; the lines of the others are ordinary output. All may write
to RUNGWISE_SAVE, which counts when the last of them has exited; but on nodes of a cluster that share no disk each has
its own, and rank 0's counts. A rank that exits otherwise than with 0 fails the job, and the others are ended; when rank
0 has exited with 0 they get a grace to follow.
"""

import os
from collections.abc import Mapping

from rungwise.core.errors import InputError

PREFIX = "RUNGWISE_"
TRIAL = "RUNGWISE_TRIAL"
CONFIG = "RUNGWISE_CONFIG"
HYPERPARAMETER = "RUNGWISE_HP_"
START = "RUNGWISE_START"
MILESTONE = "RUNGWISE_MILESTONE"
MAX_RESOURCE = "RUNGWISE_MAX_RESOURCE"
SEED = "RUNGWISE_SEED"
LOAD = "RUNGWISE_LOAD"
SAVE = "RUNGWISE_SAVE"
SLOTS = "RUNGWISE_SLOTS"
CHANNEL = "RUNGWISE_CHANNEL"
LINE = "RUNGWISE_LINE"
JOB = "RUNGWISE_JOB"
IMPORTING = "RUNGWISE_IMPORTING"


def importing_for_trials() -> bool:
    """Whether this process only imports the user's code to get at the training function: nothing may be tuned here."""
    return IMPORTING in os.environ


def check_env(env: Mapping[str, str]) -> dict[str, str]:
    """Variables for every trial, copied; raises InputError for what no environment can hold, and for our own names."""
    for name, value in env.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InputError(f"env sets {name!r} to {value!r}, but variables and their values must be text")
        if not name or "=" in name or "\0" in name:
            raise InputError(f"env sets a variable called {name!r}, but a name must not be empty, nor hold '=' or NUL")
        if name.startswith(PREFIX):
            raise InputError(f"env sets {name}, but names that begin with {PREFIX} are the tuner's own")
        if "\0" in value:
            raise InputError(f"env sets {name} to {value[:40]!r}, but a value must not hold NUL")
    return dict(env)
