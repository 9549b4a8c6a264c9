"""Optuna's samplers as searchers: their spaces, what they are told, and how they are asked."""
