"""Slow and obvious: the same rules once more, straight from their text, to hold the quick ones against."""
