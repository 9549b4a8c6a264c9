"""Make the table `digits` that comes with rungwise: `python examples/digits_table.py digits.npz`.

256 configurations of the network in examples/digits.py, each trained for 81 epochs, with the seconds that every epoch
took. Four to five minutes on two cores; let nothing else run meanwhile. The curves are the same wherever scikit-learn
computes alike, the seconds are your machine's.
"""

import sys
import tempfile
from pathlib import Path

import rungwise as rw
from digits import SPACE, train
from rungwise.benchmarks import save
from rungwise.comparison.recorded import recorded_table


def main(file: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        every = rw.tune(
            train, SPACE, metric="val_accuracy", mode="max", max_resource=81, scheduler="fifo", trials=256,
            workers=2, seed=0, unit="epochs", name="digits", store=Path(folder) / "digits.db", watch=rw.LiveView,
        )  # fmt: skip
        save(recorded_table(every), file)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "digits.npz")
