"""Which checkpoints stay: by the records alone, with real folders."""

from pathlib import Path
from typing import Any

import pytest

from rungwise.api.keeping import Keeping
from rungwise.api.names import experiment_folder
from rungwise.checkpoints.folders import newest, save_checkpoint, trial_folder
from rungwise.core.commands import Launch
from rungwise.core.decisions import FailTrial, Finish
from rungwise.core.events import TimePassed, TrialEnded, TrialFailed, TrialPaused, TrialReported
from rungwise.core.ledger import Ledger
from rungwise.core.records import Record
from rungwise.core.spec import ExperimentSpec

MILESTONES = (1, 3, 9)


def fill(draft: Path) -> None:
    (draft / "w").write_bytes(b"w" * 1000)


class Scheduler:
    """Foresees what it is told to."""

    milestones = MILESTONES

    def __init__(self) -> None:
        self.hopeless: set[int] = set()

    def tell(self, event: Any) -> tuple[()]:
        return ()

    def ask(self) -> None:
        return None

    def may_promote(self, trial: int) -> bool:
        return trial not in self.hopeless


class Scene:
    """A run as its records tell it; `jobs` leave checkpoints of 1,000 bytes."""

    def __init__(self, folder: Path, *, quota: int | None = None, **options: Any) -> None:
        spec: dict[str, Any] = {
            "space": {},
            "training": {},
            "scheduler": {"name": "asha"},
            "searcher": {"name": "random"},
        }
        self.spec = ExperimentSpec(
            metric="loss", mode="min", milestones=MILESTONES, local={"checkpoint_quota": quota}, **spec, **options
        )
        self.ledger = Ledger(MILESTONES)
        self.scheduler = Scheduler()
        self.folder = experiment_folder(folder / "store.db", "it")
        self.keeping = Keeping(folder / "store.db", "it", self.spec, self.ledger, self.scheduler)

    def see(self, *records: Record) -> None:
        for record in records:
            self.ledger.apply(record)
        self.keeping(records)

    def job(self, trial: int, resource: int, value: float, end: Record | None = None) -> None:
        start = self.ledger.trials[trial].checkpoint if trial in self.ledger.trials else 0
        self.see(Launch(trial, {}, start, resource, 1, 0))
        self.keeping.keeper.reserve(trial)
        save_checkpoint(
            trial_folder(self.folder, trial), resource, lambda draft: (draft / "w").write_bytes(b"w" * 1000)
        )
        self.see(TrialReported(float(resource), trial, resource, value, {}))
        self.see(end or TrialPaused(float(resource), trial, resource))

    def kept(self) -> dict[int, int]:
        found = {trial: newest(trial_folder(self.folder, trial), 99) for trial in self.ledger.trials}
        return {trial: resource for trial, resource in found.items() if resource}


def test_the_newest_of_paused_trials_stay_until_the_end_and_then_the_winners(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for trial in range(3):
        scene.job(trial, 1, 1.0 - trial / 10)
    scene.job(1, 3, 0.2)
    assert scene.kept() == {0: 1, 1: 3, 2: 1}
    assert not (trial_folder(scene.folder, 1) / "1").exists()
    scene.see(TimePassed(9.0), Finish("time"))
    assert scene.kept() == {1: 3}


@pytest.mark.parametrize("reason", ["stopped", "completed", "lost", "failed"])
def test_who_has_ended_needs_none_unless_it_is_the_best(tmp_path: Path, reason: Any) -> None:
    scene = Scene(tmp_path)
    scene.job(0, 1, 0.5)
    scene.job(1, 9, 0.9, TrialEnded(9.0, 1, reason))
    scene.job(2, 9, 0.1, TrialEnded(9.0, 2, reason))
    assert scene.kept() == {0: 1, 2: 9}
    scene.job(3, 9, 0.05, TrialEnded(9.0, 3, reason))
    assert scene.kept() == {0: 1, 3: 9}


def test_a_retraining_keeps_what_it_trained(tmp_path: Path) -> None:
    scene = Scene(tmp_path, of="another")
    scene.job(0, 9, 0.5, TrialEnded(9.0, 0, "completed"))
    scene.job(1, 9, 0.9, TrialEnded(9.0, 1, "completed"))
    scene.job(2, 9, 0.9, TrialEnded(9.0, 2, "stopped"))
    scene.see(TimePassed(9.0), Finish("time"))
    assert scene.kept() == {0: 9, 1: 9}


def test_a_trial_that_died_keeps_its_checkpoint_as_long_as_it_may_be_tried_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.job(0, 1, 0.5)
    scene.job(1, 1, 0.9, TrialFailed(1.0, 1, 1, "signal", ""))
    assert scene.kept() == {0: 1, 1: 1}
    scene.see(Launch(1, {}, 1, 3, 1, 0))
    scene.see(TrialFailed(2.0, 1, 1, "signal", ""), FailTrial(1))
    assert scene.kept() == {0: 1}


def test_the_hopeless_go_when_they_have_become_many(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    for trial in range(12):
        scene.scheduler.hopeless = {each for each in range(1, trial) if each % 3}
        scene.job(trial, 1, trial / 10)
    assert {0, 3, 6, 9} <= scene.kept().keys()
    assert len(scene.kept()) <= 9


def test_a_trial_that_was_launched_again_in_the_same_answer_is_left_alone(tmp_path: Path) -> None:
    scene = Scene(tmp_path, quota=8_000)
    scene.job(0, 1, 0.5)
    reserved = scene.keeping.keeper.reserve(0)
    scene.see(TrialPaused(1.0, 0, 1), Launch(0, {}, 1, 3, 1, 0))
    assert scene.keeping.keeper.reserve(0) == reserved
    assert scene.kept() == {0: 1}


def test_for_the_quota_the_worst_of_a_rung_go_first_and_the_winner_last(tmp_path: Path) -> None:
    scene = Scene(tmp_path, quota=9_000)
    for trial in range(4):
        scene.job(trial, 1, trial / 10)
    scene.job(0, 3, 0.9)  # the incumbent, although the only one of its rung
    assert scene.keeping._ranked() == [(3, 1), (2, 1), (1, 1), (0, 2)]
    scene.scheduler.hopeless = {1}
    assert [trial for trial, _ in scene.keeping._ranked()] == [1, 3, 2, 0]


def test_what_a_dead_tuner_left_is_swept(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.job(0, 1, 0.5)
    scene.job(1, 1, 0.9)
    scene.ledger.apply(TrialEnded(2.0, 1, "stopped"))
    save_checkpoint(trial_folder(scene.folder, 7), 1, lambda draft: None)  # of a trial that no log knows
    again = Keeping(tmp_path / "store.db", "it", scene.spec, scene.ledger, scene.scheduler)
    again.sweep()
    assert scene.kept() == {0: 1}
    assert not trial_folder(scene.folder, 7).exists()


def test_recovering_passes_a_torn_checkpoint_over(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.see(Launch(0, {}, 0, 9, 1, 0))
    for resource in (1, 2, 3):
        save_checkpoint(trial_folder(scene.folder, 0), resource, fill)
        scene.see(TrialReported(1.0, 0, resource, 0.5, {}))
    assert scene.keeping.recover(scene.ledger.trials[0]) == 3
    (trial_folder(scene.folder, 0) / "3" / "w").write_bytes(b"x" * 1000)
    assert scene.keeping.recover(scene.ledger.trials[0]) == 2
