"""Torn files, failed writes and files that are none: the store opens at the last whole group, or says what is wrong."""

import ast
import os
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rungwise
from rungwise.core.errors import StoreError
from rungwise.core.events import Draining, TrialReported
from rungwise.core.records import Record
from rungwise.store import Store
from rungwise.store.shape import missing_bytes
from rungwise.store.store import NAME

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.cuts import Files, cut, read, written

EVERY = os.environ.get("RUNGWISE_EVERY_CUT") == "1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def reports(count: int, first: int = 0) -> list[Record]:
    return [TrialReported(float(first + index), 0, first + index + 1, 0.5, {"loss": 0.5}) for index in range(count)]


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: what is tried here writes and syncs hundreds of stores."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def test_whatever_is_torn_opens_at_the_end_of_a_group_or_is_told(quick_folder: Path) -> None:
    counts = cut(quick_folder, every=EVERY)
    for name in ("none", "log cut", "log's byte flipped", "log missing", "index gone or garbage"):
        assert counts[name].opened == counts[name].tried > 0
    gone = counts["main file cut, log missing"]
    assert gone.told == gone.tried > 0
    assert all(each.opened + each.told == each.tried for each in counts.values())


@pytest.mark.parametrize("bytes_left", [4095, 4096, 10_000, -4097, -4096, -1])
def test_a_store_that_is_cut_off_says_by_how_many_bytes(path: Path, bytes_left: int) -> None:
    written(path, close=True)
    whole = path.stat().st_size
    left = bytes_left % whole
    os.truncate(path, left)
    with pytest.raises(StoreError, match=rf"runs\.db is damaged: it is cut off, {whole - left} of its {whole} bytes"):
        Store.open(path)


def test_a_new_store_whose_pages_are_still_in_the_write_ahead_log_lacks_nothing(path: Path) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {}).append(reports(2000))
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA page_count").fetchone()[0] * 4096 > path.stat().st_size
        assert missing_bytes(path) == (0, 0)


def test_a_store_that_a_checkpoint_left_half_way_lacks_what_the_write_ahead_log_does_not_hold(path: Path) -> None:
    made = written(path, tidy_after=24)
    whole, log = made.files.main, made.files.wal or b""
    Files(whole[:-2000], log, None).put(path)
    assert missing_bytes(path) == (0, 0)
    assert read(path) == list(made.records)
    Files(whole[:-2000], log[:32], None).put(path)
    assert missing_bytes(path) == (2000, len(whole))


def test_after_a_torn_tail_the_log_goes_on(path: Path) -> None:
    made = written(path)
    files = made.files
    Files(files.main, (files.wal or b"")[:-1], files.shm).put(path)
    left = list(made.records[: made.ends[-2]])
    with Store.open(path) as store:
        log = store.experiment("torn")
        assert list(log.records()) == left
        log.append(reports(3))
    assert read(path) == left + reports(3)


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("DELETE FROM records WHERE at = 3.0", "some of records 1 to 9 of 'x' are missing"),
        ("UPDATE records SET kind = CAST(x'ff' AS TEXT) WHERE at = 3.0", "is damaged"),
        ("UPDATE records SET rest = CAST(x'7b22ff' AS TEXT) WHERE at = 3.0", "is damaged"),
        ("UPDATE records SET rest = '{\"loss' WHERE at = 3.0", "record 4 of experiment 'x'"),
        ("UPDATE records SET kind = 'open', rest = '{\"pair\":[1],\"epsilon\":1}' WHERE at = 3.0", "record 4 of"),
        (f"UPDATE records SET rest = '{'[' * 100_000}' WHERE at = 3.0", "record 4 of experiment 'x'"),
        ("UPDATE experiments SET spec = '[]'", "specification of experiment 'x' cannot be read"),
        (f"UPDATE experiments SET spec = '{'[' * 100_000}'", "specification of experiment 'x' cannot be read"),
        ("DROP TABLE records", "it lacks its tables"),
    ],
    ids=["missing", "kind", "rest", "json", "pair", "nested", "spec", "nested spec", "table"],
)
def test_records_that_somebody_has_meddled_with_are_told(path: Path, sql: str, sentence: str) -> None:
    with Store.open(path, create=True) as store:
        store.create("x", {}).append(reports(9))
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in ("experiments_are_final", "records_are_final", "records_go_together"):
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(sql)
    with pytest.raises(StoreError, match=sentence) as caught, Store.open(path) as store:
        list(store.experiment("x").records())
    assert "\n" not in str(caught.value)


def test_a_write_ahead_log_that_is_deleted_while_in_use_is_noticed(path: Path) -> None:
    with Store.open(path, create=True) as store:
        log = store.create("x", {})
        log.append(reports(1))
        Path(f"{path}-wal").unlink()
        with pytest.raises(StoreError, match=r"runs\.db-wal, which holds the newest records .* was deleted"):
            log.append(reports(1))
    with Store.open(path) as store:
        assert list(store.experiment("x").records()) == reports(1)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_full_device(path: Path) -> None:
    path.symlink_to("/dev/full")


def a_device(path: Path) -> None:
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("make", [a_pipe, a_device, a_full_device])
def test_a_pipe_or_a_device_is_refused_at_once(path: Path, make: Callable[[Path], None], create: bool) -> None:
    make(path)
    with pytest.raises(StoreError, match=r"is a pipe or a device, but must be a file"):
        Store.open(path, create=create)


@contextmanager
def mask(bits: int) -> Iterator[None]:
    before = os.umask(bits)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("bits", [0o077, 0o022, 0o002])
def test_all_files_have_the_modes_that_the_user_asked_for(path: Path, bits: int) -> None:
    with mask(bits), Store.open(path, create=True) as store:
        store.create("x", {}).append(reports(1))
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["runs.db", "runs.db-shm", "runs.db-wal"]
        assert {file.stat().st_mode & 0o777 for file in files} == {0o666 & ~bits}


@given(st.text(max_size=120) | st.text("aB9._-", min_size=1, max_size=101) | st.text("./\\~-_ \n\0aA0:", max_size=20))
def test_no_name_leads_out_of_the_folder_that_it_is_joined_to(name: str) -> None:
    folder = Path("/experiments")
    if NAME.fullmatch(name) is None:
        return
    assert Path(os.path.normpath(folder / name)).parent == folder
    assert (folder / name).name == name
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set("/\\:~ ")
    assert not name.startswith(("-", "."))
    assert 1 <= len(name) <= 100


@given(st.text(max_size=120))
def test_names_that_are_not_allowed_are_refused_or_created_as_they_are(name: str) -> None:
    with TemporaryDirectory() as folder, Store.open(Path(folder) / "a.db", create=True) as store:
        try:
            made = store.create(name, {}).name
        except StoreError as error:
            assert "is not allowed" in str(error)
            assert list(Path(folder).iterdir()) == []
        else:
            assert made == name
            assert store.names() == [name]


@pytest.mark.parametrize("room", ["store", "tuner", "checkpoints", "core"])
def test_nothing_that_could_execute_data_is_imported(room: str) -> None:
    banned = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    files = list((Path(rungwise.__file__).parent / room).rglob("*.py"))
    assert files
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Name):  # what runs text as code
                assert node.id not in ("eval", "exec", "compile", "__import__"), file
                continue
            else:
                continue
            assert not {name.split(".")[0] for name in names} & banned, file


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_whichever_write_fails_all_or_none_is_there_and_the_same_append_works_later(path: Path) -> None:
    """The limit on the size of files makes the first, second, third… write into the write-ahead log fail."""
    failed = worked = 0
    with Store.open(path, create=True) as store:
        log = store.create("x", {})
        log.append(reports(1))
        kept = reports(1)
        wal = Path(f"{path}-wal")
        group = [*reports(100), Draining(1.0)]
        for more in (0, 1, 24, 25, 2000, 4119, 4120, 4121, 8239, 8240, 12_359, 12_360, 16_480, 24_720, 32_960):
            with no_file_grows_beyond(wal.stat().st_size + more):
                try:
                    log.append(group)
                    worked += 1
                except StoreError:
                    failed += 1
                    assert list(log.records()) == kept
                    with closing(sqlite3.connect(path)) as other:
                        assert other.execute("SELECT count(*) FROM records").fetchone() == (len(kept),)
                    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
                    log.append(group)
            kept += group
            assert list(log.records()) == kept
    assert failed > 3
    assert worked > 1
    with Store.open(path) as store:
        assert list(store.experiment("x").records()) == kept
