"""Keyed randomness: every draw comes from SeedSequence(seed, spawn_key=(purpose, key…)).

Trial i gets the same draw whatever the scheduler or the number of workers, so that comparisons are paired.
"""

from enum import IntEnum
from functools import lru_cache

import numpy as np

BLOCK = 256


class Purpose(IntEnum):
    """What a draw is for; the numbers are part of every log's reproducibility and never change."""

    CONFIGURATION = 0
    TRAINING = 1
    ORDER = 2
    BRACKET = 3
    INHERITANCE = 4
    PERTURBATION = 5
    SUGGESTION = 6
    REPETITION = 7
    RESAMPLING = 8


def sequence(seed: int, purpose: Purpose, *key: int) -> np.random.SeedSequence:
    """The seed sequence of one purpose and key."""
    return np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))


@lru_cache(maxsize=64)
def _training_block(seed: int, block: int) -> list[int]:
    return [int(word) for word in sequence(seed, Purpose.TRAINING, block).generate_state(BLOCK)]


def training_seed(seed: int, trial: int) -> int:
    """The 32-bit seed that a trial's own training gets; drawn in blocks, because a sequence costs 10 µs."""
    return _training_block(seed, trial // BLOCK)[trial % BLOCK]
