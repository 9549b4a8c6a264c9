"""Ray as the tuner uses it: a cluster joined or started, slots asked for, and given back at the end.

1. All slots are asked for at once. Those for which there is no room stay pending, which is what Ray's autoscaler looks
   at: nodes that join are used by themselves, and Ray starts a slot of a node that is gone elsewhere.
2. Where a trial takes several slots they are asked for in placement groups of as many: on one node if it has them all
   in one process, else on as few as possible.
3. What can be known at once to be impossible is refused in a sentence.
"""

import json
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from rungwise.backends.ray.settings import RaySettings
from rungwise.backends.ray.slot import slot_class
from rungwise.core.errors import InputError

HERE = "127.0.0.1"
LOCAL = (HERE, "localhost", "::1")
ANSWERING = 5.0
"""Seconds in which the head of a cluster takes a call."""
MISSING = "the backend 'ray' needs Ray, which is not installed: pip install 'rungwise[ray]'"
STATUS = b"__autoscaling_status"


class Cluster:
    """A cluster, as long as an experiment uses it; `workers` slots are going to be asked for.

    `on_one_node`: the slots of a trial must be. Raises InputError where there is no such cluster, or it can never have
    room for a trial.
    """

    def __init__(self, settings: RaySettings, workers: int, *, on_one_node: bool) -> None:
        self._settings = settings
        self._workers = workers
        self._on_one_node = on_one_node
        self._actors: dict[int, Any] = {}
        self._groups: list[Any] = []
        self._called: list[Any] = []
        self._ours = join(settings, workers)
        try:
            self._check_fit()
        except BaseException:
            self.close()
            raise

    @property
    def ip(self) -> str:
        """This machine's address, at which the nodes can call it."""
        import ray

        return HERE if self._ours else str(ray.util.get_node_ip_address())

    @property
    def head(self) -> tuple[str, int]:
        """Where the cluster's head is to be reached."""
        import ray

        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        return host.strip("[]"), int(port)

    def ask(self, summons: Mapping[str, Any]) -> None:
        """Ask for all slots; each is told the summons, and its number."""
        import ray

        settings = self._settings
        made = ray.remote(slot_class())
        for number, place in enumerate(self._places()):
            actor = made.options(
                num_cpus=settings.cpus, num_gpus=settings.gpu, max_restarts=-1, scheduling_strategy=place
            ).remote({**summons, "slot": number})
            self._actors[number] = actor
            self._called.append(actor.problem.remote())

    def check(self) -> None:
        """Raise InputError where a slot could not be started, or not call us."""
        import ray

        if not self._called:
            return
        done, self._called = ray.wait(self._called, num_returns=len(self._called), timeout=0)
        for ref in done:
            try:
                problem = ray.get(ref)
            except ray.exceptions.RayActorError as error:  # its node may have died: it is started again, and calls then
                problem = first_line_of(error) if error.actor_init_failed else ""
            if problem:
                raise InputError(f"a slot of the cluster could not be started: {problem}")

    def dismiss(self, number: int) -> None:
        """Give a slot back for good."""
        import ray

        with suppress(Exception):  # it may be gone, and so may the cluster
            ray.kill(self._actors.pop(number))

    def close(self) -> None:
        """Give everything back."""
        import ray

        for number in list(self._actors):
            self.dismiss(number)
        for group in self._groups:
            with suppress(Exception):
                ray.util.remove_placement_group(group)
        self._groups.clear()
        if self._ours:
            ray.shutdown()

    def _places(self) -> list[Any]:
        """How each slot is to be scheduled."""
        from ray.util import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        size = self._settings.together
        if size == 1:
            return ["DEFAULT"] * self._workers
        places = []
        for first in range(0, self._workers, size):
            count = min(size, self._workers - first)
            group = placement_group(
                [self._need(1)] * count, strategy="STRICT_PACK" if self._on_one_node else "PACK"
            )  # fmt: skip
            self._groups.append(group)
            places += [PlacementGroupSchedulingStrategy(group, index) for index in range(count)]
        return places

    def _need(self, slots: int) -> dict[str, float]:
        """What so many slots take."""
        need = {"CPU": float(self._settings.cpus * slots), "GPU": self._settings.gpu * slots}
        return {name: amount for name, amount in need.items() if amount}

    def _check_fit(self) -> None:
        import ray

        if autoscales():
            return
        nodes: list[Mapping[str, float]] = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        together = self._settings.together
        at_once = together if self._on_one_node else 1
        if all(room_on(node, self._need(at_once)) == 0 for node in nodes):
            what = "a slot needs" if at_once == 1 else f"a trial of {at_once} slots in one process needs"
            largest = max(nodes, key=lambda node: (node.get("GPU", 0), node.get("CPU", 0)), default=None)
            raise InputError(
                f"{what} {in_words(self._need(at_once))} on one node, but the largest node of the cluster has"
                f" {in_words(largest or {})}: ask for less (cpus, per_gpu, slots), or for a cluster with larger nodes"
            )
        room = sum(room_on(node, self._need(1)) for node in nodes)
        if room < together:
            raise InputError(
                f"a trial takes up to {together} slots of {in_words(self._need(1))} each, but the cluster has room for"
                f" {room}: let it take fewer (slots, or most of the allocation), or add nodes"
            )


def join(settings: RaySettings, workers: int) -> bool:
    """Join the cluster at the address, or start one on this machine; whether it is ours. Raises InputError."""
    try:
        import ray
    except ImportError:
        raise InputError(MISSING) from None
    if ray.is_initialized():
        if settings.address not in (None, "auto"):
            raise InputError(
                f"address is {settings.address!r}, but this process has joined a Ray cluster already: leave it out"
            )
        return False
    address = settings.address or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):
        raise InputError(
            f"address is {address!r}, a Ray client's, but trials call the tuner, so it must run within the cluster:"
            " start it on a node with address 'auto', or with `ray job submit`"
        )
    try:
        with sigterm_as_it_is():
            if address == "local":
                os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
                ray.init("local", num_cpus=settings.cpus * workers, include_dashboard=False, **QUIET)
            else:
                check_answers(address)
                ray.init(address, **QUIET)
    except Exception as error:
        ray.shutdown()
        raise InputError(
            f"no Ray cluster can be used at {address!r} ({first_line_of(error)}): check that it runs (`ray status`),"
            " with the versions of Ray and Python that this machine has"
        ) from None
    return address == "local"


@contextmanager
def sigterm_as_it_is() -> Iterator[None]:
    """Let SIGTERM do afterwards what it did before: Ray would have it print where each thread stands, and abort."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as leave:  # which Ray's own handler raises while it starts
        if leave.code == signal.SIGTERM and callable(before):
            before(signal.SIGTERM, None)
        raise
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def check_answers(address: str) -> None:
    """Raise OSError, or OverflowError, where nobody listens at an address: Ray would wait for minutes.

    What is no address, such as "auto", is Ray's to find. Ray takes this machine's own names for its address in the
    network.
    """
    import ray

    host, _, port = address.rpartition(":")
    if not port.isdecimal():
        return
    hosts = [host.strip("[]")]
    if hosts[0] in LOCAL:
        hosts.insert(0, str(ray.util.get_node_ip_address()))
    for last, each in enumerate(hosts, 1):
        try:
            socket.create_connection((each, int(port)), ANSWERING).close()
            return
        except OSError:
            if last == len(hosts):
                raise


QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}


def autoscales() -> bool:
    """Whether a cluster gets nodes by itself when they are asked for, as far as it says so.

    Without an autoscaler Ray's monitor calls every node a type of its own, by its number.
    """
    from ray.experimental.internal_kv import _internal_kv_get

    try:
        report = json.loads(_internal_kv_get(STATUS) or b"{}").get("autoscaler_report") or {}
    except (ValueError, AttributeError):
        return False
    return any(not str(kind).startswith("node_") for kind in report.get("active_nodes") or {})


def in_words(resources: Mapping[str, float]) -> str:
    """CPUs and GPUs, for people.

    >>> in_words({"CPU": 4.0, "GPU": 0.5}), in_words({"CPU": 1.0}), in_words({})
    ('4 CPUs and 0.5 GPUs', '1 CPU', 'no CPU')
    """
    told = [
        f"{amount:g} {name}{'' if amount == 1 else 's'}" for name in ("CPU", "GPU") if (amount := resources.get(name))
    ]
    return " and ".join(told) or "no CPU"


def first_line_of(error: BaseException) -> str:
    """What an error of Ray's says, in one line of bounded length."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def room_on(node: Mapping[str, float], need: Mapping[str, float]) -> int:
    """How often what is needed is there on a node.

    >>> room_on({"CPU": 4.0, "GPU": 1.0}, {"CPU": 1.0, "GPU": 0.5}), room_on({"CPU": 4.0}, {"GPU": 0.5})
    (2, 0)
    """
    return min(int(node.get(name, 0) / amount + 1e-3) for name, amount in need.items())
