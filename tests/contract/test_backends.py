"""What every backend must do, wherever trials run: the simulator, forked functions, warm functions, scripts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path

import pytest
from backend_trainings import count_down

from rungwise.backends.local import FunctionTraining, LocalBackend, ScriptTraining
from rungwise.backends.simulator import Curve, Simulator
from rungwise.core.commands import Command, Halt, Launch, Pause
from rungwise.core.events import CapacityChanged, Event, TrialEnded, TrialPaused, TrialReported
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


def local(folder: Path, kind: str) -> AbstractContextManager[Backend]:
    (folder / "script.py").write_text(SCRIPT)
    script = ScriptTraining((str(folder / "script.py"),), "json")
    return LocalBackend(
        script if kind == "script" else FunctionTraining(count_down),
        objective=Objective("value", "min"), max_resource=MAX_RESOURCE, workers=WORKERS, checkpoints=folder / "kept",
        reuse_workers=kind == "warm",
    )  # fmt: skip


@pytest.fixture(params=["simulator", "forked", "warm", "script"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = simulator(tmp_path) if request.param == "simulator" else local(tmp_path, request.param)
    with made as opened:
        yield opened


def run(backend: Backend, commands: list[Command], jobs: int) -> list[Event]:
    """Submit commands after the first event, and listen until so many jobs have ended."""
    heard: list[Event] = []
    for event in backend.events():
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
    first = next(backend.events())
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
    events = backend.events()
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
    events = backend.events()
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
    events = backend.events()
    next(events)
    backend.submit(Launch(0, {"x": 0.5, "until_told": 1}, 0, MAX_RESOURCE, 1, 7))
    next(event for event in events if isinstance(event, TrialReported))
    backend.submit(Halt(0))
    ended = next(event for event in events if isinstance(event, TrialEnded))
    assert (ended.trial, ended.reason) == (0, "stopped")


def test_a_trial_asked_to_pause_keeps_a_checkpoint(backend: Backend) -> None:
    events = backend.events()
    next(events)
    backend.submit(Launch(0, {"x": 0.5, "until_told": 1}, 0, MAX_RESOURCE, 1, 7))
    next(event for event in events if isinstance(event, TrialReported))
    backend.submit(Pause(0))
    paused = next(event for event in events if isinstance(event, TrialPaused))
    assert paused.trial == 0
    assert 1 <= paused.resource < MAX_RESOURCE


def test_commands_for_trials_that_do_not_run_do_nothing(backend: Backend) -> None:
    heard = run(backend, [Halt(5), Pause(5), launch(0, 0, 1)], 1)
    assert {event.trial for event in heard if not isinstance(event, CapacityChanged)} == {0}  # type: ignore[union-attr]
