"""A profile: what a training costs with so many slots.

In a file, YAML or JSON:

    seconds_per_unit: {1: 8.0, 2: 4.3, 4: 2.6}    # by slots, in seconds
    startup: 1.2                                  # seconds of each job; these are 0 where they are left out
    load: 0.1                                     # of a job that goes on from a checkpoint
    save: 0.2                                     # of each job
    begin: 3.5                                    # once, until the first trials can start
    unit: epochs
    note: train.py on 4 cores
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from rungwise.backends.overhead import Overhead, check_seconds
from rungwise.core.checks import check_whole
from rungwise.core.errors import InputError
from rungwise.core.scaling import Scaling
from rungwise.space.files import read_mapping

KEYS = ("seconds_per_unit", "startup", "load", "save", "begin", "unit", "note")
EXAMPLE = "such as seconds_per_unit: {1: 8.0, 2: 4.3}"


@dataclass(frozen=True, slots=True)
class Profile:
    """Seconds per unit of resource by slots, as (slots, seconds) in rising order, and what each job costs besides.

    `begin` are the seconds until the first trials can start, while whatever they import is imported.
    One number of slots will do: then only that share can be planned. `unit` is the word for what is counted, `note`
    says where it was measured. More slots may well be slower: see `slower`.
    Raises InputError where slots do not rise, or a time is out of range.
    """

    seconds: tuple[tuple[int, float], ...]
    overhead: Overhead = field(default_factory=Overhead)
    begin: float = 0.0
    unit: str = "units"
    note: str = ""

    def __post_init__(self) -> None:
        if not self.seconds:
            raise InputError(f"a profile names no seconds per unit: it needs those of one share at least, {EXAMPLE}")
        for what, text in (("unit", self.unit), ("note", self.note)):
            if not isinstance(text, str):
                raise InputError(f"a profile's {what} is {text!r}, but must be text")
        check_seconds("begin", self.begin)
        shares = [slots for slots, _ in self.seconds]
        if any(a >= b for a, b in pairwise(shares)):
            raise InputError(f"a profile names the slots {shares}, but they must rise, each once")
        _scaling(dict(self.seconds))

    @property
    def shares(self) -> tuple[int, ...]:
        """The numbers of slots that were measured, rising."""
        return tuple(slots for slots, _ in self.seconds)

    @property
    def base(self) -> float:
        """Seconds per unit on the fewest slots that were measured."""
        return self.seconds[0][1]

    @property
    def scaling(self) -> Scaling:
        """How much faster more slots are than the fewest that were measured; fewer must not be asked for."""
        return _scaling(dict(self.seconds))

    @property
    def restarts(self) -> dict[str, Any]:
        """What the allocation `fill` can be told: seconds per unit by slots, as pairs, and seconds of a restart."""
        return {"scaling": [list(pair) for pair in self.scaling.seconds], "restart": self.overhead.restart}

    @property
    def slower(self) -> list[tuple[int, int]]:
        """Neighbouring shares of which the larger is slower, as (fewer, more)."""
        return [(few, more) for (few, took), (more, takes) in pairwise(self.seconds) if takes > took]

    def check_share(self, slots: int) -> None:
        """Raise InputError for a share below or above those measured: nobody knows what a unit takes there."""
        low, high = self.shares[0], self.shares[-1]
        if not low <= slots <= high:
            measured = str(low) if low == high else f"{low} to {high}"
            raise InputError(
                f"a trial is to have {slots} slots (divide), but the profile holds what {measured} take: measure more"
                " with rungwise profile --slots"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in a file."""
        return {
            "seconds_per_unit": dict(self.seconds), **asdict(self.overhead), "begin": self.begin, "unit": self.unit,
            "note": self.note,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Profile":
        """What `to_json` gave, or somebody wrote; raises InputError for an unknown key, or a value out of range."""
        for key in data:
            if key not in KEYS:
                raise InputError(
                    f"a profile has the key {key!r}, which it does not know: its keys are {', '.join(KEYS)}"
                )
        seconds = data.get("seconds_per_unit")
        if not isinstance(seconds, Mapping):
            raise InputError(f"a profile's seconds_per_unit is {seconds!r}, but must be seconds by slots, {EXAMPLE}")
        by_slots = _checked({_slots(key): took for key, took in seconds.items()})
        overhead = Overhead(**{key: data[key] for key in ("startup", "load", "save") if key in data})
        others = {key: data[key] for key in ("begin", "unit", "note") if key in data}
        return cls(tuple(sorted(by_slots.items())), overhead, **others)


def _checked(seconds: Mapping[Any, float]) -> dict[int, float]:
    return {check_whole("a number of slots in a profile", slots, 1): took for slots, took in seconds.items()}


def _scaling(seconds: Mapping[int, float]) -> Scaling:
    """The simulator's scaling, in which the fewest slots that were measured stand for one."""
    checked = _checked(seconds)
    return Scaling.of({1: checked[min(checked)], **checked})


def _slots(key: object) -> object:
    """A key of a file: JSON has only texts."""
    return int(key) if isinstance(key, str) and key.isdecimal() else key


def read_profile(path: str | Path) -> Profile:
    """The profile in a YAML or JSON file; raises InputError where there is none, or it breaks a rule."""
    data = read_mapping(Path(path), "a profile")
    try:
        return Profile.from_json(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def check_target(path: str | Path) -> None:
    """Raise InputError where no profile can be written: before it is measured."""
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"the profile cannot be written to {str(path)!r}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise InputError(f"the profile cannot be written to {str(path)!r}: there is a folder of that name")


def write_profile(profile: Profile, path: str | Path) -> None:
    """Write a profile: JSON if the name ends in .json, else YAML. Raises InputError where it cannot be written."""
    import yaml

    data, target = profile.to_json(), Path(path)
    as_json = target.suffix.lower() == ".json"
    text = json.dumps(data, indent=2) + "\n" if as_json else yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"the profile cannot be written to {str(path)!r}: {error.strerror}") from None
