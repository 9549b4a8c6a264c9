"""How a script is started: checked at once, given its configuration, and listened to."""

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rungwise.backends.local.jobs import Failed, Outcome, Returned, Running
from rungwise.backends.local.training import ScriptTraining
from rungwise.checkpoints.disk import is_full, size_of
from rungwise.checkpoints.folders import TooLargeError, checkpoint_folder, draft_folder, draft_place, drop, seal
from rungwise.core.commands import Configuration
from rungwise.core.errors import InputError
from rungwise.trial import environment as names
from rungwise.trial.channel import Message, decode
from rungwise.trial.job import Job

CONFIG_FILE = "config.json"
DRAFTED = b"\0the script has ended"
"""The last thing printed where a process stands by a script that may have left a checkpoint: all reports came before.

It must not overtake them, and so goes the way that they go.
"""
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def check_script(training: ScriptTraining) -> tuple[str, ...]:
    """The command with its program found: what to execute, whatever the working directory. Raises InputError."""
    if training.config_as not in ("args", "env", "json"):
        raise InputError(f"config_as is {training.config_as!r}, but must be 'args', 'env' or 'json'")
    if not training.command or not training.command[0]:
        raise InputError("the command is empty, but must name a script or a program")
    program, *arguments = training.command
    path = Path(program)
    if path.suffix == ".py":
        if not path.is_file():
            raise InputError(f"the script {program} is not there (looked for {path.absolute()})")
        if not os.access(path, os.R_OK):
            raise InputError(f"the script {program} cannot be read: check its permissions")
        return (sys.executable, str(path.absolute()), *arguments)
    if os.sep not in program:
        found = shutil.which(program)
        if found is not None:
            return (found, *arguments)
        if not path.exists():
            raise InputError(f"the program {program} is not there: it is neither on PATH nor in {Path.cwd()}")
        raise InputError(f"the program {program} is not on PATH: for the file in this folder, write ./{program}")
    if not path.is_file():
        raise InputError(f"the program {program} is not there (looked for {path.absolute()})")
    if not os.access(path, os.X_OK):
        raise InputError(
            f"the program {program} is not executable: chmod +x {program}, or put its interpreter before it"
        )  # fmt: skip
    return (str(path.absolute()), *arguments)


@dataclass(frozen=True, slots=True)
class Program:
    """What a job's processes execute (None: the training function), what is added to their environment, and the folder
    where they may leave a checkpoint.
    """

    argv: Sequence[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    draft: Path | None = None


def program_for(script: ScriptTraining, job: Job, folder: Path) -> Program:
    """What runs a script for a job, whose trial has this folder where it runs; nothing is written."""
    draft = draft_place(folder, job.milestone)
    config_file = (folder / CONFIG_FILE).absolute()
    argv = arguments_for(script.command, script.config_as, job.config, config_file)
    return Program(argv, environment_for(job, script.config_as, folder, config_file, draft), draft)


def make_ready(job: Job, folder: Path) -> None:
    """Write a trial's configuration, and make the draft of its checkpoint, where a script finds them."""
    draft_folder(folder, job.milestone)
    write_config(job.config, folder / CONFIG_FILE)


def write_config(config: Configuration, file: Path) -> None:
    """Write a configuration as a script reads it."""
    file.write_text(json.dumps(dict(config), indent=2) + "\n", encoding="utf-8")


def arguments_for(
    command: tuple[str, ...], how: str, configuration: Configuration, config_file: Path
) -> list[str]:  # fmt: skip
    """The command line of one trial. A placeholder whose hyperparameter the configuration lacks is left as it is.

    >>> arguments_for(("train", "--rate={lr}"), "args", {"lr": 0.1, "k": 3}, Path("c.json"))
    ['train', '--rate=0.1']
    >>> arguments_for(("train",), "args", {"lr": 0.1, "nesterov": True}, Path("c.json"))
    ['train', '--lr', '0.1', '--nesterov', 'true']
    """
    values = {**{name: as_text(value) for name, value in configuration.items()}, "config": str(config_file)}
    filled = [PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), part) for part in command]
    if how != "args" or filled != list(command):
        return filled
    return [*filled, *(part for name in configuration for part in (f"--{name}", values[name]))]


def environment_for(job: Job, how: str, folder: Path, config_file: Path, draft: Path) -> dict[str, str]:
    """What `rungwise.trial.environment` says that a script gets, but for the channel."""
    environment = {
        names.TRIAL: str(job.trial),
        names.CONFIG: str(config_file),
        names.START: str(job.start),
        names.MILESTONE: str(job.milestone),
        names.MAX_RESOURCE: str(job.max_resource),
        names.SEED: str(job.seed),
        names.SLOTS: str(job.slots),
        names.SAVE: str(draft.absolute()),
        "PYTHONUNBUFFERED": "1",  # a Python script's lines would wait in its buffer
    }
    if job.storage is not None:
        environment[names.JOB] = json.dumps(job.message())
    if job.start:
        environment[names.LOAD] = str(checkpoint_folder(folder, job.start).absolute())
    if how == "env":
        environment |= {variable_for(name): as_text(value) for name, value in job.config.items()}
    return environment


def variable_for(name: str) -> str:
    """The variable that holds a hyperparameter.

    >>> variable_for("optimizer:weight-decay")
    'RUNGWISE_HP_OPTIMIZER_WEIGHT_DECAY'
    """
    return names.HYPERPARAMETER + "".join(c if c.isascii() and c.isalnum() else "_" for c in name.upper())


def as_text(value: bool | int | float | str) -> str:
    """A value as scripts read it: true and false, numbers without loss.

    >>> as_text(True), as_text(0.1), as_text("adam")
    ('true', '0.1', 'adam')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def reported_by(line: bytes) -> Message | None:
    """The report in a line of a script's output: a JSON object with a "resource"; None for any other line."""
    if b'"resource"' not in line or not line.lstrip().startswith(b"{"):
        return None
    message = decode(line)
    return message if message is not None and "resource" in message else None


def split_report(message: Mapping[str, object]) -> tuple[object, dict[str, object]]:
    """A line's resource, and its metrics."""
    metrics = dict(message)
    return metrics.pop("resource"), metrics


def take_draft(running: Running, outcome: Outcome, refused: Callable[[int, int], object]) -> Outcome:
    """Put the checkpoint that a script left, if it is wanted, into its place.

    `refused` hears of the trial and the bytes where it is larger than the room for it; it is then not kept. Where
    checkpoints are kept at a storage it has been put there already, by whoever stood by the script.
    """
    draft, resource = running.draft, running.reported
    if draft is None:
        return outcome
    wanted = running.job.wants_checkpoint_at(resource) or running.asked == "pause"
    try:
        at_once = running.job.storage is None
        if at_once and isinstance(outcome, Returned) and resource and wanted and running.drafted:
            seal(draft, running.folder, resource, room=running.job.room)
            running.checkpoint = resource
    except TooLargeError as error:
        refused(running.job.trial, error.size)
    except OSError as error:
        if is_full(error, draft):
            running.full = (resource, size_of(draft))
        return Failed("checkpoint", f"its checkpoint could not be kept: {error}")
    finally:
        drop(draft)
    return outcome
