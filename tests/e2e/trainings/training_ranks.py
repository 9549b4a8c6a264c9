"""Trainings of several ranks: as a function, as a script (`python training_ranks.py`), and what can go wrong."""

import os
import select
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import rungwise as rw


def told(trial: rw.Trial) -> None:
    """Every rank writes down what it knows; rank 0 reports."""
    where = Path(str(trial.config["folder"]))
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "OMP_NUM_THREADS")
    lines = [f"{name}={os.environ.get(name)}" for name in (*names, "CUDA_VISIBLE_DEVICES")]
    lines += [f"slots={trial.slots}", f"rank={trial.rank}", f"world_size={trial.world_size}"]
    print("rank", trial.rank, "speaks")
    (where / f"told-{trial.id}-{trial.start}-{trial.rank}").write_text("\n".join(lines))
    trial.report(trial.milestone, loss=1.0, save=lambda folder: (folder / "made").write_text(str(trial.rank)))


def counted(trial: rw.Trial) -> None:
    """Every rank trains as long as rank 0 says, from the same checkpoint."""
    where = Path(str(trial.config["folder"]))
    begun = 0 if (folder := trial.load()) is None else int((folder / "epoch").read_text())
    for epoch in trial.epochs():
        with (where / f"counted-{trial.id}-{trial.rank}").open("a") as file:
            file.write(f"{begun}:{epoch}\n")
        if trial.rank == 0:
            trial.report(epoch, loss=1 / epoch, save=partial(write, "epoch", str(epoch)))
        if trial.config.get("slow"):
            select.select([], [], [], 0.005)


def dying(trial: rw.Trial) -> None:
    """One rank dies as it is told, while the other waits for it."""
    where = Path(str(trial.config["folder"]))
    (where / f"pid-{trial.rank}").write_text(str(os.getpid()))
    if trial.rank == 0:
        trial.report(1, loss=1.0)
    if trial.rank == int(trial.config["who"]):
        match trial.config["how"]:
            case "raise":
                raise ValueError(f"broken heart of {trial.rank}")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(5)
    wait_for_ever()


def clinging(trial: rw.Trial) -> None:
    """Rank 0 ends well, the others never do."""
    if trial.rank:
        (Path(str(trial.config["folder"])) / f"pid-{trial.rank}").write_text(str(os.getpid()))
        wait_for_ever()
    trial.report(trial.milestone, loss=1.0, save=lambda folder: (folder / "made").write_text("0"))


def fragile(trial: rw.Trial) -> None:
    """The last of several ranks dies, and the others wait for it, until somebody says that it is mended."""
    where = Path(str(trial.config["folder"]))
    if trial.world_size > 1 and not (where / "mended").exists():
        if trial.rank == trial.world_size - 1:
            os.kill(os.getpid(), signal.SIGKILL)
        wait_for_ever()
    counted(trial)


def averaged(trial: rw.Trial) -> None:
    """A sum over all ranks by torch.distributed, every epoch."""
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")
    try:
        for epoch in trial.epochs():
            total = torch.tensor([float(dist.get_rank() + 1)])
            dist.all_reduce(total)
            if dist.get_rank() == 0:
                trial.report(epoch, loss=float(total), save=partial(write, "total", str(float(total))))
    finally:
        dist.destroy_process_group()


def met(trial: rw.Trial) -> None:
    """Every rank calls rank 0 where they are to meet, and rank 0 reports the sum of the ranks that called."""
    place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    listening = Path(trial.config["folder"], "listening")
    if trial.rank == 0:
        total = 0
        with socket.create_server(place) as door:
            listening.touch()
            for _ in range(trial.world_size - 1):
                with door.accept()[0] as end:
                    total += int(end.recv(1))
        trial.report(1, loss=total, save=partial(write, "total", str(total)))
        return
    while not listening.exists():  # who calls too soon may be given that very port, and call itself
        select.select([], [], [], 0.01)
    with socket.create_connection(place) as end:
        end.sendall(str(trial.rank).encode())


def chosen(trial: rw.Trial) -> None:
    """One of these, as the configuration says."""
    globals()[str(trial.config["what"])](trial)


def write(name: str, text: str, folder: Path) -> None:
    (folder / name).write_text(text)


def wait_for_ever() -> None:
    while True:
        select.select([], [], [], 60)


if __name__ == "__main__":
    globals()[sys.argv[1]](rw.current_trial())
