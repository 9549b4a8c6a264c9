"""Whatever moment a job, its upload or the tuner is cut at: what is loaded is whole, and nothing recorded is lost."""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "storages"))

import faulty
from places import make_remote

from rungwise.checkpoints.folders import trial_folder
from rungwise.checkpoints.shelves import AtStorage
from rungwise.checkpoints.shipping import Shipped
from rungwise.checkpoints.storage import Storage
from rungwise.trial.job import Job, Wish
from rungwise.trial.supply import fetch
from rungwise.trial.trial import Trial

END = 40


class Cut(BaseException):
    """The process is gone at this moment."""


@dataclass
class Scissors:
    """Cuts at the `after`-th operation of the storage, which is done by then, by half, or not at all."""

    after: int | None = None
    half: bool = False

    def __call__(self, operation: str) -> None:
        if self.after is None:
            return
        self.after -= 1
        if self.after < 0:
            self.after = None
            if self.half and operation in ("put", "pipe"):
                raise Half
            raise Cut


class Half(Exception):
    """The operation is to be done by half."""


@dataclass
class Tuner:
    """What the tuner has heard, and what of it is recorded: all but the last `behind` reports."""

    behind: int
    heard: list[tuple[int, bool]] = field(default_factory=list)
    told: dict[int, str] = field(default_factory=dict)

    def report(self, resource: int, metrics: Mapping[str, float], *, saved: bool) -> None:
        self.heard.append((resource, saved))

    def kept(self, one: Shipped) -> None:
        self.told[one.resource] = one.path

    def unkept(self, resource: int, sentence: str) -> None:
        raise AssertionError(sentence)

    breach = refused = full = unkept  # type: ignore[assignment]

    def in_log(self) -> list[tuple[int, bool]]:
        return self.heard[: len(self.heard) - self.behind] if self.behind else self.heard

    def recorded(self) -> int:
        return max((resource for resource, saved in self.in_log() if saved), default=0)

    def wish(self) -> Wish | None:
        return None


@contextmanager
def cutting(scissors: Scissors) -> Iterator[None]:
    """Let the scissors see every operation of the storage."""
    with pytest.MonkeyPatch.context() as patch:
        original = {name: getattr(faulty.FaultyFileSystem, f"{name}_file") for name in ("put", "pipe")}

        def halved(name: str) -> object:
            def act(self: object, first: str, second: object, *rest: object, **options: object) -> object:
                try:
                    return original[name](self, first, second, *rest, **options)
                except Half:
                    place = Path(faulty.FaultyFileSystem._strip_protocol(second if name == "put" else first))
                    data = Path(first).read_bytes() if name == "put" else second
                    assert isinstance(data, bytes)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    place.write_bytes(data[: len(data) // 2])
                    raise Cut from None

            return act

        for name in original:
            patch.setattr(faulty.FaultyFileSystem, f"{name}_file", halved(name))
        patch.setattr(faulty, "meet", scissors)
        yield


lives = st.lists(
    st.tuples(
        st.integers(1, 4),  # units that the job is to train
        st.one_of(st.none(), st.integers(0, 14)),  # where it is cut
        st.booleans(),  # by half
        st.booleans(),  # whether the machine is another one then
        st.integers(0, 1),  # how many reports the log is behind
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(lives)
def test_what_is_loaded_is_whole_and_nothing_recorded_is_lost(
    life: list[tuple[int, int | None, bool, bool, int]],
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        patch.setattr("rungwise.checkpoints.storage.WAITS", ())
        remote = make_remote("faulty", Path(place), patch)
        here = Path(place) / "here"
        reported = recorded = 0
        for attempt, (units, cut, half, moved, behind) in enumerate(life):
            shelf = AtStorage(here, Storage(remote.url))
            shelf.trials()
            start = shelf.recover(0, reported)
            assert recorded <= start <= reported
            tuner = Tuner(behind, [(start, True)] if start else [])
            job = Job(
                0, {}, 0, 1, start, start + units, END, folder=str(trial_folder(here, 0)), every_units=1,
                storage=remote.url, source=shelf.source(0, start),
            )  # fmt: skip
            shelf.close(10.0)
            with cutting(Scissors(cut, half)), suppress(Cut):
                train(fetch(job, lambda message: None), start, attempt, tuner)
            known = tuner.in_log()
            reported = max((resource for resource, _ in known), default=start)
            recorded = max(start, tuner.recorded())
            if moved:
                shutil.rmtree(here, ignore_errors=True)


def train(job: Job, start: int, attempt: int, tuner: Tuner) -> None:
    """A job, from a checkpoint that must be whole and of its resource; each is told from all others."""
    assert job.start == start
    trial = Trial(job, tuner)
    folder = trial.load()
    if folder is not None:
        assert (folder / "one").read_text() == (folder / "two").read_text()
        assert (folder / "one").read_text().split()[0] == str(start)

    def save(draft: Path, unit: int) -> None:
        for name in ("one", "two"):
            (draft / name).write_text(f"{unit} of attempt {attempt}")

    for unit in trial.epochs():
        trial.report(unit, loss=1.0, save=lambda draft, unit=unit: save(draft, unit))
