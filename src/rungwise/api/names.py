"""Names and places that commands and functions agree on; imports nothing, so that `--help` is quick."""

from pathlib import Path

DEFAULT_STORE = "rungwise.db"


def experiment_folder(store: Path, name: str) -> Path:
    """Where an experiment's checkpoints and its trials' output lie: beside its store."""
    return Path(f"{store}-checkpoints") / name
