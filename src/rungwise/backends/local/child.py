"""One process that runs trials, as the tuner's side knows it."""

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from rungwise.backends.local.jobs import Outcome, Running
from rungwise.backends.local.output import tail, write
from rungwise.backends.local.processes import Exit
from rungwise.backends.local.scripts import DRAFTED, Program, reported_by
from rungwise.checkpoints.folders import trial_folder
from rungwise.trial.channel import CHUNK, Channel, Lines, Message
from rungwise.trial.job import Job

LONGEST_LINE = 16 << 20
CHUNKS = 64  # more than any pipe holds; somebody who escaped from the process group may print without end


def at_home(job: Job, home: Path | None) -> Job:
    """A job as it is told where the folders of trials are in `home` (None: where they are here)."""
    return job if home is None else replace(job, folder=str(trial_folder(home, job.trial)))


@dataclass(slots=True, eq=False)
class Child:
    """A process known to the launcher as `key`, with places on GPUs for `slots` slots.

    `once`: it runs one job and is gone. `output` is the file that it writes to, from `since` bytes on for this job.
    `printed` is the end of a pipe with what a script prints (-1: none); `connected` whether it speaks over its channel
    instead of in printed lines. `carried` is the end of a connection with what a process on another machine prints,
    which cannot write to the output itself (-1: none). `home` is where that machine has folders of its own for trials
    (None: it sees ours).

    Where a job runs in several ranks, each is a child. Rank 0, the `head` of the others, has the job (`running`);
    `ranks` are those that are not gone, the same list in all. `told` is what it said of its own end, `reports_too`
    whether a rank but 0 printed what would be a report there. `gone` is how its process ended, once it has.
    """

    key: int
    channel: Channel
    output: BinaryIO
    slots: int
    devices: tuple[str, ...]
    once: bool
    since: int = 0
    printed: int = -1
    carried: int = -1
    home: Path | None = None
    connected: bool = True
    rank: int = 0
    head: "Child | None" = None
    ranks: list["Child"] = field(default_factory=list)
    running: Running | None = None
    told: Outcome | None = None
    reports_too: bool = False
    closed: bool = False
    listened_to: bool = False
    gone: Exit | None = None
    over: set[int] = field(default_factory=set)
    _lines: Lines = field(default_factory=Lines)

    @property
    def foreign(self) -> bool:
        """Whether it is a script that has not asked for its trial: signals and printed lines are all it knows."""
        return not self.connected

    @property
    def silent(self) -> bool:
        """Whether all that its process had said has been heard, once that is gone; its last words may be on the way."""
        return self.carried < 0 or (self.channel.closed and {self.printed, self.carried} - {-1} <= self.over)

    def begin(self, job: Job, folder: Path, program: Program, *, ranked: bool) -> None:
        """Give it, and its other ranks, a job; `ranked` if it is one of ranks."""
        self.running = Running(
            job, folder, program.draft, checkpoint=job.start, ranks=len(self.ranks), afar=self.home is not None
        )  # fmt: skip
        for each in self.ranks:
            message = at_home(job, each.home).message()
            if program.argv is not None:
                del message["config"]  # it may be large, and the script may never read this; it is in the file
            if ranked:
                message["world_size"] = self.running.ranks
            each.send({"job": {**message, "rank": each.rank} if each.rank else message})

    def send(self, message: Message) -> None:
        """Tell it something; if it is gone, its exit says so."""
        with suppress(OSError):
            self.channel.send(message)
            self.channel.flush()

    def read_to_end(self) -> list[Message]:
        """The reports in all that is left to read, a last line without an end included."""
        reports: list[Message] = []
        self.catch_up()
        for _ in range(CHUNKS if self.printed >= 0 else 0):
            found = self.read_printed()
            if found is None:
                break
            reports += found
        rest = self._lines.take_rest()
        return reports + (self._sort([rest]) if rest else [])

    def read_printed(self) -> list[Message] | None:
        """The reports in what has been printed since; the rest goes to the output. None at the end of it."""
        data = self._read(self.printed)
        if data is None:
            return []
        reports = self._sort(self._lines.feed(data))
        if data and self._lines.waiting > LONGEST_LINE:
            write(self.output, self._lines.take_rest())
        return reports if data else None

    def read_carried(self) -> bool:
        """Write on what has been carried here since; False if there was nothing."""
        data = self._read(self.carried)
        if data:
            write(self.output, data)
        return bool(data)

    def catch_up(self) -> None:
        """Write on all that has been carried here so far."""
        for _ in range(CHUNKS if self.carried >= 0 else 0):
            if not self.read_carried():
                break

    def last_words(self) -> str:
        """The end of this job's output."""
        return tail(self.output, self.since)

    def close(self) -> None:
        """Let go of what belongs to it; the process itself is the launcher's."""
        self.closed = True
        self.channel.close()
        self.output.close()
        for descriptor in (self.printed, self.carried):
            if descriptor >= 0:
                os.close(descriptor)
        self.printed = self.carried = -1

    def _read(self, descriptor: int) -> bytes | None:
        """What can be read of what it printed; None: nothing now, and nothing at the end."""
        try:
            data = os.read(descriptor, CHUNK)
        except BlockingIOError:
            return None
        except OSError:  # whatever broke the connection
            data = b""
        if not data:
            self.over.add(descriptor)
        return data

    def _sort(self, lines: list[bytes]) -> list[Message]:
        reports: list[Message] = []
        ordinary: list[bytes] = []
        for printed in lines:
            line = printed.removesuffix(DRAFTED)
            report = reported_by(line) if self.foreign else None
            if report is not None and self.rank:
                report, self.reports_too = None, True
            if report is not None:
                reports.append(report)
            elif line or line == printed:
                ordinary.append(line + b"\n")
            if line != printed:
                reports.append({"drafted": True})
        if ordinary:
            write(self.output, b"".join(ordinary))
        return reports
