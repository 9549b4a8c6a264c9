"""What the tests of local trials are given: a way to run a trial, and a backend that runs trials in this way."""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from local_bench import RAY_WAYS, WAYS, Bench, Floor, Opener, Way, build


@pytest.fixture
def watchdog() -> Iterator[None]:
    """Waiting for an event has no limit of its own."""

    def bark(*_: object) -> None:
        raise AssertionError("no event for 30 s")

    former = signal.signal(signal.SIGALRM, bark)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, former)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All ways, unless the test says which; a cluster takes seconds to open, so only for what shares one backend."""
    if "way" not in metafunc.fixturenames:
        return
    if any(mark.args[0] == "way" for mark in metafunc.definition.iter_markers("parametrize")):
        return
    on_ray = RAY_WAYS if "bench" in metafunc.fixturenames else []
    metafunc.parametrize(
        "way",
        [*WAYS, *on_ray],
        ids=lambda way: way.__name__, indirect=True, scope="module",
    )  # fmt: skip


@pytest.fixture(scope="module")
def way(request: pytest.FixtureRequest) -> Any:
    if request.param in RAY_WAYS:
        request.getfixturevalue("ray_cluster")
    return request.param


@pytest.fixture(scope="module")
def floor(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    floor = build(way, tmp_path_factory.mktemp(way.__name__))
    with floor.backend:
        yield floor


@pytest.fixture
def bench(floor: Floor, watchdog: None) -> Bench:
    return Bench(floor)


@pytest.fixture
def opened(way: Way, tmp_path: Path, watchdog: None) -> Iterator[Opener]:
    """A backend of one's own, with options."""
    with ExitStack() as open_ones:

        def opener(**options: Any) -> Bench:
            floor = build(way, tmp_path, **options)
            open_ones.enter_context(floor.backend)
            return Bench(floor)

        yield opener
