"""Curves that were not recorded: a model between the end points of NAS-Bench-201. Never taken for measurements.

What is recorded of an architecture: its validation accuracy F after 200 epochs, for up to three seeds, and its accuracy
E after a separate schedule of 12 epochs. What is modelled is the way from the chance level c to F:

1. A plateau P that training reaches while the learning rate is high. E, at the end of a short schedule, lies as far
   below F as the plateau lies below E: (P − c) / (E − c) = (E − c) / (F − c). So an architecture that was good after 12
   epochs is good early here too.
2. The plateau is approached as 1 − exp(−(epoch / tau)^beta), with tau and beta per data set, and tau times a lognormal
   factor that belongs to the architecture (the same for all its seeds): some learn faster, whatever they come to.
3. From the plateau to F the accuracy rises by (1 − rate)², where rate is the cosine learning rate from 1 to 0.
4. Every epoch of every seed has its own noise, in proportion to what was learnt and to the rate, and larger in the
   first epochs. So architectures that are nearly equal change places many times while the rate is high, and at the end
   no more: epoch 200 is exactly the recorded accuracy of that seed.

The constants were set by hand, with the usual course of such trainings and the PASHA paper's one-epoch baseline in
sight.
Rows do not depend on which others there are: every draw is keyed by data set, seed and row.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EPOCHS = 200
NOTE = (
    "semi-synthetic: the accuracies after 200 epochs are NAS-Bench-201's, the curves before them are modelled (not"
    " recorded), and the training time is spread evenly over the epochs"
)
_ENTROPY = 20_100  # a table of its own: no seed of an experiment enters here
_NOISE = 0.05
_EARLY_NOISE = 2.0
_SPREAD = 0.3


@dataclass(frozen=True, slots=True)
class Pace:
    """A data set: the number its draws are keyed by, accuracy by chance (%), and how the plateau is approached."""

    key: int
    chance: float
    tau: float
    beta: float


PACES = {
    "cifar10": Pace(0, 10.0, 3.0, 0.5),
    "cifar100": Pace(1, 1.0, 8.0, 0.8),
    "imagenet16-120": Pace(2, 100 / 120, 9.0, 0.8),
}


def curves(pace: Pace, seed: int, final: "NDArray[np.float64]", short: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Modelled validation accuracies in % [rows, 200], the last of them `final`.

    `final` and `short` [rows] are the recorded accuracies after 200 epochs and after the schedule of 12; `seed` counts
    the seeds from 0. Vectorised: 15,625 rows take a quarter of a second.
    """
    import numpy as np

    epochs = np.arange(1, EPOCHS + 1)
    rate = 0.5 * (1.0 + np.cos(np.pi * epochs / EPOCHS))
    gain = np.maximum(final - pace.chance, 0.0)
    early = np.clip(short - pace.chance, 0.0, gain)
    plateau = np.divide(early**2, gain, out=np.zeros_like(gain), where=gain > 0)

    speed = _draws(pace.key, 0, len(final), 1)
    tau = pace.tau * np.exp(_SPREAD * speed)
    approach = -np.expm1(-((epochs / tau) ** pace.beta))
    approach /= approach[:, -1:]
    learnt = plateau[:, None] * approach + (gain - plateau)[:, None] * (1.0 - rate) ** 2

    noise = _draws(pace.key, 1 + seed, len(final), EPOCHS)
    noise *= _NOISE * rate * (1.0 + _EARLY_NOISE / np.sqrt(epochs))
    noise += 1.0
    learnt *= noise
    values = np.clip(pace.chance + learnt, 0.0, 100.0)
    values[:, -1] = final
    return values


def _draws(dataset: int, what: int, rows: int, columns: int) -> "NDArray[np.float64]":
    """Normal draws; row i is the same however many rows there are."""
    import numpy as np

    sequence = np.random.SeedSequence(_ENTROPY, spawn_key=(dataset, what))
    return np.random.default_rng(sequence).standard_normal((rows, columns))
