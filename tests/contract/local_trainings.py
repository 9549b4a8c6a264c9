"""One training that can do all that the contract of trials is about; what it does is in its configuration.

It is run as a function, as the Python script below, and told again as a shell script: `PROGRAM`. Every unit trained is
written to the file `record`, so that a test can see what was trained twice.
"""

import os
import select
import signal
import sys
from pathlib import Path

from rungwise.trial import Trial

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from local_trainings import train
from rungwise.by_hand import current_trial
train(current_trial())
"""

PROGRAM = r"""
do=$RUNGWISE_HP_DO record=$RUNGWISE_HP_RECORD
save() { echo "$1" > "$RUNGWISE_SAVE/epoch"; }
report() { echo "{\"resource\": $1, \"acc\": $2, \"loss\": 0.5}"; }
wait_for_term() { while :; do sleep 1000 & wait $!; done; }
case $do in
count)
    epoch=0
    [ -n "$RUNGWISE_LOAD" ] && epoch=$(cat "$RUNGWISE_LOAD/epoch")
    [ "$epoch" = "$RUNGWISE_START" ] || exit 9
    while [ $epoch -lt $RUNGWISE_MILESTONE ]; do
        epoch=$((epoch + 1)); echo $epoch >> "$record"
        [ $epoch -eq $RUNGWISE_MILESTONE ] && save $epoch
        report $epoch $epoch
    done ;;
nan) report 1 NaN; report 2 Infinity; report 3 -Infinity ;;
sparse) save 4; report 2 2; report 4 4 ;;
early) report 1 1 ;;
unsaved) report 3 3 ;;
silent) : ;;
facts) report 1 $RUNGWISE_SEED; report 2 $RUNGWISE_MAX_RESOURCE; report 3 $RUNGWISE_MILESTONE ;;
threads) report 1 $OMP_NUM_THREADS; report 2 ${CUDA_VISIBLE_DEVICES:--1}; report 3 3 ;;
talk) echo spoken; echo "{\"note\": 1}"; echo cried >&2; report 3 3 ;;
raise) report 1 1; echo "broken heart" >&2; exit 3 ;;
die) report 1 1; kill -SEGV $$ ;;
exit) report 1 1; exit 5 ;;
crowded) save 3; head -c 8000 /dev/zero > "$RUNGWISE_SAVE/large"; report 3 3 ;;
fat) head -c 1500000 /dev/zero > "$RUNGWISE_SAVE/fat" || exit 7; report 3 3 ;;
environment) env -0 > "$record"; report 3 3 ;;
last) report 3 3; while :; do sleep 1000; done ;;
wait) trap 'save 2; report 2 2; exit 0' TERM; report 1 1; wait_for_term ;;
deaf) trap '' TERM; report 1 1; wait_for_term ;;
onward) report 3 3; while :; do sleep 0.02; done ;;
lacking) echo '{"resource": 1, "accuracy": 1}' ;;
text) echo '{"resource": 1, "acc": "0.9"}' ;;
backwards) report 2 2; report 1 1 ;;
fraction) echo '{"resource": 1.5, "acc": 1}' ;;
esac
"""


def train(trial: Trial) -> None:
    """Do what the configuration says."""
    match trial.config["do"]:
        case "count":
            count(trial)
        case "nan":
            for epoch, value in enumerate((float("nan"), float("inf"), float("-inf")), start=1):
                trial.report(epoch, acc=value, loss=0.5)
        case "sparse":
            for epoch in trial.epochs():
                if epoch % 2 == 0:
                    trial.report(epoch, acc=epoch, loss=0.5, save=lambda folder: write(folder, 4))
        case "early":
            trial.report(1, acc=1, loss=0.5)
        case "unsaved":
            trial.report(3, acc=3, loss=0.5)
        case "silent":
            pass
        case "facts":
            for epoch, value in enumerate((trial.seed, trial.max_resource, trial.milestone), start=1):
                trial.report(epoch, acc=value, loss=0.5)
        case "threads":
            trial.report(1, acc=int(os.environ["OMP_NUM_THREADS"]), loss=0.5)
            trial.report(2, acc=int(os.environ.get("CUDA_VISIBLE_DEVICES", "-1")), loss=0.5)
            trial.report(3, acc=3, loss=0.5)
        case "talk":
            print("spoken")
            print('{"note": 1}')
            os.write(2, b"cried\n")
            trial.report(3, acc=3, loss=0.5)
        case "raise":
            trial.report(1, acc=1, loss=0.5)
            raise ValueError("broken heart")
        case "die":
            trial.report(1, acc=1, loss=0.5)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            trial.report(1, acc=1, loss=0.5)
            sys.exit(5)
        case "memory":
            trial.report(1, acc=1, loss=0.5)
            raise RuntimeError("too much") from MemoryError()
        case "slip":
            trial.report(1, acc=1, loss=0.5)
            os._exit(0)
        case "third":
            count(trial, until=3)
            raise ValueError("three were too many")
        case "steps":
            for epoch in trial.epochs():
                trial.report(epoch, acc=epoch, loss=os.getpid(), save=lambda folder: write(folder, 1))
                select.select([], [], [], 0.002)
        case "crowded":
            trial.report(3, acc=3, loss=0.5, save=lambda folder: (folder / "large").write_bytes(bytes(8000)))
        case "fat":
            trial.report(3, acc=3, loss=0.5, save=lambda folder: (folder / "fat").write_bytes(bytes(1_500_000)))
        case "elsewhere":
            trial.report(3, acc=3, loss=0.5, save=lambda folder: Path("/dev/full").write_text("x"))
        case "environment":
            pairs = (name + b"=" + value + b"\0" for name, value in os.environb.items())
            Path(trial.config["record"]).write_bytes(b"".join(pairs))
            trial.report(3, acc=3, loss=0.5)
        case "last":
            trial.report(3, acc=3, loss=os.getpid(), save=lambda folder: write(folder, 3))
            wait_forever()
        case "wait":
            trial.report(1, acc=1, loss=0.5)
            while trial._look() is None:  # a training itself sees a pause only after its next report
                select.select([], [], [], 0.005)
            trial.report(2, acc=2, loss=0.5, save=lambda folder: write(folder, 2))
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            trial.report(1, acc=1, loss=0.5)
            wait_forever()
        case "onward":
            trial.report(3, acc=3, loss=0.5, save=lambda folder: write(folder, 3))
            wait_forever()
        case other:
            breach(trial, other)


def breach(trial: Trial, how: str) -> None:
    """Break the contract."""
    match how:
        case "lacking":
            trial.report(1, accuracy=1)
        case "text":
            trial.report(1, acc="0.9")  # type: ignore[arg-type]
        case "backwards":
            trial.report(2, acc=2)
            trial.report(1, acc=1)
        case "fraction":
            trial.report(1.5, acc=1)  # type: ignore[arg-type]
        case _:
            sys.exit(f"there is no training called {how!r}")


def count(trial: Trial, until: int = sys.maxsize) -> None:
    """Train epoch by epoch, with a checkpoint that knows how far it got."""
    epoch = 0
    if (folder := trial.load()) is not None:
        epoch = int((folder / "epoch").read_text())
    if epoch != trial.start:
        raise ValueError(f"loaded {epoch}, told {trial.start}")
    for epoch in trial.epochs():
        if epoch > until:
            return
        with Path(trial.config["record"]).open("a") as record:
            record.write(f"{epoch}\n")
        trial.report(epoch, acc=epoch, loss=0.5, save=lambda folder, epoch=epoch: write(folder, epoch))  # type: ignore[misc]


def write(folder: Path, epoch: int) -> None:
    """Save a checkpoint."""
    (folder / "epoch").write_text(f"{epoch}\n")


def wait_forever() -> None:
    """Wait, deaf to everything but a kill."""
    while True:
        select.select([], [], [], 60)
