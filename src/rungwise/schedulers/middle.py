"""The median of numbers as they come: sorted blocks, and a finger on the block that holds the middle.

Two heaps would be quicker still, but a boxed float on a heap takes four times the memory of one in an array.
"""

from array import array
from bisect import bisect_left, insort
from math import inf

BLOCK = 512
"""A block that grows beyond this is cut in two."""


class Median:
    """The median of n numbers, infinity among them: O(log n) and a short move of memory to add, O(1) to ask.

    The median of an even number is the mean of the middle two.

    >>> median = Median()
    >>> for number in (3.0, 9.0, 1.0, 4.0):
    ...     median.add(number)
    >>> len(median), median.value
    (4, 3.5)
    """

    def __init__(self) -> None:
        self._blocks = [array("d")]
        self._tops = array("d", [inf])  # no number of a block is above its top, none of the next below
        self._size = 0
        self._middle = 0  # the block of the number in the middle, the lower one of two
        self._before = 0  # how many numbers stand in the blocks before it

    def __len__(self) -> int:
        return self._size

    def add(self, number: float) -> None:
        """Take a number in; never NaN."""
        at = bisect_left(self._tops, number)
        insort(self._blocks[at], number)
        self._size += 1
        self._before += at < self._middle
        if len(self._blocks[at]) > BLOCK:
            self._cut(at)
        self._follow()

    @property
    def value(self) -> float:
        """The median; there must be a number."""
        block = self._blocks[self._middle]
        at = (self._size - 1) // 2 - self._before
        if self._size % 2:
            return block[at]
        above = block[at + 1] if at + 1 < len(block) else self._blocks[self._middle + 1][0]
        return (block[at] + above) / 2

    def _cut(self, at: int) -> None:
        block = self._blocks[at]
        half = len(block) // 2
        self._blocks.insert(at + 1, block[half:])
        del block[half:]
        self._tops.insert(at, block[-1])
        self._middle += at < self._middle

    def _follow(self) -> None:
        """Move the finger to the middle, which is one block away at most."""
        middle = (self._size - 1) // 2
        if middle < self._before:
            self._middle -= 1
            self._before -= len(self._blocks[self._middle])
        elif middle >= self._before + len(self._blocks[self._middle]):
            self._before += len(self._blocks[self._middle])
            self._middle += 1
