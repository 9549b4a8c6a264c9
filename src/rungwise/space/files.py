"""Read a YAML or JSON file; every way in which that can fail is an InputError of one sentence."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.core.errors import InputError

if TYPE_CHECKING:
    import yaml


def read_mapping(path: Path, what: str = "a search space") -> dict[Any, Any]:
    """The mapping that a file holds: JSON if it ends in .json, else YAML in which `1e-4` is a number.

    `what` the file is for, in the words of the error.
    """
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is not there, but {what} must be a YAML or JSON file") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, but {what} must be a YAML or JSON file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not text in UTF-8, but {what} must be a YAML or JSON file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read as {what}: {error.strerror or error}") from None
    content = _json(path, text) if path.suffix.lower() == ".json" else _yaml(path, text)
    if not isinstance(content, dict):
        kind = "empty" if content is None else f"a {type(content).__name__}"
        raise InputError(f"{path} is {kind}, but {what} must be a mapping")
    return content


def _json(path: Path, text: str) -> object:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            keys = [key for key, _ in pairs]
            raise InputError(
                f"{path} has the key {next(key for key in keys if keys.count(key) > 1)!r} twice in one mapping"
            )
        return mapping

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error.msg} in line {error.lineno}") from None


def _yaml(path: Path, text: str) -> object:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark else ""
        raise InputError(f"{path} is not YAML that can be read: {error.problem}{line}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is not YAML that can be read: {reason}") from None


def _loader() -> "type[yaml.SafeLoader]":
    """PyYAML's safe loader, changed: `1e-4` is a float (as in YAML 1.2), no key comes twice, tuples are lists.

    ConfigSpace writes tuples into its own YAML, and then cannot read them.
    """
    import re

    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen: set[tuple[str, str]] = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if (key.tag, key.value) in seen:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r} comes twice in one mapping", key.start_mark
                        )
                    seen.add((key.tag, key.value))
            return super().construct_mapping(node, deep)

    def as_list(loader: Loader, node: yaml.SequenceNode) -> list[Any]:
        return loader.construct_sequence(node, deep=True)

    exponent = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", exponent, list("-+.0123456789"))
    Loader.add_constructor("tag:yaml.org,2002:python/tuple", as_list)
    return Loader
