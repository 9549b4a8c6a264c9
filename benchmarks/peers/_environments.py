"""One virtual environment for each library, made once by venv and pip; none with torch or the like in it."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from time import monotonic

BANNED = ("torch", "nvidia", "xgboost")
CONSTRAINTS = ("torch<0", "xgboost<0", "nvidia-nccl-cu12<0")
"""No such release exists: pip gives up before it downloads any of them."""


class PeerError(Exception):
    """A library cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Release:
    """What to install: `needs` beside the release itself; `alone` leaves out the dependencies that it names."""

    name: str
    requirement: str
    needs: tuple[str, ...] = ()
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment that is ready; `seconds` is what it took to make."""

    python: Path
    megabytes: float
    seconds: float
    packages: dict[str, str]


def default_folder() -> Path:
    """Where a user's caches are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rungwise-peers"


def environment(release: Release, folder: Path) -> Environment:
    """The environment of a release, made unless it is there; raises PeerError with pip's last words."""
    home = folder / release.name
    note = home / "made.json"
    wanted = [release.requirement, *release.needs, f"alone: {release.alone}", sys.version]
    if note.is_file():
        made = json.loads(note.read_text())
        if made.pop("wanted") == wanted:
            return Environment(home / "bin" / "python", **made)
    if home.exists() and not (home / "pyvenv.cfg").is_file():
        raise PeerError(f"{home} is in the way: it is no virtual environment, so it is left alone (see --folder)")
    shutil.rmtree(home, ignore_errors=True)
    begun = monotonic()
    _run([sys.executable, "-m", "venv", str(home)], "venv")
    _install(release, home)
    seconds = monotonic() - begun
    packages = _packages(home)
    size = sum(each.stat().st_size for each in home.rglob("*") if each.is_file() and not each.is_symlink())
    made = {"megabytes": size / 1e6, "seconds": seconds, "packages": packages}
    note.write_text(json.dumps({"wanted": wanted, **made}))
    return Environment(home / "bin" / "python", **made)


def _install(release: Release, home: Path) -> None:
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(CONSTRAINTS) + "\n")
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--constraint", str(constraints)]
    if release.alone:
        _run([*pip, "--no-deps", release.requirement], "pip")
        _run([*pip, *release.needs], "pip")
    else:
        _run([*pip, release.requirement, *release.needs], "pip")


def _packages(home: Path) -> dict[str, str]:
    listed = _run([str(home / "bin" / "python"), "-m", "pip", "list", "--format", "json"], "pip")
    packages = {each["name"].lower(): each["version"] for each in json.loads(listed)}
    for name in packages:
        if name.startswith(BANNED):
            raise PeerError(f"pip brought in {name}, which no scheduler needs: see the needs of this release in run.py")
    return packages


def _run(command: list[str], who: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        raise PeerError(f"{who} failed: {shorten(errors[0], 200) if errors else 'without a word'}")
    return done.stdout
