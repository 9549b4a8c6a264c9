"""Which space a table's configurations were drawn from: written down for the shared tables, inferred for others.

1. What is published says which ranges there are, and the columns themselves on which scale they were drawn: a column
   whose quartiles lie evenly on a log scale has one. Bounds are those of the draws, the rows' rounded outwards.
2. A column that follows from others (steps from passes and batch size), or is even only in terms of another (1 - beta,
   a share of the horizon), is no hyperparameter to search. What takes its place is a column derived from it.
3. Where no space is known it is inferred, column by column, over all rows: text, true and false, and columns of more
   than one kind are choices; numbers are a range from the least to the largest, whole where all are, on a log scale
   where all are positive, the largest is a thousand times the least or more, and half of them lie below a tenth of the
   largest (which of even draws from 0 to 1 they do not, however near to 0 the least has come).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rungwise.benchmarks.table import Table
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError
from rungwise.space import Space, parse
from rungwise.space.domain import Scalar

DECADES = 1000


@dataclass(frozen=True, slots=True)
class Published:
    """A benchmark's space in the short form, and the columns that are derived from the recorded ones."""

    space: Mapping[str, Any]
    derived: Mapping[str, Callable[[Mapping[str, Any]], float]] = field(default_factory=dict)

    def described(self, configs: Sequence[Configuration]) -> tuple[list[Configuration], Space | None]:
        """The configurations with the derived columns; without them, and with no space, where a column is missing."""
        recorded = self.space.keys() - self.derived.keys()
        if not all(recorded <= config.keys() for config in configs):
            return list(configs), None
        more: list[Configuration] = [
            {**config, **{name: derive(config) for name, derive in self.derived.items()}} for config in configs
        ]
        return more, parse(self.space)


# Zimmer et al. 2021, table 1; momentum was drawn on a log scale and num_layers from 1 to 4, as the columns show.
LCBENCH = Published(
    {
        "batch_size": (16, 512, "log"),
        "learning_rate": (1e-4, 1e-1, "log"),
        "momentum": (0.1, 0.99, "log"),
        "weight_decay": (1e-5, 1e-1),
        "num_layers": (1, 4),
        "max_units": (64, 1024, "log"),
        "max_dropout": (0.0, 1.0),
    }
)
# Lourie et al. 2024: the learning rate peaks somewhere in the first 80 % of the epochs.
ALEXNET = Published(
    {
        "epochs": (20, 100),
        "batch_size": {"choices": [128, 256, 512, 1024], "ordered": True},
        "lr": (5e-3, 50.0, "log"),
        "lr_peak_share": (0.0, 0.8),
        "momentum": (0.7, 1.0),
        "weight_decay": (1e-6, 1e-3, "log"),
        "label_smoothing": (0.0, 0.5),
    },
    {"lr_peak_share": lambda config: config["lr_peak_epoch"] / config["epochs"]},
)
# Lourie et al. 2024: warm-up lasts up to 60 % of the first pass; the steps follow from passes and batch size.
DEBERTA = Published(
    {
        "num_train_epochs": (1, 4),
        "train_batch_size": (16, 64),
        "learning_rate": (1e-6, 1e-3, "log"),
        "warmup_share": (0.0, 0.6),
        "cls_drop_out": (0.0, 0.3),
    },
    {"warmup_share": lambda config: config["warmup_steps"] * config["num_train_epochs"] / config["total_model_steps"]},
)
# Metz et al. 2020, Adam with eight hyperparameters: it is 1 - beta that was drawn on a log scale.
TASKSET = Published(
    {
        "learning_rate": (1e-8, 10.0, "log"),
        "one_minus_beta1": (1e-4, 1.0, "log"),
        "one_minus_beta2": (1e-6, 1.0, "log"),
        "epsilon": (1e-10, 1e3, "log"),
        "l1": (1e-8, 10.0, "log"),
        "l2": (1e-8, 10.0, "log"),
        "linear_decay": (1e-7, 1e-4, "log"),
        "exponential_decay": (1e-6, 1e-3, "log"),
    },
    {
        "one_minus_beta1": lambda config: 1.0 - config["beta1"],
        "one_minus_beta2": lambda config: 1.0 - config["beta2"],
    },
)


def space_of(table: Table) -> Space:
    """A table's own space, else the one inferred from its configurations (rule 3).

    Raises InputError where it has no configurations, or where a column holds what no space can.
    """
    configs = configs_of(table)
    return _inferred(configs) if table.space is None else table.space


def configs_of(table: Table) -> Sequence[Configuration]:
    """A table's configurations; raises InputError where it has none."""
    if table.configs is None:
        raise InputError(
            f"the table {table.name!r} does not say which configurations its rows are, so no searcher can learn from"
            " it: give them as configs (see rungwise.Table)"
        )
    return table.configs


def _inferred(configs: Sequence[Configuration]) -> Space:
    names = dict.fromkeys(name for config in configs for name in config)
    return parse({name: _column([config[name] for config in configs if name in config]) for name in names})


def _column(values: Sequence[Scalar]) -> Any:
    """One hyperparameter in the short form."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return {"choices": sorted(set(values), key=lambda value: (type(value).__name__, str(value)))}
    low, high = min(numbers), max(numbers)
    if low == high:
        return low
    whole = all(isinstance(number, int) for number in numbers)
    bounds = (low, high) if whole else (float(low), float(high))
    return {"range": list(bounds), "log": low > 0 and high >= DECADES * low and median(numbers) < high / 10}
