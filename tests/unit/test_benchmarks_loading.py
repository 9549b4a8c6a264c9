"""`load` knows a file by its content, and refuses in one sentence what is none of the forms."""

import gzip
from pathlib import Path

import pytest

import rungwise.benchmarks
from rungwise.benchmarks import Table, load, loading, matching, names, save, synthetic
from rungwise.core.errors import InputError

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))


def refused(what: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        load(what)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(rungwise.benchmarks.__all__))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rungwise.benchmarks, name) is not None


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        rungwise.benchmarks.nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize("suffix", ["", ".txt", ".npz", ".parquet", ".json", ".jsonl", ".gz", ".zip", ".pbz2", ".pth"])
@pytest.mark.parametrize("content", [b"", b"\n", b"\x80", b"P", b"PK", b"hello\n", PICTURE], ids=range(7))
def test_foreign_files(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    told = refused(f"{path}::cifar10")
    assert str(path) in told
    assert ("is empty" if not content else "must") in told


def test_gzip_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(PICTURE))
    assert "must be a learning-curve table" in refused(tmp_path / "a.gz")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert "is not there" in refused(tmp_path / "a.npz")
    assert "is not there" in refused(f"{tmp_path}/a.json::adult")
    assert "is not there" in refused(tmp_path / "a")  # a path is never a name
    assert "no table and no file" in refused(f"{tmp_path}/a")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder, but holds neither" in refused(tmp_path)


def test_a_file_wins_where_its_name_has_colons(tmp_path: Path) -> None:
    path = tmp_path / "a::b.npz"
    save(Table([[1.0]]), path)
    assert load(path).values.tolist() == [[1.0]]
    assert load(str(path)).values.tolist() == [[1.0]]


def test_our_own_table_comes_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RUNGWISE_DATA", raising=False)
    monkeypatch.setattr(loading, "DIGITS", tmp_path / "digits.npz")
    assert names() == list(synthetic.NAMES)
    assert "comes with Rungwise" in refused("digits")
    save(Table([[1.0]], name="digits"), tmp_path / "digits.npz")
    assert names() == ["digits", *synthetic.NAMES]
    assert load("digits").name == "digits"


def test_a_pattern_means_the_names_that_match_and_anything_else_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNGWISE_DATA", raising=False)
    assert matching("dig*") == matching("digits") == ["digits"]
    assert matching("no/such.npz") == ["no/such.npz"]
    with pytest.raises(InputError, match=r"no table's name matches 'lcbench/\*'"):
        matching("lcbench/*")


def test_the_table_that_comes_with_the_package_is_whole() -> None:
    """At least 200 configurations of the digits network, 81 epochs, with their seconds."""
    table = load("digits")
    assert (table.configurations, table.units, table.mode, table.metric, table.unit) == (
        256, 81, "max", "val_accuracy", "epochs",
    )  # fmt: skip
    assert table.configs is not None
    assert {"lr", "width", "batch"} <= set(table.configs[0])
    assert table.reported is None
    assert table.note == ""
    assert (table.seconds > 0).all()
    assert 0.97 < table.quality.max() < 1.0
