"""The two ways to say what a trial runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rungwise.trial.trial import Trial


@dataclass(frozen=True, slots=True)
class FunctionTraining:
    """A function that takes a Trial; another process must be able to import it."""

    function: Callable[[Trial], object]


@dataclass(frozen=True, slots=True)
class ScriptTraining:
    """A Python script (`.py`) or any executable, with its own arguments.

    `config_as`: how it gets its configuration besides the JSON file that RUNGWISE_CONFIG names: "args" puts it where
    the command has placeholders (`{lr}`; `{config}` is the file), or appends `--lr 0.1 …` where it has none; "env" sets
    `RUNGWISE_HP_LR` and so on; "json" adds nothing.
    """

    command: tuple[str, ...]
    config_as: Literal["args", "env", "json"] = "args"


Training = FunctionTraining | ScriptTraining
