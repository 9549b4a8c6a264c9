"""How many slots a job gets."""

from rungwise.allocation.by_rung import ByRung
from rungwise.allocation.fill import Fill
from rungwise.allocation.fixed import Fixed
from rungwise.allocation.named import OPTIONS, make_allocation

__all__ = ["OPTIONS", "ByRung", "Fill", "Fixed", "make_allocation"]
