"""What all tests are given: one Ray cluster, for those that need it."""

import os
import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

# Ray reads them when it is imported, by whichever test is the first to do so.
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32), RAY_USAGE_STATS_ENABLED="0")
ON_RAY = re.compile(r"/test_ray|\[ray[ _]")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """All tests on Ray go to one worker, which starts the cluster; any other goes wherever there is time for it.

    The groups of xdist (`--dist loadgroup`, version 3.8) are written where pytest 9.2 no longer looks for them, and so
    have no effect.
    """
    from xdist.scheduler import LoadScopeScheduling

    class OneCluster(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "ray" if ON_RAY.search(nodeid) else nodeid

    return OneCluster(config, log)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Any]:
    """A cluster of our own on this machine, joined: a head with 12 cores and 4 GPUs, or so it thinks."""
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 12, "num_gpus": 4, "include_dashboard": False})
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()
