"""Whatever is launched, saved, settled and dropped: the quota is kept, by the rules and in the order that is asked for.

Beside the keeper stands a slow model that counts everything anew, on the disk, at every step.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.checkpoints import Keeper, TooLargeError, newest, save_checkpoint, whole
from rungwise.checkpoints.folders import trial_folder

TRIALS = 6
LIMIT = 10**6

trials = st.integers(0, TRIALS - 1)
steps = st.one_of(
    st.tuples(st.just("launch"), trials, st.just(0)),
    st.tuples(st.just("save"), trials, st.integers(0, 2500)),
    st.tuples(st.just("save"), trials, st.integers(0, 2500)),
    st.tuples(st.just("settle"), trials, st.just(0)),
    st.tuples(st.just("drop"), trials, st.just(0)),
    st.tuples(st.just("resume"), st.just(0), st.just(0)),
)


@dataclass
class World:
    """What the slow model knows: who runs with what room, how large checkpoints were, and whose turn it is to go."""

    experiment: Path
    quota: int
    workers: int
    order: list[int]
    rooms: dict[int, int] = field(default_factory=dict)
    largest: dict[int, int] = field(default_factory=dict)
    most: int = 0
    resource: int = 0

    def keeper(self) -> Keeper:
        return Keeper(self.experiment, quota=self.quota, workers=self.workers, droppable=lambda: iter(self.order))

    def checkpoints(self, trial: int) -> dict[int, int]:
        """The bytes of each whole checkpoint of a trial."""
        folder = trial_folder(self.experiment, trial)
        found = {}
        for place in folder.iterdir() if folder.exists() else ():
            if place.name.isdigit() and whole(place, thorough=True):
                found[int(place.name)] = sum(file.stat().st_size for file in place.rglob("*"))
        return found

    def held(self, trial: int) -> int:
        return sum(self.checkpoints(trial).values())

    def claimed(self, but: int | None = None) -> int:
        return sum(self.rooms.get(trial, self.held(trial)) for trial in range(TRIALS) if trial != but)

    def see(self, trial: int, size: int) -> None:
        self.largest[trial] = max(size, self.largest.get(trial, 0))
        if size <= self.quota:
            self.most = max(size, self.most)

    def expected_of_reserving(self, trial: int) -> tuple[int, list[int]]:
        """The room that a launch should get, and who has to go for it."""
        holds = self.held(trial)
        size = self.largest.get(trial, self.most)
        one, share = size + size // 8, self.quota // self.workers
        wanted = max(holds, min(3 * one, max(one, share)) if size else share)
        claims = self.claimed(but=trial)
        idle = {each: self.held(each) for each in range(TRIALS) if each != trial and each not in self.rooms}
        go = []
        if size <= self.quota - claims + sum(idle.values()):
            for each in self.order:
                if claims + wanted > self.quota and idle.get(each):
                    go.append(each)
                    claims -= idle[each]
        return max(holds, min(wanted, self.quota - claims)), go


def launch(world: World, keeper: Keeper, trial: int) -> None:
    if trial in world.rooms:
        return
    before = {each: world.checkpoints(each) for each in range(TRIALS)}
    room, go = world.expected_of_reserving(trial)
    assert keeper.reserve(trial) == room
    world.rooms[trial] = room
    for each, there in before.items():
        assert world.checkpoints(each) == ({} if each in go else there)


def save(world: World, keeper: Keeper, trial: int, size: int) -> None:
    if trial not in world.rooms:
        return
    world.resource += 1
    folder, before = trial_folder(world.experiment, trial), world.checkpoints(trial)
    try:
        save_checkpoint(
            folder, world.resource, lambda draft: (draft / "model").write_bytes(bytes(size)), room=world.rooms[trial]
        )
    except TooLargeError as error:
        assert error.size > world.rooms[trial] == error.room
        assert world.checkpoints(trial) == before
        keeper.refused(trial, error.size)
        world.see(trial, error.size)
    else:
        assert newest(folder, LIMIT, thorough=True) == world.resource
        assert set(world.checkpoints(trial)) <= {world.resource, max(before, default=0)}


def settle(world: World, keeper: Keeper, trial: int) -> None:
    if world.rooms.pop(trial, None) is None:
        return
    there = world.checkpoints(trial)
    last = max(there, default=0)
    keeper.settle(trial, last)
    assert world.checkpoints(trial) == ({last: there[last]} if last else {})
    if last:
        world.see(trial, there[last])


def drop(world: World, keeper: Keeper, trial: int) -> None:
    keeper.drop(trial)
    world.rooms.pop(trial, None)
    world.largest.pop(trial, None)
    assert not world.checkpoints(trial)


def resume(world: World) -> Keeper:
    """The tuner died, and so did all that ran."""
    world.rooms.clear()
    world.most = 0
    world.largest = {each: max(found.values()) for each in range(TRIALS) if (found := world.checkpoints(each))}
    for trial, size in list(world.largest.items()):
        world.see(trial, size)
    return world.keeper()


@contextmanager
def quick() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda descriptor: None)
        yield Path(folder)


@settings(max_examples=60)
@given(
    st.lists(steps, min_size=5, max_size=30),
    st.integers(300, 9000),
    st.integers(1, 4),
    st.permutations(range(TRIALS)),
)
def test_the_quota_is_never_exceeded_and_what_goes_goes_in_order(
    story: list[tuple[str, int, int]], quota: int, workers: int, order: list[int]
) -> None:
    with quick() as folder:
        world = World(folder, quota, workers, order)
        keeper = world.keeper()
        for what, trial, size in story:
            match what:
                case "launch":
                    launch(world, keeper, trial)
                case "save":
                    save(world, keeper, trial, size)
                case "settle":
                    settle(world, keeper, trial)
                case "drop":
                    drop(world, keeper, trial)
                case _:
                    keeper = resume(world)
            held = {each: world.held(each) for each in range(TRIALS)}
            assert sum(held.values()) <= quota
            assert world.claimed() <= quota
            settled = {each: size for each, size in held.items() if size and each not in world.rooms}
            assert {each: size for each, size in keeper.kept.items() if each not in world.rooms} == settled
            assert keeper.used == sum(keeper.kept.values())
