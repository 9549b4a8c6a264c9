"""Runs kept in a file as they are done: a contest that was interrupted, or gets another searcher, goes on from there.

1. A line of JSON for each run: which it is, on what table and with which settings, its steps and its outcome.
2. A run is taken over only where all of these are the same, the version of this program and the table's numbers too. A
   searcher that was changed without a new version is not noticed: take the file away.
3. A line that is torn, as the last one may be after a crash, is passed over; so every line begins with its line break.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from rungwise.comparison.contest import Contest, Run
from rungwise.comparison.outcomes import Outcome
from rungwise.comparison.traces import Step, Trace
from rungwise.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Kept:
    """The runs of a contest in a file, which need not be there yet; `version` is this program's."""

    path: Path
    contest: Contest
    version: str

    def read(self) -> dict[Run, Trace]:
        """The runs of this contest that the file holds; raises InputError where it cannot be read."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path} cannot be read as the runs of a contest ({error}): take it away") from error
        marks = self._marks()
        found = [run_and_trace for line in lines if (run_and_trace := _read(line, marks)) is not None]
        return dict(found)

    def add(self, traces: Mapping[Run, Trace]) -> None:
        """Append runs; raises InputError where the file cannot be written."""
        marks = self._marks()
        try:
            with self.path.open("a", encoding="utf-8") as file:
                for run, trace in traces.items():
                    line = {"run": asdict(run), "mark": marks[run.table], **asdict(trace)}
                    file.write(f"\n{json.dumps(line)}")
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}") from error

    def _marks(self) -> dict[str, list[Any]]:
        """By the table's name: what has to be the same for a run to be the same, besides what it is called."""
        contest = self.contest
        setting = contest.setting
        chosen = [self.version, setting.trials, setting.workers, setting.seed, setting.stop, contest.eta]
        return {
            name: [*chosen, *(crc32(each.tobytes()) for table in variants for each in (table.values, table.seconds))]
            for name, variants in zip(contest.names, contest.tables, strict=True)
        }


def _read(line: str, marks: Mapping[str, list[Any]]) -> tuple[Run, Trace] | None:
    """A line's run; None for one of another contest, or a torn one."""
    try:
        data = json.loads(line)
        run = Run(**data["run"])
        if data["mark"] != marks.get(run.table):
            return None
        return run, Trace(tuple(Step(**step) for step in data["steps"]), Outcome(**data["outcome"]))
    except (ValueError, TypeError, KeyError):
        return None
