"""What is compared: schedulers with their settings, under the names that results print."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rungwise.api.choosing import completed, is_auto
from rungwise.core.errors import InputError
from rungwise.core.protocols import Scheduler
from rungwise.schedulers.named import RESOURCES, make_scheduler


@dataclass(frozen=True, slots=True)
class Method:
    """A scheduler to compare. `settings` are those of `make_scheduler`; None: a random configuration, not trained.

    `against` names the method whose time a speedup is relative to ("": none is given).
    """

    name: str
    settings: Mapping[str, Any] | None
    against: str = ""

    def scheduler(self) -> Scheduler:
        """A fresh scheduler; raises InputError where the settings are not right, and for the random baseline."""
        if self.settings is None:
            raise InputError(f"{self.name!r} trains nothing, so it has no scheduler")
        return make_scheduler(self.settings)


def parse_method(text: str, resources: Mapping[str, int], trials: int, seed: int) -> Method:
    """A method from a name and options, as in "pasha,rule=quantile,ranking=fixed,ranking.epsilon=0.02".

    `resources` are min_resource, max_resource and eta, unless options say otherwise; `trials` is how many
    configurations there are, `seed` that of schedulers which draw. "auto" is called by what it comes to as well. Raises
    InputError for an unknown name or option, or a value out of range.

    >>> parse_method("asha,rule=quantile,eta=4", {"min_resource": 1, "max_resource": 81, "eta": 3}, 256, 0).settings
    {'name': 'asha', 'rule': 'quantile', 'min_resource': 1, 'max_resource': 81, 'eta': 4}
    """
    options = scheduler_options(text)
    given = {key: options.pop(key) for key in RESOURCES if key in options}
    settings = completed(options, {**resources, **given}, trials, seed)
    method = Method(f"{text} ({settings['name']})" if is_auto(options) else text, settings)
    method.scheduler()
    return method


def scheduler_options(text: str) -> dict[str, Any]:
    """A scheduler's name and options as a mapping, with those of its ranking function as one of their own.

    >>> scheduler_options("pasha,ranking=fixed,ranking.epsilon=0.02")
    {'name': 'pasha', 'ranking': {'name': 'fixed', 'epsilon': 0.02}}
    """
    options = options_of(text, "scheduler", "rule=quantile")
    for key in [key for key in options if key.startswith("ranking.")]:
        ranking = options.get("ranking", "auto")
        named = dict(ranking) if isinstance(ranking, Mapping) else {"name": ranking}
        options["ranking"] = {**named, key.removeprefix("ranking."): options.pop(key)}
    return options


def options_of(text: str, what: str, example: str) -> dict[str, Any]:
    """A name and options, as in "asha,rule=quantile", as a mapping; raises InputError where an option has no value.

    `what` the name is of, and an option's `example`, are for the message. Values are numbers, true or false where they
    read as such.

    >>> options_of("kde,min_points=8", "searcher", "population=30")
    {'name': 'kde', 'min_points': 8}
    """
    name, *words = text.split(",")
    options: dict[str, Any] = {"name": name.strip()}
    for word in words:
        key, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not key or not value:
            raise InputError(f"{what} {text!r} has {word!r} where an option such as {example} should stand")
        options[key] = _plain(value)
    return options


def _plain(text: str) -> bool | int | float | str:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
