"""What a run will cost before it is run: a profile, forecasts with the real scheduler, and advice."""

from rungwise.backends.overhead import Overhead
from rungwise.planner.advice import Advice, Wanted, advise
from rungwise.planner.curves import Curves, find_curves
from rungwise.planner.forecast import Division, Forecast, Setting, divisions, forecasts
from rungwise.planner.profile import Profile, read_profile, write_profile

__all__ = [
    "Advice",
    "Curves",
    "Division",
    "Forecast",
    "Overhead",
    "Profile",
    "Setting",
    "Wanted",
    "advise",
    "divisions",
    "find_curves",
    "forecasts",
    "read_profile",
    "write_profile",
]
