"""How many slots a job gets."""

from rungwise.allocation.fixed import Fixed

__all__ = ["Fixed"]
