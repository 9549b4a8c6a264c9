"""MOBSTER: a Gaussian process over configurations and resources, and how a suggestion is found with it."""
