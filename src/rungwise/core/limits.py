"""Limits: what ends an experiment early, besides the number of its trials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Literal, get_args

from rungwise.core.errors import InputError, StoreError

Stop = Literal["instant", "drain"]


def check_stop(name: str, value: object) -> None:
    """Raise InputError for what is no `Stop`."""
    if value not in get_args(Stop):
        raise InputError(f"{name} is {value!r}, but must be 'instant' or 'drain'")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop, as far as it is known beforehand; None and 0 mean no limit.

    `time`: seconds of running, pauses between two sessions not counted. `resource`: units trained in all trials.
    `cost`: units * `price_per_unit` + slot-hours of running jobs * `price_per_hour`. `target`: a value (minimised) that
    is good enough. `patience_resource`, `patience_time`: units trained in all trials, or seconds, without a better
    value. `then`: what happens at one of them: "instant" cuts what runs, "drain" starts no more trials and goes on
    until nothing can be promoted.
    """

    time: float | None = None
    resource: int | None = None
    cost: float | None = None
    price_per_unit: float = 0.0
    price_per_hour: float = 0.0
    target: float | None = None
    patience_resource: int | None = None
    patience_time: float | None = None
    then: Stop = "instant"

    def __post_init__(self) -> None:
        for name in ("time", "resource", "cost", "patience_resource", "patience_time"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and isfinite(value)):
                raise InputError(f"the limit {name} is {value}, but must be above 0 and finite")
        for name in ("price_per_unit", "price_per_hour"):
            price = getattr(self, name)
            if not (price >= 0 and isfinite(price)):
                raise InputError(f"{name} is {price}, but must be 0 or more and finite")
        if self.target is not None and not isfinite(self.target):
            raise InputError(f"target is {self.target}, but must be a finite number")
        if self.cost is not None and not (self.price_per_unit or self.price_per_hour):
            raise InputError(
                f"the limit cost is {self.cost:g}, but without a price nothing costs anything: give price_per_unit or"
                " price_per_hour"
            )
        check_stop("then", self.then)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Limits":
        """The limits that `to_json` gave; raises StoreError for anything else."""
        known = {each.name for each in fields(cls)}
        try:
            return cls(**{name: value for name, value in data.items() if name in known})
        except (TypeError, ValueError) as error:
            raise StoreError(f"the limits of an experiment cannot be read ({error})") from None
