"""Trials whose checkpoints are kept at a storage, in every way to run one: what is on this machine may vanish."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "storages"))

from local_bench import Bench, Way, build, forked, only, program, script, warm
from places import Remote, make_remote

from rungwise.checkpoints import Keeper
from rungwise.checkpoints.folders import usage
from rungwise.checkpoints.shelves import AtStorage
from rungwise.checkpoints.storage import Storage
from rungwise.core.events import TrialEnded, TrialFailed, TrialPaused, TrialRewound


@dataclass
class Kept:
    """A bench whose trials keep their checkpoints at a storage."""

    bench: Bench
    remote: Remote
    folder: Path
    keeper: Keeper

    def elsewhere(self) -> None:
        """From now on it is another machine: of the trials' folders nothing is there."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def ended(self, do: str, **options: Any) -> Any:
        self.bench.launch(do, **options)
        return self.bench.until_over(options.get("trial", 0))

    def trained(self) -> list[str]:
        return self.bench.record.read_text().split()


@pytest.fixture
def kept(way: Way, tmp_path: Path, watchdog: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    remote = make_remote("faulty", tmp_path, monkeypatch)
    (tmp_path / "there").mkdir()
    keeper = Keeper(AtStorage(tmp_path / "there" / "checkpoints", Storage(remote.url)))
    floor = build(way, tmp_path / "there", storage=remote.url, keeper=keeper)
    with floor.backend:
        yield Kept(Bench(floor), remote, tmp_path / "there" / "checkpoints", keeper)


def test_a_trial_goes_on_where_nothing_of_it_is_on_the_disk(kept: Kept) -> None:
    assert kept.ended("count") == TrialPaused(kept.bench.seen[-1].at, 0, 3)
    assert kept.remote.uploads(0) == [3]
    assert kept.keeper.source(0, 3) is not None
    kept.elsewhere()
    assert kept.ended("count", start=3, milestone=9) == TrialEnded(kept.bench.seen[-1].at, 0, "completed")
    assert kept.trained() == [str(unit) for unit in range(1, 10)]
    assert [type(event) for event in kept.bench.seen].count(TrialRewound) == 0


@only(forked, program)
def test_a_torn_one_is_passed_over_for_the_one_before_and_told(kept: Kept) -> None:
    kept.ended("count")
    kept.ended("count", start=3, milestone=6)
    (third,) = (kept.remote.folder / "trial-0").glob("6-*")
    next(third.glob("*epoch*")).write_text("x")
    kept.elsewhere()
    before = len(kept.bench.seen)
    kept.ended("count", start=6, milestone=9)
    first = kept.bench.seen[before]
    assert isinstance(first, TrialRewound)
    assert first.resource == 3
    assert kept.trained() == [str(unit) for unit in [*range(1, 7), *range(4, 10)]]


@only(warm, script)
def test_what_is_gone_is_told_and_trained_again(kept: Kept) -> None:
    kept.ended("count")
    shutil.rmtree(kept.remote.folder)
    kept.elsewhere()
    before = len(kept.bench.seen)
    kept.ended("count", start=3, milestone=6)
    assert kept.bench.seen[before] == TrialRewound(kept.bench.seen[before].at, 0, 0)
    assert kept.trained() == ["1", "2", "3", "1", "2", "3", "4", "5", "6"]


@only(forked, script, program)
def test_what_cannot_be_put_there_fails_the_trial_for_its_checkpoint(kept: Kept) -> None:
    kept.remote.wrong("refuse-put")
    failed = kept.ended("count")
    assert isinstance(failed, TrialFailed)
    assert (failed.cause, failed.resource) == ("checkpoint", 0)
    assert "no put for you" in failed.detail
    assert kept.remote.url in failed.detail
    kept.remote.well()
    assert kept.ended("count") == TrialPaused(kept.bench.seen[-1].at, 0, 3)


@only(forked)
def test_a_passing_trouble_is_no_failure(kept: Kept) -> None:
    kept.remote.wrong("fail-put")
    kept.remote.wrong("fail-pipe")
    assert kept.ended("count") == TrialPaused(kept.bench.seen[-1].at, 0, 3)
    kept.elsewhere()
    kept.remote.wrong("fail-get")
    assert isinstance(kept.ended("count", start=3, milestone=6), TrialPaused)
    assert kept.trained() == [str(unit) for unit in range(1, 7)]


@only(forked, program)
def test_what_cannot_be_fetched_fails_the_trial_before_it_trains(kept: Kept) -> None:
    kept.ended("count")
    kept.elsewhere()
    kept.remote.wrong("refuse-get")
    failed = kept.ended("count", start=3, milestone=6)
    assert isinstance(failed, TrialFailed)
    assert (failed.cause, failed.resource) == ("checkpoint", 3)
    assert kept.trained() == ["1", "2", "3"]


@only(warm, program)
def test_a_child_gets_a_copy_of_its_own(kept: Kept) -> None:
    kept.ended("count")
    kept.elsewhere()
    assert kept.ended("count", trial=1, start=3, milestone=6, parent=0).resource == 6
    assert kept.trained() == [str(unit) for unit in range(1, 7)]
    assert kept.remote.uploads(0) == [3]
    assert kept.remote.uploads(1)[-1] == 6


@only(forked)
def test_a_child_on_the_same_disk_gets_one_too(kept: Kept) -> None:
    kept.ended("count")
    kept.bench.launch("wait", trial=1, start=3, milestone=6, parent=0)
    kept.bench.until_reported(1)
    assert kept.remote.uploads(1) == [3]
    kept.bench.halt(1)
    kept.bench.until_over(1)


@only(forked, program)
def test_a_pause_is_kept_too(kept: Kept) -> None:
    kept.bench.launch("wait")
    kept.bench.until_reported()
    kept.bench.pause()
    paused = kept.bench.until_over()
    assert paused == TrialPaused(paused.at, 0, 2)
    assert kept.remote.uploads(0) == [2]


@only(forked, program)
def test_ends_are_told_as_without_a_storage(kept: Kept) -> None:
    assert kept.ended("die").cause == "signal"
    assert kept.ended("early", trial=1) == TrialEnded(kept.bench.seen[-1].at, 1, "completed")
    assert kept.ended("unsaved", trial=2) == TrialPaused(kept.bench.seen[-1].at, 2, 0)
    assert (usage(kept.folder), kept.remote.names()) == (0, [])


@only(program)
def test_who_does_not_hear_is_ended_with_whoever_stands_by_it(kept: Kept) -> None:
    kept.bench.launch("wait")
    kept.bench.until_reported()
    kept.bench.halt()
    assert kept.bench.until_over() == TrialEnded(kept.bench.seen[-1].at, 0, "stopped")
    assert kept.remote.names() == []
