"""Random search: every trial's configuration is drawn from the space, whatever became of the others.

1. Draw i is element i mod 64 of block i div 64, each block drawn from the seed and its own number.
2. Trial i gets draw i: it depends on the space, the seed and i alone, not on the scheduler, the workers or the order of
   asking. `rungwise.searchers.distinct` leaves out what came before.
3. The space's priors shape its draws. With `prior_decay` n draw i is one of these with probability 2^(-i/n), else it is
   drawn evenly over ranges and choices, so that a prior that misleads is recovered from: half of the draws around the
   n-th still trust it, of all draws together 1.44 n. That is the changing share of prior and random sampling in
   PriorBand (Mallik et al. 2023, section 4), without its third part, near the incumbent, which would need a history.
4. Where draw i is from the prior it is the one that it would be without `prior_decay`.
"""

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.errors import InputError
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.space import Space
from rungwise.space.domain import Scalar

# Drawing 64 configurations costs little more than drawing one. Part of every log's reproducibility: never to change.
BLOCK = 64
_BLOCKS_KEPT = 4


class RandomSearch:
    """Draws by number; `prior_decay`: the draw at which a prior counts half (None: it always counts)."""

    __slots__ = ("_blocks", "_decay", "_even", "_seed", "_space")

    def __init__(self, space: Space, seed: int, *, prior_decay: int | None = None) -> None:
        """Raises InputError for a seed below 0, a decay below 1, or one in a space that has no prior."""
        self._space = space
        self._seed = check_whole("seed", seed, 0)
        self._decay = None if prior_decay is None else check_whole("prior_decay", prior_decay, 1)
        self._even = space if prior_decay is None else space.evenly()
        if prior_decay is not None and self._even is space:
            raise InputError(
                f"prior_decay is {prior_decay}, but no hyperparameter of the search space has a prior: give one"
                " ('prior:' of a range, 'weights:' of choices), or leave prior_decay out"
            )
        self._blocks: dict[int, list[dict[str, Scalar]]] = {}

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:  # noqa: ARG002
        """The trial's configuration; never None: a space can be drawn from for ever."""
        return dict(self.draw(request.trial))

    def draw(self, number: int) -> Configuration:
        """The draw of that number, not to be changed."""
        place, element = divmod(number, BLOCK)
        block = self._blocks.get(place)
        if block is None:
            block = self._block(place)
            if len(self._blocks) == _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[place] = block
        return block[element]

    def _block(self, number: int) -> list[dict[str, Scalar]]:
        words = sequence(self._seed, Purpose.CONFIGURATION, number)
        block = self._space.sample(words, BLOCK)
        if self._decay is None:
            return block
        import numpy as np

        evenly, tossing = words.spawn(2)
        tossed = np.random.RandomState(np.random.PCG64(tossing)).random_sample(BLOCK)
        trusted = tossed < 2.0 ** (-(number * BLOCK + np.arange(BLOCK)) / self._decay)
        pairs = zip(block, self._even.sample(evenly, BLOCK), trusted.tolist(), strict=True)
        return [prior if trusts else even for prior, even, trusts in pairs]
