"""A program that knows nothing of Rungwise: it prints JSON lines and keeps its state where variables say."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType


def main() -> None:
    from faults.trainings import level_after, pass_time, read_state, write_state

    grandchild = subprocess.Popen(["sleep", "600"])
    config = json.loads(Path(os.environ["RUNGWISE_CONFIG"]).read_text())
    resource, level = int(os.environ["RUNGWISE_START"]), float(config["rough"])
    if resource:
        resource, level = read_state(Path(os.environ["RUNGWISE_LOAD"]))
    asked = False

    def leave(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, leave)
    while resource < int(os.environ["RUNGWISE_MILESTONE"]) and not asked:
        pass_time()
        resource, level = resource + 1, level_after(level)
        print(json.dumps({"resource": resource, "loss": config["floor"] + level}), flush=True)
    write_state(Path(os.environ["RUNGWISE_SAVE"]), resource, level)
    grandchild.kill()


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    main()
