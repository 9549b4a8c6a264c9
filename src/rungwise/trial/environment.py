"""The environment by which a process learns that the tuner runs it, and what it is to do.

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
                            report
    RUNGWISE_CHANNEL        for `rungwise.current_trial()` alone: the descriptor of its socket to the tuner

A script reports by printing a JSON object with a "resource" on a line of its own, flushed at once, such as
`{"resource": 3, "val_accuracy": 0.91}`; other lines are ordinary output. After the line of its milestone it should
leave its checkpoint, if it has not yet, and exit with 0: one that goes on is sent SIGTERM after a short grace, and
killed after another. SIGTERM before that asks for a pause or a halt; it may save, report and exit with 0. A script that
calls `rungwise.current_trial()` need know none of this.
"""

import os

TRIAL = "RUNGWISE_TRIAL"
CONFIG = "RUNGWISE_CONFIG"
HYPERPARAMETER = "RUNGWISE_HP_"
START = "RUNGWISE_START"
MILESTONE = "RUNGWISE_MILESTONE"
MAX_RESOURCE = "RUNGWISE_MAX_RESOURCE"
SEED = "RUNGWISE_SEED"
LOAD = "RUNGWISE_LOAD"
SAVE = "RUNGWISE_SAVE"
CHANNEL = "RUNGWISE_CHANNEL"
IMPORTING = "RUNGWISE_IMPORTING"


def importing_for_trials() -> bool:
    """Whether this process only imports the user's code to get at the training function: nothing may be tuned here."""
    return IMPORTING in os.environ
