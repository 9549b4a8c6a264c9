"""How fast the log is: records appended, synced to the disk, and read back. Run: python benchmarks/store.py [folder].

The store is made in the folder, by default the present one: what is measured is its disk.
"""

import sqlite3
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter, process_time

from _table import print_table
from rungwise.core.commands import Configuration, Launch
from rungwise.core.decisions import StartTrial
from rungwise.core.events import TrialPaused, TrialReported
from rungwise.core.protocols import Log
from rungwise.core.records import Record
from rungwise.store import MemoryLog, Store

ROUNDS = 3
CONFIGURATION: Configuration = {
    "activation": "relu",
    "batch_size": 64,
    "dropout": 0.25,
    "layers": 3,
    "lr": 0.0031622776601683795,
    "momentum": 0.9,
    "optimizer": "sgd",
    "width": 181,
}


def report(index: int) -> TrialReported:
    """The usual report: one metric, the one that is tuned for."""
    accuracy = 1.0 - 1.0 / (2.0 + index % 997)
    return TrialReported(index * 0.01, index % 4096, 1 + index % 81, -accuracy, {"val_accuracy": accuracy})


def mixed(count: int) -> list[Record]:
    """What a job leaves behind: a report, its end, the next decision and its launch."""
    records: list[Record] = []
    for index in range(count // 4):
        trial = index % 4096
        records += (
            report(index),
            TrialPaused(index * 0.01, trial, 1),
            StartTrial(trial, 3),
            Launch(trial, CONFIGURATION, 0, 3, 1, 123456789 + index),
        )
    return records


def append_all(log: Log, groups: Sequence[Sequence[Record]]) -> None:
    """Append group by group, each a transaction of its own."""
    for group in groups:
        log.append(group)


def in_groups(records: Sequence[Record], size: int) -> list[Sequence[Record]]:
    """The records, `size` by `size`."""
    return [records[start : start + size] for start in range(0, len(records), size)]


def best(count: int, rounds: Iterable[Callable[[], object]]) -> tuple[str, str]:
    """Records per second and per second of CPU, in the best round: the others tell what else the machine did."""
    wall, cpu = inf, inf
    for work in rounds:
        begin, begin_cpu = perf_counter(), process_time()
        work()
        wall, cpu = min(wall, perf_counter() - begin), min(cpu, process_time() - begin_cpu)
    return f"{count / wall:,.0f}/s", f"{count / cpu:,.0f}/s"


def measurements(store: Store) -> list[tuple[str, str, str, str]]:
    """Rows of the table: what, target, measured by the clock, by the CPU's clock."""
    jobs, reports = mixed(40_000), [report(index) for index in range(100_000)]

    def appending(stem: str, records: Sequence[Record], size: int) -> tuple[str, str]:
        groups = in_groups(records, size)
        logs = [store.create(store.free_name(stem), {"metric": "val_accuracy", "mode": "max"}) for _ in range(ROUNDS)]
        return best(len(records), [partial(append_all, log, groups) for log in logs])

    def reading(name: str, count: int) -> tuple[str, str]:
        return best(count, [lambda: deque(store.experiment(name).records(), maxlen=0)] * ROUNDS)

    # As the loop appends: all reports that have come while the last group was written, each group a synced commit.
    loop = [
        (
            f"append reports, groups of {size}",
            target,
            *appending(f"loop-{size}", reports[: min(400 * size, 40_000)], size),
        )
        for size, target in ((1, ""), (4, ""), (16, ""), (64, ">= 20,000/s"), (256, ">= 20,000/s"))
    ]
    memory = [partial(append_all, MemoryLog(), in_groups(jobs, 4)) for _ in range(ROUNDS)]
    rows = [
        *loop,
        ("append, groups of 4 (report, pause, start, launch)", "", *appending("small", jobs[:4000], 4)),
        ("append, groups of 400, reports", "", *appending("reports", reports, 400)),
        ("append, groups of 400, a quarter of each", "", *appending("mixed", jobs, 400)),
        ("append in memory, groups of 4", "", *best(len(jobs), memory)),
        ("read back, reports", ">= 100,000/s", *reading("reports-1", len(reports))),
        ("read back, a quarter of each", ">= 100,000/s", *reading("mixed-1", len(jobs))),
    ]
    records = sum(1 for name in store.names() for _ in store.experiment(name).records())
    rows.append(("size of the file", "", f"{store.path.stat().st_size / records:.0f} bytes/record", ""))
    return rows


def disk_of(folder: Path) -> str:
    """The disk and the kind of file system that hold a folder, where Linux tells."""
    mounts = Path("/proc/mounts")
    if not mounts.exists():
        return "unknown disk"
    fields = [line.split(" ") for line in mounts.read_text().splitlines()]
    device, where, kind, *_ = max(
        (each for each in fields if folder.resolve().is_relative_to(each[1])), key=lambda each: len(each[1])
    )
    return f"{device} on {where}, {kind}"


def main() -> None:
    """Measure in a temporary folder and print the table."""
    begin = perf_counter()
    place = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    with tempfile.TemporaryDirectory(dir=place) as folder, Store.open(Path(folder) / "speed.db", create=True) as store:
        rows = measurements(store)
    print_table([(what, target, f"{wall:<14} {cpu and f'({cpu} of CPU)'}") for what, target, wall, cpu in rows])
    print(f"disk: {disk_of(place)}; every append is a commit that is synced to it")
    print(f"SQLite {sqlite3.sqlite_version}, one core used; best of {ROUNDS}; took {perf_counter() - begin:.1f} s")


if __name__ == "__main__":
    main()
