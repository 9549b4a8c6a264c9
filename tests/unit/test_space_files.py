import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from rungwise.core.errors import InputError
from rungwise.space import parse

TEXT = """
lr: {range: [1e-4, 1.0], log: true, default: 1e-2}
layers: {range: [1, 5]}
optimizer: {choices: [sgd, adam]}
momentum: {range: [0.0, 0.99], when: {optimizer: sgd}}
eps: [1e-8, 1.e-3, "1e-5"]
bias: [true, false]
forbidden:
  - {optimizer: adam, layers: [1, 2]}
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_yaml_file_means_what_the_same_mapping_means_in_python(tmp_path):
    path = write(tmp_path, "space.yaml", TEXT)
    same = parse(
        {
            "lr": {"range": [1e-4, 1.0], "log": True, "default": 1e-2},
            "layers": {"range": [1, 5]},
            "optimizer": ["sgd", "adam"],
            "momentum": {"range": [0.0, 0.99], "when": {"optimizer": "sgd"}},
            "eps": {"choices": [1e-8, 1e-3, "text"]},
            "bias": [True, False],
            "forbidden": [{"optimizer": "adam", "layers": [1, 2]}],
        }
    )
    assert parse(path) == parse(str(path))
    got, want = parse(path).to_json(), same.to_json()
    got["hyperparameters"][4]["choices"][2] = "text"
    assert got == want


def test_quotes_keep_a_choice_text_in_a_file_and_not_in_a_mapping_parsed_by_others(tmp_path):
    path = write(tmp_path, "space.yml", "a: ['1e-4']\nb: [1e-4]\n")
    assert parse(path).default() == {"a": "1e-4", "b": 1e-4}
    assert parse(yaml.safe_load(path.read_text())).default() == {"a": 1e-4, "b": 1e-4}


def test_a_json_file(tmp_path):
    path = write(tmp_path, "space.json", json.dumps({"lr": {"range": [1e-4, 1.0], "log": True}, "o": ["a", "b"]}))
    assert parse(path) == parse({"lr": (1e-4, 1.0, "log"), "o": ["a", "b"]})


@pytest.mark.parametrize("name", ["space.json", "space.yaml"])
def test_configspaces_own_files(tmp_path, name):
    from ConfigSpace import Categorical, ConfigurationSpace, Float, ForbiddenInClause, InCondition

    native = ConfigurationSpace()
    choice, rate = Categorical("z", ["a", "b", "c"], default="c"), Float("rate", (0.0, 1.0))
    native.add(choice, rate, InCondition(rate, choice, ["a", "c"]), ForbiddenInClause(choice, ["a", "b"]))
    path = tmp_path / name
    native.to_json(path) if path.suffix == ".json" else native.to_yaml(path)
    space = parse(path)
    assert space.names == ("z", "rate")
    assert all(set(c) == {"z", "rate"} and c["z"] == "c" for c in space.sample(np.random.SeedSequence(0), 20))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.yaml", "lr: [1, 2", "not YAML.*line"),
        ("a.yaml", "lr: {range: [1, 2]}\nlr: {range: [1, 3]}", "'lr' comes twice.*line 2"),
        ("a.yaml", "", "is empty"),
        ("a.yaml", "- a\n- b", "is a list"),
        ("a.yaml", "lr: !!python/name:os.system", "not YAML"),
        ("a.yaml", "a: 1\x00", "not YAML"),
        ("a.json", "{", "not JSON.*line 1"),
        ("a.json", '{"a": [1, 2], "a": [3]}', "'a' twice"),
        ("a.json", '{"lr": {"range": [NaN, 1]}}', "nan.*finite"),
        ("a.yaml", "lr: {range: [1.0, 0.0]}", "a.yaml: the range of hyperparameter 'lr'"),
        ("a.yaml", "{}", "empty"),
        ("a.yaml", "hyperparameters: [{name: a, type: nonsense}]", "a.yaml: .*ConfigSpace"),
        ("a.yaml", "hyperparameters: [{name: a}]", "name and a type"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(tmp_path, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(InputError, match=words) as caught:
        parse(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        parse(str(tmp_path / "absent.yaml"))
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        parse(str(tmp_path / "folder.yaml"))
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(InputError, match="not text"):
        parse(tmp_path / "binary.yaml")
    with pytest.raises(InputError, match="cannot be read"):
        parse(write(tmp_path, "file", "") / "space.yaml")
