"""How every benchmark prints: what, target, measured, and on which machine."""

import os
import platform
from collections.abc import Sequence


def print_table(rows: Sequence[tuple[str, str, str]]) -> None:
    """Print aligned rows of what was measured, its target and the measurement, under a line about the machine."""
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    table = [("what", "target", "measured"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(2)]
    for what, target, measured in table:
        print(f"{what:<{widths[0]}}  {target:<{widths[1]}}  {measured}")
