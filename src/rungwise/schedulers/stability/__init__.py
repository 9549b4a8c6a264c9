"""Whether a ranking is settled: two rungs compared, noise estimated, a ladder that grows."""
