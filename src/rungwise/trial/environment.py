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
