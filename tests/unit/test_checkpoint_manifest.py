"""Manifests: a checkpoint is whole exactly if every file is as it was when it was sealed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rungwise.checkpoints.folders import newest, save_checkpoint
from rungwise.checkpoints.manifest import MANIFEST, read_manifest, whole, write_manifest


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here depends on the disk's own speed."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def fill(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "model").write_text("weights")
    (folder / "empty").touch()
    (folder / "latest").symlink_to("deep")
    (folder / "nowhere").symlink_to("/does//not/exist")


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    folder = tmp_path / "sealed"
    folder.mkdir()
    fill(folder)
    write_manifest(folder)
    return folder


def test_a_manifest_is_plain_json_that_names_every_file_and_link(sealed: Path) -> None:
    data = json.loads((sealed / MANIFEST).read_text("ascii"))
    assert (data["format"], data["bytes"], data["hash"]) == (1, 7, "blake2b")
    assert data["links"] == {"latest": "deep", "nowhere": "/does//not/exist"}
    assert {path: size for path, (size, _) in data["files"].items()} == {"deep/model": 7, "empty": 0}
    assert whole(sealed)
    assert whole(sealed, thorough=True)


BROKEN: dict[str, Callable[[Path], object]] = {
    "shorter": lambda folder: (folder / "deep" / "model").write_text("weight"),
    "longer": lambda folder: (folder / "deep" / "model").write_text("weights!"),
    "gone": lambda folder: (folder / "empty").unlink(),
    "a folder instead": lambda folder: ((folder / "empty").unlink(), (folder / "empty").mkdir()),
    "a link instead": lambda folder: ((folder / "empty").unlink(), (folder / "empty").symlink_to("deep/model")),
    "another target": lambda folder: ((folder / "latest").unlink(), (folder / "latest").symlink_to("empty")),
    "no link": lambda folder: (folder / "nowhere").unlink(),
    "no manifest": lambda folder: (folder / MANIFEST).unlink(),
    "half a manifest": lambda folder: (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:-20]),
    "an empty manifest": lambda folder: (folder / MANIFEST).write_text(""),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_not_as_it_was_is_not_whole(sealed: Path, how: str) -> None:
    BROKEN[how](sealed)
    assert not whole(sealed)
    assert not whole(sealed, thorough=True)


def test_other_bytes_of_the_same_size_are_seen_by_their_hash(sealed: Path) -> None:
    (sealed / "deep" / "model").write_text("WEIGHTS")
    assert whole(sealed)
    assert not whole(sealed, thorough=True)


def test_what_somebody_added_later_is_no_reason_against(sealed: Path) -> None:
    (sealed / "notes.txt").write_text("good one")
    (sealed / "pictures").mkdir()
    assert whole(sealed, thorough=True)


def changed(**changes: Any) -> str:
    entry = {"deep/model": [7, "0"]}
    return json.dumps({"format": 1, "bytes": 7, "hash": "blake2b", "files": entry, "links": {}} | changes)


MALFORMED = {
    "no json": "{",
    "a list": "[]",
    "a number": "1",
    "nothing in it": "{}",
    "nested": "[" * 100_000,
    "a long number": "9" * 10_000,
    "no text": "\udcff\udcfe",
    "of a later format": changed(format=2),
    "another hash": changed(hash="md5"),
    "format as text": changed(format="1"),
    "another sum": changed(bytes=8),
    "sum as text": changed(bytes="7"),
    "files as list": changed(files=["deep/model"]),
    "links as list": changed(links=["latest"]),
    "size as text": changed(files={"deep/model": ["7", "0"]}),
    "size alone": changed(files={"deep/model": 7}),
    "size below 0": changed(bytes=-7, files={"deep/model": [-7, "0"]}),
    "size infinite": changed(files={"deep/model": [float("inf"), "0"]}),
    "hash as number": changed(files={"deep/model": [7, 0]}),
    "target as number": changed(links={"latest": 3}),
    "absolute": changed(files={"/etc/passwd": [7, "0"]}),
    "above": changed(files={"../secret": [7, "0"]}),
    "above and back": changed(files={"deep/../../secret": [7, "0"]}),
    "through a link": changed(files={"outside/secret": [7, "0"]}),
    "a link's target": changed(files={"straight": [7, "0"]}),
    "the folder itself": changed(bytes=0, files={"": [0, "0"]}),
    "a NUL": changed(files={"deep/\0": [7, "0"]}),
    "a link above": changed(links={"../link": "secret"}),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("thorough", [False, True])
def test_a_malformed_manifest_is_no_manifest_and_leads_nowhere(
    sealed: Path, monkeypatch: pytest.MonkeyPatch, name: str, thorough: bool
) -> None:
    secret = sealed.parent / "secret"
    secret.write_text("1234567")
    (sealed.parent / "link").symlink_to("secret")
    (sealed / "outside").symlink_to("..")
    (sealed / "straight").symlink_to("../secret")
    (sealed / MANIFEST).write_text(MALFORMED[name], encoding="utf-8", errors="surrogateescape")
    opened: list[str] = []
    system = os.open

    def watched(path: Any, *arguments: Any, **keywords: Any) -> int:
        opened.append(os.fspath(path))
        return system(path, *arguments, **keywords)

    monkeypatch.setattr("os.open", watched)
    assert not whole(sealed, thorough)
    assert set(opened) <= {str(sealed / MANIFEST), str(sealed / "deep" / "model")}


def test_a_manifest_that_is_no_file_is_none(sealed: Path) -> None:
    (sealed / MANIFEST).rename(sealed.parent / "elsewhere")
    (sealed / MANIFEST).symlink_to("../elsewhere")
    assert read_manifest(sealed) is None
    (sealed / MANIFEST).unlink()
    (sealed / MANIFEST).mkdir()
    assert read_manifest(sealed) is None
    (sealed / MANIFEST).rmdir()
    os.mkfifo(sealed / MANIFEST)
    assert read_manifest(sealed) is None
    assert not whole(sealed.parent / "absent")


def test_names_that_are_no_text_survive(tmp_path: Path) -> None:
    name = os.fsdecode(b"mod\xe9l \xff")
    (tmp_path / name).write_text("weights")
    (tmp_path / "täter\n").write_text("weights")
    (tmp_path / "link").symlink_to(name)
    write_manifest(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes().isascii()
    assert whole(tmp_path, thorough=True)
    (tmp_path / name).write_text("weight")
    assert not whole(tmp_path)


def test_only_files_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "model").touch()
    write_manifest(tmp_path)
    manifest = read_manifest(tmp_path)
    assert manifest is not None
    assert list(manifest.files) == ["model"]


def test_a_copied_manifest_is_replaced_and_not_written_over(sealed: Path) -> None:
    before = (sealed / MANIFEST).read_bytes()
    for how in ("link", "symlink", "folder"):
        draft = sealed.parent / how
        draft.mkdir()
        (draft / "model").write_text("other")
        match how:
            case "link":
                (draft / MANIFEST).hardlink_to(sealed / MANIFEST)
            case "symlink":
                (draft / MANIFEST).symlink_to(sealed / MANIFEST)
            case _:
                (draft / MANIFEST / "deep").mkdir(parents=True)
        write_manifest(draft)
        assert whole(draft, thorough=True)
    assert (sealed / MANIFEST).read_bytes() == before


def test_a_folder_that_cannot_be_listed_is_not_sealed_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("deep/"):
            raise PermissionError(13, "not yours", path)
        return system(path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(PermissionError, match="not yours"):
        save_checkpoint(tmp_path / "trial-0", 3, fill)


def save(folder: Path, *resources: int) -> None:
    for resource in resources:
        save_checkpoint(folder, resource, fill)


def test_a_torn_one_is_passed_over_for_the_one_before(tmp_path: Path) -> None:
    save(tmp_path, 3, 9)
    (tmp_path / "9" / "deep" / "model").write_text("WEIGHTS")
    assert [newest(tmp_path, 9), newest(tmp_path, 9, thorough=True)] == [9, 3]
    (tmp_path / "9" / "deep" / "model").unlink()
    assert newest(tmp_path, 9) == 3
    (tmp_path / "3" / "empty").unlink()
    assert newest(tmp_path, 9) == 0


def test_checkpoints_of_an_earlier_version_count_until_there_are_manifests(tmp_path: Path) -> None:
    for resource in (3, 9):
        (tmp_path / str(resource)).mkdir()
        fill(tmp_path / str(resource))
    assert [newest(tmp_path, limit) for limit in (3, 9, 27)] == [3, 9, 9]
    save(tmp_path, 27)
    assert [newest(tmp_path, limit) for limit in (9, 27)] == [9, 27], "it is what a crash goes back to"
    (tmp_path / "27" / "empty").unlink()
    assert newest(tmp_path, 27) == 9


def test_one_that_lost_its_manifest_is_not_of_an_earlier_version(tmp_path: Path) -> None:
    save(tmp_path, 3, 9)
    (tmp_path / "9" / MANIFEST).unlink()
    assert newest(tmp_path, 9) == 3
