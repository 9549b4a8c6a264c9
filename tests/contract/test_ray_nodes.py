"""Trials on a cluster of several nodes, which come and go: on this machine, with Ray's own virtual ones."""

import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "e2e" / "trainings"))

import local_trainings
import training_ranks

from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings
from rungwise.backends.ray import ground, seats
from rungwise.backends.ray.backend import places_on
from rungwise.backends.ray.settings import RaySettings
from rungwise.checkpoints import Keeper
from rungwise.checkpoints.shelves import AtStorage
from rungwise.checkpoints.storage import Storage
from rungwise.core.commands import Halt, Launch, Pause
from rungwise.core.errors import InputError
from rungwise.core.events import BackendEvent, CapacityChanged, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.objective import Objective

pytestmark = pytest.mark.usefixtures("watchdog")
LARGE = 20
"""Cores of a slot for which the head is too small, so that it lies on a node of its own."""
ENDLESS = 10**6


@pytest.fixture
def nodes(ray_cluster: Any) -> Iterator[Callable[..., Any]]:
    """Adds a node with room for so many large slots."""
    added = []

    def add(slots: int = 1, gpus: int = 0) -> Any:
        added.append(ray_cluster.add_node(num_cpus=LARGE * slots, num_gpus=gpus))
        return added[-1]

    yield add
    for node in added:
        if node in ray_cluster.list_all_nodes():
            ray_cluster.remove_node(node)  # at once known to be gone


@contextmanager
def opened(
    folder: Path, function: Any, cluster: RaySettings, keeper: Keeper | None = None, **options: Any
) -> Iterator[LocalBackend]:
    settings = LocalSettings(**{"workers": 2, "grace": 20.0, **options})
    with LocalBackend(
        FunctionTraining(function), settings, objective=Objective("loss", "min"), max_resource=ENDLESS,
        checkpoints=folder / "kept", places=places_on(cluster, settings, folder / "kept"), keeper=keeper,
    ) as made:  # fmt: skip
        yield made


def at_storage(folder: Path) -> dict[str, Any]:
    """Options by which what is kept is at a storage, and nodes need not see our folder."""
    url = f"file://{folder / 'remote'}"
    return {"storage": url, "keeper": Keeper(AtStorage(folder / "kept", Storage(url)))}


def steps(trial: int, start: int = 0, milestone: int = ENDLESS) -> Launch:
    return Launch(trial, {"do": "steps"}, start, milestone, 1, 7)


def until(stream: Iterator[BackendEvent], kind: type[BackendEvent] | tuple[Any, ...], **facts: object) -> Any:
    return next(
        event for event in stream if isinstance(event, kind) and all(getattr(event, k) == v for k, v in facts.items())
    )


def events_with(slots: int, made: LocalBackend) -> Iterator[BackendEvent]:
    """Its events from when it has so many slots: a busy machine may be slow to start them."""
    stream = chain.from_iterable(made.events())
    until(stream, CapacityChanged, slots=slots)
    return stream


def test_with_the_last_slot_everything_waits_until_there_is_one_again(
    tmp_path: Path, ray_cluster: Any, nodes: Callable[..., Any], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(logging.getLogger("rungwise"), "propagate", True)
    only = nodes()
    with opened(tmp_path, local_trainings.train, RaySettings(cpus=LARGE), workers=1, every_units=1) as made:
        stream = chain.from_iterable(made.events())
        assert next(stream) == CapacityChanged(0.0, 1)
        made.submit(steps(0))
        until(stream, TrialReported)
        ray_cluster.remove_node(only)
        paused = until(stream, (TrialPaused, CapacityChanged))
        made.submit(steps(0, paused.resource, paused.resource + 1))
        made.submit(steps(1, 0, 1))
        made.submit(Halt(1))
        assert until(stream, TrialEnded, trial=1).reason == "stopped"
        nodes()
        end = until(stream, (TrialPaused, CapacityChanged))
        assert (end.trial, end.resource) == (0, paused.resource + 1)
    assert [record.message for record in caplog.records] == [
        "the cluster has no slot left: waiting for nodes", "the cluster has slots again: the trials go on",
    ]  # fmt: skip


def test_ranks_on_two_nodes_know_their_places_and_hear_the_same_answers(
    tmp_path: Path, nodes: Callable[..., Any]
) -> None:
    nodes(2, gpus=2)
    nodes(1, gpus=1)
    cluster = RaySettings(cpus=LARGE, gpu=1.0, together=3)
    config = {"folder": str(tmp_path)}
    with opened(tmp_path, training_ranks.chosen, cluster, workers=3, ranks=True, **at_storage(tmp_path)) as made:
        stream = events_with(3, made)
        made.submit(Launch(0, {**config, "what": "told"}, 0, 3, 3, 7))
        end = until(stream, (TrialPaused, TrialFailed))
        assert isinstance(end, TrialPaused), end
        made.submit(Launch(1, {**config, "what": "met"}, 0, 1, 3, 7))
        assert until(stream, TrialReported).value == 3.0, "rank 0 has heard of ranks 1 and 2"
        assert isinstance(until(stream, (TrialPaused, TrialFailed)), TrialPaused)
        for start, milestone in ((0, 2), (2, 3)):
            made.submit(Launch(2, {**config, "what": "counted"}, start, milestone, 3, 7))
            assert until(stream, (TrialPaused, TrialFailed)).resource == milestone
    counted = [(tmp_path / f"counted-2-{rank}").read_text().split() for rank in range(3)]
    assert counted == 3 * [["0:1", "0:2", "2:3"]], "each has what rank 0 had saved"
    told = [
        dict(line.split("=", 1) for line in (tmp_path / f"told-0-0-{rank}").read_text().splitlines())
        for rank in range(3)
    ]
    assert [each["RANK"] for each in told] == ["0", "1", "2"]
    assert [(each["LOCAL_RANK"], each["LOCAL_WORLD_SIZE"]) for each in told] == [("0", "2"), ("1", "2"), ("0", "1")]
    assert [each["CUDA_VISIBLE_DEVICES"].count(",") for each in told] == [1, 1, 0]
    assert {each["OMP_NUM_THREADS"] for each in told} == {str(LARGE)}
    assert len({(each["MASTER_ADDR"], each["MASTER_PORT"]) for each in told}) == 1
    assert (tmp_path / "kept/trial-0/output-rank-2.txt").read_text() == "rank 2 speaks\n"


def test_the_death_of_a_slot_takes_all_ranks_of_its_trial_and_it_comes_back(tmp_path: Path, ray_cluster: Any) -> None:
    with opened(tmp_path, training_ranks.dying, RaySettings(together=2), ranks=True) as made:
        stream = events_with(2, made)
        made.submit(Launch(0, {"folder": str(tmp_path), "who": -1, "how": "not"}, 0, ENDLESS, 2, 7))
        until(stream, TrialReported)
        pids = [tmp_path / f"pid-{rank}" for rank in (0, 1)]
        while not all(file.exists() and file.read_text() for file in pids):
            select.select([], [], [], 0.005)
        handles = [os.pidfd_open(int(file.read_text())) for file in pids]
        actor = parent(parent(int(pids[1].read_text())))
        os.kill(actor, signal.SIGKILL)
        heard = [next(stream) for _ in range(3)]
        assert [type(event) for event in heard] == [CapacityChanged, TrialPaused, CapacityChanged]
        assert (heard[0].slots, heard[1].resource, heard[2].slots) == (1, 0, 2)  # type: ignore[union-attr]
        for handle in handles:
            assert select.select([handle], [], [], 0)[0], "both were gone before the trial was said to be paused"
            os.close(handle)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_trial_that_ends_every_slot_it_gets_has_failed_in_the_end(tmp_path: Path, ray_cluster: Any) -> None:
    with opened(tmp_path, ends_its_slot, RaySettings(), workers=1) as made:
        stream = chain.from_iterable(made.events())
        next(stream)
        ends = []
        for _ in range(3):
            made.submit(Launch(0, {}, 0, 3, 1, 7))
            ends.append(until(stream, (TrialPaused, TrialFailed)))
    assert [type(end) for end in ends] == [TrialPaused, TrialPaused, TrialFailed]
    assert ends[-1].cause == "lost"
    assert "is gone, for the 3rd time running" in ends[-1].detail


def ends_its_slot(trial: Any) -> None:
    os.kill(parent(os.getppid()), signal.SIGKILL)
    select.select([], [], [], 60)


def test_slots_share_gpus_and_one_process_sees_those_of_all_its_slots(tmp_path: Path, ray_cluster: Any) -> None:
    config = {"folder": str(tmp_path)}
    with opened(tmp_path, training_ranks.told, RaySettings(gpu=0.5, together=2), workers=4) as made:
        stream = chain.from_iterable(made.events())
        next(stream)
        for trial in range(2):
            made.submit(Launch(trial, config, 0, 3, 2, 7))
        for _ in range(2):
            until(stream, TrialPaused)
    shown = [(tmp_path / f"told-{trial}-0-0").read_text().partition("CUDA_VISIBLE_DEVICES=")[2] for trial in range(2)]
    devices = [line.splitlines()[0].split(",") for line in shown]
    assert all(len(set(each)) == len(each) for each in devices), devices
    assert len({device for each in devices for device in each}) >= 2, "four halves of GPUs"


@pytest.mark.parametrize(
    ("cluster", "options", "said"),
    [
        (RaySettings(cpus=99), {}, "a slot needs 99 CPUs on one node, but the largest node of the cluster has 12 CPUs"),
        (RaySettings(gpu=1.0, cpus=13), {}, "a slot needs 13 CPUs and 1 GPU on one node, but"),
        (RaySettings(together=13), {"workers": 13}, "a trial of 13 slots in one process needs 13 CPUs on one node"),
        (
            RaySettings(together=13),
            {"workers": 13, "ranks": True},
            "a trial takes up to 13 slots of 1 CPU each, but the cluster has room for 12",
        ),
        (RaySettings(address="ray://somewhere:10001"), {}, "address is 'ray://somewhere:10001', but this process has"),
    ],
)
def test_what_the_cluster_can_never_give_is_refused(
    tmp_path: Path, ray_cluster: Any, cluster: RaySettings, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said), opened(tmp_path, local_trainings.train, cluster, **options):
        pass


def test_a_folder_or_a_training_that_a_node_does_not_have_is_refused_with_its_name(
    tmp_path: Path, ray_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(
            InputError, match=r"the node .* cannot run trials: the folder /proc/rungwise/kept for .* written"
        ),
        opened(Path("/proc/rungwise"), local_trainings.train, RaySettings(), workers=1),
    ):
        pass
    monkeypatch.setattr(ground, "SEEING", 0.0)
    monkeypatch.setattr(ground.Ground, "_probe", lambda self, life: tmp_path / os.urandom(4).hex())
    with (
        pytest.raises(InputError, match="is not seen here: let storage be a folder that all nodes share, or a URL"),
        opened(tmp_path, local_trainings.train, RaySettings(), workers=1),
    ):
        pass
    (tmp_path / "fleeting.py").write_text("def train(trial):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import fleeting  # type: ignore[import-not-found]

    monkeypatch.undo()
    (tmp_path / "fleeting.py").unlink()
    with (
        pytest.raises(InputError, match=r"the node .* cannot run trials: the training function 'train' cannot be"),
        opened(tmp_path, fleeting.train, RaySettings(), workers=1),
    ):
        pass


# The last one: a node that is killed, Ray takes for alive for some seconds, and gives it slots.
def test_a_node_that_joins_is_used_and_one_that_dies_gives_its_trial_back(
    tmp_path: Path, ray_cluster: Any, nodes: Callable[..., Any], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(logging.getLogger("rungwise"), "propagate", True)
    monkeypatch.setattr(seats, "SETTLING", 0.3)
    first = nodes()
    options = {"workers": 2, "every_units": 1, **at_storage(tmp_path)}
    with opened(tmp_path, local_trainings.train, RaySettings(cpus=LARGE), **options) as made:
        stream = chain.from_iterable(made.events())
        assert next(stream) == CapacityChanged(0.0, 1)
        made.submit(steps(0))
        until(stream, TrialReported, trial=0)
        nodes()
        until(stream, CapacityChanged, slots=2)
        made.submit(steps(1))
        until(stream, TrialReported, trial=1)

        ray_cluster.remove_node(first, allow_graceful=False)
        heard = []
        for event in stream:
            heard.append(event)
            if isinstance(event, CapacityChanged):
                break
        assert heard[-1].slots == 1
        (paused,) = [event for event in heard if isinstance(event, TrialPaused | TrialFailed | TrialEnded)]
        assert isinstance(paused, TrialPaused), "the loss of a node is no failure"
        assert paused.trial == 0
        assert paused.resource > 0

        made.submit(steps(0, paused.resource, paused.resource + 2))  # there is no room for it, so it waits
        made.submit(Pause(1))
        assert until(stream, (TrialPaused, TrialFailed), trial=1)
        reached = []
        for event in stream:
            if isinstance(event, TrialReported) and event.trial == 0:
                reached.append(event.resource)
            elif isinstance(event, TrialPaused) and event.trial == 0:
                break
        assert reached == [paused.resource + 1, paused.resource + 2], "on the other node, from the storage"
    assert [record.message for record in caplog.records] == [
        "the cluster has room for 1 of 2 slots: the others are used when nodes join"
    ]
