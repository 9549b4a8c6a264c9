"""The tuner's side of the launcher and the reaper: start children, signal them, hear when they are gone."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rungwise.backends.local import reaper
from rungwise.backends.local.causes import describe_exit
from rungwise.backends.local.output import tail
from rungwise.core.errors import InputError
from rungwise.trial.channel import CHUNK, Lines, decode, encode
from rungwise.trial.environment import PREFIX

PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Exit:
    """A child is gone, and its process group with it: its exit code, or minus the signal that killed it.

    `oom`: whether the kernel killed a process for want of memory meanwhile (None: it does not say).
    """

    key: int
    status: int
    oom: bool | None = None


class Processes:
    """Children of a launcher, watched over by a reaper. However this process ends, none of them is left.

    `environment` is added to our own for the launcher and all children; `function` is what `functions.pack` made (None:
    scripts are run); `holding` are descriptors that the reaper keeps open until all are gone. Raises InputError if the
    function cannot be imported there.
    """

    __slots__ = ("_alive", "_end", "_launcher", "_lines", "_output", "_ready", "_reaper", "closed")

    def __init__(
        self, environment: Mapping[str, str], function: Mapping[str, Any] | None, holding: Sequence[int] = ()
    ) -> None:
        self.closed = False
        self._lines = Lines()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._end, theirs = socket.socketpair()
        self._alive = -1
        self._ready = False
        self._launcher: subprocess.Popen[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        try:
            with theirs:
                self._start(theirs.fileno(), {**_outer_environment(), **environment}, holding)
            with suppress(ConnectionError):
                self._end.sendall(encode({"function": function}))
            if function is not None:
                self._wait_until_ready(function["name"])
            self._ready = True
        except BaseException:
            self.close()
            raise

    def _start(self, link: int, environment: Mapping[str, str], holding: Sequence[int]) -> None:
        alive, self._alive = os.pipe()
        registering, register = os.pipe()
        code = (
            f"import sys; sys.path[:] = {_search_path()!r};"
            f" from rungwise.backends.local.launcher import main; main({link}, {register})"
        )
        try:
            self._reaper = subprocess.Popen(
                [sys.executable, "-I", "-S", reaper.__file__, str(alive), str(registering)],
                pass_fds=(alive, registering, *holding),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._launcher = subprocess.Popen(
                [sys.executable, "-c", code], pass_fds=(link, register), env=environment,
                stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output, start_new_session=True,
            )  # fmt: skip
        finally:
            for descriptor in (alive, registering, register):
                os.close(descriptor)

    def fileno(self) -> int:
        """For a selector: becomes readable when `receive` has something to tell."""
        return self._end.fileno()

    def spawn(
        self,
        key: int,
        argv: Sequence[str] | None,
        env: Mapping[str, str],
        descriptors: Mapping[str, int],
        *,
        once: bool,
    ) -> None:
        """Start a child, to be known as `key`: a program, or with `argv` None the training function.

        What its `descriptors` are is told by their names (see the launcher).
        """
        data = encode(
            {"spawn": key, "argv": argv, "env": dict(env), "once": once, "descriptors": list(descriptors)}
        )  # fmt: skip
        with suppress(ConnectionError):
            sent = socket.send_fds(self._end, [data], list(descriptors.values()))
            self._end.sendall(data[sent:])

    def signal(self, key: int, number: int) -> None:
        """Send a signal to a child, SIGKILL to its whole process group; no harm if it is gone."""
        with suppress(ConnectionError):
            self._end.sendall(encode({"signal": key, "number": int(number)}))

    def receive(self) -> list[Exit]:
        """The children that are gone; never waits. Sets `closed` if the launcher itself has died."""
        exits: list[Exit] = []
        for message in self._read(socket.MSG_DONTWAIT):
            match message:
                case {"exit": int(key), "status": int(status), "oom": bool() | None as oom}:
                    exits.append(Exit(key, status, oom))
        return exits

    def post_mortem(self) -> str:
        """How the launcher died."""
        status = _wait(self._launcher) if self._launcher is not None else 0
        last_words = tail(self._output)
        return f"{describe_exit(status)}{f': {last_words}' if last_words else ''}"

    def close(self) -> None:
        """End every child and wait until they are gone."""
        self.closed = True
        self._end.close()
        if self._launcher is not None:
            if not self._ready:  # it may be busy with the user's imports
                self._launcher.kill()
            _wait(self._launcher)
        if self._alive >= 0:
            os.close(self._alive)
            self._alive = -1
        if self._reaper is not None:
            _wait(self._reaper)
        self._output.close()

    def _wait_until_ready(self, name: str) -> None:
        while not self.closed:
            for message in self._read(0):
                match message:
                    case {"refused": str(sentence)}:
                        raise InputError(sentence)
                    case {"ready": _}:
                        return
        raise InputError(
            f"the training function {name!r} cannot be imported by another process, which died of it:"
            f" {self.post_mortem()}"
        )

    def _read(self, flags: int) -> list[dict[str, Any]]:
        try:
            data = self._end.recv(CHUNK, flags)
        except BlockingIOError:
            return []
        except ConnectionError:
            data = b""
        self.closed = not data
        return [message for line in self._lines.feed(data) if (message := decode(line)) is not None]


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _outer_environment() -> dict[str, str]:
    """Our own environment, without what an outer tuner may have said to us."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


def _search_path() -> list[str]:
    """Our own sys.path, with the entries that mean "here" spelled out."""
    return [entry or str(Path.cwd()) for entry in sys.path]
