"""Checkpoints on disk: written whole or not at all, checked before use, kept only while they can be needed."""

from rungwise.checkpoints.disk import DiskFullError, is_full, size_of
from rungwise.checkpoints.folders import TooLargeError, inherit, newest, save_checkpoint, seal, usage
from rungwise.checkpoints.keeper import Keeper
from rungwise.checkpoints.manifest import whole

__all__ = [
    "DiskFullError",
    "Keeper",
    "TooLargeError",
    "inherit",
    "is_full",
    "newest",
    "save_checkpoint",
    "seal",
    "size_of",
    "usage",
    "whole",
]
