"""Idle slots given to trials that run on this machine, and policies of the user's own."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rungwise as rw
from rungwise.allocation import ByRung, Fill
from rungwise.api.replay import replay
from rungwise.core.commands import Launch
from rungwise.core.decisions import Request, Resize
from rungwise.core.errors import InputError
from rungwise.core.events import TrialReported
from rungwise.core.scaling import Scaling

sys.path.insert(0, str(Path(__file__).parent / "trainings"))

from training_ranks import counted

EVEN = {1: 1.0, 2: 0.5, 3: 1 / 3}
FILL = {"name": "fill", "scaling": EVEN, "restart": 0.0}


def tuned(tmp_path: Path, **settings: Any) -> rw.Experiment:
    """An experiment of `counted`, whose ranks write down what they train; half a millisecond a unit and more."""
    space = {"folder": [str(tmp_path)], "slow": [1], "x": (0.0, 1.0)}
    chosen = {"metric": "loss", "workers": 3, "store": tmp_path / "r.db", "name": "run", "max_resource": 60}
    return rw.tune(counted, space, **{**chosen, **settings})


def launches(experiment: rw.Experiment) -> list[Launch]:
    return [record for record in experiment.records() if isinstance(record, Launch)]


@pytest.mark.parametrize("one_process", [False, True])
def test_a_trial_that_runs_alone_goes_on_with_the_idle_slots(tmp_path: Path, one_process: bool) -> None:
    experiment = tuned(tmp_path, scheduler="fifo", trials=1, allocation=FILL, one_process=one_process)
    first, *others = launches(experiment)
    assert first.slots == 1
    assert [each.slots for each in others] == [3]
    assert 0 < others[0].start < 60
    assert any(isinstance(record, Resize) for record in experiment.records())
    reports = [each.resource for each in experiment.records() if isinstance(each, TrialReported)]
    assert reports == [*range(1, 61)], "no unit is lost, none trained twice"
    for rank in range(1 if one_process else 3):
        lines = (tmp_path / f"counted-0-{rank}").read_text().splitlines()
        assert lines[-1] == f"{others[0].start}:60"
        assert len(lines) == (60 if rank == 0 else 60 - others[0].start)
    assert replay("run", store=tmp_path / "r.db").missing == 0


def test_a_survivor_is_promoted_with_the_slots_that_its_rivals_left(tmp_path: Path) -> None:
    experiment = tuned(tmp_path, scheduler="asha", trials=9, max_resource=9, allocation={"name": "fill", "most": 2})
    top = [each for each in launches(experiment) if each.milestone == 9]
    assert [each.slots for each in top] == [2]
    assert all(each.slots <= 2 for each in launches(experiment))
    assert replay("run", store=tmp_path / "r.db").missing == 0


@dataclass
class Mine:
    """Two slots for even trials, one for odd ones."""

    def slots(self, request: Request, capacity: int) -> int:
        return 1 if request.trial % 2 else 2


def test_a_policy_of_ones_own_is_passed_again_to_resume_and_replay(tmp_path: Path) -> None:
    experiment = tuned(tmp_path, scheduler="asha", trials=4, max_resource=3, allocation=Mine())
    assert {each.slots for each in launches(experiment)} == {1, 2}
    assert all(each.slots == (1 if each.trial % 2 else 2) for each in launches(experiment))
    store = tmp_path / "r.db"
    with pytest.raises(InputError, match=r"'run' ran with an allocation of your own: pass replay\(\) a fresh one"):
        replay("run", store=store)
    with pytest.raises(InputError, match=r"'run' ran with an allocation of your own: pass resume\(\) a fresh one"):
        rw.resume("run", store=store)
    assert replay("run", store=store, allocation=Mine()).missing == 0
    assert rw.resume("run", store=store, allocation=Mine()).best == experiment.best
    with pytest.raises(rw.RungwiseError):
        replay("run", store=store, allocation=Fill((1, 3)))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"allocation": Mine(), "slots": 2}, "slots is 2, but the allocation is an object, which says by itself"),
        ({"allocation": ByRung((1, 3, 9), 3, 9)}, "gives a trial 9 slots, but there are 3 in all"),
        ({"allocation": ByRung((1, 3, 9), 3, 3), "scheduler": "stopping-asha"}, "this scheduler lets trials run on"),
        ({"allocation": {"name": "fill", "restart": "soon"}}, "restart is 'soon', but must be a finite number"),
        ({"allocation": Scaling.of(EVEN)}, r"allocation is Scaling\(.*, but must be one of fixed, by-rung, fill"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_made(tmp_path: Path, more: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        tuned(tmp_path, max_resource=9, **more)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
