"""How the ranks of a job find one another: the variables that `torch.distributed` and its like read."""

import socket

HERE = "127.0.0.1"


def free_port() -> int:
    """A port of this machine that nobody listens at now; rank 0 is to do so soon."""
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def variables(rank: int, ranks: int, port: int) -> dict[str, str]:
    """One rank's environment, of so many; rank 0 meets the others at the port.

    >>> variables(1, 2, 29500)["RANK"], variables(1, 2, 29500)["WORLD_SIZE"]
    ('1', '2')
    """
    return {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "LOCAL_WORLD_SIZE": str(ranks),
        "MASTER_ADDR": HERE,
        "MASTER_PORT": str(port),
    }
