"""Our own form: what is saved comes back exactly, and whatever is wrong with a file is told in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rungwise.benchmarks import Table, load, save, variants
from rungwise.core.errors import InputError

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    pa = pq = None

needs_pyarrow = pytest.mark.skipif(pa is None, reason="pyarrow is not installed (the extra parquet)")
FORMS = ["npz", pytest.param("parquet", marks=needs_pyarrow)]
CONFIGS = [
    {"lr": 0.1, "width": 2, "on": True, "how": "sgd", "odd": 1},
    {"lr": 1e-3, "width": 3, "on": False, "how": "adam", "odd": "x", "more": 0.5},
    {"lr": 1.0, "width": 2**70, "on": True, "how": "ädam", "odd": False},
]
VALUES = [[0.9, np.nan, np.nan], [0.1, 0.7, np.inf], [1 / 3, 0.2, 0.1]]


def full() -> Table:
    return Table(
        VALUES,
        [[1.0, 2.0, 0.0], [0.1, 3.0, 4.0], [5.0, 6.0, 7.0]],
        "max",
        reported=[[True, True, False], [True, True, True], [False, True, True]],
        finished=[True, False, False],
        configs=CONFIGS,
        quality=[0.95, np.nan, 0.5],
        name="ä table",
        metric="acc",
        unit="steps",
        note="semi-synthetic: so and so",
    )


def plain() -> Table:
    return Table([[1.0, 0.5], [2.0, 0.25]])


TABLES = {"full": full, "plain": plain}


def assert_same(got: Table, want: Table) -> None:
    for name in ("values", "seconds", "quality", "reported", "finished"):
        left, right = getattr(got, name), getattr(want, name)
        assert (left is None) == (right is None), name
        assert left is None or np.array_equal(left, right, equal_nan=True), name
    for name in ("mode", "name", "metric", "unit", "note", "configs"):
        assert getattr(got, name) == getattr(want, name), name
    if want.configs is not None:
        assert [list(map(type, config.values())) for config in got.configs or ()] == [
            list(map(type, (want.configs[row][name] for name in config)))
            for row, config in enumerate(got.configs or ())
        ]


def inside(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def refused(path: str | Path) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(InputError) as caught:
        load(path)
    told = str(caught.value)
    assert "\n" not in told
    assert str(path).partition("::")[0] in told
    return told


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", TABLES)
def test_what_is_saved_comes_back_exactly(tmp_path: Path, form: str, name: str) -> None:
    table = TABLES[name]()
    save(table, tmp_path / f"a.{form}")
    assert_same(load(tmp_path / f"a.{form}"), table)
    assert_same(load(str(tmp_path / f"a.{form}")), table)
    assert len(variants(tmp_path / f"a.{form}")) == 1
    assert inside(tmp_path) == [f"a.{form}"]


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_narrow_only_where_nothing_is_lost(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(0)
    fine, coarse = rng.random((40, 50)), rng.random((40, 50)).astype(np.float32)
    fine[0, 0] = 1e300  # beyond 32 bits
    for name, values in (("fine", fine), ("coarse", coarse)):
        save(Table(values), tmp_path / f"{name}.{form}")
        assert np.array_equal(load(tmp_path / f"{name}.{form}").values, values)
    sizes = [(tmp_path / f"{name}.{form}").stat().st_size for name in ("coarse", "fine")]
    assert sizes[0] < 0.7 * sizes[1]


def test_numpy_reads_the_npz_without_pickle_and_writing_is_repeatable(tmp_path: Path) -> None:
    save(full(), tmp_path / "a.npz")
    save(full(), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"header", "values", "seconds", "reported", "finished", "quality", "configs"}
        assert json.loads(bytes(arrays["header"]))["metric"] == "acc"
    save(plain(), tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {"header", "values", "seconds"}


@pytest.mark.parametrize(
    ("configs", "told"),
    [
        ([{"a": [1]}, {"a": 2}], "a of row 0 is"),
        ([{"a": 1}, {"a": 1}], "rows 0 and 1 have one configuration"),
        ([{"a": None}, {"a": 2}], "a of row 0 is None"),
    ],
    ids=["list", "twice", "none"],
)
def test_what_cannot_be_saved_leaves_the_old_file_alone(tmp_path: Path, configs: list[Any], told: str) -> None:
    target = tmp_path / "a.npz"
    save(plain(), target)
    before = target.read_bytes()
    with pytest.raises(InputError, match=told):
        save(Table([[1.0], [2.0]], configs=configs), target)
    assert target.read_bytes() == before
    assert inside(tmp_path) == ["a.npz"]


def test_numpy_scalars_in_configurations_are_stored_as_pythons_own(tmp_path: Path) -> None:
    save(Table([[1.0]], configs=[{"a": np.int64(3), "b": np.float32(0.5), "c": np.True_}]), tmp_path / "a.npz")
    assert load(tmp_path / "a.npz").configs == ({"a": 3, "b": 0.5, "c": True},)


@pytest.mark.parametrize(
    ("name", "told"), [("a.csv", "ends in '.csv'"), ("a", "ends in ''"), ("no/a.npz", "cannot be written")]
)
def test_where_a_table_cannot_go(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        save(plain(), tmp_path / name)
    assert inside(tmp_path) == []


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        save(plain(), tmp_path / "a.npz")
    assert inside(tmp_path) == ["a.npz"]
    assert "is a folder" in refused(tmp_path / "a.npz")


@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, form: str) -> None:
    save(full(), tmp_path / f"a.{form}")
    whole = (tmp_path / f"a.{form}").read_bytes()
    cut = tmp_path / f"cut.{form}"
    for length in [*range(12), *range(12, len(whole), 37), len(whole) - 1]:
        cut.write_bytes(whole[:length])
        assert "must" in refused(cut)


def test_an_npz_damaged_anywhere_is_refused_or_harmless(tmp_path: Path) -> None:
    save(full(), tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    damaged = tmp_path / "damaged.npz"
    refusals = 0
    for place in range(0, len(whole), 11):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            assert_same(load(damaged), full())
        except InputError as error:
            refusals += 1
            assert "\n" not in str(error)
    assert refusals > len(whole) / 22


def edited(tmp_path: Path, **changes: Any) -> Path:
    """The full table's file with other arrays; None takes one out."""
    save(full(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        content = {**arrays, **changes}
    path = tmp_path / "edited.npz"
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
    return path


def header(**changes: Any) -> Any:
    words = {"name": "n", "metric": "m", "mode": "min", "unit": "u", "note": "", "also": [], "version": 1}
    return np.frombuffer(json.dumps({**words, **changes}).encode(), dtype=np.uint8)


@pytest.mark.parametrize("name", ["header", "values", "seconds", "reported", "finished", "quality", "configs"])
def test_a_missing_array(tmp_path: Path, name: str) -> None:
    assert f"must hold {name!r}" in refused(edited(tmp_path, **{name: None}))


WRONG_ARRAYS = {
    "newer": ({"header": header(version=2)}, "stored in form 2"),
    "no-version": ({"header": header(version=None)}, "JSON object with a version"),
    "mode": ({"header": header(mode="up")}, "must be 'min' or 'max'"),
    "metric": ({"header": header(metric="")}, "must name"),
    "note": ({"header": header(note=3)}, "note in the header is 3"),
    "also": ({"header": header(also=["colour"])}, "also in the header"),
    "not-json": ({"header": np.frombuffer(b"{", np.uint8)}, "cut short, damaged"),
    "a-list": ({"header": np.frombuffer(b"[]", np.uint8)}, "JSON object with a version"),
    "not-bytes": ({"header": np.zeros(3)}, "row of bytes"),
    "pickled": ({"values": np.array([[{}]], dtype=object)}, "cut short, damaged"),
    "text": ({"values": np.array([["a"]])}, "must hold numbers"),
    "complex": ({"values": np.array([[1j]])}, "must hold numbers"),
    "flat": ({"values": np.zeros(3)}, "must be [configurations, units]"),
    "none": ({"values": np.zeros((0, 3))}, "one of each at least"),
    "shape": ({"seconds": np.ones((3, 2))}, "seconds have shape (3, 2)"),
    "negative": ({"seconds": np.array([[1, 1, 1], [1, 1, -2.0], [1, 1, 1]])}, "unit 3 of row 1 takes -2.0 s"),
    "infinite": ({"seconds": np.array([[1, np.inf, 1], [1, 1, 1], [1, 1, 1]])}, "unit 2 of row 0 takes inf s"),
    "nan-time": ({"seconds": np.array([[1, 1, 1], [1, 1, 1], [np.nan, 1, 1]])}, "unit 1 of row 2 takes nan s"),
    "marks": ({"reported": np.ones((2, 3), bool)}, "have shape (2, 3)"),
    "qualities": ({"quality": np.ones(2)}, "qualities have shape (2,)"),
    "few-configs": ({"configs": np.frombuffer(b'[{"a": 1}]', np.uint8)}, "3 rows, but 1 configurations"),
    "config-list": ({"configs": np.frombuffer(b'{"a": 1}', np.uint8)}, "no list"),
    "config-kind": ({"configs": np.frombuffer(b"[1, 2, 3]", np.uint8)}, "must map names to values"),
    "config-value": ({"configs": np.frombuffer(b'[{"a": [2]}, {}, {}]', np.uint8)}, "a of row 0 is [2]"),
    "twice": ({"configs": np.frombuffer(b'[{"a": 1}, {"a": 2}, {"a": 1}]', np.uint8)}, "rows 0 and 2 have one"),
    "nan-first": (
        {"header": header(), "values": np.array([[1.0, 1], [np.nan, 2]]), "seconds": np.ones((2, 2))},
        "row 1 begins with nan at unit 1 and has numbers from unit 2 on",
    ),
}


@pytest.mark.parametrize("case", WRONG_ARRAYS)
def test_wrong_content_is_told_by_name(tmp_path: Path, case: str) -> None:
    changes, told = WRONG_ARRAYS[case]
    assert told in refused(edited(tmp_path, **changes))


def test_a_curve_may_begin_late_where_that_is_marked(tmp_path: Path) -> None:
    late = Table([[np.nan, 2.0], [1.0, 0.5]], reported=[[False, True], [True, True]])
    save(late, tmp_path / "a.npz")
    assert_same(load(tmp_path / "a.npz"), late)
    with pytest.raises(InputError, match="row 0 begins with nan at unit 1"):
        save(Table([[np.nan, 2.0], [1.0, 0.5]]), tmp_path / "b.npz")
    with pytest.raises(InputError, match="row 0 begins with nan at unit 2 and has numbers from unit 3"):
        save(Table([[9.0, np.nan, 2.0]], reported=[[False, True, True]]), tmp_path / "b.npz")


def test_a_run_that_diverged_at_once_is_a_curve_too(tmp_path: Path) -> None:
    save(Table([[np.nan, np.nan], [1.0, 0.5]]), tmp_path / "a.npz")
    assert np.isnan(load(tmp_path / "a.npz").quality[0])


def test_one_table_has_no_parts(tmp_path: Path) -> None:
    save(plain(), tmp_path / "a.npz")
    assert "holds one table, but 'x' is asked for" in refused(f"{tmp_path / 'a.npz'}::x")


def test_an_npz_by_another_name_is_known_by_its_content(tmp_path: Path) -> None:
    save(plain(), tmp_path / "a.npz")
    (tmp_path / "a.npz").rename(tmp_path / "table")
    assert_same(load(str(tmp_path / "table")), plain())


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'rungwise\[parquet\]'"):
        save(plain(), tmp_path / "a.parquet")
    assert inside(tmp_path) == []
    (tmp_path / "b.parquet").write_bytes(b"PAR1PAR1")
    assert "pip install 'rungwise[parquet]'" in refused(tmp_path / "b.parquet")


@needs_pyarrow
def test_parquet_is_a_row_per_configuration_and_unit_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    save(full(), path)
    content = pq.read_table(path)
    assert content.num_rows == 9
    assert content.column("config.how").to_pylist()[:4] == ["sgd", "sgd", "sgd", "adam"]
    assert content.column("config.odd").to_pylist()[0] == "1"  # more than one type: JSON
    order = np.random.default_rng(0).permutation(9)
    pq.write_table(content.take(pa.array(order)), path)
    assert_same(load(path), full())


@needs_pyarrow
def test_parquet_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    save(full(), path)
    content = pq.read_table(path)
    for wrong, told in (
        (content.replace_schema_metadata(None), "Parquet without Rungwise's header"),
        (content.drop_columns(["seconds"]), "lacks the column 'seconds'"),
        (content.drop_columns(["reported"]), "lacks the column 'reported'"),
        (content.slice(0, 8), "8 rows for 3 configurations and 3 units"),
        (pa.concat_tables([content, content.slice(0, 1)]), "10 rows for"),
        (content.slice(0, 0), "0 rows for"),
        (content.set_column(2, "value", pa.array(["a"] * 9)), "must hold numbers"),
        (content.set_column(3, "seconds", pa.array([-1.0] * 9)), "takes -1.0 s"),
    ):
        pq.write_table(wrong, path)
        assert told in refused(path)
