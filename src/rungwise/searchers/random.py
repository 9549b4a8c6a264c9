"""Random search: every trial's configuration is drawn from the space, whatever became of the others."""

from rungwise.core.checks import check_whole
from rungwise.core.commands import Configuration
from rungwise.core.decisions import StartTrial
from rungwise.core.protocols import History
from rungwise.core.seed import Purpose, sequence
from rungwise.space import Space

# Drawing 64 configurations costs little more than drawing one. Part of every log's reproducibility: never to change.
BLOCK = 64
_BLOCKS_KEPT = 4


class RandomSearch:
    """Trial i gets element i mod 64 of block i div 64, each block drawn from the seed and its own number.

    So it depends on the space, the seed and i alone: not on the scheduler, the workers or the order of asking.
    """

    __slots__ = ("_blocks", "_seed", "_space")

    def __init__(self, space: Space, seed: int) -> None:
        """Raises InputError for a seed that is not a whole number of at least 0."""
        self._space = space
        self._seed = check_whole("seed", seed, 0)
        self._blocks: dict[int, list[dict[str, bool | int | float | str]]] = {}

    def suggest(self, history: History, request: StartTrial) -> Configuration | None:  # noqa: ARG002
        """The trial's configuration; never None: a space can be drawn from for ever."""
        number, element = divmod(request.trial, BLOCK)
        block = self._blocks.get(number)
        if block is None:
            block = self._space.sample(sequence(self._seed, Purpose.CONFIGURATION, number), BLOCK)
            if len(self._blocks) == _BLOCKS_KEPT:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = block
        return dict(block[element])
