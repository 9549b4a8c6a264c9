"""The command line as these tests use it: real processes, whose words and exit codes are looked at."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRAININGS = Path(__file__).parent / "trainings"
PROGRAM = Path(sys.executable).parent / "rungwise"
DEADLINE = 60  # seconds; never reached unless something hangs


@dataclass(frozen=True, slots=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The JSON that it printed, in which there may be no NaN and no infinity."""
        return json.loads(self.out, parse_constant=_refuse)


Cli = Callable[..., Done]


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def environment(**more: str) -> dict[str, str]:
    """This process's environment, without what a tuner around the tests would have put there."""
    return {**{key: value for key, value in os.environ.items() if not key.startswith("RUNGWISE_")}, **more}


def run(folder: Path, *command: str | Path, **env: str) -> Done:
    """Run a command in a folder to its end."""
    done = subprocess.run(
        command, cwd=folder, env=environment(**env), capture_output=True, text=True, timeout=DEADLINE, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


def rungwise(folder: Path, *arguments: str | Path, **env: str) -> Done:
    """Run `rungwise …` in a folder to its end."""
    return run(folder, PROGRAM, *arguments, **env)


def lines(text: str) -> list[str]:
    """The lines that hold something."""
    return [line for line in text.splitlines() if line.strip()]


def sentence(done: Done) -> str:
    """The one sentence on standard error, told by an exit code of 2."""
    assert done.code == 2, done
    (only,) = lines(done.err)
    assert only.startswith("rungwise: ")
    assert "Traceback" not in done.out
    return only.removeprefix("rungwise: ")


class Under:
    """A command that is under way, in a process group of its own, as a terminal starts it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.out = ""

    def wait_for(self, text: str) -> None:
        """Read what it prints until `text` is among it."""
        while text not in self.out:
            assert self._read(), f"{text!r} was not printed: {self.out}"

    def interrupt(self) -> None:
        """Do what Ctrl-C in a terminal does: send SIGINT to the whole group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def done(self) -> Done:
        """Wait for its end."""
        while self._read():
            pass
        assert self.process.stderr is not None
        error = self.process.stderr.read().decode()
        return Done(self.process.wait(DEADLINE), self.out, error)

    def _read(self) -> bool:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        assert select.select([descriptor], [], [], DEADLINE)[0], f"nothing happens any more: {self.out}"
        data = os.read(descriptor, 1 << 16)
        self.out += data.decode()
        return bool(data)


@contextmanager
def under_way(folder: Path, *arguments: str | Path) -> Iterator[Under]:
    """Start `rungwise …`; it is killed if it still runs in the end."""
    with subprocess.Popen(
        (PROGRAM, *arguments), cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            yield Under(process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A trial that waits at the gate before it trains a unit; `pids` are its process and its parent."""

    trial: int
    unit: int
    pids: tuple[int, int]


class Gate:
    """Holds back the training `gated`: each of its units needs a token, and says before that it waits."""

    def __init__(self, folder: Path) -> None:
        self._ends = []
        for name in ("gate", "said"):
            os.mkfifo(folder / name)
            # Both ways, so that no end is ever missing.
            self._ends.append(os.open(folder / name, os.O_RDWR | os.O_NONBLOCK))
        self._rest = b""

    def let_pass(self, units: int) -> None:
        """Let so many units be trained."""
        os.write(self._ends[0], b"." * units)

    def waiting(self, count: int) -> list[Waiting]:
        """The next `count` trials to say that they wait."""
        while self._rest.count(b"\n") < count:
            assert select.select([self._ends[1]], [], [], DEADLINE)[0], "no trial comes to the gate"
            self._rest += os.read(self._ends[1], 1 << 16)
        *said, self._rest = self._rest.split(b"\n", count)
        found = [tuple(map(int, each.split())) for each in said]
        return [Waiting(trial, unit, (pid, parent)) for trial, unit, pid, parent in found]

    def close(self) -> None:
        """Let go of both ends."""
        for end in self._ends:
            os.close(end)


def trained(folder: Path) -> list[tuple[int, int]]:
    """Every (trial, unit) that was trained in a folder, sorted."""
    return sorted((int(trial), int(unit)) for trial, unit in map(str.split, lines((folder / "trained").read_text())))


def handles_of(pids: set[int]) -> set[int]:
    """Handles of those processes that are still there."""
    handles = set()
    for pid in pids:
        with suppress(ProcessLookupError):
            handles.add(os.pidfd_open(pid))
    return handles


def wait_until_gone(handles: set[int]) -> None:
    """Wait until none of these processes is left."""
    left = set(handles)
    while left:
        over, _, _ = select.select(list(left), [], [], DEADLINE)
        assert over, "a process is left"
        left -= set(over)
    for handle in handles:
        os.close(handle)
