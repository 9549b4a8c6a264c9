"""Nodes that share no disk with the tuner: what trials keep is at a storage, and their folders are the slots' own."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from backend_trainings import settle

from rungwise.backends.local import FunctionTraining, LocalBackend, LocalSettings, ScriptTraining, Training
from rungwise.backends.ray.backend import places_on
from rungwise.backends.ray.settings import RaySettings
from rungwise.checkpoints import Keeper
from rungwise.checkpoints.shelves import AtStorage
from rungwise.checkpoints.storage import Storage
from rungwise.core.commands import Halt, Launch, Wake
from rungwise.core.events import (
    BackendEvent,
    TimePassed,
    TrialEnded,
    TrialFailed,
    TrialPaused,
    TrialReported,
    TrialRewound,
)
from rungwise.core.objective import Objective

pytestmark = pytest.mark.usefixtures("watchdog", "ray_cluster")
MAX_RESOURCE = 9
PROGRAM = r"""
echo "$RUNGWISE_SAVE" | sed 's|/trial-.*||'; cat "$1"
unit=0; [ -n "$RUNGWISE_LOAD" ] && unit=$(cat "$RUNGWISE_LOAD/unit")
[ "$unit" = "$RUNGWISE_START" ] || exit 9
[ -z "$(ls -A "$RUNGWISE_SAVE")" ] || exit 8
while [ $unit -lt $RUNGWISE_MILESTONE ]; do
    unit=$((unit + 1)); echo "{\"resource\": $unit, \"loss\": 1}"
    [ "$2" = wait ] && read -r _ < "$3"
    [ "$2" = slow ] && [ $unit = 2 ] && { echo 3 > "$RUNGWISE_SAVE/unit"; read -r _ < "$3"; }
done
[ "$2" = slow ] && read -r _ < "$3-2"
echo $unit > "$RUNGWISE_SAVE/unit"
"""


def function(folder: Path) -> Training:
    return FunctionTraining(settle)


def program(folder: Path) -> Training:
    (folder / "train.sh").write_text(PROGRAM)
    return ScriptTraining(("/bin/sh", str(folder / "train.sh"), "{config}", "{do}", "{gate}"), "args")


class There:
    """Two slots, a storage, and the tuner's folder, where no trial may do anything."""

    def __init__(self, folder: Path, training: Training, **options: Any) -> None:
        self.trials: set[int] = set()
        self.folder, self.remote = folder / "kept", folder / "remote"
        url = f"file://{self.remote}"
        self.keeper = Keeper(AtStorage(self.folder, Storage(url)))
        settings = LocalSettings(workers=2, storage=url, **options)
        self.backend = LocalBackend(
            training, settings, objective=Objective("loss", "min"), max_resource=MAX_RESOURCE,
            checkpoints=self.folder, keeper=self.keeper, places=places_on(RaySettings(), settings, self.folder),
        )  # fmt: skip
        self.stream: Iterator[BackendEvent] = chain.from_iterable(self.backend.events())
        next(self.stream)
        self.gate = folder / "gate"
        self.gate_2 = folder / "gate-2"  # a writer who has not closed the first yet would count as one
        for gate in (self.gate, self.gate_2):
            os.mkfifo(gate)

    def launch(self, trial: int, start: int, milestone: int, do: str = "on", **more: Any) -> None:
        config = {"do": do, "gate": str(self.gate)}
        self.trials.add(trial)
        self.backend.submit(Launch(trial, config, start, milestone, 1, 7, **more))

    def until(self, trial: int, *kinds: type[BackendEvent]) -> Any:
        wanted = kinds or (TrialPaused, TrialFailed, TrialEnded)
        while True:
            event = next(self.stream)
            assert not isinstance(event, TrialRewound), event
            if isinstance(event, wanted) and event.trial == trial:  # type: ignore[union-attr]
                return event

    def pass_time(self, seconds: float) -> None:
        """Listen for so long."""
        self.backend.submit(Wake(self.backend._now() + seconds))
        next(event for event in self.stream if isinstance(event, TimePassed))

    def homes(self, trial: int) -> list[str]:
        """Where its jobs had their folders, in turn."""
        lines = (self.folder / f"trial-{trial}" / "output.txt").read_text().splitlines()
        return [line for line in lines if line.startswith("/")]


@pytest.fixture(params=[function, program], ids=["function", "program"], scope="module")
def there(
    request: pytest.FixtureRequest, ray_cluster: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[There]:
    folder = tmp_path_factory.mktemp("there")
    made = There(folder, request.param(folder), reuse_workers=request.param is function, grace=1.0)
    with made.backend:
        yield made
        homes = {Path(home) for trial in made.trials for home in made.homes(trial)}
        assert all(map(Path.is_dir, homes))
    assert not any(map(Path.exists, homes)), "with the slots their folders go"
    assert not list(made.remote.glob(".*")), "and what was written to try the storage"


def test_a_trial_goes_on_in_another_slot_from_the_storage_and_the_tuners_folder_is_not_touched(there: There) -> None:
    there.launch(0, 0, 3)
    assert there.until(0).resource == 3
    there.launch(1, 0, 3, "wait")
    there.until(1, TrialReported)
    there.launch(0, 3, 6)
    assert there.until(0).resource == 6
    there.launch(2, 6, MAX_RESOURCE, parent=0)
    assert there.until(2).reason == "completed"
    there.backend.submit(Halt(1))
    assert there.until(1).reason == "stopped"
    first, second = there.homes(0)
    assert first != second, "another slot"
    assert (there.homes(1), there.homes(2)) == ([first], [second])
    assert [path.name for path in Path(second).iterdir()] == ["trial-2"], "of former trials nothing is left"
    assert {path.name for path in there.folder.rglob("*") if not path.is_dir()} == {"output.txt"}


@pytest.mark.parametrize("there", [program], ids=["program"], indirect=True, scope="module")
def test_a_script_that_saves_is_given_time_though_nobody_here_sees_it(there: There) -> None:
    there.launch(3, 0, 3, "slow")
    there.until(3, TrialReported)
    running = there.backend._supervisor._running[3].running
    while not running.saving:
        there.pass_time(0.02)
    there.gate.write_text("\n")
    while not running.spared:
        there.pass_time(0.1)
    there.gate_2.write_text("\n")
    assert there.until(3).resource == 3
