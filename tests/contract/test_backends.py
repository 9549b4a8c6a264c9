"""What every backend must do, wherever trials run: the simulator, forked functions, warm functions, scripts, Ray."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain, pairwise
from pathlib import Path

import pytest
from backend_trainings import count_down

from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining
from rungwise.backends.ray.backend import places_on
from rungwise.backends.ray.settings import RaySettings
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Command, Halt, Launch, Pause, Wake
from rungwise.core.events import BackendEvent, CapacityChanged, TimePassed, TrialEnded, TrialPaused, TrialReported
from rungwise.core.objective import Objective
from rungwise.core.protocols import Backend

WORKERS, MAX_RESOURCE = 2, 9
SCRIPT = """
from backend_trainings import count_down
from rungwise.by_hand import current_trial

count_down(current_trial())
"""


def simulator(folder: Path) -> AbstractContextManager[Backend]:
    def curve(launch: Launch) -> Curve:
        resources = range(launch.start + 1, launch.milestone + 1)
        return Curve(resources, [1 / resource for resource in resources], [1.0] * len(resources))

    return nullcontext(Simulator(curve, workers=WORKERS, max_resource=MAX_RESOURCE))


def processes(folder: Path, kind: str, *, on_ray: bool = False) -> AbstractContextManager[Backend]:
    (folder / "script.py").write_text(SCRIPT)
    script = ScriptTraining((str(folder / "script.py"),), "json")
    settings = LocalSettings(
        workers=WORKERS, reuse_workers=kind == "warm", env={"PYTHONPATH": str(Path(__file__).parent)}
    )  # fmt: skip
    return LocalBackend(
        script if kind == "script" else FunctionTraining(count_down), settings,
        objective=Objective("value", "min"), max_resource=MAX_RESOURCE, checkpoints=folder / "kept",
        places=places_on(RaySettings(), settings, folder / "kept") if on_ray else None,
    )  # fmt: skip


@pytest.fixture(params=[
    "simulator", "forked", "warm", "script",
    *(f"ray {kind}" for kind in ("forked", "warm", "script")),
])  # fmt: skip
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    where, _, kind = request.param.rpartition(" ")
    if where:
        yield Shared(request.getfixturevalue("on_ray")(kind))
        return
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with simulator(tmp_path) if kind == "simulator" else processes(tmp_path, kind) as opened:
        yield opened


@dataclass
class Lasting:
    """A backend for one test after another: it takes seconds to open."""

    backend: Backend
    stream: Iterator[Sequence[BackendEvent]] = field(init=False)
    capacity: BackendEvent = field(init=False)
    trials: int = 0

    def __post_init__(self) -> None:
        self.stream = iter(self.backend.events())
        (self.capacity,) = next(self.stream)


class Shared:
    """One test's view of it: its trials count from 0, and what earlier ones left behind is not told."""

    def __init__(self, lasting: Lasting) -> None:
        self.lasting = lasting
        self.first = lasting.trials
        lasting.trials += 10

    def submit(self, command: Command) -> None:
        if isinstance(command, Launch) and command.parent is not None:
            command = replace(command, parent=self.first + command.parent)
        self.lasting.backend.submit(
            command if isinstance(command, Wake) else replace(command, trial=self.first + command.trial)
        )

    def events(self) -> Iterator[Sequence[BackendEvent]]:
        yield [self.lasting.capacity]
        for group in self.lasting.stream:
            own = [
                event if isinstance(event, TimePassed) else replace(event, trial=event.trial - self.first)  # type: ignore[union-attr]
                for event in group
                if isinstance(event, TimePassed) or event.trial >= self.first  # type: ignore[union-attr]
            ]
            if own:
                yield own


@pytest.fixture(scope="module")
def on_ray(ray_cluster: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lasting]]:
    with ExitStack() as open_ones:

        @cache
        def opened(kind: str) -> Lasting:
            return Lasting(open_ones.enter_context(processes(tmp_path_factory.mktemp(kind), kind, on_ray=True)))

        yield opened


def told(backend: Backend) -> Iterator[BackendEvent]:
    """The events one by one; a group is asked for when the one before it has been taken in."""
    return chain.from_iterable(backend.events())


def run(backend: Backend, commands: list[Command], jobs: int) -> list[BackendEvent]:
    """Submit commands after the first event, and listen until so many jobs have ended."""
    heard: list[BackendEvent] = []
    for event in told(backend):
        heard.append(event)
        if len(heard) == 1:
            for command in commands:
                backend.submit(command)
        jobs -= isinstance(event, TrialPaused | TrialEnded)
        if not jobs:
            break
    return heard


def launch(trial: int, start: int, milestone: int) -> Launch:
    return Launch(trial, {"x": 0.5}, start, milestone, 1, 7)


def test_its_first_event_tells_how_many_slots_there_are(backend: Backend) -> None:
    first = next(told(backend))
    assert isinstance(first, CapacityChanged)
    assert first.slots == WORKERS


def test_a_job_reports_in_order_and_pauses_at_its_milestone(backend: Backend) -> None:
    heard = run(backend, [launch(0, 0, 3)], 1)
    reports = [event for event in heard if isinstance(event, TrialReported)]
    assert [(event.trial, event.resource) for event in reports] == [(0, 1), (0, 2), (0, 3)]
    assert [event.value for event in reports] == pytest.approx([1, 1 / 2, 1 / 3])
    assert isinstance(heard[-1], TrialPaused)
    assert (heard[-1].trial, heard[-1].resource) == (0, 3)


def test_a_trial_goes_on_from_where_it_paused(backend: Backend) -> None:
    events = told(backend)
    next(events)
    backend.submit(launch(0, 0, 3))
    paused = next(event for event in events if isinstance(event, TrialPaused))
    backend.submit(launch(0, paused.resource, 5))
    reached = []
    for event in events:
        if isinstance(event, TrialReported):
            reached.append(event.resource)
        elif isinstance(event, TrialPaused):
            break
    assert reached == [4, 5]


def test_a_child_goes_on_from_where_its_parent_paused_while_that_runs_on(backend: Backend) -> None:
    events = told(backend)
    next(events)
    backend.submit(launch(0, 0, 3))
    paused = next(event for event in events if isinstance(event, TrialPaused))
    backend.submit(Launch(1, {"x": 0.25}, paused.resource, 5, 1, 8, parent=0))
    backend.submit(launch(0, paused.resource, 6))
    reached: dict[int, list[int]] = {0: [], 1: []}
    over = 0
    for event in events:
        if isinstance(event, TrialReported):
            reached[event.trial].append(event.resource)
        over += isinstance(event, TrialPaused)
        if over == 2:
            break
    assert reached == {0: [4, 5, 6], 1: [4, 5]}


def test_a_trial_at_the_full_resource_is_completed(backend: Backend) -> None:
    last = run(backend, [launch(0, 0, MAX_RESOURCE)], 1)[-1]
    assert isinstance(last, TrialEnded)
    assert (last.trial, last.reason) == (0, "completed")


def test_jobs_run_side_by_side_and_time_never_goes_back(backend: Backend) -> None:
    heard = run(backend, [launch(0, 0, 3), launch(1, 0, 3)], 2)
    assert {event.trial for event in heard if isinstance(event, TrialReported)} == {0, 1}
    assert all(a.at <= b.at for a, b in pairwise(heard))


def test_a_halted_trial_ends_as_stopped(backend: Backend) -> None:
    events = told(backend)
    next(events)
    backend.submit(Launch(0, {"x": 0.5, "until_told": 1}, 0, MAX_RESOURCE, 1, 7))
    next(event for event in events if isinstance(event, TrialReported))
    backend.submit(Halt(0))
    ended = next(event for event in events if isinstance(event, TrialEnded))
    assert (ended.trial, ended.reason) == (0, "stopped")


def test_a_trial_asked_to_pause_keeps_a_checkpoint(backend: Backend) -> None:
    events = told(backend)
    next(events)
    backend.submit(Launch(0, {"x": 0.5, "until_told": 1}, 0, MAX_RESOURCE, 1, 7))
    next(event for event in events if isinstance(event, TrialReported))
    backend.submit(Pause(0))
    paused = next(event for event in events if isinstance(event, TrialPaused))
    assert paused.trial == 0
    assert 1 <= paused.resource < MAX_RESOURCE


def test_commands_for_trials_that_do_not_run_do_nothing(backend: Backend) -> None:
    heard = run(backend, [Halt(5), Pause(5), launch(0, 0, 1)], 1)
    assert {event.trial for event in heard if isinstance(event, TrialReported | TrialPaused | TrialEnded)} == {0}


def test_groups_are_never_empty_and_tell_each_event_once_in_order(backend: Backend) -> None:
    groups = backend.events()
    (first,) = next(groups)
    backend.submit(launch(0, 0, 8))
    heard: list[BackendEvent] = [first]
    while not isinstance(heard[-1], TrialPaused):
        group = next(groups)
        assert group
        heard += group
    assert [event.resource for event in heard if isinstance(event, TrialReported)] == list(range(1, 9))
    assert all(a.at <= b.at for a, b in pairwise(heard))


def test_a_job_with_nothing_left_to_train_ends_at_once(backend: Backend) -> None:
    events = told(backend)
    next(events)
    backend.submit(launch(0, 0, 3))
    paused = next(event for event in events if isinstance(event, TrialPaused))
    backend.submit(launch(0, 3, 3))
    again = next(events)
    assert again == TrialPaused(again.at, 0, 3)
    assert again.at >= paused.at


def test_a_wake_up_comes_at_its_time_and_a_later_one_takes_its_place(backend: Backend) -> None:
    events = told(backend)
    start = next(events).at
    backend.submit(Wake(start + 1000.0))
    backend.submit(Wake(start + 0.01))
    backend.submit(launch(0, 0, 3))
    heard = []
    while not {TrialPaused, TimePassed} <= {type(event) for event in heard}:
        heard.append(next(events))
    passed = [event for event in heard if isinstance(event, TimePassed)]
    assert len(passed) == 1
    assert start + 0.01 <= passed[0].at < start + 1000.0
    assert all(a.at <= b.at for a, b in pairwise(heard))


def test_a_wake_up_for_the_past_comes_now_and_only_once(backend: Backend) -> None:
    events = told(backend)
    first = next(events)
    backend.submit(Wake(first.at))
    backend.submit(launch(0, 0, 3))
    heard = [next(events)]
    while not isinstance(heard[-1], TrialPaused):
        heard.append(next(events))
    assert isinstance(heard[0], TimePassed)
    assert heard[0].at >= first.at
    assert not any(isinstance(event, TimePassed) for event in heard[1:])
