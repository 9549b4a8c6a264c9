"""A script that asks for its trial; it starts a process of its own, which must not outlive it."""

import subprocess
import sys
from pathlib import Path

import rungwise as rw

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)
    from faults.trainings import train

    grandchild = subprocess.Popen(["sleep", "600"])
    train(rw.current_trial())
    grandchild.kill()
