"""How long `rungwise paper` takes: everything on one table, and ASHA and PASHA on all tasks of LCBench.

LCBench's table is read from the folder that RUNGWISE_DATA names; without it, the second is left out.
"""

import subprocess
import sys
from pathlib import Path
from time import monotonic

from _table import print_table
from rungwise.benchmarks import names

PROGRAM = Path(sys.executable).parent / "rungwise"


def seconds(*arguments: str) -> str:
    """Wall time of a command."""
    begun = monotonic()
    subprocess.run([str(PROGRAM), *arguments], check=True, capture_output=True)
    return f"{monotonic() - begun:.1f} s"


def main() -> None:
    """Measure and print."""
    rows = [("the whole paper on the table digits, 15 repetitions", "< 60 s", seconds("paper", "digits"))]
    tasks = [name for name in names() if name.startswith("lcbench/")]
    if tasks:
        rows.append(
            (
                f"{len(tasks)} tasks of LCBench, 15 repetitions",
                "< 60 s",
                seconds("paper", "lcbench/*", "--only", "main"),
            )
        )
        rows.append(("the whole paper on lcbench/adult, 15 repetitions", "< 60 s", seconds("paper", "lcbench/adult")))
    else:
        rows.append(
            ("LCBench, 15 repetitions", "< 60 s", "not measured: RUNGWISE_DATA names no folder with lcbench.npz")
        )
    print_table(rows)


if __name__ == "__main__":
    main()
