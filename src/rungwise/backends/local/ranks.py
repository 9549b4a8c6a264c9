"""How the ranks of a job find one another: the variables that `torch.distributed` and its like read."""

import socket

HERE = "127.0.0.1"


def free_port() -> int:
    """A port of this machine that nobody listens at now; rank 0 is to do so soon."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def variables(
    rank: int, ranks: int, port: int, *, address: str = HERE, local: tuple[int, int] | None = None
) -> dict[str, str]:
    """One rank's environment, of so many; rank 0 meets the others at the port of its machine's address.

    `local`: which it is of how many on its own machine (None: all are there).

    >>> variables(1, 2, 29500)["RANK"], variables(1, 2, 29500)["WORLD_SIZE"]
    ('1', '2')
    >>> variables(3, 4, 29500, local=(1, 2))["LOCAL_RANK"]
    '1'
    """
    local_rank, local_ranks = (rank, ranks) if local is None else local
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(local_rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(local_ranks),
        "MASTER_ADDR": address,
        "MASTER_PORT": str(port),
    }
