"""What every storage must do for checkpoints, whatever it is reached by; and what becomes of one that goes wrong."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "storages"))

from places import Remote, make_remote

from rungwise.checkpoints import storage as storages
from rungwise.checkpoints.folders import TooLargeError, checkpoint_folder, newest, save_checkpoint
from rungwise.checkpoints.manifest import MANIFEST
from rungwise.checkpoints.shipping import complete, discard, download, newest_first, shipped, upload
from rungwise.checkpoints.storage import Storage
from rungwise.core.errors import InputError, StorageError
from rungwise.trial.job import Job
from rungwise.trial.supply import fetch


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(storages, "WAITS", (0.0, 0.0))


@pytest.fixture(params=["file", "faulty"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    return make_remote(request.param, tmp_path, monkeypatch)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    return make_remote("faulty", tmp_path, monkeypatch)


def fill(draft: Path) -> None:
    (draft / "deep" / "er").mkdir(parents=True)
    (draft / "deep" / "er" / "model").write_bytes(bytes(range(256)) * 4)
    (draft / "a name with [odd] *?#% signs").write_text("odd")
    (draft / "empty").touch()
    (draft / "latest").symlink_to("deep/er")


def content(folder: Path) -> dict[str, bytes | str]:
    return {
        path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def test_what_is_fetched_is_what_was_put(remote: Remote, tmp_path: Path) -> None:
    storage = Storage(f"{remote.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    one = upload(storage, 7, tmp_path / "here", 9)
    assert (one.trial, one.resource, one.path.split("-")[:2]) == (7, 9, ["trial", "7/9"])
    assert shipped(storage) == shipped(storage, 7) == [one]
    assert complete(storage, one)
    assert shipped(storage, 1) == []
    assert download(storage, one.path, tmp_path / "there", 9)
    assert content(tmp_path / "there" / "9") == content(tmp_path / "here" / "9")
    assert newest(tmp_path / "there", 9, thorough=True) == 9
    discard(storage, one.path)
    assert remote.names() == []
    discard(storage, one.path)
    assert not download(storage, one.path, tmp_path / "elsewhere", 9)
    assert not (tmp_path / "elsewhere").exists()


def test_a_name_is_never_used_twice_and_the_newest_come_first(remote: Remote, tmp_path: Path) -> None:
    storage = Storage(f"{remote.url}/it")
    for resource in (3, 9, 27):
        save_checkpoint(tmp_path, resource, fill)
        upload(storage, 0, tmp_path, resource)
    upload(storage, 0, tmp_path, 27)
    (remote.folder / "it" / "trial-0" / "81-cut").mkdir()
    (remote.folder / "it" / "trial-0" / "81-cut" / "model").touch()
    (remote.folder / "it" / "trial-0" / "output.txt").touch()
    found = shipped(storage, 0)
    assert [(each.resource, each.sealed) for each in found] == [
        (3, True), (9, True), (27, True), (27, True), (81, False),
    ]  # fmt: skip
    assert len({each.path for each in found}) == 5
    assert [each.resource for each in newest_first(found, 26)] == [9, 3]
    assert next(newest_first(found, 99)).resource == 27


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a file is gone": lambda place: (place / "deep/er/model").unlink(),
    "a file is cut": lambda place: (place / "deep/er/model").write_bytes(bytes(range(256))),
    "a file has changed": lambda place: (place / "deep/er/model").write_bytes(bytes(1024)),
    "no manifest": lambda place: (place / MANIFEST).unlink(),
    "half a manifest": lambda place: (place / MANIFEST).write_bytes((place / MANIFEST).read_bytes()[:40]),
    "a manifest of others": lambda place: (place / MANIFEST).write_text("[1, 2]"),
    "a path that leads out": lambda place: (place / MANIFEST).write_text(
        (place / MANIFEST).read_text().replace("deep/er/model", "../../../model")
    ),
    "a path from the root": lambda place: (place / MANIFEST).write_text(
        (place / MANIFEST).read_text().replace("deep/er/model", "/tmp/er/model")
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_torn_is_never_fetched(faulty: Remote, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    storage = Storage(f"{faulty.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    one = upload(storage, 0, tmp_path / "here", 9)
    damage(faulty.folder / "it" / one.path)
    before = set(tmp_path.rglob("model"))
    assert not download(storage, one.path, tmp_path / "there", 9)
    assert newest(tmp_path / "there", 9) == 0
    assert set(tmp_path.rglob("model")) == before
    assert not list(tmp_path.rglob(".saving*"))


def test_an_upload_that_was_cut_unseen_is_noticed_when_it_is_looked_at(faulty: Remote, tmp_path: Path) -> None:
    storage = Storage(f"{faulty.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    faulty.wrong("torn-put", 4)
    one = upload(storage, 0, tmp_path / "here", 9)
    (listed,) = shipped(storage)
    assert not complete(storage, listed)
    assert not download(storage, one.path, tmp_path / "there", 9)


def test_a_job_takes_what_is_at_the_storage_where_its_folder_has_another_of_the_same_resource(
    faulty: Remote, tmp_path: Path
) -> None:
    storage = Storage(f"{faulty.url}/it")
    for where in ("ours", "theirs"):
        save_checkpoint(tmp_path / where, 3, lambda draft, where=where: (draft / "model").write_text(where))  # type: ignore[misc]
    source = upload(storage, 7, tmp_path / "theirs", 3).path
    job = Job(7, {}, 1, 1, 3, 9, 9, folder=str(tmp_path / "ours"), storage=storage.url, source=source)
    told: list[object] = []
    assert fetch(job, told.append) == job
    assert (tmp_path / "ours" / "3" / "model").read_text() == "theirs", "another machine has trained it since"
    discard(storage, source)
    assert fetch(job, told.append) == job, "what is here is better than nothing"
    assert told == []


@pytest.mark.parametrize("operation", ["put", "pipe", "find", "cat", "get", "rm"])
def test_a_passing_trouble_is_not_noticed(faulty: Remote, tmp_path: Path, operation: str) -> None:
    storage = Storage(f"{faulty.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    faulty.wrong(f"fail-{operation}", 2)
    one = upload(storage, 0, tmp_path / "here", 9)
    assert shipped(storage) == [one]
    assert download(storage, one.path, tmp_path / "there", 9)
    discard(storage, one.path)
    assert faulty.names() == []
    assert not list(faulty.faults.iterdir())


@pytest.mark.parametrize("trouble", ["refuse-", "fail-"])
def test_what_goes_wrong_for_good_is_told_in_one_sentence(faulty: Remote, tmp_path: Path, trouble: str) -> None:
    storage = Storage(f"{faulty.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    one = upload(storage, 0, tmp_path / "here", 9)
    acts: dict[str, Callable[[], object]] = {
        "put": lambda: upload(storage, 0, tmp_path / "here", 9),
        "pipe": lambda: upload(storage, 0, tmp_path / "here", 9),
        "find": lambda: shipped(storage),
        "cat": lambda: download(storage, one.path, tmp_path / "there", 9),
        "get": lambda: download(storage, one.path, tmp_path / "there", 9),
        "rm": lambda: discard(storage, one.path),
    }
    for operation, act in acts.items():
        faulty.wrong(f"{trouble}{operation}", 3)
        with pytest.raises(StorageError) as caught:
            act()
        assert f"no {operation} for you" in str(caught.value) or "reset by peer" in str(caught.value)
        assert faulty.url in str(caught.value)
        assert "\n" not in str(caught.value)
        faulty.well()
    assert newest(tmp_path / "there", 9) == 0
    assert download(storage, one.path, tmp_path / "there", 9)


def test_what_is_larger_than_the_room_is_not_fetched(remote: Remote, tmp_path: Path) -> None:
    storage = Storage(f"{remote.url}/it")
    save_checkpoint(tmp_path / "here", 9, fill)
    one = upload(storage, 0, tmp_path / "here", 9)
    with pytest.raises(TooLargeError) as caught:
        download(storage, one.path, tmp_path / "there", 9, room=one.size - 1)
    assert caught.value.size == one.size
    assert download(storage, one.path, tmp_path / "there", 9, room=one.size)
    assert checkpoint_folder(tmp_path / "there", 9).is_dir()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nowhere://bucket", "Protocol not known"),
        ("memory://folder", "must be one folder which trials in other processes"),
        ("file:///a*", "must be one folder"),
        ("file://", "must name a folder there"),
        ("s3:///", "must name a folder there"),
        ("simplecache::file:///a", "must be one folder"),
    ],
)
def test_urls_that_are_no_good(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told) as caught:
        Storage(url)
    assert repr(url) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=r"storage is 's3://bucket/it', but s3 needs .*s3fs"):
        Storage("s3://bucket/it")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(InputError, match=r"needs fsspec: pip install 'rungwise\[storage\]'"):
        Storage("file:///a")
