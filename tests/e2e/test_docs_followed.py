"""The tutorial and the how-to pages, followed to the letter in an empty folder: files written, commands run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
FILE = re.compile(r'```\w+ title="([^"]+)"\n(.*?)```', re.S)
COMMANDS = re.compile(r"```console\n(.*?)```", re.S)

PAGES = [
    "tutorial.md",
    "how-to/tune-any-command.md",
    "how-to/write-an-experiment-file.md",
    "how-to/compare-schedulers.md",
    "how-to/limit-a-run.md",
    "how-to/transfer-between-experiments.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text()
    for name, content in FILE.findall(text):
        (tmp_path / name).write_text(content)
    if page == "how-to/tune-any-command.md":  # its first command shows the form, for a program of the reader's own
        text = text.split("**What it gets.**")[1]
    commands = [line[2:] for block in COMMANDS.findall(text) for line in block.splitlines() if line.startswith("$ ")]
    assert commands
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
