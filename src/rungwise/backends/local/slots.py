"""What one slot of this machine is: a share of its cores, and a place on one of its GPUs."""

import os
from collections.abc import Sequence

from rungwise.core.errors import InputError

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
VISIBLE = "CUDA_VISIBLE_DEVICES"


def usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_limits(cores: int, workers: int, slots: int) -> dict[str, str]:
    """The environment that keeps numeric libraries to the share of `slots` slots; they read it when they are loaded.

    >>> thread_limits(cores=16, workers=4, slots=2)["OMP_NUM_THREADS"]
    '8'
    """
    threads = str(max(1, cores * slots // workers))
    return dict.fromkeys(THREAD_VARIABLES, threads)


def check_devices(gpus: Sequence[str], per_gpu: int, workers: int) -> None:
    """Raise InputError if so many GPUs have fewer places than there are workers; without GPUs nothing is limited."""
    if per_gpu < 1:
        raise InputError(f"per_gpu is {per_gpu}, but at least 1 trial must fit on a GPU")
    if per_gpu > 1 and not gpus:
        raise InputError(f"per_gpu is {per_gpu}, but no GPUs are named that trials could share (gpus)")
    doubled = next((gpu for gpu in gpus if list(gpus).count(gpu) > 1), None)
    if doubled is not None:
        raise InputError(f"gpus names {doubled!r} twice: name each once, and let per_gpu say how many trials share one")
    if gpus and workers > len(gpus) * per_gpu:
        raise InputError(
            f"workers is {workers}, but the GPUs that are named ({', '.join(gpus)}) have room for"
            f" {len(gpus) * per_gpu}, with per_gpu {per_gpu}: ask for fewer workers, or a larger per_gpu"
        )


class Devices:
    """Hands out places on GPUs, `per_gpu` on each; without GPUs it hands out nothing and limits nothing.

    Raises InputError if there are fewer places than workers.
    """

    __slots__ = ("_free", "_gpus")

    def __init__(self, gpus: Sequence[str], per_gpu: int, workers: int) -> None:
        check_devices(gpus, per_gpu, workers)
        self._gpus = tuple(gpus)
        self._free = dict.fromkeys(self._gpus, per_gpu)

    def take(self, slots: int) -> tuple[str, ...]:
        """Places for a job of that many slots, on as many GPUs as possible; one entry per slot, in the GPUs' order."""
        taken: list[str] = []
        for _ in range(slots if self._gpus else 0):
            gpu = max(self._gpus, key=lambda gpu: (self._free[gpu] > 0, gpu not in taken, self._free[gpu]))
            if not self._free[gpu]:
                self.give_back(tuple(taken))
                raise ValueError(f"a job asks for {slots} slots, but only {len(taken)} places on GPUs are free")
            self._free[gpu] -= 1
            taken.append(gpu)
        return tuple(sorted(taken, key=self._gpus.index))

    def give_back(self, taken: tuple[str, ...]) -> None:
        """The job that had these places is over."""
        for gpu in taken:
            self._free[gpu] += 1

    def environment(self, taken: tuple[str, ...]) -> dict[str, str]:
        """The environment that shows a job its GPUs and no other; the variable is left alone where there are none."""
        return {VISIBLE: ",".join(gpu for gpu in self._gpus if gpu in taken)} if self._gpus else {}
