"""What a run will cost before it is run: a profile, forecasts with the real scheduler, and advice."""

from rungwise.backends.overhead import Overhead
from rungwise.planner.advice import Advice, Wanted, advise
from rungwise.planner.against import Compared, against
from rungwise.planner.curves import Curves, find_curves
from rungwise.planner.forecast import Division, Forecast, Setting, divisions, forecasts
from rungwise.planner.measure import Measured, measure
from rungwise.planner.profile import Profile, read_profile, write_profile

__all__ = [
    "Advice",
    "Compared",
    "Curves",
    "Division",
    "Forecast",
    "Measured",
    "Overhead",
    "Profile",
    "Setting",
    "Wanted",
    "advise",
    "against",
    "divisions",
    "find_curves",
    "forecasts",
    "measure",
    "read_profile",
    "write_profile",
]
