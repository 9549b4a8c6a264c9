"""Schedulers side by side on recorded learning curves: the PASHA paper's experiments, and what-if questions."""
