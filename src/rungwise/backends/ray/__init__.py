"""Trials on a Ray cluster: Ray gives places, everything about a job stays with the supervisor of local ones."""
