"""Faults on purpose: tuners, workers, disks and clocks that fail at random moments, and a count of what that costs.

`python -m faults` (with this folder's parent on the path) is the long run, `test_faults.py` the short one.
"""
