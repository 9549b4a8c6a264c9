"""The store: a file of experiments by name; whatever cannot be is refused in a sentence and leaves nothing behind."""

import os
import re
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from rungwise.core.errors import StoreError
from rungwise.core.events import Draining
from rungwise.store import NameTakenError, Store

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path, create=True) as opened:
        yield opened


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user can reach, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def as_somebody_else() -> Iterator[Callable[[], None]]:
    """Become a user without root's rights, where the tests run as root; undone at the end."""
    user = os.geteuid()

    def become() -> None:
        if user == 0:
            os.setresuid(NOBODY, NOBODY, 0)

    yield become
    if user == 0:
        os.setresuid(0, 0, 0)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir() if file.is_file()}


def a_text_file(path: Path) -> None:
    path.write_text("not a database\n")


def a_long_text_file(path: Path) -> None:
    path.write_text("not a database\n" * 5000)


def an_empty_file(path: Path) -> None:
    path.touch()


def a_folder(path: Path) -> None:
    path.mkdir()


def another_programs_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE records (x)")


def another_programs_marked_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("CREATE TABLE records (x); PRAGMA application_id = 77; PRAGMA user_version = 1")


def a_newer_store(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {})
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def a_store_of_no_version(path: Path) -> None:
    a_newer_store(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


def a_cut_store(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {})
    with path.open("r+b") as file:
        file.truncate(5000)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (a_text_file, "is not a Rungwise store but some other file"),
        (a_long_text_file, "is not a Rungwise store but some other file"),
        (an_empty_file, "is empty, not a Rungwise store"),
        (a_folder, "is a folder, but must be a file"),
        (another_programs_database, "is another program's database, not a Rungwise store"),
        (another_programs_marked_database, "is another program's database, not a Rungwise store"),
        (a_newer_store, "has schema 99, but this version of Rungwise reads schemas up to 3: install the newer"),
        (a_store_of_no_version, "has schema 0, which no Rungwise ever wrote"),
        (a_cut_store, "is damaged"),
    ],
)
def test_what_is_no_store_is_refused_and_stays_as_it_was(
    path: Path, make: Callable[[Path], None], sentence: str, create: bool
) -> None:
    make(path)
    before = contents(path.parent)
    with pytest.raises(StoreError, match=sentence) as caught:
        Store.open(path, create=create)
    assert str(path) in str(caught.value)
    assert contents(path.parent) == before


def test_an_absent_store_is_not_made_by_opening_it(path: Path) -> None:
    with pytest.raises(StoreError, match=re.escape(f"there is no store {path}")):
        Store.open(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("create", [False, True])
def test_an_absent_folder_is_not_made(tmp_path: Path, create: bool) -> None:
    with pytest.raises(StoreError, match=r"there is no folder .*nowhere, make it"):
        Store.open(tmp_path / "nowhere" / "runs.db", create=create)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, name: str, create: bool) -> None:
    with pytest.raises(StoreError, match=r"cannot be reached|no path to a file"):
        Store.open(tmp_path / name, create=create)


@pytest.mark.parametrize("create", [False, True])
def test_a_store_that_another_process_holds_is_refused_after_the_timeout(path: Path, create: bool) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {})
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"runs\.db is locked by another process, for more than 0.01 s: wait"):
            Store.open(path, create=create, timeout=0.01)


def test_a_store_that_may_not_be_written_can_be_read(shared: Path, as_somebody_else: Callable[[], None]) -> None:
    path = shared / "runs.db"
    with Store.open(path, create=True) as store:
        store.create("x", {"metric": "loss"}).append([Draining(1.0)])
    path.chmod(0o444)
    shared.chmod(0o555)
    as_somebody_else()
    before = contents(shared)
    with Store.open(path) as store:
        log = store.experiment("x")
        assert log.spec == {"metric": "loss"}
        assert list(log.records()) == [Draining(1.0)]
        for write in (lambda: log.append([Draining(2.0)]), lambda: store.create("y", {}), lambda: store.discard("x")):
            with pytest.raises(StoreError, match="cannot be written"):
                write()
    with pytest.raises(StoreError, match="cannot be written, for want of permission on"):
        Store.open(path, create=True)
    assert contents(shared) == before


def test_a_store_in_a_folder_that_may_not_be_written_is_not_made(
    shared: Path, as_somebody_else: Callable[[], None]
) -> None:
    shared.chmod(0o555)
    as_somebody_else()
    with pytest.raises(StoreError, match="cannot be written, for want of permission on"):
        Store.open(shared / "runs.db", create=True)
    assert list(shared.iterdir()) == []


def test_a_store_comes_into_being_with_its_first_experiment(path: Path) -> None:
    with Store.open(path, create=True) as store:
        assert store.names() == []
        assert store.begun() == {}
        assert store.free_name("x") == "x-1"
        with pytest.raises(StoreError, match=r"there is no experiment 'x' .* it holds none yet"):
            store.experiment("x")
        with pytest.raises(StoreError, match="there is no experiment 'x'"):
            store.discard("x")
        assert list(path.parent.iterdir()) == []
        store.create("x", {})
    assert list(path.parent.iterdir()) == [path]
    with Store.open(path) as store:
        assert store.names() == ["x"]


def test_the_file_has_the_modes_of_any_new_file_and_keeps_a_write_ahead_log(path: Path, store: Store) -> None:
    store.create("x", {})
    plain = path.parent / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


class Unencodable:
    pass


def circle() -> dict[str, object]:
    spec: dict[str, object] = {}
    spec["self"] = spec
    return spec


@pytest.mark.parametrize(
    ("name", "spec", "sentence"),
    [
        ("", {}, "the name '' is not allowed.*say 'experiment'"),
        ("..", {}, "is not allowed"),
        ("../x", {}, "is not allowed.*say 'x'"),
        ("a/b", {}, "is not allowed.*say 'a-b'"),
        ("-x", {}, "is not allowed.*say 'x'"),
        (".x", {}, "is not allowed"),
        ("x\n", {}, "is not allowed"),
        ("é", {}, "is not allowed"),
        ("\udcff", {}, "is not allowed"),
        ("x" * 101, {}, "is not allowed"),
        ("x", {"space": Unencodable()}, "specification of experiment 'x' cannot be recorded.*Unencodable"),
        ("x", circle(), "specification of experiment 'x' cannot be recorded"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_an_experiment_that_cannot_be_leaves_nothing_behind(
    path: Path, name: str, spec: dict[str, object], sentence: str, there: bool
) -> None:
    if there:
        with Store.open(path, create=True) as store:
            store.create("first", {})
    before = contents(path.parent)
    with Store.open(path, create=True) as store, pytest.raises(StoreError, match=sentence):
        store.create(name, spec)
    assert contents(path.parent) == before


def test_a_store_that_cannot_be_written_to_its_end_leaves_nothing_behind(path: Path) -> None:
    import resource

    with Store.open(path, create=True) as store:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
        try:
            with pytest.raises(StoreError, match=r"runs\.db cannot be used|is full"):
                store.create("x", {"long": "x" * 100_000})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert list(path.parent.iterdir()) == []
        store.create("x", {})
        assert store.names() == ["x"]


def test_a_folder_that_vanishes_before_the_first_experiment_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with Store.open(folder / "runs.db", create=True) as store:
        folder.rmdir()
        with pytest.raises(StoreError, match="there is no folder"):
            store.create("x", {})


def test_two_who_make_the_same_store_at_once_share_it(path: Path) -> None:
    with Store.open(path, create=True) as one, Store.open(path, create=True) as two:
        one.create("x", {"by": 1})
        with pytest.raises(StoreError, match="'x' is in the store"):
            two.create("x", {"by": 2})
        two.create("y", {"by": 2})
        assert one.names() == two.names() == ["x", "y"]
        assert one.experiment("x").spec == {"by": 1}


def test_a_store_that_comes_to_be_in_the_middle_of_making_it_is_not_overwritten(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = Path.hardlink_to

    def late(self: Path, target: Path) -> None:
        monkeypatch.setattr(Path, "hardlink_to", link)
        with Store.open(path, create=True) as quicker:
            quicker.create("theirs", {})
        link(self, target)

    monkeypatch.setattr(Path, "hardlink_to", late)
    with Store.open(path, create=True) as store:
        store.create("ours", {"ours": True})
        assert store.names() == ["theirs", "ours"]
        assert store.experiment("ours").spec == {"ours": True}
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_without_hard_links_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> NoReturn:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with Store.open(path, create=True) as store:
        store.create("x", {})
    assert list(path.parent.iterdir()) == [path]


def test_odd_paths_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "a b#c?d%41é\n.db"
    with Store.open(odd, create=True) as store:
        store.create("x", {})
    assert list(tmp_path.iterdir()) == [odd]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Store.open(Path("relative.db"), create=True) as store:
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.create("x", {})
    assert (tmp_path / "relative.db").exists()


def test_a_link_to_a_store_leads_to_it(tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "real.db")
    with Store.open(link, create=True) as store:
        store.create("x", {})
    assert link.is_symlink()
    with Store.open(tmp_path / "real.db") as store:
        assert store.names() == ["x"]


def test_reading_leaves_the_file_as_it_was(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {}).append([Draining(1.0)])
    before = contents(path.parent)
    with Store.open(path) as store:
        store.begun()
        store.free_name("x")
        list(store.experiment("x").records())
        with pytest.raises(StoreError, match="there is no experiment 'z'"):
            store.experiment("z")
    assert contents(path.parent) == before


def test_the_specification_comes_back(store: Store) -> None:
    spec = {"metric": "val_accuracy", "space": {"lr": {"range": [1e-4, 1.0], "log": True}}, "note": "日本\n", "n": None}
    assert store.create("x", spec).spec == spec
    assert store.experiment("x").spec == spec
    assert store.experiment("x").name == "x"


def test_a_taken_name_is_refused_and_a_free_one_offered(store: Store) -> None:
    store.create("digits", {"first": True})
    with pytest.raises(
        NameTakenError, match=r"'digits' is in the store .* already: choose another name, say 'digits-1'"
    ):
        store.create("digits", {})
    assert store.experiment("digits").spec == {"first": True}
    assert store.names() == ["digits"]


@pytest.mark.parametrize(
    ("held", "asked", "sentence"),
    [
        (["digits-1", "letters-1"], "digit-1", r"did you mean 'digits-1'"),
        (["alpha", "beta"], "zzz", r"it holds 'beta', 'alpha' \(see `rungwise list`\)"),
        ([f"run{index}" for index in range(9)], "zzz", r"it holds 'run8', .*'run4' and others"),
        (["alpha"], "not a name\udcff", r"there is no experiment 'not a name\\udcff'"),
    ],
)
def test_an_absent_experiment_is_told_with_those_that_are_near(
    store: Store, held: list[str], asked: str, sentence: str
) -> None:
    for name in held:
        store.create(name, {})
    with pytest.raises(StoreError, match=sentence):
        store.experiment(asked)
    with pytest.raises(StoreError, match=sentence):
        store.discard(asked)
    assert store.names() == held


def test_free_names_count_up_and_fill_gaps(store: Store) -> None:
    for expected in ("train-1", "train-2", "train-3"):
        name = store.free_name("train")
        assert name == expected
        store.create(name, {})
    store.discard("train-2")
    assert store.free_name("train") == "train-2"


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("train", "train-1"),
        ("my script (v2).py", "my-script-v2-.py-1"),
        ("../../etc/passwd", "etc-passwd-1"),
        ("_private", "private-1"),
        ("日本", "experiment-1"),
        ("", "experiment-1"),
        ("x" * 300, "x" * 98 + "-1"),
    ],
)
def test_any_stem_becomes_a_name_that_is_allowed(store: Store, stem: str, name: str) -> None:
    assert store.free_name(stem) == name
    assert store.create(name, {}).name == name


def test_experiments_are_listed_in_the_order_of_creation_with_its_time(store: Store) -> None:
    for name in ("b", "a"):
        store.create(name, {})
    assert list(store.begun()) == store.names() == ["b", "a"]
    assert datetime.fromisoformat(store.begun()["a"]).utcoffset() == datetime.now(UTC).utcoffset()
