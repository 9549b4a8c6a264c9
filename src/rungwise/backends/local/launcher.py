"""The parent of every trial: a process of one thread, which imports the training once and forks.

The tuner asks over a socket: `{"spawn": key, "argv": […] or null, "env": {…}, "once": true, "descriptors": […]}` with
the child's descriptors, and their names in this list: "channel", "output", for a script "printed", which takes what it
prints, among ranks "before" and "after" (see `rungwise.trial.ranks`); and `{"signal": key, "number": 15}`.
It answers `{"ready": true}` or `{"refused": sentence}` at first, then `{"exit": key, "status": code}` once a child is
gone, its whole process group with it; `"oom": true` if the kernel killed a process for want of memory meanwhile, null
where it does not count them. When the tuner's end closes, every child is killed.
"""

import atexit
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rungwise.backends.local.functions import unpack
from rungwise.backends.local.memory import OomKills
from rungwise.backends.local.reaper import end_group
from rungwise.backends.local.worker import serve
from rungwise.core.errors import InputError
from rungwise.trial.channel import CHUNK, Channel, Lines, Message, decode, encode
from rungwise.trial.environment import CHANNEL, JOB, LINE
from rungwise.trial.job import Job
from rungwise.trial.ranks import Line

MAX_DESCRIPTORS = 64
PR_SET_PDEATHSIG = 1
HIGH = 64  # shell scripts use the low descriptors by number


def main(link: int, register: int) -> None:
    """Run the launcher on these two descriptors, until the tuner is gone."""
    os.write(register, b"+%d\n" % os.getpid())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    end = socket.socket(fileno=link)
    inbox = Inbox(end)
    setup = inbox.wait_for_one()
    if setup is None:
        return
    function = None
    if setup.get("function") is not None:
        try:
            function = unpack(setup["function"])
        except InputError as error:
            end.sendall(encode({"refused": str(error)}))
            return
        _buffer_by_lines()
    end.sendall(encode({"ready": True}))
    gc.collect()
    gc.freeze()  # forks then share what is there
    # Only now: user code may have set its own.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing)
    Launcher(end, inbox, register, reading, writing, function).run()


class Inbox:
    """Messages that come with descriptors over a socket."""

    __slots__ = ("_arrived", "_end", "_lines", "closed", "descriptors")

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = Lines()
        self._arrived: deque[Message] = deque()
        self.descriptors: deque[int] = deque()
        self.closed = False

    def read(self) -> None:
        """Take in what one read gives; waits for something."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._end, CHUNK, MAX_DESCRIPTORS)
        except ConnectionError:
            data, descriptors = b"", []
        self.closed = not data
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
            self.descriptors.append(descriptor)
        self._arrived.extend(message for line in self._lines.feed(data) if (message := decode(line)) is not None)

    def take(self) -> Message | None:
        """The next message that has been taken in, if any."""
        return self._arrived.popleft() if self._arrived else None

    def wait_for_one(self) -> Message | None:
        """The next message, or None if there is nobody to send it."""
        while not self._arrived and not self.closed:
            self.read()
        return self.take()


@dataclass(slots=True)
class Launcher:
    """Forks children on request and tells when they are gone."""

    end: socket.socket
    inbox: Inbox
    register: int
    waking: int
    waker: int
    function: Callable[..., object] | None
    children: dict[int, int] = field(default_factory=dict)
    oom_kills: OomKills = field(default_factory=OomKills)
    before: dict[int, int] = field(default_factory=dict)  # each child's: how many there were when it began

    def run(self) -> None:
        """Serve until the tuner is gone, then end every child."""
        poll = select.poll()
        poll.register(self.end, select.POLLIN)
        poll.register(self.waking, select.POLLIN)
        self.obey_all()  # what came with the first message
        while not self.inbox.closed:
            for descriptor, _ in poll.poll():
                if descriptor == self.waking:
                    with suppress(BlockingIOError):
                        os.read(self.waking, CHUNK)
                    self.reap()
                else:
                    self.inbox.read()
                    self.obey_all()
        for pid in self.children.values():
            end_child(pid)
        for pid in self.children.values():
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def obey_all(self) -> None:
        """Carry out what has been asked for."""
        while (message := self.inbox.take()) is not None:
            self.obey(message)

    def obey(self, message: Message) -> None:
        """Carry out one request."""
        match message:
            case {"spawn": int(key)}:
                descriptors = {name: self.inbox.descriptors.popleft() for name in message["descriptors"]}
                self.spawn(key, message, descriptors)
                for descriptor in descriptors.values():
                    os.close(descriptor)
            case {"signal": int(key), "number": int(number)} if key in self.children:
                if number == signal.SIGKILL:
                    end_child(self.children[key])
                else:
                    os.kill(self.children[key], number)

    def spawn(self, key: int, message: Mapping[str, Any], descriptors: Mapping[str, int]) -> None:
        """Fork a child."""
        before = self.oom_kills.lately()
        try:
            pid = os.fork()
        except OSError as error:
            say(descriptors["output"], f"no process could be started: {error.strerror}")
            self.tell({"exit": key, "status": 1, "oom": False})
            return
        if pid:
            self.children[key], self.before[key] = pid, before
            return
        status = 1
        try:
            self.be_child(message, descriptors)
            status = 0
        except BaseException:  # a child must never return into the launcher's loop
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def be_child(self, message: Mapping[str, Any], descriptors: Mapping[str, int]) -> None:
        """Become a trial's process: a session of its own, known to the reaper before any of its code runs."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        parent = os.getppid()
        os.setsid()
        with suppress(OSError):
            os.write(self.register, b"+%d\n" % os.getpid())
        die_with_parent(parent)
        for descriptor in (self.register, self.waking, self.waker, *self.inbox.descriptors):
            os.close(descriptor)
        self.end.close()
        os.dup2(descriptors.get("printed", descriptors["output"]), 1)
        os.dup2(descriptors["output"], 2)
        for name in descriptors.keys() & {"output", "printed"}:
            os.close(descriptors[name])
        channel, place = descriptors["channel"], (descriptors.get("before", -1), descriptors.get("after", -1))
        os.environ.update(message["env"])
        if message["argv"] is not None:
            run_script(message["argv"], channel, place)
        elif self.function is not None:
            line = None if place == (-1, -1) else Line(*place)
            serve(self.function, Channel(socket.socket(fileno=channel)), once=message["once"], line=line)
            # What an exit owes to the training's threads and handlers, without the interpreter's slow dismantling.
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()

    def reap(self) -> None:
        """Tell of the children that are gone, and end what they left behind."""
        for key, pid in list(self.children.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            # The number is free for others only once the group is empty, and then not for a long round of numbers.
            end_group(pid)
            with suppress(OSError):
                os.write(self.register, b"-%d\n" % pid)
            del self.children[key]
            code = os.waitstatus_to_exitcode(status)
            self.tell({"exit": key, "status": code, "oom": self.oom_kills.since(self.before.pop(key), code)})

    def tell(self, message: Mapping[str, Any]) -> None:
        """Answer the tuner; if it is gone, the next read says so."""
        with suppress(OSError):
            self.end.sendall(encode(message))


def end_child(pid: int) -> None:
    """Kill a child of ours that has not been waited for, and its group, which it may not have founded yet."""
    os.kill(pid, signal.SIGKILL)
    end_group(pid)


def run_script(argv: list[str], channel: int, place: tuple[int, int]) -> NoReturn:
    """Become a program, or what stands by one whose checkpoints are kept at a storage."""
    job = os.environ.pop(JOB, None)
    if job is not None:
        from rungwise.backends.local.guard import guard

        rank = int(os.environ["RANK"]) if place[0] >= 0 else 0
        guard(Job(**{**json.loads(job), "rank": rank}), channel, lambda: become_script(argv, channel, place))
    become_script(argv, channel, place)


def become_script(argv: list[str], channel: int, place: tuple[int, int]) -> NoReturn:
    """Replace this process by a program; `place` are its descriptors in the line of ranks."""
    os.environ[CHANNEL] = str(fcntl.fcntl(channel, fcntl.F_DUPFD, HIGH))
    if place != (-1, -1):
        high = (each if each < 0 else fcntl.fcntl(each, fcntl.F_DUPFD, HIGH) for each in place)
        os.environ[LINE] = ",".join(map(str, high))
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        say(2, f"{argv[0]} could not be run: {error.strerror}")
        os._exit(127)


def say(output: int, sentence: str) -> None:
    """Add a line to a trial's output, if the disk has room for it."""
    with suppress(OSError):
        os.write(output, f"rungwise: {sentence}\n".encode(errors="replace"))


def die_with_parent(parent: int) -> None:
    """Where the kernel offers it, die with the launcher, even where the reaper has been killed."""
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _buffer_by_lines() -> None:
    # What a trial printed before it was killed is then in its output.
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
